"""Verifies a log: sequence numbers, the hash chain over sectors, and the seals of sessions.

Finds bytes that changed, are missing or out of order; it cannot find out who changed them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from pbmwrap.logs import extents
from pbmwrap.logs.decode import MAX_TORN_BYTES, Decoded, Entry, count_lost_records, decode
from pbmwrap.logs.extents import Extent
from wrap.storage import payloads, records


@dataclass(frozen=True)
class Problem:
    """An error in the bytes from `start` to `end` (absolute offsets). text: for people."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Verdict:
    """Result of a verification. Ranges are (start, end), absolute offsets in bytes.

    records, sectors: their number. sealed: sessions with a valid seal. unsealed: records after the
    last seal. unchecked: bytes before the first sector header. torn: bytes that an interrupted
    write left; no record is missing there. problems: none in a good log. dropped: sectors that the
    wrap had deleted before they were pulled. lost: records that never reached the log, as the wrap
    itself reported.
    """

    records: int
    sealed: int
    sectors: int
    unsealed: int
    unchecked: int
    torn: tuple[tuple[int, int], ...]
    problems: tuple[Problem, ...]
    dropped: tuple[tuple[int, int], ...] = ()
    lost: int = 0


def _count_records(number: int) -> str:
    return "1 record is" if number == 1 else f"{number} records are"


def _describe_missing(size: int) -> str:
    return "1 byte is missing" if size == 1 else f"{size} bytes are missing"


class _Run:
    """Verifies one run of bytes without a gap. base: its absolute offset."""

    def __init__(self, base: int, data: bytes) -> None:
        self.base = base
        self.data = data
        self.decoded: Decoded = decode(data, base)
        self.problems: list[Problem] = []
        self.sealed = self.sectors = self.unsealed = 0
        self.first_header: int | None = None
        self._sector: int | None = None  # offset of the sector's header
        self._previous: Entry | None = None
        for entry in self.decoded.entries:
            self._check_entry(entry)
        self.torn = tuple(self._find_torn())

    def _sha256_of(self, start: int, end: int) -> str:
        return hashlib.sha256(self.data[start - self.base : end - self.base]).hexdigest()

    def _add_problem(self, start: int, end: int, text: str) -> None:
        self.problems.append(Problem(start, end, text))

    def _check_entry(self, entry: Entry) -> None:
        previous = self._previous
        # Within a run only: over a gap, records are missing anyway.
        if previous is not None and entry.seq != previous.seq + 1:
            self._check_missing(previous, entry)
        if previous is not None and goes_back(previous, entry):
            self._add_problem(entry.offset, entry.offset, _TWO_LOGS)
        if entry.kind == records.SECTOR and entry.data is not None:
            self._check_header(entry)
        # Before the seal is looked at: a valid one protects its own record too.
        self.unsealed += 1
        if entry.kind == records.END and entry.data is not None:
            self._check_seal(entry)
        self._previous = entry

    def _check_missing(self, previous: Entry, entry: Entry) -> None:
        end = previous.offset + previous.size
        lost = entry.seq - previous.seq - 1
        what = f"{_count_records(lost)} missing" if lost > 0 else "records are out of order"
        if lost > 0 and entry.offset > end:
            what = f"{_count_records(lost)} damaged"
        self._add_problem(end, entry.offset, what)

    def _check_header(self, entry: Entry) -> None:
        data = entry.data or {}
        self.sectors += 1
        if self.first_header is None:
            self.first_header = entry.offset
        if data["start"] != entry.offset:
            self._add_problem(
                entry.offset, entry.offset, f"this sector belongs at offset {data['start']}"
            )
        elif self._sector is not None and not self._is_chained(self._sector, entry):
            self._add_problem(
                self._sector,
                entry.offset,
                "the sector does not match the next one's checksum of it",
            )
        self._sector = entry.offset

    def _is_chained(self, sector: int, header: Entry) -> bool:
        chain = (header.data or {})["chain"]
        found = self._sha256_of(sector, header.offset)
        return chain == found or self._misses_header(sector, header.offset)

    def _misses_header(self, start: int, end: int) -> bool:
        """Whether a header in between is damaged, which is a problem of its own: the bytes are more
        than a sector has."""
        return end - start > MAX_SECTOR_BYTES and any(start < p.start < end for p in self.problems)

    def _check_seal(self, entry: Entry) -> None:
        # The log was pulled from the middle of a sector: its seal covers bytes that are not
        # here.
        if self._sector is None:
            return
        at = entry.offset + entry.size - records.CRC_SIZE - payloads.SEAL
        if (entry.data or {})["seal"] == self._sha256_of(self._sector, at):
            self.sealed += 1
            self.unsealed = 0
        # With more bytes than a sector has, a damaged header lies in between: no seal is
        # wrong.
        elif at - self._sector <= MAX_SECTOR_BYTES:
            self._add_problem(
                self._sector, at, "the session's seal does not match the records before it"
            )

    def _find_torn(self) -> Iterator[tuple[int, int]]:
        """Find damage where no record is missing. Longer damage is a problem."""
        for start, end in self.decoded.damage:
            if any(p.start <= start and end <= p.end for p in self.problems):
                continue
            if end - start > MAX_TORN_BYTES:
                self._add_problem(start, end, "these bytes hold no valid record")
            else:
                yield start, end


_TWO_LOGS = "the count of starts goes back here: these are records of two logs"
_BOOTS = 1 << 16  # a record's boot number is 16 bits wide


def goes_back(previous: Entry, entry: Entry) -> bool:
    """Whether a record is of an earlier boot than the record before it."""
    # Modulo, since the number wraps: half of its range ahead counts as later.
    return (entry.boot - previous.boot) % _BOOTS >= _BOOTS // 2


def _find_reversals(runs: list[_Run]) -> Iterator[Problem]:
    """Find boot numbers that go back over a gap."""
    for run, after in pairwise(run for run in runs if run.decoded.entries):
        first = after.decoded.entries[0]
        if goes_back(run.decoded.entries[-1], first):
            yield Problem(first.offset, first.offset, _TWO_LOGS)


def _list_gaps(runs: list[_Run]) -> Iterator[tuple[int, int, bool]]:
    """List (start, end, whether a sector begins at its end) of each gap: a wrap deletes sectors."""
    for run, after in pairwise(runs):
        yield run.base + len(run.data), after.base, after.first_header == after.base


def can_join(kept: Iterable[Extent], more: Iterable[Extent]) -> bool:
    """Whether two sets of runs can belong to one log.

    They can if they have bytes in common and all of these are equal, or if numbers, chain and seals
    continue correctly where they meet.
    """
    kept, more = list(kept), list(more)
    try:
        runs = extents.join_extents([*kept, *more])
        own, theirs = extents.join_extents(kept), extents.join_extents(more)
    except extents.Conflict:
        return False
    total = sum(len(raw) for _, raw in runs)
    apart = total == sum(len(raw) for _, raw in [*own, *theirs])
    if not own or not theirs or not apart:
        return True
    known = {problem for part in (own, theirs) for problem in verify_log(part).problems}
    new = set(verify_log(runs).problems) - known
    return all(problem.text.endswith(_HOLE) for problem in new)  # a later import may fill it


_HOLE = "bytes are missing"
MAX_SECTOR_BYTES = 8192  # the largest sector that any kind of storage uses


def verify_log(pieces: Iterable[Extent]) -> Verdict:
    """Verify runs of log bytes, each with its absolute offset, in rising order."""
    runs = [_Run(base, data) for base, data in pieces]
    problems = [p for run in runs for p in run.problems]
    gaps = list(_list_gaps(runs))
    problems += [Problem(a, b, _describe_missing(b - a)) for a, b, drop in gaps if not drop]
    problems += _find_reversals(runs)
    unchecked = 0
    for run in runs:
        header = run.first_header
        unchecked += len(run.data) if header is None else header - run.base
    return Verdict(
        sum(len(run.decoded.entries) for run in runs),
        sum(run.sealed for run in runs),
        sum(run.sectors for run in runs),
        runs[-1].unsealed if runs else 0,
        unchecked,
        tuple(t for run in runs for t in run.torn),
        tuple(sorted(problems, key=lambda p: p.start)),
        tuple((start, end) for start, end, drop in gaps if drop),
        count_lost_records(entry for run in runs for entry in run.decoded.entries),
    )
