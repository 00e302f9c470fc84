"""`pbmwrap logs pull`: fetch what is new, into the copy that is shown to be of this very log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pbmwrap.cli.command import Json, Port, Result, progress, warn, wrap_at
from pbmwrap.cli.logs_kept import archive, notice
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
            help="Begin a new copy and keep the old one: the wrap's flash was erased, or two "
            "wraps have one id.",
        ),
    ] = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Fetch what is new into the archive, verified.

    Never disturbs a session.
    """
    with wrap_at(port) as (client, hello):
        marks = _read_clocks(client)
        info = client.log_info()
        kept = _new_copy(hello.uid) if anew else _matching_copy(client, info, hello.uid)
        before, start = kept.size, _first_missing(kept, info)
        with progress("pulling") as bar:
            _fetch(client, info, kept, marks, bar)
        kept.tell(hello.as_json())
    archive().set_latest(kept.folder.name)
    return _report(hello.uid, kept, start, kept.size - before)


def _read_clocks(client: Client) -> list[Mark]:
    """Which uptime it is now by this machine's clock, so that old records find their time."""
    import time

    from pbmwrap.logs.clock import EARLIEST_MS, Mark, local_minute

    hello = client.hello()
    unix_ms = round(time.time() * 1000)
    if unix_ms < EARLIEST_MS:
        warn(
            [
                f"this machine's clock says {local_minute(unix_ms)}, which cannot be: no time was "
                "noted; set the clock and pull again"
            ]
        )
        return []
    return [Mark(hello.boot, hello.uptime_s * 1000, unix_ms)]


def _new_copy(uid: str) -> WrapArchive:
    kept = archive().wrap(uid)
    if kept.folder.exists():
        old = kept.retire()
        warn([f"the log kept so far is now {old.name}: see `pbmwrap logs wraps`"])
    return kept


def _matching_copy(client: Client, info: LogInfo, uid: str) -> WrapArchive:
    """The copy that this wrap's log continues. Raises VerifyFailed when there is none: then
    nothing is changed, so that two logs are never mixed."""
    copies = archive().copies(uid)
    reasons = []
    for kept in copies:
        reason = _difference(client, info, kept)
        if reason is None:
            if len(copies) > 1 and kept.size:
                others = ", ".join(c.folder.name for c in copies if c is not kept and c.size)
                warn([f"this is the log {kept.folder.name}; kept under the same id: {others}"])
            return kept
        reasons.append(f"{reason} (the copy in {kept.folder})")
    from pbmwrap.logs.archive import OTHER_LOG

    raise VerifyFailed(f"this wrap's log is not the one kept: {'; '.join(reasons)}", OTHER_LOG)


def _difference(client: Client, info: LogInfo, kept: WrapArchive) -> str | None:
    """Why the wrap's log does not continue this copy; None when it does. Reads its last sector."""
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


def _first_missing(kept: WrapArchive, info: LogInfo) -> int:
    return next((start for start, end in kept.gaps if end > info.first), kept.next_offset)


def _fetch(
    client: Client, info: LogInfo, kept: WrapArchive, marks: list[Mark], bar: Progress
) -> None:
    """Fill the gaps that the wrap can fill, then append. The time is noted with the first bytes:
    never in a copy that holds nothing of this log."""
    from pbmwrap.logs.jsonl import Log

    def keep(offset: int, data: bytes) -> None:
        kept.merge(Log(pieces=[(offset, data)], marks=marks))

    for start, end in kept.gaps:
        if end > info.first:
            client.pull_log(start, bar, keep, end)
    client.pull_log(kept.next_offset, bar, keep)
    kept.merge(Log(marks=marks))


def _report(uid: str, kept: WrapArchive, start: int, fresh: int) -> Result:
    from pbmwrap.cli.text import count
    from pbmwrap.logs.sessions import sessions

    found = len(sessions(notice(kept).decoded()))
    data = {"uid": uid, "log": kept.folder.name, "from": start, "to": kept.next_offset}
    data |= {"sessions": found, "folder": str(kept.folder), "gaps": kept.gaps}
    text = f"{count(fresh, 'new byte')}, {count(found, 'session')} in {kept.folder}"
    return Result(data, text)
