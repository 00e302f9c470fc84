"""Images and twins for the tests that look at the emulated board itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pbmwrap.facts import board_facts
from pbmwrap.install import bundle, slot
from pbmwrap.twin.rp2040 import Rp2040Twin
from tests import forked
from wrap.version import STORED, VERSION

ROOT = Path(__file__).parents[2]
_ENUMERATED_MS = 1000
_SETTLE_MS = 20

MakeTwin = Callable[[Path], Rp2040Twin]


def tool(*words: str | Path) -> Path:
    """Run tools/toolchain.py; the path on its last line."""
    command = [sys.executable, ROOT / "tools/toolchain.py", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def toolchain() -> Path:
    """The folder with mpy-cross and the unix port."""
    return tool("ensure")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wrap's image."""
    return tool("firmware", "--board", "PBMWRAP_RP2040", "--out", tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def stock_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MicroPython with none of our modules."""
    return tool("firmware", "--board", "STOCK_RP2040", "--out", tmp_path_factory.mktemp("stock"))


@pytest.fixture(scope="session")
def stock_firmware(toolchain: Path) -> slot.Firmware:
    """What `pbmwrap install --files` puts onto a stock RP2040."""
    modules = bundle.bundle(bundle.compiler_of(toolchain / "mpy-cross", "armv6m"))
    return slot.firmware(modules, VERSION, STORED)


@pytest.fixture(scope="session")
def installed(stock_firmware: slot.Firmware) -> dict[str, bytes]:
    """The files of a stock board with the wrap installed."""
    return slot.as_installed(stock_firmware, slot.boot_file(board_facts()))


@pytest.fixture
def make_twin() -> Iterator[MakeTwin]:
    """Makes twins without power; all are closed at the end."""
    made: list[Rp2040Twin] = []

    def make(image: Path) -> Rp2040Twin:
        made.append(Rp2040Twin(image))
        return made[-1]

    yield make
    for twin in made:
        twin.close()


def at_repl(twin: Rp2040Twin) -> Rp2040Twin:
    """Power on and stop whatever main.py runs, as early as USB allows."""
    twin.start()
    twin.run_until(twin.enumerated, _ENUMERATED_MS)
    twin.advance_ms(_SETTLE_MS)
    twin.repl("pass")
    return twin


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in _AT_REPL:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.forked(name))


def built(board: str) -> Path:
    """A board's image in build/."""
    return tool("firmware", "--board", board, "--out", ROOT / "build")


_AT_REPL = {"ours": "PBMWRAP_RP2040", "stock": "STOCK_RP2040"}
for _name, _board in _AT_REPL.items():
    forked.register(_name, lambda board=_board: at_repl(Rp2040Twin(built(board))))


@pytest.fixture
def ours() -> Iterator[Rp2040Twin]:
    """The wrap's image, its program interrupted, at the REPL."""
    twin = forked.take("ours")
    yield twin
    twin.close()


@pytest.fixture
def stock() -> Iterator[Rp2040Twin]:
    """Stock MicroPython at the REPL."""
    twin = forked.take("stock")
    yield twin
    twin.close()
