"""What the commands for logs share: the archive, a wrap's copy in it, what is to be said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pbmwrap.cli.command import warn
from pbmwrap.cli.options import Option
from pbmwrap.errors import NoDevice, SeveralDevices

if TYPE_CHECKING:
    from pbmwrap.logs.archive import Archive, WrapArchive

Uid = Annotated[
    str | None,
    Option("--wrap", metavar="UID", help="Which wrap's log, when several are kept."),
]


def archive() -> Archive:
    """All wraps' logs."""
    from pbmwrap import paths
    from pbmwrap.logs.archive import Archive

    return Archive(paths.data_dir() / "logs")


def kept_of(uid: str | None) -> WrapArchive:
    """One wrap's copy. Raises NoDevice when there is none, SeveralDevices when it is not clear."""
    every = archive()
    known = every.uids()
    if uid is None and len(known) > 1:
        raise SeveralDevices(
            f"logs of several wraps are kept: {', '.join(known)}", "add --wrap UID"
        )
    if not known or (uid is not None and uid not in known):
        what = f"no log of wrap {uid}" if uid else "no log"
        raise NoDevice(f"{what} is kept on this machine", "run `pbmwrap logs pull` first")
    return every.wrap(uid or known[0])


def notice(kept: WrapArchive) -> WrapArchive:
    """Say what of a log is damaged or newer than this program; the log again."""
    from pbmwrap.logs import notices

    warn(notices.of_wrap(kept, kept.decoded()))
    return kept
