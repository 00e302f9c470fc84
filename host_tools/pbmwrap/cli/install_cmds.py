"""The command that puts the firmware on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from pbmwrap.cli import install_files, install_image
from pbmwrap.cli.command import Json, Port, Result, command, default_port, note
from pbmwrap.cli.options import Option
from pbmwrap.errors import UsageError


def add_to(app: click.Group) -> None:
    """Register this file's command."""
    command(app, "install")(install)


def install(
    files: Annotated[
        bool, Option("--files", help="Write the firmware onto a stock MicroPython board.")
    ] = False,
    image: Annotated[Path | None, Option(metavar="UF2", help="Copy an image to the board.")] = None,
    drive: Annotated[
        Path | None, Option(help="The boot loader's drive, if it is not found by itself.")
    ] = None,
    sources: Annotated[
        bool, Option("--sources", help="Install .py files: needs no tools, starts slower.")
    ] = False,
    force: Annotated[
        bool, Option("--force", help="Install files although the wrap runs from an image.")
    ] = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Say what would be done; change nothing.")
    ] = False,
    downgrade: Annotated[
        bool, Option("--downgrade", help="Allow --files to install an older firmware.")
    ] = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Install the firmware on a board, new or in use, and check that it answers.

    Without --files or --image it looks for the one connected board and chooses the way that fits.
    """
    if files and image:
        raise UsageError("choose either --files or --image", "see `pbmwrap install --help`")
    at = default_port(port)
    if not files and image is None and drive is None:
        files, image, at = _fitting(at)
    if files:
        return install_files.run(at, sources, force, dry_run, downgrade)
    return install_image.run(image or _built(), drive, at, dry_run)


def _fitting(port: str) -> tuple[bool, Path | None, str]:
    """(files, image, port) for the one board that is there. Raises WrapError with its next step."""
    from pbmwrap.install import look

    found = look.only(look.boards(port))
    note(str(found))
    if found.way is None:
        raise found.refusal()
    at = port if found.kind == "bootsel" else found.where
    return found.way == "files", _built() if found.way == "image" else None, at


def _built() -> Path:
    """The image that `make firmware` has built. Raises UsageError."""
    from pbmwrap import installed, paths
    from pbmwrap.facts import DEFAULT_BOARD

    built = paths.built_image(DEFAULT_BOARD)
    if built is None:
        hint = f"give --image UF2; to build one, {installed.hint_make('firmware')}"
        raise UsageError("this installation of pbmwrap has no firmware image", hint)
    if not built.is_file():
        hint = f"{installed.hint_make('firmware')}, or give --image UF2"
        raise UsageError(f"there is no image {built}", hint)
    return built
