"""The command that puts the firmware on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pbmwrap.cli import install_files, install_image
from pbmwrap.cli.command import Json, Port, Result, command, default_port
from pbmwrap.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register this file's command."""
    command(app, "install")(install)


def install(
    files: Annotated[
        bool, typer.Option("--files", help="Write the firmware onto a stock MicroPython board.")
    ] = False,
    image: Annotated[
        Path | None, typer.Option(metavar="UF2", help="Copy an image to a board in BOOTSEL mode.")
    ] = None,
    drive: Annotated[
        Path | None, typer.Option(help="The boot loader's drive, when it is not found.")
    ] = None,
    sources: Annotated[
        bool, typer.Option("--sources", help="Install .py files; slower to start, needs no tools.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Put files before a wrap that runs from its image.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what --files would write, change nothing.")
    ] = False,
    downgrade: Annotated[
        bool, typer.Option("--downgrade", help="Let --files put an older firmware there.")
    ] = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Put the firmware on a board. As files or as an image; sees that it answers."""
    if files == (image is not None):
        raise UsageError("choose either --files or --image UF2", "see `pbmwrap install --help`")
    if image is not None:
        return install_image.run(image, drive, default_port(port))
    return install_files.run(default_port(port), sources, force, dry_run, downgrade)
