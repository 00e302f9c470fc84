"""`pbmwrap logs pull`: fetches new records into the archived copy of the same log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pbmwrap.cli.command import Json, Port, Result, progress, warn, wrap_at
from pbmwrap.cli.log_choice import open_archive, print_notes
from pbmwrap.cli.options import Option
from pbmwrap.errors import VerifyFailed

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import LogInfo
    from pbmwrap.device.transfer import Progress
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.clock import Mark


def pull(
    anew: Annotated[
        bool,
        Option(
            "--anew",
            help="Start a new copy and keep the old one: the wrap's flash was erased, or two "
            "wraps have one id.",
        ),
    ] = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Copy new records into the archive, verified.

    This does not disturb a running session.
    """
    with wrap_at(port) as (client, hello):
        marks = _read_clock(client)
        info = client.log_info()
        kept = _start_copy(hello.uid) if anew else _find_copy(client, info, hello.uid)
        before, start = kept.size, _find_first_missing(kept, info)
        with progress("pulling") as bar:
            _fetch(client, info, kept, marks, bar)
        kept.add_about(hello.as_json())
    open_archive().set_latest(kept.folder.name)
    return _make_result(hello.uid, kept, start, kept.size - before)


def _read_clock(client: Client) -> list[Mark]:
    """Read the wrap's uptime and this machine's clock together, which dates old records."""
    import time

    from pbmwrap.logs.clock import EARLIEST_MS, Mark, format_local

    hello = client.hello()
    unix_ms = round(time.time() * 1000)
    if unix_ms < EARLIEST_MS:
        warn(
            [
                f"this machine's clock says {format_local(unix_ms)}, which cannot be true: "
                "records stay undated; set the clock and pull again"
            ]
        )
        return []
    return [Mark(hello.boot, hello.uptime_s * 1000, unix_ms)]


def _start_copy(uid: str) -> WrapArchive:
    """Set the current copy aside and start a new one."""
    kept = open_archive().wrap(uid)
    if kept.folder.exists():
        old = kept.retire()
        warn([f"the log kept so far is now {old.name}: see `pbmwrap logs wraps`"])
    return kept


def _find_copy(client: Client, info: LogInfo, uid: str) -> WrapArchive:
    """Find the copy that this wrap's log continues.

    Raises VerifyFailed if there is none, and changes nothing: two logs are never mixed.
    """
    copies = open_archive().copies(uid)
    reasons = []
    for kept in copies:
        reason = _describe_difference(client, info, kept)
        if reason is None:
            if len(copies) > 1 and kept.size:
                others = ", ".join(c.folder.name for c in copies if c is not kept and c.size)
                warn([f"this is the log {kept.folder.name}; kept under the same id: {others}"])
            return kept
        reasons.append(f"{reason} (the copy in {kept.folder})")
    from pbmwrap.logs.archive import OTHER_LOG

    raise VerifyFailed(f"this wrap's log is not the one kept: {'; '.join(reasons)}", OTHER_LOG)


def _describe_difference(client: Client, info: LogInfo, kept: WrapArchive) -> str | None:
    """Describe why the wrap's log does not continue this copy; None if it does.

    Reads the last archived sector from the wrap again.
    """
    from pbmwrap.logs.extents import Conflict

    if not kept.size:
        return None
    if info.end < kept.next_offset:
        return f"it ends at offset {info.end}, before the copy's end at {kept.next_offset}"
    if info.first >= kept.next_offset:
        return f"it begins at offset {info.first}, so nothing in it can be compared with the copy"
    pulled = client.pull_log(kept.check_start, end=kept.next_offset)
    try:
        kept.check_same([(pulled.start, pulled.data)])
    except Conflict as conflict:
        return f"it differs at offset {conflict.offset}"
    return None


def _find_first_missing(kept: WrapArchive, info: LogInfo) -> int:
    return next((start for start, end in kept.gaps if end > info.first), kept.next_offset)


def _fetch(
    client: Client, info: LogInfo, kept: WrapArchive, marks: list[Mark], bar: Progress
) -> None:
    """Fill the gaps that the wrap can fill, then append.

    The marks are written with the first bytes, so a pull that fails leaves no mark in a copy
    without bytes of this log.
    """
    from pbmwrap.logs.jsonl import Log

    def keep(offset: int, data: bytes) -> None:
        kept.merge(Log(pieces=[(offset, data)], marks=marks))

    for start, end in kept.gaps:
        if end > info.first:
            client.pull_log(start, bar, keep, end)
    client.pull_log(kept.next_offset, bar, keep)
    kept.merge(Log(marks=marks))


def _make_result(uid: str, kept: WrapArchive, start: int, new_bytes: int) -> Result:
    from pbmwrap.cli.text import count
    from pbmwrap.logs.sessions import group_sessions

    found = len(group_sessions(print_notes(kept).decoded()))
    data = {"uid": uid, "log": kept.folder.name, "from": start, "to": kept.next_offset}
    data |= {"sessions": found, "folder": str(kept.folder), "gaps": kept.gaps}
    text = f"{count(new_bytes, 'new byte')}, {count(found, 'session')} in {kept.folder}"
    return Result(data, text)
