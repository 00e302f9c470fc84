"""`pbmwrap logs verify`: is what was pulled what the wrap wrote, all of it and in its order?"""

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
    "import an export that has it whole, or pull again with `pbmwrap logs pull --anew`, which "
    "keeps this copy as well; if it stays, the wrap's flash is damaged"
)


def verify(
    uid: Uid = None,
    json: Json = False,
) -> Result:
    """Check that the log kept here is whole and unchanged, by its numbers, chain and seals."""
    from pbmwrap.logs.verify import verify as judge

    kept = notice(kept_of(uid))
    said = judge(kept.extents())
    problem = None
    if said.problems:
        first = said.problems[0]
        where = f"{first.text}, offset {first.start}"
        problem = VerifyFailed(f"the log of {kept.folder.name} is not whole: {where}", _HINT)
    return Result(asdict(said), _text(said), problem)


def _text(said: Verdict) -> str:
    lines = [
        f"{said.records} records in {said.sectors} sectors, {said.sealed} sessions under a seal, "
        f"{said.unsealed} records since the last"
    ]
    if said.unchecked:
        lines.append(f"{said.unchecked} bytes before the first sector's head cannot be checked")
    for start, end in said.dropped:
        lines.append(f"offset {start} to {end}: dropped by the wrap before it was pulled")
    for start, end in said.torn:
        lines.append(
            f"offset {start}: {end - start} bytes that a cut write left; nothing is missing"
        )
    if said.lost:
        lines.append(f"{said.lost} records were lost in the wrap before they could be written")
    for p in said.problems[:_SHOWN]:
        lines.append(f"offset {p.start} to {p.end}: {p.text}")
    if len(said.problems) > _SHOWN:
        lines.append(f"... and {len(said.problems) - _SHOWN} more (--json)")
    lines.append(f"not whole: {_HINT}" if said.problems else _checked(said))
    return "\n".join(lines)


def _checked(said: Verdict) -> str:
    """What the numbers, the chain and the seals prove; "whole" only where they cover all of it."""
    limits = []
    if said.unsealed:
        last = "record is" if said.unsealed == 1 else f"{said.unsealed} records are"
        limits.append(f"the last {last} not under a session's seal yet")
    if said.unchecked:
        limits.append("the part before the first sector's head cannot be checked")
    if said.dropped:
        limits.append("nothing shows that the parts beside dropped sectors are of one log")
    return "no fault found; " + "; ".join(limits) if limits else "whole"
