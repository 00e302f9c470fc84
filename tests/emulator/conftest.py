"""Images and twins for the tests that look at the emulated board itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.facts import board_facts
from pbmwrap.install import bundle, loader_files, packs
from pbmwrap.twin.rp2040 import Rp2040Twin
from tests import forked
from tests.contract.conftest import Bench
from tools.bench.link_steps import Session
from tools.bench.repl_board import BOARD, ReplBoard
from tools.toolchain.built import run_toolchain as tool
from wrap.version import STORED, VERSION

ROOT = Path(__file__).parents[2]
_ENUMERATED_MS = 1000
_SETTLE_MS = 20

MakeTwin = Callable[[Path], Rp2040Twin]


@pytest.fixture(scope="session")
def toolchain() -> Path:
    """Return the folder with mpy-cross and the unix port."""
    return tool("ensure")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wrap's image."""
    return tool("firmware", "--board", "PBMWRAP_RP2040", "--out", tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def stock_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MicroPython with none of our modules."""
    return tool("firmware", "--board", "STOCK_RP2040", "--out", tmp_path_factory.mktemp("stock"))


@pytest.fixture(scope="session")
def stock_firmware(toolchain: Path) -> packs.Firmware:
    """Return what `pbmwrap install --files` puts onto a stock RP2040."""
    modules = bundle.compile_modules(bundle.make_compiler(toolchain / "mpy-cross", "armv6m"))
    return packs.pack_firmware(modules, VERSION, STORED)


@pytest.fixture(scope="session")
def installed(stock_firmware: packs.Firmware, toolchain: Path) -> dict[str, bytes]:
    """Return the files of a stock board with the wrap installed."""
    loader = loader_files.compile_loader(bundle.make_compiler(toolchain / "mpy-cross", "armv6m"))
    boot = loader_files.make_boot_file(board_facts())
    return loader_files.list_installed_files(stock_firmware, boot, loader)


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
    here = Path(__file__).parent
    for item in items:  # those of other folders too, whose fixtures may have these names
        for name in _BOOTED:
            if here in item.path.parents and name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.forked(_BOOTED[name]))


APP_RUNS_MS = 1500


def first_boot() -> Rp2040Twin:
    """The wrap's image after the first boot of an erased chip; its pins recorded from power on."""
    twin = Rp2040Twin(built("PBMWRAP_RP2040"))
    twin.record_edges()
    twin.start()
    twin.advance_ms(APP_RUNS_MS)
    return twin


def built(board: str) -> Path:
    """Return a board's image in build/."""
    return tool("firmware", "--board", board, "--out", ROOT / "build")


SESSION_S = 60
STEPS = [{"t": SESSION_S, "ch": {"red": [200], "nir": [250]}}]


def flashed_bench() -> Bench:
    """Return the wrap with a protocol of a minute."""
    bench = Bench("rp2040")
    bench.flash(steps=STEPS)
    return bench


def lit_bench() -> Bench:
    """Return the same in its session."""
    bench = flashed_bench()
    bench.client.start()
    bench.wait_for("running", 4000)
    assert bench.twin.enabled()
    assert not bench.pins_low()
    return bench


_MAKERS: dict[str, Callable[[], Any]] = {
    "ours": lambda: at_repl(Rp2040Twin(built("PBMWRAP_RP2040"))),
    "stock": lambda: at_repl(Rp2040Twin(built("STOCK_RP2040"))),
    "first boot": first_boot,
    "flashed": flashed_bench,
    "lit": lit_bench,
    "session": lambda: Session(built("PBMWRAP_RP2040"), SESSION_S),
    "repl_board": lambda: ReplBoard(built(BOARD)),
}
for _name, _make in _MAKERS.items():
    forked.register(_name, _make)
# State in tests/forked.py by fixture. tests/contract makes the idle wrap in the same process.
_BOOTED = {
    "booted": "contract bench",
    "after_first_boot": "first boot",
    **{name: name for name in ("ours", "stock", "flashed", "lit", "session", "repl_board")},
}


@pytest.fixture
def booted() -> Iterator[Bench]:
    """The wrap's image, idle."""
    yield from _taken_bench("booted")


@pytest.fixture
def flashed() -> Iterator[Bench]:
    yield from _taken_bench("flashed")


@pytest.fixture
def lit() -> Iterator[Bench]:
    yield from _taken_bench("lit")


def _taken_bench(name: str) -> Iterator[Bench]:
    bench = forked.take(_BOOTED[name])
    yield bench
    bench.twin.close()


@pytest.fixture
def session() -> Iterator[Session]:
    """A lit session whose steps are watched."""
    session = forked.take("session")
    yield session
    session.twin.close()


@pytest.fixture
def repl_board() -> Iterator[ReplBoard]:
    """The benchmark's image at its REPL: the wrap's step and its peers."""
    board = forked.take("repl_board")
    yield board
    board.close()


@pytest.fixture
def ours() -> Iterator[Rp2040Twin]:
    """The wrap's image, its program interrupted, at the REPL."""
    twin = forked.take("ours")
    yield twin
    twin.close()


@pytest.fixture
def after_first_boot() -> Iterator[Rp2040Twin]:
    """The wrap's image, running since the first boot of an erased chip."""
    twin = forked.take(_BOOTED["after_first_boot"])
    yield twin
    twin.close()


@pytest.fixture
def stock() -> Iterator[Rp2040Twin]:
    """Stock MicroPython at the REPL."""
    twin = forked.take("stock")
    yield twin
    twin.close()
