"""Makes the notes on a log that every reader of it gets: damage, losses, clocks, newer records."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pbmwrap.logs.clock import SAME_MS, Clock, format_local
from pbmwrap.logs.decode import MAX_TORN_BYTES, count_lost_records
from pbmwrap.logs.sessions import Session, group_sessions

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.decode import Decoded

_UPDATE = "skipped but kept in the archive; update pbmwrap to read them"


def list_notes(kept: WrapArchive) -> Iterator[str]:
    """List all notes on one wrap's log."""
    uid, decoded = kept.folder.name, kept.outline()
    yield from note_unread_records(uid, decoded)
    yield from note_newer_lines(uid, kept.schema, kept.unknown_lines)
    yield from note_damage(uid, decoded)
    yield from note_losses(uid, decoded)
    yield from note_clocks(uid, decoded, kept.clock())
    rest = (
        "its bytes are missing until a pull or an import brings them"
        if kept.gaps
        else f"no bytes are missing up to offset {kept.next_offset}, other lines have them"
    )
    for problem in kept.problems:
        yield f"{problem}; {rest}"


def _count_things(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def note_unread_records(uid: str, decoded: Decoded) -> Iterator[str]:
    """Note records of a newer firmware, and records whose content cannot be decoded."""
    if decoded.unknown:
        kinds = ", ".join(f"{count} of type {kind}" for kind, count in decoded.unknown)
        yield f"wrap {uid}: records of unknown types ({kinds}), {_UPDATE}"
    if decoded.newer:
        yield f"wrap {uid}: {_count_things(decoded.newer, 'record')} of a newer schema, {_UPDATE}"
    if decoded.unreadable:
        what = _count_things(decoded.unreadable, "record")
        yield f"wrap {uid}: {what} with content that cannot be read; skipped but kept"


def note_newer_lines(uid: str, schema: int, others: int) -> Iterator[str]:
    """Note lines of a newer program. schema: of the file; others: lines of unknown kinds."""
    from pbmwrap.logs import jsonl  # a browser runs this module and has no files

    if schema > jsonl.SCHEMA:
        yield (
            f"wrap {uid}: lines of schema {schema}, this pbmwrap knows {jsonl.SCHEMA}; "
            "update pbmwrap"
        )
    if others:
        yield f"wrap {uid}: {_count_things(others, 'line')} of an unknown kind, {_UPDATE}"


def note_damage(uid: str, decoded: Decoded) -> Iterator[str]:
    """Note damage that destroyed records. A write that a power cut ended destroyed none."""
    lost = [*_find_damage(decoded)]
    if lost:
        (start, end), count = lost[0][:2], sum(records for _, _, records in lost)
        what = (
            f"{_count_things(count, 'record')} damaged," if count else "bytes that hold no record"
        )
        more = f" and in {_count_things(len(lost) - 1, 'more place')}" if lost[1:] else ""
        yield f"wrap {uid}: {what} at offset {start} to {end}{more}; see `pbmwrap logs verify`"


def _find_damage(decoded: Decoded) -> Iterator[tuple[int, int, int]]:
    """Find (start, end, records destroyed there; 0 if the number is unknown)."""
    offsets = [entry.offset for entry in decoded.entries]
    for start, end in decoded.damage:
        after = bisect_left(offsets, end)
        count = 0
        if 0 < after < len(offsets) and offsets[after] == end:
            count = decoded.entries[after].seq - decoded.entries[after - 1].seq - 1
        if count > 0 or end - start > MAX_TORN_BYTES:
            yield start, end, max(0, count)


def note_losses(uid: str, decoded: Decoded) -> Iterator[str]:
    """Note records that never reached the log, as the wrap itself reported."""
    lost = count_lost_records(decoded.entries)
    if lost:
        counted = _count_things(lost, "record")
        yield f"wrap {uid}: {counted} lost in the wrap before reaching its log"


def note_clocks(uid: str, decoded: Decoded, clock: Clock) -> Iterator[str]:
    """Note times that cannot all be true, and the command that corrects them."""
    conflicts = clock.conflicts
    for boot in sorted(conflicts)[:1]:
        more = f" (and on {len(conflicts) - 1} more)" if len(conflicts) > 1 else ""
        what = _describe_conflict(conflicts[boot], _find_session(decoded, boot))
        # A simulated wrap that runs at 20 times real time is far ahead of any clock after a minute.
        why = " (a simulated wrap's time runs at its --speed)" if uid.startswith("sim") else ""
        yield f"wrap {uid}: clocks disagree on start {boot} of the wrap{more}: {what}{why}"
    yield from _note_reversal(uid, decoded, clock)


def _find_session(decoded: Decoded, *boots: int) -> Session | None:
    return next((s for s in group_sessions(decoded) if s.boot in boots), None)


def _describe_conflict(starts_ms: list[int], session: Session | None) -> str:
    up_ms = 0 if session is None else session.first.up_ms_total
    times = [format_local(start_ms + up_ms) for start_ms in starts_ms]
    listed = f"{' or '.join(times)}; the last of these is shown"
    if session is None:
        return f"it was at {listed}; no session is dated by it"
    return f"session {session.number} began at {listed}; {_date_hint(session.number)}"


def _date_hint(number: int) -> str:
    return f"say when with `pbmwrap logs date {number} TIME`"


def _note_reversal(uid: str, decoded: Decoded, clock: Clock) -> Iterator[str]:
    """Note the first boot that would have been before the end of an earlier one."""
    last_ms, last_boot, boot = 0, -1, -1
    for entry in decoded.entries:
        unix_ms = clock.unix_ms_of(entry)
        if unix_ms is None:
            continue
        if entry.boot != boot and unix_ms < last_ms - SAME_MS:
            session = _find_session(decoded, last_boot, entry.boot)
            hint = f"; {_date_hint(session.number)}" if session else ""
            yield (
                f"wrap {uid}: a clock was wrong: start {entry.boot} of the wrap would be at "
                f"{format_local(unix_ms)}, before start {last_boot} ended at "
                f"{format_local(last_ms)}{hint}"
            )
            return
        boot = entry.boot
        if unix_ms > last_ms:
            last_ms, last_boot = unix_ms, entry.boot
