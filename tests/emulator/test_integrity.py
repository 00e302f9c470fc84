"""The program in flash and the RAM, damaged on the real binary. Light is judged at the pins."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import DeviceError
from pbmwrap.twin.rp2040 import Rp2040Twin
from tests.contract.conftest import BOOT_MS, Bench
from tests.emulator.conftest import MakeTwin
from wrap.rules import limits
from wrap.safety.integrity import CHUNK

CLAIM_AT = 2 * 1024 * 1024 - 1536 * 1024 - 256
CLAIM_BYTES = 12
WHOLE_MS = 1000  # from power-on; the first boot of all takes longer
LIT_FOR_MS = 3000  # at most, and as the session begins
NEVER_RUN = b"Welcome to MicroPython!"  # of help(): in the program, read by nobody


def program_bytes(twin: Rp2040Twin) -> int:
    return struct.unpack_from("<I", twin.flash(), CLAIM_AT + 4)[0]


def refused(bench: Bench, method: str) -> str:
    with pytest.raises(DeviceError) as caught:
        bench.client.call(method)
    return caught.value.message


def restart(bench: Bench) -> None:
    bench.twin.reset("power")
    bench.advance(WHOLE_MS)


@pytest.fixture
def bench(flashed: Bench) -> Bench:
    return flashed


def test_a_whole_image_says_so_and_lights(bench: Bench) -> None:
    bench.advance(WHOLE_MS)
    hello = bench.client.hello()
    assert (hello.integrity, hello.memory) == ("whole", "whole")
    bench.client.start()
    bench.advance(1200)
    assert not bench.twin.dark()


# H-18
@pytest.mark.parametrize(
    "where",
    [
        "program",
        pytest.param("length", marks=pytest.mark.slow),
        pytest.param("crc", marks=pytest.mark.slow),
    ],
)
def test_a_flipped_bit_before_power_keeps_it_dark_and_is_named(bench: Bench, where: str) -> None:
    program = bench.twin.flash().find(NEVER_RUN)
    at = {"program": program, "length": CLAIM_AT + 4, "crc": CLAIM_AT + 9}[where]
    bench.twin.power_off()
    bench.twin.flip_flash(at, 2)
    restart(bench)
    fault = bench.client.status().fault
    assert fault
    assert (fault.name, bench.client.hello().integrity) == ("program", "damaged")
    refused(bench, "session.start")
    assert "still there" in refused(bench, "fault.ack")
    bench.press()
    assert bench.dark_after(400)


def test_a_mended_program_is_acknowledged_after_a_restart(bench: Bench) -> None:
    at = bench.twin.flash().find(NEVER_RUN)
    bench.twin.flip_flash(at, 2)
    restart(bench)
    bench.twin.flip_flash(at, 2)
    restart(bench)
    assert bench.state == "fault"
    assert bench.client.call("fault.ack") == {"state": "idle"}


def test_a_bit_that_turns_over_while_lit_darkens_within_the_period(bench: Bench) -> None:  # H-18
    """The last byte, so that the round under way still meets it; lit only near the round's end."""
    size = program_bytes(bench.twin)
    round_ms = -(-size // CHUNK) * limits.PROGRAM_CHUNK_MS
    bench.advance(round_ms - LIT_FOR_MS - bench.twin.now_ms)
    bench.client.start()
    bench.advance(1200)
    assert not bench.twin.dark()
    bench.twin.flip_flash(size - 1, 0)
    bench.twin.run_until(lambda: not bench.twin.enabled(), LIT_FOR_MS + WHOLE_MS, 100)
    assert bench.dark_after(0)
    fault = bench.client.status().fault
    assert fault
    assert fault.name == "program"


# H-20
@pytest.mark.parametrize(
    ("address", "bit", "high"),
    [
        (0x20020000, 0, True),  # the heap, by the March test
        (0x20030004, 31, False),
        (0x20000F00, 9, True),  # variables, by inverting
        (0x20040100, 17, False),  # the stacks' end, by inverting
    ],
)
def test_a_stuck_bit_in_ram_is_found_at_boot(
    make_twin: MakeTwin, image: Path, address: int, bit: int, high: bool
) -> None:
    twin = make_twin(image)
    twin.stick_ram(address, bit, high)
    twin.start()
    twin.advance_ms(30)
    found = twin.ram_verdict()
    assert found - found % 16 == address - address % 16


def test_bad_ram_is_a_fault_that_stands(make_twin: MakeTwin, image: Path) -> None:  # H-20
    """The stuck bit is at the end of the stack, which no call reaches: Python works and reports."""
    twin = make_twin(image)
    twin.stick_ram(0x20040100, 17, True)
    twin.start()
    twin.advance_ms(BOOT_MS)
    client = Client(TwinTransport(twin))
    fault = client.status().fault
    assert fault
    assert (fault.name, fault.detail) == ("memory", "RAM at 0x20040100")
    assert client.hello().memory == "damaged"
    with pytest.raises(DeviceError, match="still there"):
        client.call("fault.ack")
    twin.advance_ms(100)
    assert twin.dark()
