"""`pbmwrap logs verify`: checks that the archived log is complete, unchanged and in order."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pbmwrap.cli.command import Json, Result
from pbmwrap.cli.logs_kept import Uid, kept_of, notice
from pbmwrap.errors import VerifyFailed

if TYPE_CHECKING:
    from pbmwrap.logs.verify import Verdict

_SHOWN = 10
_HINT = (
    "import a complete export of it, or pull it again with `pbmwrap logs pull --anew`, which keeps "
    "this copy as well; if the problem stays, the wrap's flash is damaged"
)


def verify(
    uid: Uid = None,
    json: Json = False,
) -> Result:
    """Check that a log in the archive is complete, unchanged and in order."""
    from pbmwrap.logs.verify import verify as judge

    kept = notice(kept_of(uid))
    said = judge(kept.extents())
    problem = None
    if said.problems:
        first = said.problems[0]
        where = f"{first.text}, offset {first.start}"
        problem = VerifyFailed(f"the log of {kept.folder.name} has errors: {where}", _HINT)
    return Result(asdict(said), _text(said), problem)


def _text(said: Verdict) -> str:
    from pbmwrap.cli.text import count

    lines = [
        f"{count(said.records, 'record')} in {count(said.sectors, 'sector')}, "
        f"{count(said.sealed, 'session')} sealed, {count(said.unsealed, 'unsealed record')}"
    ]
    if said.unchecked:
        what = count(said.unchecked, "byte")
        lines.append(f"{what} before the first sector's header cannot be checked")
    for start, end in said.dropped:
        lines.append(f"offset {start} to {end}: deleted by the wrap before it was pulled")
    for start, end in said.torn:
        cut = count(end - start, "byte")
        lines.append(f"offset {start}: {cut} of a record cut short by power loss, not an error")
    if said.lost:
        lost = count(said.lost, "record")
        lines.append(f"{lost} lost in the wrap before reaching its log")
    for p in said.problems[:_SHOWN]:
        lines.append(f"offset {p.start} to {p.end}: {p.text}")
    if len(said.problems) > _SHOWN:
        lines.append(f"... and {len(said.problems) - _SHOWN} more (--json)")
    lines.append(f"errors found: {_HINT}" if said.problems else _checked(said))
    return "\n".join(lines)


def _checked(said: Verdict) -> str:
    """What the numbers, the chain and the seals prove, and what they do not cover."""
    limits = []
    if said.unchecked:
        limits.append("the part before the first sector's head cannot be checked")
    if said.dropped:
        limits.append("nothing shows that the parts beside dropped sectors are of one log")
    if limits:
        return "no fault found; " + "; ".join(limits)
    if not said.unsealed:
        return "whole: complete and unchanged"
    last = "record comes" if said.unsealed == 1 else f"{said.unsealed} records come"
    return f"whole up to the last seal; the last {last} after it"
