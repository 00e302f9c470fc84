"""Commands for logs: the group, and what lists, shows and dates the sessions that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli import logs_files, logs_pull, logs_sql, logs_verify, logs_wraps
from pbmwrap.cli.command import Force, Json, Result, command, new_app
from pbmwrap.cli.logs_kept import Uid, kept_of, notice
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import UsageError

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.clock import Clock, Mark
    from pbmwrap.logs.sessions import Session


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    group = new_app("Pull, list, show, query, export and import session logs.")
    command(group, "logs list")(list_logs)
    command(group, "logs pull")(logs_pull.pull)
    command(group, "logs show")(show)
    command(group, "logs verify")(logs_verify.verify)
    command(group, "logs date")(date)
    logs_wraps.add_to(group)
    logs_sql.add_to(group)
    logs_files.add_to(group)
    app.add_command(group, "logs")


def list_logs(uid: Uid = None, json: Json = False) -> Result:
    """List the sessions in the archive."""
    from pbmwrap.cli import text
    from pbmwrap.words import name_end

    kept = notice(kept_of(uid))
    clock = _clock(kept)
    every = _sessions(kept)
    rows = [_row(s, clock.text(s.first.boot, s.first.up_ms_total)) for s in every]
    heads = ("session", "when", "protocol", "time", "dose", "ended")
    shown = [
        (
            str(r["session"]),
            clock.local(s.first.boot, s.first.up_ms_total),
            r["protocol"] or "?",
            text.clock_text(r["active_ms"]),
            text.dose(r["dose_total_uj"]),
            name_end(r["reason"]),
        )
        for s, r in zip(every, rows, strict=True)
    ]
    return Result(rows, text.table(heads, shown) if rows else "no session is in the archive")


def _sessions(kept: WrapArchive) -> list[Session]:
    from pbmwrap.logs.sessions import sessions

    return sessions(kept.decoded())


def _clock(kept: WrapArchive) -> Clock:
    from pbmwrap.logs.sessions import clock_of

    return clock_of(kept.decoded(), kept.marks())


def _row(session: Session, when: str) -> dict[str, Any]:
    doses = [uj for uj in session.dose_uj if uj is not None]
    whole = doses and len(doses) == len(session.dose_uj)
    return {
        "session": session.number,
        "boot": session.boot,
        "when": when,
        "protocol": session.protocol_text("id"),
        "active_ms": session.active_ms,
        "dose_uj": session.dose_uj,
        "dose_total_uj": sum(doses) if whole else None,
        "max_mc": session.max_mc,
        "reason": session.reason,
        "faults": len(session.faults),
    }


def show(
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
    from pbmwrap.cli import session_report

    session_report.check_files(plot, html, force)
    kept = notice(kept_of(uid))
    chosen = _choose(_sessions(kept), session)
    return session_report.result(kept, chosen, kept.about(), area, (plot, html), force)


def date(
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
    """Say when a session began, where a clock was wrong or never set.

    This counts before all clocks for what the wrap recorded since it was switched on that time.
    What is kept already is not changed: say it again to correct it.
    """
    from pbmwrap.logs.clock import iso, local_minute

    unix_ms = _time(time)
    kept = kept_of(uid)
    chosen = _choose(_sessions(kept), session)
    kept.mark(_said(kept, chosen, unix_ms))
    notice(kept)
    data = {"uid": kept.folder.name, "session": session, "when": iso(unix_ms)}
    return Result(data, f"session {session} began at {local_minute(unix_ms)}")


def _time(text: str) -> int:
    """UTC milliseconds. Raises UsageError."""
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


def _said(kept: WrapArchive, chosen: Session, unix_ms: int) -> Mark:
    """A mark that counts before all that were said before it."""
    import time

    from pbmwrap.logs.clock import Mark

    latest = max((mark.said_ms for mark in kept.marks()), default=0)
    said_ms = max(latest + 1, round(time.time() * 1000))
    return Mark(chosen.first.boot, chosen.first.up_ms_total, unix_ms, said_ms)


def _choose(every: list[Session], number: int | None) -> Session:
    found = [s for s in every if number is None or s.number == number]
    if not found:
        what = "no session" if number is None else f"no session {number}"
        hint = "see `pbmwrap logs list`, or copy new ones with `pbmwrap logs pull`"
        raise UsageError(f"{what} is in the archive", hint)
    return found[-1]
