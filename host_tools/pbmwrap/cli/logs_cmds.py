"""Commands that list, show, verify and date the sessions of one archived log; the group `logs`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli import logs_files, logs_pull, logs_sql, logs_wraps
from pbmwrap.cli.command import Force, Json, Result, register_group
from pbmwrap.cli.household import remember_log
from pbmwrap.cli.log_choice import Uid, open_log, print_notes
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import UsageError, VerifyFailed

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.clock import Mark
    from pbmwrap.logs.summary import SessionSummary
    from pbmwrap.logs.verify import Verdict

_MAX_SHOWN = 10  # problems that `logs verify` lists for people
_REPAIR = (
    "import a complete export of it, or pull it again with `pbmwrap logs pull --anew`, which keeps "
    "this copy as well; if the problem stays, the wrap's flash is damaged"
)


def add_to(app: click.Group) -> None:
    """Register the group `logs`."""
    commands = {
        "list": list_logs,
        "pull": logs_pull.pull_log,
        "show": show_session,
        "verify": verify_log,
        "date": set_session_date,
    }
    help_text = "Pull, list, show, query, export and import session logs."
    group = register_group(app, "logs", help_text, commands)
    logs_wraps.add_to(group)
    logs_sql.add_to(group)
    logs_files.add_to(group)


def list_logs(uid: Uid = None, json: Json = False) -> Result:
    """List the sessions in the archive."""
    from pbmwrap.cli import text
    from pbmwrap.words import name_end

    sessions = _summarize_log(print_notes(open_log(uid)))
    heads = ("session", "when", "protocol", "time", "dose", "ended")
    shown = [
        (
            str(session.number),
            session.when_local,
            session.protocol_id or "?",
            text.clock_text(session.active_ms or 0),
            text.format_dose(session.dose_total_uj),
            name_end(session.reason),
        )
        for session in sessions
    ]
    rows = [_make_row(session) for session in sessions]
    return Result(rows, text.format_table(heads, shown) if rows else "no session is in the archive")


def _summarize_log(kept: WrapArchive) -> list[SessionSummary]:
    from pbmwrap.logs.summary import read_wrap_info, summarize_sessions

    info = read_wrap_info(kept.folder.name, kept.about())
    return summarize_sessions(kept.outline(), kept.clock(), info)


def _make_row(session: SessionSummary) -> dict[str, Any]:
    return {
        "session": session.number,
        "boot": session.boot,
        "when": session.when_utc,
        "protocol": session.protocol_id,
        "active_ms": session.active_ms or 0,
        "dose_uj": session.dose_uj,
        "dose_total_uj": session.dose_total_uj,
        "max_mc": session.max_mc,
        "reason": session.reason,
        "faults": len(session.faults),
    }


def show_session(
    session: Annotated[
        int | None, Argument(help="The session's number. Default: the last one.")
    ] = None,
    plot: Annotated[Path | None, Option(metavar="PNG", help="Write a plot to this file.")] = None,
    html: Annotated[
        Path | None, Option(metavar="HTML", help="Write an HTML page to this file.")
    ] = None,
    area: Annotated[float | None, Option(help="Treated area, cm2.", min=0.1)] = None,
    uid: Uid = None,
    force: Force = False,
    json: Json = False,
) -> Result:
    """Show one session's summary, and write its plot and HTML page."""
    from rich.console import Group

    from pbmwrap.logs.summary import read_wrap_info, summarize_sessions
    from pbmwrap.logs.to_report import make_report
    from pbmwrap.report import html as page
    from pbmwrap.report import plot as figure
    from pbmwrap.report.text import make_tables

    _check_targets(plot, html, force)
    kept = print_notes(open_log(uid))
    info = read_wrap_info(kept.folder.name, kept.about(), area).with_default_board()
    sessions = summarize_sessions(kept.decoded(), kept.clock(), info)
    report = make_report(_choose_session(sessions, session), info)
    if plot:
        figure.save_plot(report, plot, replace=force)
    if html:
        page.save_html(report, html, force)
    written = [str(path) for path in (plot, html) if path]
    shown = Group(make_tables(report), *(f"{path} written" for path in written))
    return Result({"report": asdict(report), "files": written}, shown)


def _check_targets(plot: Path | None, html: Path | None, replace: bool) -> None:
    """Refuse files that cannot be written before any is written. Raises InvalidFile, UsageError."""
    from pbmwrap import disk

    if plot is not None and plot == html:
        raise UsageError(f"--plot and --html both name {plot}", "give two names")
    for path in (plot, html):
        if path is not None:
            disk.check_target(path, replace)


def _choose_session(sessions: list[SessionSummary], number: int | None) -> SessionSummary:
    """Choose the last session with that number, or the last of all. Raises UsageError."""
    found = [s for s in sessions if number is None or s.number == number]
    if not found:
        what = "no session" if number is None else f"no session {number}"
        hint = "see `pbmwrap logs list`, or copy new ones with `pbmwrap logs pull`"
        raise UsageError(f"{what} is in the archive", hint)
    return found[-1]


def verify_log(uid: Uid = None, json: Json = False) -> Result:
    """Check that a log in the archive is complete, unchanged and in order."""
    from pbmwrap.logs.verify import verify_log as verify_extents

    kept = print_notes(open_log(uid))
    verdict = verify_extents(kept.extents())
    problem = None
    if verdict.problems:
        first = verdict.problems[0]
        where = f"{first.text}, offset {first.start}"
        problem = VerifyFailed(f"the log of {kept.folder.name} has errors: {where}", _REPAIR)
    return Result(asdict(verdict), _format_verdict(verdict), problem)


def _format_verdict(verdict: Verdict) -> str:
    from pbmwrap.cli.text import count

    lines = [
        f"{count(verdict.records, 'record')} in {count(verdict.sectors, 'sector')}, "
        f"{count(verdict.sealed, 'session')} sealed, {count(verdict.unsealed, 'unsealed record')}"
    ]
    if verdict.unchecked:
        what = count(verdict.unchecked, "byte")
        lines.append(f"{what} before the first sector's header cannot be checked")
    for start, end in verdict.dropped:
        lines.append(f"offset {start} to {end}: deleted by the wrap before it was pulled")
    for start, end in verdict.torn:
        cut = count(end - start, "byte")
        lines.append(f"offset {start}: {cut} of a record cut short by power loss, not an error")
    if verdict.lost:
        lost = count(verdict.lost, "record")
        lines.append(f"{lost} lost in the wrap before reaching its log")
    for p in verdict.problems[:_MAX_SHOWN]:
        lines.append(f"offset {p.start} to {p.end}: {p.text}")
    if len(verdict.problems) > _MAX_SHOWN:
        lines.append(f"... and {len(verdict.problems) - _MAX_SHOWN} more (--json)")
    lines.append(f"errors found: {_REPAIR}" if verdict.problems else _format_result(verdict))
    return "\n".join(lines)


def _format_result(verdict: Verdict) -> str:
    """Say what numbers, chain and seals of a log without errors prove, and what they do not."""
    limits = []
    if verdict.unchecked:
        limits.append("the part before the first sector's header cannot be checked")
    if verdict.dropped:
        limits.append("the parts before and after deleted sectors may be of different logs")
    if limits:
        return "no errors found; " + "; ".join(limits)
    if not verdict.unsealed:
        return "complete and unchanged"
    last = "record is" if verdict.unsealed == 1 else f"{verdict.unsealed} records are"
    return f"complete and unchanged up to the last seal; the last {last} not sealed yet"


def set_session_date(
    session: Annotated[int, Argument(help="Its number, see `logs list`.")],
    time: Annotated[
        str,
        Argument(
            metavar="TIME", help='When it began: "2026-11-29 10:05", local time; or ISO 8601.'
        ),
    ],
    uid: Uid = None,
    json: Json = False,
) -> Result:
    """Set when a session began, if a clock was wrong or never set.

    This takes precedence over all clocks, for everything that the wrap recorded since it was
    switched on that time. Nothing in the archive is changed: give the command again to correct it.
    """
    from pbmwrap.logs.clock import format_local, format_utc

    unix_ms = _parse_time(time)
    kept = open_log(uid)
    chosen = _choose_session(_summarize_log(kept), session)
    kept.add_mark(_make_mark(kept, chosen, unix_ms))
    remember_log(kept)
    print_notes(kept)
    data = {"uid": kept.folder.name, "session": session, "when": format_utc(unix_ms)}
    return Result(data, f"session {session} began at {format_local(unix_ms)}")


def _parse_time(text: str) -> int:
    """Parse a date with a time to UTC in ms. Raises UsageError."""
    from datetime import datetime

    from pbmwrap.logs.clock import EARLIEST_MS

    hint = 'write for example "2026-11-29 10:05" (local time)'
    try:
        unix_ms = round(datetime.fromisoformat(text.strip()).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{text!r} is not a date with a time", hint) from None
    if not EARLIEST_MS <= unix_ms < 1 << 42:
        raise UsageError(f"no session can have begun at {text}", hint)
    return unix_ms


def _make_mark(kept: WrapArchive, session: SessionSummary, unix_ms: int) -> Mark:
    """Make a mark that takes precedence over all that were given before it."""
    import time

    from pbmwrap.logs.clock import Mark

    latest = max((mark.said_ms for mark in kept.list_marks()), default=0)
    said_ms = max(latest + 1, round(time.time() * 1000))
    return Mark(session.boot, session.first_up_ms, unix_ms, said_ms)
