"""Commands that list the archived logs, give them nicknames, and remove one."""

from __future__ import annotations

from typing import Annotated, Any

import click

from pbmwrap.cli.command import Json, Result, Yes, ask, register_command
from pbmwrap.cli.log_choice import find_uid, format_log_name, open_archive, read_nicknames
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import UsageError, WrapError

Wrap = Annotated[str, Argument(metavar="WRAP", help="Id or nickname, or the beginning of one.")]


def add_to(group: click.Group) -> None:
    """Register this file's commands in the group `logs`."""
    register_command(group, "logs wraps")(list_wraps)
    register_command(group, "logs name")(set_nickname)
    register_command(group, "logs forget")(forget_wrap)


def list_wraps(json: Json = False) -> Result:
    """List the logs kept on this machine.

    The default log is the one that was pulled last. An id that ends in .old-1, .old-2 ... is an
    older log of the same id: the wrap's flash was erased, or two wraps have one id.
    """
    from pbmwrap.cli import text
    from pbmwrap.logs.clock import format_local

    names, latest = read_nicknames(), open_archive().find_latest()
    rows, problems = [], []
    for uid in open_archive().uids():
        row, problem = _read_row(uid)
        rows.append(row | {"name": names.get(uid), "default": uid == latest})
        problems += [problem] if problem else []
    shown = [
        (
            row["uid"],
            row["name"] or "",
            "?" if row["sessions"] is None else str(row["sessions"]),
            "never" if row["pulled_ms"] is None else format_local(row["pulled_ms"]),
            "default" if row["default"] else "",
        )
        for row in rows
    ]
    heads = ("wrap", "nickname", "sessions", "last pull", "")
    for row in rows:
        row["last_pull"] = _format_utc(row.pop("pulled_ms"))
    table = text.format_table(heads, shown) if rows else "no log is kept on this machine"
    return Result(rows, table, problems[0] if problems else None)


def _format_utc(unix_ms: int | None) -> str | None:
    from pbmwrap.logs.clock import format_utc

    return None if unix_ms is None else format_utc(unix_ms)


def _read_row(uid: str) -> tuple[dict[str, Any], WrapError | None]:
    """Read a log's row and the error that prevents it, so one damaged log does not hide others."""
    from pbmwrap.logs.sessions import group_sessions

    row: dict[str, Any] = {"uid": uid, "sessions": None, "bytes": None, "pulled_ms": None}
    try:
        kept = open_archive().wrap(uid)
    except WrapError as problem:
        return row, problem
    pulls = [mark.unix_ms for mark in kept.list_marks() if not mark.said_ms]
    row |= {"sessions": len(group_sessions(kept.decoded())), "bytes": kept.size}
    return row | {"pulled_ms": max(pulls, default=None)}, None


def set_nickname(
    wrap: Wrap,
    nickname: Annotated[
        str | None, Argument(metavar="NICKNAME", help='For example "left foot".')
    ] = None,
    remove: Annotated[bool, Option("--remove", help="Remove its nickname.")] = False,
    json: Json = False,
) -> Result:
    """Give a wrap's log a nickname. `--wrap` then accepts it in place of the id."""
    from pbmwrap.logs import nicknames

    if (nickname is None) != remove:
        raise UsageError("give either a nickname or --remove", "see `pbmwrap logs name --help`")
    uid, archive = find_uid(wrap), open_archive()
    names = nicknames.read_nicknames(archive.root)
    old = names.pop(uid, None)
    if nickname is not None:
        names[uid] = nicknames.check_nickname(nickname, archive.uids(), names)
    nicknames.write_nicknames(archive.root, names)
    now = names.get(uid)
    text = f"wrap {uid} is now called {now}" if now else f"wrap {uid} has no nickname now"
    return Result({"uid": uid, "name": now, "before": old}, text)


def forget_wrap(wrap: Wrap, yes: Yes = False, json: Json = False) -> Result:
    """Remove a wrap's log from this machine. Asks first; the wrap itself is not changed."""
    from rich.text import Text

    from pbmwrap.logs import nicknames

    uid, archive, names = find_uid(wrap), open_archive(), read_nicknames()
    row, _ = _read_row(uid)
    count = row["sessions"]
    sessions = {None: "a log that cannot be read", 1: "1 session"}.get(count, f"{count} sessions")
    what = f"{sessions} of wrap {format_log_name(uid, names)} in {archive.root / uid}"
    hint = "`pbmwrap logs export FILE.jsonl` keeps a copy; a wrap deletes its oldest records."
    # As Text: brackets in a nickname would be read as markup.
    ask([Text(what), hint], "Remove this log from this machine?", yes, json)
    archive.remove_log(uid)
    if uid in names:
        others = nicknames.read_nicknames(archive.root)
        others.pop(uid, None)
        nicknames.write_nicknames(archive.root, others)
    return Result({"uid": uid, "sessions": count}, f"removed: {what}")
