"""Lets an installed pbmwrap flash an emulated RP2040 that is in its boot ROM: `make release`.

    python flash_check.py [--version V]

`pbmwrap install` finds a folder with the files that the boot ROM's drive shows, and copies the
image there. The copy goes to the real boot ROM on the emulated chip, sector by sector over USB, and
`pbmwrap install` asks the chip that then starts. The chip runs in virtual time, so that a busy
machine changes nothing: the serial port is the one thing that is replaced. Needs pbmwrap with its
extra `emulator`, and `boot_rom.py` beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pbmwrap.twin.compiled  # noqa: F401  the emulator that `make toolchain` compiled, if any

try:
    from tools.boot_rom import BootRom
except ImportError:  # beside it in a fresh environment
    from boot_rom import BootRom  # type: ignore[import-not-found,no-redef]

from pbmwrap.cli import main as cli
from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.install import service_mode
from pbmwrap.twin.rp2040 import Rp2040Twin

_BOOT_MS = 1500  # the wrap has verified its program 0.6 s after power-on


def main(words: list[str]) -> int:
    """Print what was done; 0 when the wrap answers with its program verified."""
    parser = argparse.ArgumentParser(description="Flash an emulated RP2040 in its boot ROM.")
    parser.add_argument("--version", help="the firmware that must answer")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        answer = flash_chip(Path(folder))
    wrap = answer["wrap"]
    print(f"boot ROM: {answer['bytes']:,} bytes taken, image {answer['image']}")
    print(f"firmware {wrap['fw']} answers, its program is {wrap['integrity']}")
    wanted = options.version or wrap["fw"]
    return 0 if (wrap["fw"], wrap["integrity"]) == (wanted, "whole") else 1


def flash_chip(folder: Path) -> dict[str, Any]:
    """Run `pbmwrap install` against a chip in its boot ROM; return the data of its answer.

    Raises RuntimeError, with what the command said, when it fails.
    """
    with flashed_chip(folder) as (answer, _):
        return answer


@contextlib.contextmanager
def flashed_chip(folder: Path) -> Iterator[tuple[dict[str, Any], Rp2040Twin]]:
    """The same; yields the data and the chip, which runs until the block ends."""
    rom = BootRom()
    drive = folder / "RPI-RP2"
    drive.mkdir()
    for name, data in rom.list_files().items():
        (drive / name).write_bytes(data)
    board = _Board(rom, drive / "FIRMWARE.UF2", folder / "none.uf2")
    asked, said = service_mode.read_hello, io.StringIO()
    service_mode.read_hello = board.read_hello
    try:
        with contextlib.redirect_stdout(said):
            code = cli.main(["install", "--drive", str(drive), "--json"])
        answer = json.loads(said.getvalue())
        if code or board.twin is None:
            raise RuntimeError(f"pbmwrap install failed: {answer}")
        yield answer["data"], board.twin
    finally:
        service_mode.read_hello = asked
        board.close()


class _Board:
    """The chip: first its boot ROM, then the program that it was given."""

    def __init__(self, rom: BootRom, copied: Path, empty: Path) -> None:
        self._rom, self._copied, self._empty = rom, copied, empty
        self.twin: Rp2040Twin | None = None  # once the program has started

    def read_hello(self, port: str) -> Hello:
        """Answer for the serial port. The first call hands the copied file to the boot ROM."""
        if self.twin is None:
            self._rom.copy_file(self._copied.read_bytes())
            self._rom.wait_for_restart()
            self._empty.touch()  # no image: the program is what the ROM wrote
            self.twin = Rp2040Twin(self._empty, flash=self._rom.flash())
            self.twin.start()
            self.twin.advance_ms(_BOOT_MS)
        client = Client(TwinTransport(self.twin), first_id=1000, answer_s=5)
        return client.hello()

    def close(self) -> None:
        """Switch the chip off."""
        if self.twin is not None:
            self.twin.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
