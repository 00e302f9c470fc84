"""Notes for readers of the archive: what in a log is not understood, or is damaged."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pbmwrap.logs import jsonl
from pbmwrap.logs.decode import CUT_MOST, lost_records

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
    rest = (
        "its bytes are missing until a pull or an import brings them"
        if kept.gaps
        else f"no bytes are missing up to offset {kept.next_offset}, other lines have them"
    )
    for problem in kept.problems:
        yield f"{problem}; {rest}"
