"""What the commands for logs share: the archive, a wrap's log in it, and notes on that log."""

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


def archive() -> Archive:
    """All wraps' logs."""
    from pbmwrap import paths
    from pbmwrap.logs.archive import Archive

    return Archive(paths.data_dir() / "logs")


def nicknames() -> dict[str, str]:
    """{log: nickname}; a file that cannot be read is said, and then there are none."""
    from pbmwrap.logs.names import read_names

    try:
        return read_names(archive().root)
    except InvalidFile as problem:
        warn([str(problem)])
        return {}


def label(uid: str, names: dict[str, str]) -> str:
    """A log for people: its id, and its nickname where it has one."""
    return f"{uid} ({names[uid]})" if uid in names else uid


def find_uid(word: str) -> str:
    """The log that `word` means. Raises NoDevice when there is none, SeveralDevices when it is
    not clear."""
    from pbmwrap.logs.names import match

    every, names = archive().uids(), nicknames()
    found = match(word, every, names)
    if not found:
        raise NoDevice(
            f"no log of wrap {word} is kept on this machine",
            "see `pbmwrap logs wraps`" if every else "run `pbmwrap logs pull` first",
        )
    if len(found) > 1:
        listed = ", ".join(label(uid, names) for uid in found)
        raise SeveralDevices(f"{word} can mean {listed}", "write more of it")
    return found[0]


def kept_of(word: str | None) -> WrapArchive:
    """One wrap's log: the one that `word` means, else the one that was pulled last. Raises
    NoDevice, SeveralDevices."""
    every = archive()
    if word is not None:
        return every.wrap(find_uid(word))
    chosen = every.latest()
    if chosen is None:
        raise NoDevice("no log is kept on this machine", "run `pbmwrap logs pull` first")
    others = len(every.uids()) - 1
    if others:
        more = "1 other log is" if others == 1 else f"{others} other logs are"
        shown = label(chosen, nicknames())
        warn([f"log of wrap {shown}, pulled last; {more} kept: see `pbmwrap logs wraps`"])
    return every.wrap(chosen)


def notice(kept: WrapArchive) -> WrapArchive:
    """Say what of a log is damaged, contradictory or newer than this program; the log again."""
    from pbmwrap.logs import notices

    warn(notices.of_wrap(kept, kept.decoded()))
    return kept
