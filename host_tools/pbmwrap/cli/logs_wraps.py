"""Commands for the logs as a whole: list them, give them nicknames, remove one."""

from __future__ import annotations

from typing import Annotated, Any

import click

from pbmwrap.cli.command import Json, Result, Yes, ask, command
from pbmwrap.cli.logs_kept import archive, find_uid, label, nicknames
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import UsageError, WrapError

Wrap = Annotated[str, Argument(metavar="WRAP", help="Id or nickname, or the beginning of one.")]


def add_to(group: click.Group) -> None:
    """Register this file's commands in the group `logs`."""
    command(group, "logs wraps")(wraps)
    command(group, "logs name")(name)
    command(group, "logs forget")(forget)


def wraps(json: Json = False) -> Result:
    """List the logs kept on this machine.

    The default log is the one that was pulled last. An id that ends in .old-1, .old-2 ... is an
    older log under the same id: the wrap's flash was erased, or two wraps have one id.
    """
    from pbmwrap.cli import text
    from pbmwrap.logs.clock import local_minute

    names, latest = nicknames(), archive().latest()
    rows, problems = [], []
    for uid in archive().uids():
        row, problem = _row(uid)
        rows.append(row | {"name": names.get(uid), "default": uid == latest})
        problems += [problem] if problem else []
    shown = [
        (
            row["uid"],
            row["name"] or "",
            "?" if row["sessions"] is None else str(row["sessions"]),
            "never" if row["pulled_ms"] is None else local_minute(row["pulled_ms"]),
            "default" if row["default"] else "",
        )
        for row in rows
    ]
    heads = ("wrap", "nickname", "sessions", "last pull", "")
    for row in rows:
        row["last_pull"] = _iso(row.pop("pulled_ms"))
    table = text.table(heads, shown) if rows else "no log is kept on this machine"
    return Result(rows, table, problems[0] if problems else None)


def _iso(unix_ms: int | None) -> str | None:
    from pbmwrap.logs.clock import iso

    return None if unix_ms is None else iso(unix_ms)


def _row(uid: str) -> tuple[dict[str, Any], WrapError | None]:
    """A log's line, and why it cannot be read: one that is broken hides no other."""
    from pbmwrap.logs.sessions import sessions

    row: dict[str, Any] = {"uid": uid, "sessions": None, "bytes": None, "pulled_ms": None}
    try:
        kept = archive().wrap(uid)
    except WrapError as problem:
        return row, problem
    pulls = [mark.unix_ms for mark in kept.marks() if not mark.said_ms]
    row |= {"sessions": len(sessions(kept.decoded())), "bytes": kept.size}
    return row | {"pulled_ms": max(pulls, default=None)}, None


def name(
    wrap: Wrap,
    nickname: Annotated[
        str | None, Argument(metavar="NICKNAME", help='For example "left foot".')
    ] = None,
    remove: Annotated[bool, Option("--remove", help="Remove its nickname.")] = False,
    json: Json = False,
) -> Result:
    """Give a wrap's log a nickname. `--wrap` then takes it in place of the id."""
    from pbmwrap.logs.names import check_name, read_names, write_names

    if (nickname is None) != remove:
        raise UsageError("give either a nickname or --remove", "see `pbmwrap logs name --help`")
    uid, root = find_uid(wrap), archive().root
    names = read_names(root)
    old = names.pop(uid, None)
    if nickname is not None:
        names[uid] = check_name(nickname, archive().uids(), names)
    write_names(root, names)
    now = names.get(uid)
    said = f"wrap {uid} is now called {now}" if now else f"wrap {uid} has no nickname now"
    return Result({"uid": uid, "name": now, "before": old}, said)


def forget(wrap: Wrap, yes: Yes = False, json: Json = False) -> Result:
    """Remove a wrap's log from this machine. Asks first; the wrap itself is not changed."""
    from rich.text import Text

    from pbmwrap.logs.names import read_names, write_names

    uid, names = find_uid(wrap), nicknames()
    row, _ = _row(uid)
    count = row["sessions"]
    sessions = {None: "a log that cannot be read", 1: "1 session"}.get(count, f"{count} sessions")
    what = f"{sessions} of wrap {label(uid, names)} in {archive().root / uid}"
    hint = "`pbmwrap logs export FILE.jsonl` keeps a copy; a wrap drops its oldest records."
    # As text: a nickname may have brackets, which are markup otherwise.
    ask([Text(what), hint], "Remove this log from this machine?", yes, json)
    archive().forget(uid)
    if uid in names:
        kept_names = read_names(archive().root)
        kept_names.pop(uid, None)
        write_names(archive().root, kept_names)
    return Result({"uid": uid, "sessions": count}, f"removed: {what}")
