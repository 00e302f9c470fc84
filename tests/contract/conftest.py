"""One suite for every wrap: `pytest tests/contract --target sim|unix|rp2040` (repeatable; default:
all three)."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import board_facts
from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.base import Twin
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.sim import SimTwin
from tests import forked
from tools.toolchain.built import run_toolchain

ROOT = Path(__file__).parents[2]
TARGETS = ("sim", "unix", "rp2040")
BOOT_MS = 1000
FIRST_ID = 1000  # a random one changes the length of requests, and with it every time on the binary


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        call = getattr(item, "callspec", None)
        for name in _BENCHES:
            if call is not None and call.params.get(name) == "rp2040":
                item.add_marker(pytest.mark.forked(_state(name)))
                if item.get_closest_marker("long_on_chip"):
                    item.add_marker(pytest.mark.slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name in _BENCHES:
        if name in metafunc.fixturenames:
            targets = metafunc.config.getoption("target") or list(TARGETS)
            metafunc.parametrize(name, targets, indirect=True)


@functools.cache
def tool(*words: str) -> str:
    """Return the path that `python -m tools.toolchain WORDS` prints, built once a process."""
    return str(run_toolchain(*words))


def make_twin(target: str) -> Twin:
    plant = Plant(board_facts)
    if target == "sim":
        return SimTwin(plant)
    if target == "unix":
        from pbmwrap.twin.unix import UnixTwin

        return UnixTwin(Path(tool("ensure")) / "micropython", plant)
    if target == "rp2040":
        from pbmwrap.twin.rp2040 import Rp2040Twin

        image = tool("firmware", "--board", "PBMWRAP_RP2040", "--out", str(ROOT / "build"))
        return Rp2040Twin(Path(image), plant)
    raise pytest.UsageError(f"no target {target}; there are {', '.join(TARGETS)}")


class Bench:
    """A twin with a client on its port, and what a person at the bench does with both."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.twin = make_twin(target)
        self.client = Client(TwinTransport(self.twin), first_id=FIRST_ID)
        self.twin.start()
        self.advance(BOOT_MS)

    def advance(self, ms: int) -> None:
        self.twin.advance_ms(ms)

    @property
    def state(self) -> str:
        return self.client.call("state")["state"]

    def flash(self, slot: int = 0, **changes: object) -> bytes:
        """Store a short protocol and make it the active one."""
        raw = protocol(**changes)
        self.client.flash_protocol(slot, raw)
        self.client.activate(slot)
        return raw

    def calibrate(self, uw: int = 100_000) -> None:
        for name, *_ in board_facts.CHANNELS:
            self.client.set_calibration(name, uw, 100, 20261101, "test meter")

    def press(self, ms: int = 100) -> None:
        self.twin.press(True)
        self.advance(ms)
        self.twin.press(False)

    def wait_for(self, state: str, within_ms: int) -> int:
        """Advance until the wrap says `state`; returns the virtual milliseconds it took."""
        began = self.twin.now_ms
        while self.state != state:
            waited = self.twin.now_ms - began
            assert waited < within_ms, f"still {self.state} after {waited} ms, not {state}"
            self.advance(100)
        return self.twin.now_ms - began

    def light(self) -> None:
        """A session of the active protocol, started by the button, at its level."""
        self.press()
        self.wait_for("running", 4000)

    def dark_after(self, ms: int) -> bool:
        """Return whether no pin is high in the 100 ms after `ms` have passed."""
        self.advance(ms)
        self.advance(100)
        return self.twin.dark()

    def pins_low(self) -> bool:
        """Lamp pins low, whatever the enable does."""
        return not any(lamp.high or lamp.on_ppm for lamp in self.twin.lamps())


def protocol(**changes: object) -> bytes:
    """Canonical bytes of a protocol that lasts three seconds. Its levels stay below what the lamps
    may draw without a heat test."""
    obj: dict[str, object] = {
        "v": 1,
        "id": "bench",
        "name": "Bench",
        "site": "hand-left",
        "ramp": 500,
        "steps": [{"t": 3, "ch": {"red": [200], "nir": [250]}}],
    }
    obj.update(changes)
    return json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()


LONG = {"steps": [{"t": 60, "ch": {"red": [200], "nir": [250]}}]}
TESTED_PM = 600
_DARK_MS = 34_000  # the balance begins again when the sensors jump


def tested_bench(target: str) -> Bench:
    """A wrap with a recorded heat test, that long in the dark that the heat balance knows the pad.
    Its skin sensors read 37.7 C."""
    bench = Bench(target)
    set_skin(bench, 37.7)
    bench.client.set_heat_test(TESTED_PM, 20261128, 41000, "bench")
    bench.advance(_DARK_MS)
    return bench


def set_skin(bench: Bench, c: float) -> None:
    """Let every skin sensor read `c`."""
    plant = bench.twin.plant
    for i, (name, role, *_) in enumerate(board_facts.SENSORS):
        if role == "skin":
            plant.set_fault(name, "offset", c - plant.sensor_c(i))


def lit_bench(target: str) -> Bench:
    """Return a wrap in a session of a minute that its button has started."""
    bench = Bench(target)
    bench.flash(**LONG)
    bench.light()
    bench.advance(100)
    assert not bench.pins_low()
    return bench


def asked_bench(target: str) -> Bench:
    """Return a session whose wake check waits: 3 s of light, 3 s to answer."""
    bench = Bench(target)
    bench.client.set_setting("wake_s", 3)
    bench.client.set_setting("answer_s", 3)
    bench.flash(**LONG)
    bench.light()
    for _ in range(40):
        if bench.client.status().wake_waiting:
            return bench
        bench.advance(100)
    raise AssertionError("nothing was asked")


# By the name of their fixture. The emulated board of each is made once in a process, and its tests
# run in copies of the process: the boot takes 2.5 s of CPU time, the light 2.5 s more.
_BENCHES: dict[str, Callable[[str], Bench]] = {
    "bench": Bench,
    "lit": lit_bench,
    "tested": tested_bench,
    "asked": asked_bench,
}


def _state(name: str) -> str:
    """Name of the state in tests/forked.py; tests/emulator has a `lit` of its own."""
    return f"contract {name}"


for _name, _make in _BENCHES.items():
    forked.register(_state(_name), functools.partial(_make, "rp2040"))


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    yield from _taken("bench", request.param)


@pytest.fixture
def lit(request: pytest.FixtureRequest) -> Iterator[Bench]:
    yield from _taken("lit", request.param)


@pytest.fixture
def asked(request: pytest.FixtureRequest) -> Iterator[Bench]:
    yield from _taken("asked", request.param)


@pytest.fixture
def tested(request: pytest.FixtureRequest) -> Iterator[Bench]:
    yield from _taken("tested", request.param)


def _taken(name: str, target: str) -> Iterator[Bench]:
    made = forked.take(_state(name)) if target == "rp2040" else _BENCHES[name](target)
    yield made
    made.twin.close()
