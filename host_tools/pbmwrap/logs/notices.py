"""Notes for readers of the archive: what in a log is not understood, or is damaged."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pbmwrap.logs import jsonl
from pbmwrap.logs.clock import SAME_MS, Clock, Mark, local_minute
from pbmwrap.logs.decode import CUT_MOST, lost_records
from pbmwrap.logs.sessions import Session, clock_of, sessions

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.decode import Decoded

_UPDATE = "skipped but kept in the archive; update pbmwrap to read them"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def of_records(uid: str, decoded: Decoded) -> Iterator[str]:
    """Records of a newer firmware, and true ones that make no sense."""
    if decoded.unknown:
        kinds = ", ".join(f"{count} of type {kind}" for kind, count in decoded.unknown)
        yield f"wrap {uid}: records of unknown types ({kinds}), {_UPDATE}"
    if decoded.newer:
        yield f"wrap {uid}: {_count(decoded.newer, 'record')} of a newer schema, {_UPDATE}"
    if decoded.unreadable:
        what = _count(decoded.unreadable, "record")
        yield f"wrap {uid}: {what} with content that cannot be read; skipped but kept"


def of_damage(uid: str, decoded: Decoded) -> Iterator[str]:
    """Damage that records were lost to; a write that a power cut ended lost none."""
    lost = [*_lost(decoded)]
    if lost:
        (start, end), count = lost[0][:2], sum(records for _, _, records in lost)
        what = f"{_count(count, 'record')} damaged," if count else "bytes that hold no record"
        more = f" and in {_count(len(lost) - 1, 'more place')}" if lost[1:] else ""
        yield f"wrap {uid}: {what} at offset {start} to {end}{more}; see `pbmwrap logs verify`"


def of_losses(uid: str, decoded: Decoded) -> Iterator[str]:
    """Records that never reached the log, as the wrap itself tells."""
    lost = lost_records(decoded.entries)
    if lost:
        yield f"wrap {uid}: {_count(lost, 'record')} lost in the wrap before reaching its log"


def _lost(decoded: Decoded) -> Iterator[tuple[int, int, int]]:
    """(start, end, records lost there; 0 where nothing tells how many)."""
    places = [entry.offset for entry in decoded.entries]
    for start, end in decoded.damage:
        after = bisect_left(places, end)
        count = 0
        if 0 < after < len(places) and places[after] == end:
            count = decoded.entries[after].seq - decoded.entries[after - 1].seq - 1
        if count > 0 or end - start > CUT_MOST:
            yield start, end, max(0, count)


def of_clocks(uid: str, decoded: Decoded, marks: Iterable[Mark]) -> Iterator[str]:
    """Times that cannot all be true, and how to say which one is."""
    clock = clock_of(decoded, marks)
    conflicts = clock.conflicts
    for boot in sorted(conflicts)[:1]:
        more = f" (and on {len(conflicts) - 1} more)" if len(conflicts) > 1 else ""
        what = _disagreement(conflicts[boot], _first_session(decoded, boot))
        # A simulated wrap that runs at 20 times real time is far ahead of any clock after a minute.
        why = " (a simulated wrap's time runs at its --speed)" if uid.startswith("sim") else ""
        yield f"wrap {uid}: clocks disagree on start {boot} of the wrap{more}: {what}{why}"
    yield from _backwards(uid, decoded, clock)


def _first_session(decoded: Decoded, *boots: int) -> Session | None:
    return next((s for s in sessions(decoded) if s.boot in boots), None)


def _disagreement(starts: list[int], first: Session | None) -> str:
    up_ms = 0 if first is None else first.first.up_ms_total
    times = [local_minute(start + up_ms) for start in starts]
    listed = f"{' or '.join(times)}; the last of these is shown"
    if first is None:
        return f"it was at {listed}; no session is dated by it"
    return f"session {first.number} began at {listed}; {_date_hint(first.number)}"


def _date_hint(number: int) -> str:
    return f"say when with `pbmwrap logs date {number} TIME`"


def _backwards(uid: str, decoded: Decoded, clock: Clock) -> Iterator[str]:
    """The first start of the wrap that would have been before the end of an earlier one."""
    last_ms, last_boot, boot = 0, -1, -1
    for entry in decoded.entries:
        unix_ms = clock.of(entry)
        if unix_ms is None:
            continue
        if entry.boot != boot and unix_ms < last_ms - SAME_MS:
            first = _first_session(decoded, last_boot, entry.boot)
            hint = f"; {_date_hint(first.number)}" if first else ""
            yield (
                f"wrap {uid}: a clock was wrong: start {entry.boot} of the wrap would be at "
                f"{local_minute(unix_ms)}, before start {last_boot} ended at "
                f"{local_minute(last_ms)}{hint}"
            )
            return
        boot = entry.boot
        if unix_ms > last_ms:
            last_ms, last_boot = unix_ms, entry.boot


def of_lines(uid: str, schema: int, others: int) -> Iterator[str]:
    """A file that a newer program wrote."""
    if schema > jsonl.SCHEMA:
        yield (
            f"wrap {uid}: lines of schema {schema}, this pbmwrap knows {jsonl.SCHEMA}; "
            "update pbmwrap"
        )
    if others:
        yield f"wrap {uid}: {_count(others, 'line')} of an unknown kind, {_UPDATE}"


def of_wrap(kept: WrapArchive, decoded: Decoded) -> Iterator[str]:
    """All notes on one wrap's log."""
    uid = kept.folder.name
    yield from of_records(uid, decoded)
    yield from of_lines(uid, kept.schema, kept.unknown_lines)
    yield from of_damage(uid, decoded)
    yield from of_losses(uid, decoded)
    yield from of_clocks(uid, decoded, kept.marks())
    rest = (
        "its bytes are missing until a pull or an import brings them"
        if kept.gaps
        else f"no bytes are missing up to offset {kept.next_offset}, other lines have them"
    )
    for problem in kept.problems:
        yield f"{problem}; {rest}"
