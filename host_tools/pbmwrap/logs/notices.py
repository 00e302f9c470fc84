"""What a reader of the archive has to be told: what is kept but not understood, or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pbmwrap.logs import jsonl

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.decode import Decoded

_UPDATE = "skipped here and kept; a newer pbmwrap understands them"


def of_records(uid: str, decoded: Decoded) -> Iterator[str]:
    """Records of a newer firmware, and true ones that make no sense."""
    if decoded.unknown:
        kinds = ", ".join(f"{count} of type {kind}" for kind, count in decoded.unknown)
        yield f"wrap {uid}: records of unknown types ({kinds}), {_UPDATE}"
    if decoded.newer:
        yield f"wrap {uid}: {decoded.newer} records of a newer schema, {_UPDATE}"
    if decoded.unreadable:
        yield f"wrap {uid}: {decoded.unreadable} records make no sense; skipped here and kept"


def of_lines(uid: str, schema: int, others: int) -> Iterator[str]:
    """A file that a newer program wrote."""
    if schema > jsonl.SCHEMA:
        yield f"wrap {uid}: lines of schema {schema}, this pbmwrap knows {jsonl.SCHEMA}; update it"
    if others:
        yield f"wrap {uid}: {others} lines of unknown kinds, {_UPDATE}"


def of_wrap(kept: WrapArchive, decoded: Decoded) -> Iterator[str]:
    """All that is to be said of one wrap's log."""
    uid = kept.folder.name
    yield from of_records(uid, decoded)
    yield from of_lines(uid, kept.schema, kept.unknown_lines)
    for problem in kept.problems:
        yield f"{problem}; its bytes are a gap until an import or a pull brings them again"
