"""Fetches new records of a wrap into the archived copy of the same log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbmwrap.errors import VerifyFailed
from pbmwrap.logs.archive import OTHER_LOG, Archive, WrapArchive
from pbmwrap.logs.clock import EARLIEST_MS, Mark, format_local
from pbmwrap.logs.extents import Conflict
from pbmwrap.logs.jsonl import Log

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, LogInfo
    from pbmwrap.device.transfer import Progress

Warn = Callable[[str], object]


@dataclass(frozen=True)
class Pulled:
    """A finished pull. start: offset of the first byte fetched; new_bytes: how many are new."""

    kept: WrapArchive
    start: int
    new_bytes: int


def pull_into_archive(
    client: Client,
    hello: Hello,
    archive: Archive,
    warn: Warn,
    progress: Progress | None = None,
    anew: bool = False,
) -> Pulled:
    """Copy new records into the archive, verified. A session is not disturbed.

    anew: start a new copy and keep the old one. warn: called with each note for people. Raises
    VerifyFailed, and changes nothing, when the wrap's log is not the one kept.
    """
    # Before the long transfer: a mark pairs two clocks, and must pair them at one moment.
    marks = _read_clock(client, warn)
    info = client.log_info()
    if anew:
        kept = _start_copy(archive, hello.uid, warn)
    else:
        kept = _find_copy(client, info, archive, hello.uid, warn)
    # From here on it is sure that the bytes continue this copy.
    before, start = kept.size, _find_first_missing(kept, info)
    _fetch_bytes(client, info, kept, marks, progress)
    kept.add_about(hello.as_json())
    archive.set_latest(kept.folder.name)
    return Pulled(kept, start, kept.size - before)


def _read_clock(client: Client, warn: Warn) -> list[Mark]:
    """Read the wrap's uptime and this machine's clock together, which dates old records."""
    hello = client.hello()
    unix_ms = round(time.time() * 1000)
    if unix_ms < EARLIEST_MS:
        warn(
            f"this machine's clock says {format_local(unix_ms)}, which cannot be true: "
            "records stay undated; set the clock and pull again"
        )
        return []
    return [Mark(hello.boot, hello.uptime_s * 1000, unix_ms)]


def _start_copy(archive: Archive, uid: str, warn: Warn) -> WrapArchive:
    """Set the current copy aside and start a new one."""
    kept = archive.wrap(uid)
    if kept.folder.exists():
        old = kept.retire_copy()
        warn(f"the log kept so far is now {old.name}: see `pbmwrap logs wraps`")
    return kept


def _find_copy(
    client: Client, info: LogInfo, archive: Archive, uid: str, warn: Warn
) -> WrapArchive:
    """Find the copy that this wrap's log continues.

    Raises VerifyFailed if there is none, and changes nothing: two logs are never mixed.
    """
    copies = archive.list_copies(uid)
    reasons = []
    for kept in copies:
        reason = _describe_difference(client, info, kept)
        if reason is None:
            if len(copies) > 1 and kept.size:
                others = ", ".join(c.folder.name for c in copies if c is not kept and c.size)
                warn(f"this is the log {kept.folder.name}; kept under the same id: {others}")
            return kept
        reasons.append(f"{reason} (the copy in {kept.folder})")
    raise VerifyFailed(f"this wrap's log is not the one kept: {'; '.join(reasons)}", OTHER_LOG)


def _describe_difference(client: Client, info: LogInfo, kept: WrapArchive) -> str | None:
    """Describe why the wrap's log does not continue this copy; None if it does.

    Reads the last archived sector from the wrap again.
    """
    # An empty copy contradicts nothing.
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
    # A gap that the wrap has overwritten meanwhile cannot be filled.
    return next((start for start, end in kept.gaps if end > info.first), kept.next_offset)


def _fetch_bytes(
    client: Client,
    info: LogInfo,
    kept: WrapArchive,
    marks: list[Mark],
    progress: Progress | None,
) -> None:
    """Fill the gaps that the wrap can fill, then append.

    The marks are written with the first bytes, so a pull that fails leaves no mark in a copy
    without bytes of this log.
    """

    def keep_bytes(offset: int, data: bytes) -> None:
        kept.merge_log(Log(pieces=[(offset, data)], marks=marks))

    for start, end in kept.gaps:
        if end > info.first:
            client.pull_log(start, progress, keep_bytes, end)
    client.pull_log(kept.next_offset, progress, keep_bytes)
    kept.merge_log(Log(marks=marks))
