"""`pbmwrap logs verify`: is what was pulled what the wrap wrote, all of it and in its order?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pbmwrap.cli.command import Json, Result
from pbmwrap.errors import VerifyFailed

if TYPE_CHECKING:
    from pbmwrap.logs.verify import Verdict

_SHOWN = 10


def verify(
    uid: Annotated[
        str | None,
        typer.Option("--wrap", metavar="UID", help="Which wrap's log, when several are kept."),
    ] = None,
    json: Json = False,
) -> Result:
    """Check numbers, chain and seals of the log kept here; what changed or is missing shows."""
    from pbmwrap.cli.logs_kept import kept_of
    from pbmwrap.logs.verify import verify as judge

    kept = kept_of(uid)
    said = judge(kept.extents())
    problem = None
    if said.problems:
        first = said.problems[0]
        problem = VerifyFailed(
            f"the log of {kept.folder.name} is not whole: {first.text}, offset {first.start}",
            "pull again with `pbmwrap logs pull --anew`; if it stays, the wrap's flash is damaged",
        )
    return Result(asdict(said), _text(said), problem)


def _text(said: Verdict) -> str:
    lines = [
        f"{said.records} records in {said.sectors} sectors, {said.sealed} sessions under a seal, "
        f"{said.unsealed} records since the last"
    ]
    if said.unchecked:
        lines.append(f"{said.unchecked} bytes before the first sector's head cannot be checked")
    for start, end in said.torn:
        lines.append(
            f"offset {start}: {end - start} bytes that a cut write left; nothing is missing"
        )
    for p in said.problems[:_SHOWN]:
        lines.append(f"offset {p.start} to {p.end}: {p.text}")
    if len(said.problems) > _SHOWN:
        lines.append(f"... and {len(said.problems) - _SHOWN} more (--json)")
    lines.append("not whole" if said.problems else "whole")
    return "\n".join(lines)
