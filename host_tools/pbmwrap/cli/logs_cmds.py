"""Commands for logs: pull from the wrap into the archive, then list and show from there."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli import logs_files, logs_sql, logs_verify
from pbmwrap.cli.command import Json, Port, Result, command, new_app, progress, wrap_at
from pbmwrap.cli.logs_kept import Uid, archive, kept_of, notice
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import UsageError, VerifyFailed

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.sessions import Session


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    group = new_app("Pull, list, show, query, export and import session logs.")
    for name, body in (("list", list_logs), ("pull", pull), ("show", show)):
        command(group, f"logs {name}")(body)
    command(group, "logs verify")(logs_verify.verify)
    logs_sql.add_to(group)
    logs_files.add_to(group)
    app.add_command(group, "logs")


def pull(
    anew: Annotated[
        bool, Option("--anew", help="Set the copy aside: the wrap's flash was erased.")
    ] = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Fetch what is new into the archive, verified.

    Never disturbs a session.
    """
    with wrap_at(port) as (client, hello):
        kept = archive().wrap(hello.uid)
        if anew and kept.folder.exists():
            kept.retire()
        _mark(client, kept)
        before = kept.size
        start = _start(client, kept)
        with progress("pulling") as bar:
            client.pull_log(start, bar, keep=kept.append)
        kept.tell(hello.as_json())
    return _pulled(hello, kept, start, kept.size - before)


def _mark(client: Client, kept: WrapArchive) -> None:
    """Note which uptime it is now by this machine's clock, so that old records find their time."""
    import time

    from pbmwrap.logs.clock import Mark

    hello = client.hello()
    kept.mark(Mark(hello.boot, hello.uptime_s * 1000, round(time.time() * 1000)))


def _start(client: Client, kept: WrapArchive) -> int:
    """Where to pull from: the first gap that the wrap can fill, else the end."""
    info = client.log_info()
    if info.end < kept.next_offset:
        raise VerifyFailed(
            f"the wrap's log ends at {info.end}, the copy in {kept.folder} at {kept.next_offset}",
            "its flash was erased: run `pbmwrap logs pull --anew` to begin a new copy",
        )
    return next((start for start, end in kept.gaps if end > info.first), kept.next_offset)


def _pulled(hello: Hello, kept: WrapArchive, start: int, fresh: int) -> Result:
    from pbmwrap.logs.sessions import sessions

    count = len(sessions(notice(kept).decoded()))
    data = {"uid": hello.uid, "from": start, "to": kept.next_offset, "sessions": count}
    text = f"{fresh} new bytes, {count} sessions kept in {kept.folder}"
    return Result(data | {"folder": str(kept.folder), "gaps": kept.gaps}, text)


def list_logs(uid: Uid = None, json: Json = False) -> Result:
    """List the sessions in the archive."""
    from pbmwrap.cli import text

    kept = notice(kept_of(uid))
    rows = [_row(session, when) for session, when in _sessions(kept)]
    heads = ("session", "when", "protocol", "time", "dose", "ended by")
    shown = [
        (
            str(r["session"]),
            r["when"],
            r["protocol"] or "?",
            text.clock_text(r["active_ms"]),
            text.dose(r["dose_total_uj"]),
            r["reason"],
        )
        for r in rows
    ]
    return Result(rows, text.table(heads, shown) if rows else "no session is kept")


def _sessions(kept: WrapArchive) -> list[tuple[Session, str]]:
    """Every session with its time as text."""
    from pbmwrap.logs.sessions import clock_of, sessions

    decoded = kept.decoded()
    clock = clock_of(decoded, kept.marks())
    return [(s, clock.text(s.first.boot, s.first.up_ms_total)) for s in sessions(decoded)]


def _row(session: Session, when: str) -> dict[str, Any]:
    doses = [uj for uj in session.dose_uj if uj is not None]
    whole = doses and len(doses) == len(session.dose_uj)
    return {
        "session": session.number,
        "boot": session.boot,
        "when": when,
        "protocol": jsonlib.loads(session.protocol)["id"] if session.protocol else None,
        "active_ms": session.active_ms,
        "dose_uj": session.dose_uj,
        "dose_total_uj": sum(doses) if whole else None,
        "max_mc": session.max_mc,
        "reason": session.reason,
        "faults": len(session.faults),
    }


def show(
    session: Annotated[int | None, Argument(help="Its number; default: the last.")] = None,
    plot: Annotated[Path | None, Option(metavar="PNG", help="Write a plot.")] = None,
    html: Annotated[Path | None, Option(metavar="HTML", help="Write a page.")] = None,
    area: Annotated[float | None, Option(help="Treated area, cm2.", min=0.1)] = None,
    uid: Uid = None,
    json: Json = False,
) -> Result:
    """Show one session's summary; write its plot and page."""
    from pbmwrap.cli import session_report

    kept = notice(kept_of(uid))
    chosen = _choose(_sessions(kept), session)
    return session_report.result(kept, chosen, kept.about(), area, (plot, html))


def _choose(every: list[tuple[Session, str]], number: int | None) -> Session:
    found = [s for s, _ in every if number is None or s.number == number]
    if not found:
        what = "no session" if number is None else f"no session {number}"
        raise UsageError(f"{what} is kept", "see `pbmwrap logs list`, or pull first")
    return found[-1]
