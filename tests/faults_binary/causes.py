"""Breaks something, and goes on with something meanwhile. Each is called with the lab, at the exact
moment."""

from __future__ import annotations

from collections.abc import Callable

import board_facts
from pbmwrap.twin.plant import SensorFault
from tests.faults_binary.lab import SCRATCH, Lab
from tests.nor import SECTOR, Nor
from tests.warmed import WARMER
from wrap.storage.flash_files import FlashFiles
from wrap.storage.nor_sectors import NorSectors

Cause = Callable[[Lab], None]
SKIN, LEFT, RIGHT, BOARD = "skin-mid", "skin-left", "skin-right", "board"
SKINS = (SKIN, LEFT, RIGHT)
ENABLE = board_facts.ENABLE_PIN
LAMP_PINS = [channel[2] for channel in board_facts.CHANNELS]
# Above the gross limit; above the trip only; colder than any pad in use; a jump within the range.
GROSS_C = dict.fromkeys(SKINS, 52.0) | {BOARD: 70.0}
TRIP_C = dict.fromkeys(SKINS, 42.5) | {BOARD: 61.5}
COLD_C, JUMP_K = 0.0, -8.0
_PWM, _SLICE, _CC, _CSR, _TOP = 0x40050000, 0x14, 0x0C, 0x00, 0x10
_PIN_CTRL = 0x40014004
_STORAGE = 512 * 1024  # where the store begins, 64 KiB
RAISE, MEMORY, STORAGE, HANG, FILL, FULL_HEAP = 1, 2, 3, 4, 5, 6


def reads(sensor: str, celsius: float) -> Cause:
    """Let the sensor read this from now on."""

    def cause(lab: Lab) -> None:
        plant = lab.twin.plant
        index = plant.sensor_names.index(sensor)
        plant.set_fault(sensor, "offset", celsius - plant.sensor_c(index))

    return cause


def gross(sensor: str = SKIN) -> Cause:
    return reads(sensor, GROSS_C[sensor])


def sensor(name: str, fault: SensorFault, offset_k: float = 0.0) -> Cause:
    return lambda lab: lab.twin.plant.set_fault(name, fault, offset_k)


def swapped(lab: Lab) -> None:
    lab.swap_sensors()


def stick(pin: int, high: bool) -> Cause:
    return lambda lab: lab.twin.stick(pin, high)


def register(offset: int, value: int) -> Cause:
    """Let a PWM register of the first lamp lose its value."""
    at = _PWM + (LAMP_PINS[0] >> 1 & 7) * _SLICE + offset
    return lambda lab: lab.poke(at, value)


def warmer_shorted(lab: Lab) -> None:
    """Let the warmer's switch conduct whatever its pad does."""
    lab.twin.pins.short(WARMER[2])


def warmer_open(lab: Lab) -> None:
    """Break the warmer's wire: what its pin does heats nothing."""
    plain, plant = lab.twin.plant.step, lab.twin.plant
    plant.step = lambda ms, ppm: plain(ms, [*ppm[:-1], 0])  # type: ignore[method-assign]


def warmer_compare_lost(lab: Lab) -> None:
    lab.poke(_PWM + (WARMER[2] >> 1 & 7) * _SLICE + _CC, 0xFFFF)


def warmer_overridden(lab: Lab) -> None:
    """Drive the warmer's pin high by its own multiplexer."""
    lab.poke(_PIN_CTRL + WARMER[2] * 8, 0x304)


def still_warming(lab: Lab) -> None:
    """Raises AssertionError unless the session goes on and the warmer's pin is driven."""
    lab.advance(100)
    status = lab.client.call("status")
    assert (status["state"], status["hidden"]) == ("running", True)
    assert lab.twin.lamps()[-1].on_ppm > 0
    assert [lamp.on_ppm for lamp in lab.twin.lamps()[:-1]] == [0, 0]


def compare_lost(lab: Lab) -> None:
    register(_CC, 0xFFFF)(lab)


def pin_overridden(lab: Lab) -> None:
    """Drive the first lamp's pin high by its own multiplexer."""
    lab.poke(_PIN_CTRL + LAMP_PINS[0] * 8, 0x304)


def slice_stopped(lab: Lab) -> None:
    register(_CSR, 0)(lab)


def top_lost(lab: Lab) -> None:
    register(_TOP, 100)(lab)


def coded(how: int) -> Cause:
    """Let the next call in a step of `Lab.coded` go wrong so."""
    return lambda lab: lab.poke(SCRATCH, how)


def hang(lab: Lab) -> None:
    lab.twin.hang()


def adc_dead(lab: Lab) -> None:
    lab.twin.chip.stop_adc()


def flash_dead(lab: Lab) -> None:
    lab.twin.chip.flash_part.broken = True
    lab.twin.write(lab.request("clock.set", t=1_800_000_000))


def flash_mended(lab: Lab) -> None:
    lab.twin.chip.flash_part.broken = False
    lab.advance(1500)


def power_cut(lab: Lab) -> None:
    """Cut the power, outside of an alarm: the chip ends here."""
    lab.twin.power_off()


def reset(kind: str) -> Cause:
    return lambda lab: lab.twin.reset(kind)  # type: ignore[arg-type]


def ctrl_c(lab: Lab) -> None:
    lab.twin.write(b"\x03")


def press(lab: Lab) -> None:
    lab.twin.press(True)


def stop(lab: Lab) -> None:
    lab.twin.write(lab.request("session.stop"))


def pause(lab: Lab) -> None:
    lab.twin.write(lab.request("session.pause"))


def records(lab: Lab) -> None:
    """Send one request for a record after another; the wrap bounds how many it writes."""
    lab.flood_soon(lab.new_clock)


def nothing_lost(lab: Lab) -> None:
    """Raises AssertionError when the wrap has lost a record, or wrote more than a host may ask."""
    status = lab.client.status()
    lab.note = f"{status.records_lost} records lost, {status.log_end} bytes of log"
    assert status.records_lost == 0 and not status.log_failed, lab.note


def nothing(lab: Lab) -> None:
    """Let the host fall silent."""


# ---- meanwhile


def garbage(lab: Lab) -> None:
    """Send printable noise without Ctrl-C, lines and frames begun and never ended."""
    lab.flood(lambda: bytes(32 + (i * 89 + 7) % 224 for i in range(97)) + b"@{\n")


def requests(lab: Lab) -> None:
    lab.flood(lambda: lab.request("status"))


def download(lab: Lab) -> None:
    """Read windows of the log, one after another."""
    lab.client.call("log.open", {"o": 0})
    lab.flood(lambda: lab.request("log.next", o=0))


def upload(lab: Lab) -> None:
    """Send a protocol; refused while a session is under way, and sent all the same."""
    lab.flood(lambda: lab.request("proto.put", slot=3, size=900, sha="0" * 64) + b"A" * 120)


def telemetry(lab: Lab) -> None:
    lab.client.call("telemetry", {"every_ms": 100, "ms": 60_000})
    lab.advance(60)


def unread(lab: Lab) -> None:
    """Let telemetry go into a port that is open and not read, until nothing more fits."""
    lab.client.call("telemetry", {"every_ms": 100, "ms": 60_000})
    lab.twin.set_reader(False)
    lab.flood(lambda: lab.request("status"))
    lab.advance(200)


def ramping_up(lab: Lab) -> None:
    lab.client.start()
    lab.wait_for("ramp-up", 400)
    lab.advance(150)


def ramping_down(lab: Lab) -> None:
    lab.client.stop()
    lab.advance(120)


def tethered(lab: Lab) -> None:
    lab.session(tethered=True)


def pulsed(lab: Lab) -> None:
    lab.session(slot=1)


# ---- boots


def _without_power(lab: Lab) -> bytes:
    lab.twin.power_off()
    return lab.twin.flash()


def boot_damaged(lab: Lab) -> None:
    """Boot with noise in the store, with protocols and settings."""
    content = bytearray(_without_power(lab))
    noise = bytes((i * 167 + 13) % 251 for i in range(64 * 1024))
    content[_STORAGE : _STORAGE + len(noise)] = noise
    lab.reboot(bytes(content))


def boot_without_fault_store(lab: Lab) -> None:
    """Boot after a bit of the latch has turned over, and something was written behind it."""
    content = bytearray(_without_power(lab))
    nor = Nor(16, mem=bytes(content[_STORAGE : _STORAGE + 16 * SECTOR]))
    files = FlashFiles(NorSectors(nor, 0, 16))
    files.write("fault.a", b"latched?")
    files.write("other", b"later")
    nor.flip(nor.mem.index(b"latched?"), 1)
    content[_STORAGE : _STORAGE + 16 * SECTOR] = nor.mem
    lab.reboot(bytes(content))
