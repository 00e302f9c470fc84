"""A board with a sense input, as the real binary: it tests each shut-off path before light."""
# H-25

from __future__ import annotations

import pytest

import board_facts
from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.rp2040 import Rp2040Twin
from tests import forked
from tests.contract.conftest import BOOT_MS, Bench
from tests.emulator.conftest import built
from tests.unit.test_self_test import without_sense

STEPS = [{"t": 60, "ch": {"red": [200], "nir": [250]}}]
RED = board_facts.CHANNELS[0][2]


FACTS_OF_AN_OLD_PAD = """
import board_facts
from wrap.hal import open_board
from wrap.main_loop import main
board_facts.SENSE_PIN = None
"""
RUN = b"main(open_board(board_facts), board_facts)\r\n"


class SenseBench(Bench):
    """The wrap. sensed: False for an old pad: its facts say so, changed at the prompt: no file
    takes the place of the image's own."""

    def __init__(self, sensed: bool = True) -> None:
        self.target = "rp2040"
        facts = board_facts if sensed else without_sense()
        self.twin = Rp2040Twin(built("PBMWRAP_RP2040"), facts=facts)  # type: ignore[arg-type]
        self.client = Client(TwinTransport(self.twin))
        self.twin.start()
        self.advance(BOOT_MS)
        if not sensed:
            self.twin.repl(FACTS_OF_AN_OLD_PAD)
            self.twin.write(RUN)
            self.advance(BOOT_MS)
            self.twin.read()
        self.flash(steps=STEPS)


forked.register("sensed", SenseBench)
pytestmark = pytest.mark.forked("sensed")


@pytest.fixture
def sensed() -> SenseBench:
    return forked.take("sensed")


def test_both_ways_to_dark_are_sensed_dark_then_light_comes(sensed: SenseBench) -> None:
    enable, lamp = sensed.twin.pins.enable, sensed.twin.pins.lamps[0]
    enable.edges, lamp.line.edges, lamp.lit.edges = [], [], []
    sensed.client.start()
    sensed.advance(300)
    first_light = lamp.lit.edges[0][0]
    before = [high for ns, high in enable.edges if ns < first_light]
    assert before[:3] == [True, False, True]  # alone for the test, then for the session
    closed_ns = enable.edges[1][0]
    probed = [ns for ns, high in lamp.line.edges if high and closed_ns < ns < enable.edges[2][0]]
    assert probed  # the lamp's pin, with the enable low
    sensed.advance(400)
    assert sensed.client.fault() is None


@pytest.mark.parametrize(
    "pin,reported",
    [
        (RED, "although every lamp pin is low"),
        (board_facts.ENABLE_PIN, "although the enable is low"),
    ],
)
def test_a_shorted_mosfet_is_found_before_light(
    sensed: SenseBench, pin: int, reported: str
) -> None:
    sensed.twin.pins.short(pin)
    lamps = sensed.twin.pins.lamps
    sensed.client.start()
    sensed.wait_for("fault", 1000)
    fault = sensed.client.fault()
    assert fault is not None
    assert (fault.name, fault.detail) == ("self-test", "light is sensed " + reported)
    assert max(lamp.lit.on_ns() for lamp in lamps) < 45_000_000
    assert not any(lamp.lit.high for lamp in lamps)


def test_light_that_nobody_asked_for_is_a_fault(sensed: SenseBench) -> None:
    sensed.twin.pins.short(RED)
    sensed.twin.pins.short(board_facts.ENABLE_PIN)
    sensed.advance(60)
    fault = sensed.client.fault()
    assert fault is not None
    assert fault.name == "light"


def test_an_old_pad_without_the_input_says_so() -> None:
    bench = SenseBench(sensed=False)
    assert bench.client.hello().sense is False
    bench.twin.pins.short(RED)
    bench.client.start()
    bench.wait_for("running", 4000)
    assert bench.client.fault() is None
    bench.twin.close()
