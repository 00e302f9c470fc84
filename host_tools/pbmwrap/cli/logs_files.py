"""Commands that export logs for other programs and machines, and import them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import Force, Json, Result, command, warn
from pbmwrap.cli.logs_kept import Uid, archive, kept_of, notice
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import InvalidFile, UsageError, VerifyFailed, WrapError

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.jsonl import Log


_MEND = "import an undamaged copy as well, it adds what is missing"


def add_to(group: click.Group) -> None:
    """Register this file's commands in the group `logs`."""
    command(group, "logs export")(export)
    command(group, "logs import")(import_logs)


def export(
    file: Annotated[Path, Argument(metavar="FILE", help="Ends in .csv or .jsonl.")],
    uid: Uid = None,
    force: Force = False,
    json: Json = False,
) -> Result:
    """Write a wrap's whole log to a file.

    CSV has sessions and samples, for spreadsheets. JSONL has everything, also for `logs import`.
    """
    from pbmwrap import disk
    from pbmwrap.logs.export import to_csv

    disk.check_target(file, force)
    kept = notice(kept_of(uid))
    if file.suffix == ".csv":
        names = _names(kept, "sensors"), _names(kept, "channels")
        content = to_csv(kept.decoded(), kept.marks(), *names)
    elif file.suffix == ".jsonl":
        content = "".join(kept.export())
    else:
        raise UsageError(f"{file} ends in neither .csv nor .jsonl", "use one of these endings")
    raw = content.encode()
    disk.write_file(file, raw, force)
    return Result({"file": str(file), "bytes": len(raw)}, f"{file} written")


def _names(kept: WrapArchive, key: str) -> list[str]:
    return [str(pair[0]) for pair in kept.about().get(key, [])]


def import_logs(
    files: Annotated[list[Path], Argument(metavar="FILE", help="JSONL exports.")],
    anew: Annotated[
        bool,
        Option("--anew", help="Keep a log that contradicts the one kept here beside it."),
    ] = False,
    json: Json = False,
) -> Result:
    """Add exported logs to the archive.

    Nothing in the archive is lost. Files may come in any order, and more than once.
    """
    rows: list[dict[str, Any]] = []
    problem: WrapError | None = None
    for file in files:
        try:
            row = _import(file, anew)
        except WrapError as error:
            if len(files) == 1:
                raise
            row = {"file": str(file), "refused": error.message, "problems": []}
            warn([f"{file} was not imported: {error}"])
            problem = error
        rows.append(row)
        problem = problem or _damaged(row)
    return Result(rows, "\n".join(map(_told, rows)), problem)


def _import(file: Path, anew: bool) -> dict[str, Any]:
    """Take in one file. Raises InvalidFile, VerifyFailed.

    anew: where its log contradicts every log kept under its id, it becomes one of its own.
    """
    from pbmwrap.logs import jsonl, notices

    log = jsonl.read_file(file)
    kept = _target(file, log, anew)
    before = kept.size
    lines = kept.merge(log)
    warn([*notices.of_lines(log.uid, log.schema, len(log.others)), *log.problems])
    fresh = kept.size - before
    return {
        "file": str(file),
        "uid": log.uid,
        "log": kept.folder.name,
        "new_bytes": fresh,
        "new_lines": lines,
        "problems": log.problems,
    }


def _target(file: Path, log: Log, anew: bool) -> WrapArchive:
    """The log kept here that this one belongs to, so that two logs of one id are never mixed."""
    from pbmwrap.logs.verify import joins

    try:
        copies = archive().copies(log.uid)
    except ValueError as error:
        raise InvalidFile(f"{file} does not name a wrap: {error}", "export it again") from None
    found = next((kept for kept in copies if joins(kept.extents(), log.pieces)), None)
    if found is not None:
        return found
    if anew:
        return archive().new_copy(log.uid)
    raise VerifyFailed(
        f"{file} is refused: its log differs from the copy in {copies[0].folder}",
        "the wrap's flash was erased, or it is another wrap with the same id; nothing was "
        "changed; `pbmwrap logs import --anew` keeps both logs",
    )


def _damaged(row: dict[str, Any]) -> InvalidFile | None:
    from pbmwrap.cli.text import count

    if not row["problems"]:
        return None
    return InvalidFile(
        f"{row['file']}: {count(len(row['problems']), 'damaged line')}, all others were imported",
        _MEND,
        tuple(row["problems"]),
    )


def _told(row: dict[str, Any]) -> str:
    from pbmwrap.cli.text import count

    if "refused" in row:
        return f"{row['file']}: not imported"
    bad = len(row["problems"])
    damage = f", {count(bad, 'damaged line')} skipped: {_MEND}" if bad else ""
    return f"{row['file']}: {count(row['new_bytes'], 'new byte')} of wrap {row['log']}{damage}"
