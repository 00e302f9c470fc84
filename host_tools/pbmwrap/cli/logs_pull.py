"""`pbmwrap logs pull`: fetches new records into the archived copy of the same log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pbmwrap.cli.command import Json, Port, Result, show_progress, warn, wrap_at
from pbmwrap.cli.household import (
    ask_owners,
    open_household_if_kept,
    read_book,
    remember_log,
    tell_wrap,
    write_calendars,
)
from pbmwrap.cli.log_choice import open_archive, print_notes
from pbmwrap.cli.options import Option

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive


def pull_log(
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
    from pbmwrap.logs.pull import pull_into_archive

    def print_progress(text: str) -> None:
        warn([text])

    with wrap_at(port) as (client, hello), show_progress("pulling") as bar:
        pulled = pull_into_archive(client, hello, open_archive(), print_progress, bar, anew)
        with open_household_if_kept() as store:
            if store is not None:
                tell_wrap(client, hello, store)
    result = _make_result(hello.uid, pulled.kept, pulled.start, pulled.new_bytes)
    with open_household_if_kept() as store:
        if store is not None:
            remember_log(pulled.kept)
            book = read_book()
            result.data["unattributed"] = len(ask_owners(store, book, json))
            write_calendars(store, book)
    return result


def _make_result(uid: str, kept: WrapArchive, start: int, new_bytes: int) -> Result:
    from pbmwrap.cli.text import count
    from pbmwrap.logs.sessions import group_sessions

    found = len(group_sessions(print_notes(kept).outline()))
    data = {"uid": uid, "log": kept.folder.name, "from": start, "to": kept.next_offset}
    data |= {"sessions": found, "folder": str(kept.folder), "gaps": kept.gaps}
    text = f"{count(new_bytes, 'new byte')}, {count(found, 'session')} in {kept.folder}"
    return Result(data, text)
