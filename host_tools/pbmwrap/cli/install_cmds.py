"""The command that puts the firmware on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pbmwrap.cli.command import Json, Port, Result, command, default_port, note, progress
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
    port: Port = None,
    json: Json = False,
) -> Result:
    """Put the firmware on a board. As files or as an image; sees that it answers."""
    if files == (image is not None):
        raise UsageError("choose either --files or --image UF2", "see `pbmwrap install --help`")
    if image is not None:
        return _image(image, drive, default_port(port))
    return _files(default_port(port), sources, force)


def _files(port: str, sources: bool, force: bool) -> Result:
    from pbmwrap.install import board, bundle, files

    chosen = board.choose_port(port)
    cross = None if sources else bundle.find_mpy_cross()
    if cross is None and not sources:
        note("no mpy-cross found (`make toolchain` builds one): installing sources")
    content = bundle.bundle(bundle.compiler_of(cross) if cross else None)
    board.make_ready(chosen, force)
    with files.raw_board(chosen) as target, progress("installing") as bar:
        version = files.check_version(target)
        done = files.install(target, content, bar)
        files.restart(target)
    hello = board.wait_for_wrap(board.greet, chosen)
    data = {"port": chosen, "compiled": cross is not None, "micropython": version}
    data |= {"written": done.written, "unchanged": done.unchanged, "bytes": done.bytes}
    text = f"{done.written} files written, {done.unchanged} unchanged, all verified"
    return Result(data | {"wrap": hello}, f"{text}; firmware {hello.fw} answers at {chosen}")


def _image(image: Path, drive: Path | None, port: str) -> Result:
    from pbmwrap.install import board
    from pbmwrap.install import image as uf2

    data = uf2.check_uf2(image)
    target = uf2.copy(data, drive or uf2.find_drive())
    note("image copied; waiting for the wrap to start")
    hello = board.wait_for_wrap(board.greet, port)
    text = f"{len(data)} bytes copied to {target.parent}; firmware {hello.fw} answers"
    return Result({"image": str(image), "bytes": len(data), "wrap": hello}, text)
