"""Finds the archived log that a command works on, and prints the notes on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pbmwrap.cli import complete
from pbmwrap.cli.command import warn
from pbmwrap.cli.options import Option
from pbmwrap.errors import InvalidFile, NoDevice, SeveralDevices

if TYPE_CHECKING:
    from pbmwrap.logs.archive import Archive, WrapArchive

Uid = Annotated[
    str | None,
    Option(
        "--wrap",
        metavar="WRAP",
        help="Id or nickname of the wrap, or the beginning of one. Default: pulled last.",
        autocompletion=complete.complete_wraps,
    ),
]


def open_archive() -> Archive:
    """Open the archive with all wraps' logs."""
    from pbmwrap.logs.archive import Archive

    return Archive()


def read_nicknames() -> dict[str, str]:
    """Read {log: nickname}. Prints a note on a file that cannot be read; then there are none."""
    from pbmwrap.logs import nicknames

    try:
        return nicknames.read_nicknames(open_archive().root)
    except InvalidFile as problem:
        warn([str(problem)])
        return {}


def format_log_name(uid: str, names: dict[str, str]) -> str:
    """Format a log for people: its id, and its nickname if it has one."""
    return f"{uid} ({names[uid]})" if uid in names else uid


def find_uid(word: str) -> str:
    """Find the log that `word` means. Raises NoDevice for none, SeveralDevices for several."""
    from pbmwrap.logs.nicknames import match_logs

    uids, names = open_archive().uids(), read_nicknames()
    found = match_logs(word, uids, names)
    if not found:
        raise NoDevice(
            f"no log of wrap {word} is kept on this machine",
            "see `pbmwrap logs wraps`" if uids else "run `pbmwrap logs pull` first",
        )
    if len(found) > 1:
        listed = ", ".join(format_log_name(uid, names) for uid in found)
        raise SeveralDevices(f"{word} can mean {listed}", "write more of it")
    return found[0]


def open_log(word: str | None) -> WrapArchive:
    """Open the log that `word` means, or without one the log that was pulled last.

    Raises NoDevice, SeveralDevices.
    """
    archive = open_archive()
    if word is not None:
        return archive.wrap(find_uid(word))
    latest = archive.find_latest()
    if latest is None:
        raise NoDevice("no log is kept on this machine", "run `pbmwrap logs pull` first")
    others = len(archive.uids()) - 1
    if others:
        more = "1 other log is" if others == 1 else f"{others} other logs are"
        shown = format_log_name(latest, read_nicknames())
        warn([f"log of wrap {shown}, pulled last; {more} kept: see `pbmwrap logs wraps`"])
    return archive.wrap(latest)


def print_notes(kept: WrapArchive) -> WrapArchive:
    """Print the notes on a log (damage, losses, clocks, newer records); return the log."""
    from pbmwrap.logs.notes import list_notes

    warn(list_notes(kept))
    return kept
