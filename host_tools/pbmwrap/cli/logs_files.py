"""Commands that write logs for other programs and machines, and take them in again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import Json, Result, command, warn
from pbmwrap.cli.logs_kept import Uid, archive, kept_of, notice
from pbmwrap.cli.options import Argument
from pbmwrap.errors import InvalidFile, UsageError, WrapError

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.jsonl import Log


_MEND = "import a good copy as well, it fills what is missing"


def add_to(group: click.Group) -> None:
    """Register this file's commands in the group `logs`."""
    command(group, "logs export")(export)
    command(group, "logs import")(import_logs)


def export(
    file: Annotated[Path, Argument(metavar="FILE", help="Ends in .csv or .jsonl.")],
    uid: Uid = None,
    json: Json = False,
) -> Result:
    """Write a wrap's whole log to a file.

    CSV holds sessions and samples, for spreadsheets; JSONL everything, also for `logs import`.
    """
    from pbmwrap.logs.export import to_csv

    kept = notice(kept_of(uid))
    if file.suffix == ".csv":
        names = _names(kept, "sensors"), _names(kept, "channels")
        content = to_csv(kept.decoded(), kept.marks(), *names)
    elif file.suffix == ".jsonl":
        content = "".join(kept.export())
    else:
        raise UsageError(f"{file} ends in neither .csv nor .jsonl", "choose one of them")
    _write(file, content)
    return Result({"file": str(file), "bytes": len(content)}, f"{file} written")


def _names(kept: WrapArchive, key: str) -> list[str]:
    return [str(pair[0]) for pair in kept.about().get(key, [])]


def _write(file: Path, content: str) -> None:
    try:
        file.write_text(content, encoding="utf-8", newline="")
    except OSError as problem:
        raise InvalidFile(f"{file} cannot be written: {problem.strerror}") from problem


def import_logs(
    files: Annotated[list[Path], Argument(metavar="FILE", help="JSONL exports.")],
    json: Json = False,
) -> Result:
    """Add exported logs to the archive.

    What is kept already stays; the order of files does not matter, and twice changes nothing.
    """
    rows: list[dict[str, Any]] = []
    problem: WrapError | None = None
    for file in files:
        try:
            row = _import(file)
        except WrapError as error:
            if len(files) == 1:
                raise
            row = {"file": str(file), "refused": error.message, "problems": []}
            warn([f"{file} is refused: {error}"])
            problem = error
        rows.append(row)
        problem = problem or _damaged(row)
    return Result(rows, "\n".join(map(_told, rows)), problem)


def _import(file: Path) -> dict[str, Any]:
    """Take in one file. Raises InvalidFile, VerifyFailed."""
    from pbmwrap.logs import jsonl, notices

    log = jsonl.read_file(file)
    kept = _target(file, log)
    before = kept.size
    lines = kept.merge(log)
    warn([*notices.of_lines(log.uid, log.schema, len(log.others)), *log.problems])
    fresh = kept.size - before
    return {
        "file": str(file),
        "uid": log.uid,
        "new_bytes": fresh,
        "new_lines": lines,
        "problems": log.problems,
    }


def _target(file: Path, log: Log) -> WrapArchive:
    try:
        return archive().wrap(log.uid)
    except ValueError as error:
        raise InvalidFile(f"{file} names no wrap: {error}", "export the log again") from None


def _damaged(row: dict[str, Any]) -> InvalidFile | None:
    if not row["problems"]:
        return None
    return InvalidFile(
        f"{len(row['problems'])} lines of {row['file']} are damaged, all others were taken in",
        _MEND,
        tuple(row["problems"]),
    )


def _told(row: dict[str, Any]) -> str:
    if "refused" in row:
        return f"{row['file']}: refused"
    damage = f", {len(row['problems'])} damaged lines left out: {_MEND}" if row["problems"] else ""
    return f"{row['file']}: {row['new_bytes']} new bytes of wrap {row['uid']}{damage}"
