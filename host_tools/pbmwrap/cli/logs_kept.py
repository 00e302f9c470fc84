"""What the commands for logs share: the archive, a wrap's log in it, and notes on that log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pbmwrap.cli import complete
from pbmwrap.cli.command import warn
from pbmwrap.errors import NoDevice, SeveralDevices

if TYPE_CHECKING:
    from pbmwrap.logs.archive import Archive, WrapArchive

Uid = Annotated[
    str | None,
    typer.Option(
        "--wrap",
        metavar="UID",
        help="The wrap whose log it is, when the archive has several.",
        autocompletion=complete.complete_wraps,
    ),
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
            f"the archive has logs of several wraps: {', '.join(known)}", "add --wrap UID"
        )
    if not known or (uid is not None and uid not in known):
        what = f"no log of wrap {uid}" if uid else "no log"
        raise NoDevice(f"the archive has {what}", "run `pbmwrap logs pull` first")
    return every.wrap(uid or known[0])


def notice(kept: WrapArchive) -> WrapArchive:
    """Print what in a log is damaged or newer than this program; returns the log."""
    from pbmwrap.logs import notices

    warn(notices.of_wrap(kept, kept.decoded()))
    return kept
