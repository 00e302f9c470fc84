"""Checks a log: computes the sequence numbers, the chain over sectors and the seals of sessions
again from its bytes. Finds what changed, is missing or out of order, not who changed it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from pbmwrap.logs import extents
from pbmwrap.logs.decode import CUT_MOST, Decoded, Entry, decode, lost_records
from pbmwrap.logs.extents import Extent
from wrap.storage import payloads, records


@dataclass(frozen=True)
class Problem:
    """What is wrong with the bytes from `start` to `end` (absolute offsets)."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Verdict:
    """problems: none in a whole log. sealed: sessions whose seal holds. torn: (start, end) of bytes
    that a power cut or a failed write left; no record is missing there. unsealed: records behind
    the last seal. unchecked: bytes before the first sector head. dropped: (start, end) of sectors
    that the wrap had dropped before they were pulled. lost: records that the wrap itself says never
    reached its log."""

    records: int
    sealed: int
    sectors: int
    unsealed: int
    unchecked: int
    torn: tuple[tuple[int, int], ...]
    problems: tuple[Problem, ...]
    dropped: tuple[tuple[int, int], ...] = ()
    lost: int = 0


def _records(number: int) -> str:
    return "1 record is" if number == 1 else f"{number} records are"


def _missing(size: int) -> str:
    return "1 byte is missing" if size == 1 else f"{size} bytes are missing"


class _Run:
    """One run of bytes without a gap, `base` its absolute offset."""

    def __init__(self, base: int, data: bytes) -> None:
        self.base = base
        self.data = data
        self.decoded: Decoded = decode(data, base)
        self.problems: list[Problem] = []
        self.sealed = self.sectors = self.unsealed = 0
        self.first_head: int | None = None
        self._sector: int | None = None  # offset of the sector's head
        self._before: Entry | None = None
        for entry in self.decoded.entries:
            self._take(entry)
        self.torn = tuple(self._explained())

    def _sha(self, start: int, end: int) -> str:
        return hashlib.sha256(self.data[start - self.base : end - self.base]).hexdigest()

    def _wrong(self, start: int, end: int, text: str) -> None:
        self.problems.append(Problem(start, end, text))

    def _take(self, entry: Entry) -> None:
        before = self._before
        if before is not None and entry.seq != before.seq + 1:
            self._missing(before, entry)
        if before is not None and goes_back(before, entry):
            self._wrong(entry.offset, entry.offset, _TWO_LOGS)
        if entry.kind == records.SECTOR and entry.data is not None:
            self._head(entry)
        self.unsealed += 1
        if entry.kind == records.END and entry.data is not None:
            self._seal(entry)
        self._before = entry

    def _missing(self, before: Entry, entry: Entry) -> None:
        end = before.offset + before.size
        lost = entry.seq - before.seq - 1
        what = f"{_records(lost)} missing" if lost > 0 else "records are out of order"
        if lost > 0 and entry.offset > end:
            what = f"{_records(lost)} damaged"
        self._wrong(end, entry.offset, what)

    def _head(self, entry: Entry) -> None:
        data = entry.data or {}
        self.sectors += 1
        if self.first_head is None:
            self.first_head = entry.offset
        if data["start"] != entry.offset:
            self._wrong(
                entry.offset, entry.offset, f"this sector belongs at offset {data['start']}"
            )
        elif self._sector is not None and not self._chained(self._sector, entry):
            self._wrong(
                self._sector,
                entry.offset,
                "the sector does not match the next one's checksum of it",
            )
        self._sector = entry.offset

    def _chained(self, sector: int, head: Entry) -> bool:
        said = (head.data or {})["chain"]
        return said == self._sha(sector, head.offset) or self._lost_head(sector, head.offset)

    def _lost_head(self, start: int, end: int) -> bool:
        """More bytes than a sector has: a head in between is damaged, which is told already."""
        return end - start > SECTOR_MOST and any(start < p.start < end for p in self.problems)

    def _seal(self, entry: Entry) -> None:
        if self._sector is None:
            return
        at = entry.offset + entry.size - records.CRC_SIZE - payloads.SEAL
        if (entry.data or {})["seal"] == self._sha(self._sector, at):
            self.sealed += 1
            self.unsealed = 0
        elif at - self._sector <= SECTOR_MOST:
            self._wrong(self._sector, at, "the session's seal does not match the records before it")

    def _explained(self) -> Iterator[tuple[int, int]]:
        """Damage with no record missing."""
        for start, end in self.decoded.damage:
            if any(p.start <= start and end <= p.end for p in self.problems):
                continue
            if end - start > CUT_MOST:  # more than any write that was cut
                self._wrong(start, end, "these bytes hold no valid record")
            else:
                yield start, end


_TWO_LOGS = "the count of starts goes back here: these are records of two logs"
_BOOTS = 1 << 16  # a record's boot number is 16 bits wide


def goes_back(before: Entry, after: Entry) -> bool:
    """Whether `after` is of an earlier start of the wrap than the record before it."""
    return (after.boot - before.boot) % _BOOTS >= _BOOTS // 2


def _back_over_gaps(runs: list[_Run]) -> Iterator[Problem]:
    for run, after in pairwise(run for run in runs if run.decoded.entries):
        first = after.decoded.entries[0]
        if goes_back(run.decoded.entries[-1], first):
            yield Problem(first.offset, first.offset, _TWO_LOGS)


def _between(runs: list[_Run]) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it ends where a sector begins) of each gap: a wrap drops sectors."""
    for run, after in pairwise(runs):
        yield run.base + len(run.data), after.base, after.first_head == after.base


def joins(kept: Iterable[Extent], more: Iterable[Extent]) -> bool:
    """Whether two sets of runs can be of one log.

    They are when they have bytes in common and agree in all of them, or when nothing is wrong
    where they meet: numbers, chain and seals go on over the seam.
    """
    kept, more = list(kept), list(more)
    try:
        runs = extents.join([*kept, *more])
        own, theirs = extents.join(kept), extents.join(more)
    except extents.Conflict:
        return False
    total = sum(len(raw) for _, raw in runs)
    apart = total == sum(len(raw) for _, raw in [*own, *theirs])
    if not own or not theirs or not apart:
        return True
    known = {problem for part in (own, theirs) for problem in verify(part).problems}
    fresh = set(verify(runs).problems) - known
    return all(problem.text.endswith(_HOLE) for problem in fresh)  # a later import may fill it


_HOLE = "bytes are missing"
SECTOR_MOST = 8192  # the largest that any kind of storage uses


def verify(pieces: Iterable[Extent]) -> Verdict:
    """Judge runs of log bytes, each with its absolute offset, in rising order."""
    runs = [_Run(base, data) for base, data in pieces]
    problems = [p for run in runs for p in run.problems]
    gaps = list(_between(runs))
    problems += [Problem(a, b, _missing(b - a)) for a, b, drop in gaps if not drop]
    problems += _back_over_gaps(runs)
    unchecked = 0
    for run in runs:
        head = run.first_head
        unchecked += len(run.data) if head is None else head - run.base
    return Verdict(
        sum(len(run.decoded.entries) for run in runs),
        sum(run.sealed for run in runs),
        sum(run.sectors for run in runs),
        runs[-1].unsealed if runs else 0,
        unchecked,
        tuple(t for run in runs for t in run.torn),
        tuple(sorted(problems, key=lambda p: p.start)),
        tuple((start, end) for start, end, drop in gaps if drop),
        lost_records(entry for run in runs for entry in run.decoded.entries),
    )
