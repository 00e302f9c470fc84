"""Commands that export logs for other programs and machines, and import them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import Force, Json, Result, register_command, warn
from pbmwrap.cli.household import remember_log
from pbmwrap.cli.log_choice import Uid, open_archive, open_log, print_notes
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import InvalidFile, UsageError, VerifyFailed, WrapError

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.jsonl import Log

_REPAIR = "import an undamaged copy as well, it adds what is missing"


def add_to(group: click.Group) -> None:
    """Register this file's commands in the group `logs`."""
    register_command(group, "logs export")(export_log)
    register_command(group, "logs import")(import_logs)


def export_log(
    file: Annotated[Path, Argument(metavar="FILE", help="Ends in .csv or .jsonl.")],
    uid: Uid = None,
    force: Force = False,
    json: Json = False,
) -> Result:
    """Write a wrap's whole log to a file.

    CSV has sessions and samples, for spreadsheets. JSONL has everything, also for `logs import`.
    """
    from pbmwrap import disk
    from pbmwrap.logs.export_csv import format_csv
    from pbmwrap.logs.summary import read_wrap_info, summarize_sessions

    disk.check_target(file, force)
    kept = print_notes(open_log(uid))
    if file.suffix == ".csv":
        info = read_wrap_info(kept.folder.name, kept.about())
        content = format_csv(summarize_sessions(kept.decoded(), kept.clock(), info), info)
    elif file.suffix == ".jsonl":
        content = "".join(kept.format_lines())
    else:
        raise UsageError(f"{file} ends in neither .csv nor .jsonl", "use one of these endings")
    raw = content.encode()
    disk.write_file(file, raw, force)
    return Result({"file": str(file), "bytes": len(raw)}, f"{file} written")


def import_logs(
    files: Annotated[list[Path], Argument(metavar="FILE", help="JSONL exports.")],
    anew: Annotated[
        bool,
        Option("--anew", help="Keep a log that contradicts the archived one as a second log."),
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
            row = _import_file(file, anew)
        except WrapError as error:
            if len(files) == 1:
                raise
            row = {"file": str(file), "refused": error.message, "problems": []}
            warn([f"{file} was not imported: {error}"])
            problem = error
        rows.append(row)
        problem = problem or _make_damage_error(row)
    return Result(rows, "\n".join(map(_format_row, rows)), problem)


def _import_file(file: Path, anew: bool) -> dict[str, Any]:
    """Import one file. Raises InvalidFile, VerifyFailed.

    anew: a log that contradicts every log archived under its id becomes a separate one.
    """
    from pbmwrap.logs import jsonl, notes

    log = jsonl.read_file(file)
    kept = _find_target(file, log, anew)
    before = kept.size
    lines = kept.merge_log(log)
    warn([*notes.note_newer_lines(log.uid, log.schema, len(log.others)), *log.problems])
    new_bytes = kept.size - before
    remember_log(kept)
    return {
        "file": str(file),
        "uid": log.uid,
        "log": kept.folder.name,
        "new_bytes": new_bytes,
        "new_lines": lines,
        "problems": log.problems,
    }


def _find_target(file: Path, log: Log, anew: bool) -> WrapArchive:
    """Find the archived log that this one belongs to: two logs of one id are never mixed.

    Raises InvalidFile, VerifyFailed.
    """
    from pbmwrap.logs.verify import can_join

    try:
        copies = open_archive().list_copies(log.uid)
    except ValueError as error:
        raise InvalidFile(f"{file} does not name a wrap: {error}", "export it again") from None
    found = next((kept for kept in copies if can_join(kept.extents(), log.pieces)), None)
    if found is not None:
        return found
    if anew:
        return open_archive().new_copy(log.uid)
    raise VerifyFailed(
        f"{file} is refused: its log differs from the copy in {copies[0].folder}",
        "the wrap's flash was erased, or it is another wrap with the same id; nothing was "
        "changed; `pbmwrap logs import --anew` keeps both logs",
    )


def _make_damage_error(row: dict[str, Any]) -> InvalidFile | None:
    from pbmwrap.cli.text import count

    if not row["problems"]:
        return None
    return InvalidFile(
        f"{row['file']}: {count(len(row['problems']), 'damaged line')}, all others were imported",
        _REPAIR,
        tuple(row["problems"]),
    )


def _format_row(row: dict[str, Any]) -> str:
    from pbmwrap.cli.text import count

    if "refused" in row:
        return f"{row['file']}: not imported"
    bad = len(row["problems"])
    damage = f", {count(bad, 'damaged line')} skipped: {_REPAIR}" if bad else ""
    return f"{row['file']}: {count(row['new_bytes'], 'new byte')} of wrap {row['log']}{damage}"
