"""Lists all scenarios; those of sensing, wiring and power are in `pad_scenarios`."""

from __future__ import annotations

import functools
from dataclasses import replace

from tests.faults.limits import FADE, STEP
from tests.faults_binary import causes as c
from tests.faults_binary import pad_scenarios
from tests.faults_binary.causes import BOARD, LEFT, RIGHT, SKIN
from tests.faults_binary.lab import BOOT_MS, MS, RUNNING, Lab
from tests.faults_binary.scenario import Scenario, idle, in_page, outside, seated
from tests.warmed import WARMER
from wrap.rules import limits

HANG = limits.DEADMAN_MS + 2  # the life is counted in turns of 0.4 ms
FLASH = limits.DEADMAN_FLASH_MS + 2
RATE = 2_100
FILLS = 3_000  # longer than two sectors of records take to write


def _hot_sensor(name: str) -> tuple[Scenario, ...]:
    """List scenarios in which this sensor alone is too hot: the hottest one wins."""
    hot = "board-hot" if name == BOARD else "skin-hot"
    return (
        Scenario(f"{name}-gross", c.gross(name), ("gross-hot",), offsets=9, late=name),
        Scenario(f"{name}-trip", c.reads(name, c.TRIP_C[name]), (hot,), offsets=5, late=name),
    )


def _sensor(name: str) -> tuple[Scenario, ...]:
    often = {"offsets": 5, "late": name}
    return (
        *_hot_sensor(name),
        Scenario(f"{name}-open", c.sensor(name, "open"), ("sensor-open",), **often),
        Scenario(f"{name}-short", c.sensor(name, "short"), ("sensor-short",), **often),
        Scenario(f"{name}-cold", c.reads(name, c.COLD_C), ("cold",), **often),
        Scenario(
            f"{name}-jump",
            c.sensor(name, "offset", c.JUMP_K),
            ("rate",),
            limit_ms=RATE,
            base=seated,
            offsets=2,
            spread_ns=1000 * MS,
        ),
    )


_HOT = Scenario("", c.gross(), ("gross-hot",), offsets=3, late=SKIN)
_FLUSH = replace(_HOT, when=in_page, late="", offsets=4)  # H-21


def _meanwhile() -> tuple[Scenario, ...]:
    """List scenarios of a gross step of the skin sensor, whatever else goes on."""
    hot = functools.partial(replace, _HOT)
    return (
        replace(_FLUSH, name="hot-in-flush", spread_ns=10 * MS),
        # 3 ms is the most a page takes. Erases do not come while lit, however long they take.
        replace(_FLUSH, name="hot-in-slow-flush", slow_ms=400, page_ms=3, spread_ns=12 * MS),
        hot(name="hot-in-garbage-flood", load=c.garbage),
        hot(name="hot-in-request-flood", load=c.requests),
        hot(name="hot-in-log-download", load=c.download),
        hot(name="hot-in-refused-upload", load=c.upload),
        hot(name="hot-with-unread-port", load=c.unread),
        hot(name="hot-in-telemetry", load=c.telemetry),
        hot(name="hot-after-resume", base=Lab.resumed),
        hot(name="hot-in-ramp-up", base=idle, load=c.ramping_up, offsets=3),
        hot(name="hot-in-ramp-down", load=c.ramping_down, offsets=3),
        hot(name="hot-in-pulses", base=c.pulsed, spread_ns=100 * MS, offsets=5),
        hot(name="hot-paused", base=Lab.paused, expect="dark", offsets=2, late=""),
        hot(name="hot-in-upload", base=idle, load=c.upload, expect="dark", offsets=2, late=""),
    )


def _outputs() -> tuple[Scenario, ...]:
    lamp, enable = c.LAMP_PINS[0], c.ENABLE
    dark = functools.partial(Scenario, base=idle, expect="dark", offsets=3)
    lost = ("readback",)
    return (
        Scenario("lamp-stuck-lit", c.stick(lamp, True), expect="ride", watch_ms=300),
        Scenario(
            "lamp-stuck-then-hot", c.gross(), ("gross-hot",), load=c.stick(lamp, True), offsets=3
        ),
        dark("lamp-stuck-idle", c.stick(lamp, True), lost),
        dark("enable-stuck-idle", c.stick(enable, True), lost),
        Scenario(
            "enable-stuck-then-hot",
            c.gross(),
            ("gross-hot",),
            load=c.stick(enable, True),
            offsets=3,
        ),
        Scenario("enable-dead", c.stick(enable, False), ("dead-man", "readback"), offsets=5),
        Scenario("pwm-compare-lost", c.compare_lost, lost, offsets=5),
        Scenario("pwm-slice-stopped", c.slice_stopped, lost, offsets=5),
        Scenario("pwm-top-lost", c.top_lost, lost, offsets=5),
        Scenario("lamp-pin-overridden", c.pin_overridden, lost, offsets=5),
    )


def _warmer() -> tuple[Scenario, ...]:
    """List scenarios in a session in which the warmer stands in for near infrared (H-65)."""
    sham = functools.partial(Scenario, base=Lab.sham)
    lost, warm = ("readback",), {"expect": "ride", "watch_ms": 300, "after": c.still_warming}
    return (
        sham("warmer-then-hot", c.gross(), ("gross-hot",), offsets=3, late=SKIN),
        sham("warmer-stuck-lit", c.stick(WARMER[2], True), **warm),
        sham("warmer-stuck-then-hot", c.gross(), ("gross-hot",), load=c.stick(WARMER[2], True)),
        sham("warmer-shorted-then-hot", c.gross(), ("gross-hot",), load=c.warmer_shorted),
        sham("warmer-open", c.warmer_open, **warm),
        sham("warmer-compare-lost", c.warmer_compare_lost, lost, offsets=3),
        sham("warmer-pin-overridden", c.warmer_overridden, lost, offsets=3),
        sham("warmer-enable-dead", c.stick(c.ENABLE, False), ("dead-man", "readback"), offsets=3),
        sham("warmer-hang", c.hang, limit_ms=FLASH, ask=False),
        sham("warmer-press", c.press, expect="stop", limit_ms=FADE, offsets=2),
    )


def _hangs(lab: Lab) -> None:
    """List scenarios in which the watchdog resets the chip, and the wrap boots."""
    lab.advance(limits.WATCHDOG_MS + 100 + BOOT_MS)


def _code() -> tuple[Scenario, ...]:
    coded = functools.partial(Scenario, base=Lab.coded, offsets=5)
    return (
        Scenario("hang", c.hang, base=Lab.settled, limit_ms=HANG, offsets=5, ask=False),
        # In the step that wrote the change to "running" the dead-man has its longer word.
        Scenario("hang-behind-a-write", c.hang, limit_ms=FLASH, ask=False),
        Scenario(
            "hang-and-watchdog",
            c.hang,
            base=Lab.settled,
            expect="stop",
            limit_ms=HANG,
            after=_hangs,
        ),
        coded("hang-in-python", c.coded(c.HANG), limit_ms=HANG, ask=False),
        Scenario("adc-dead", c.adc_dead, ("sensor-short",), offsets=5),
        coded("exception-in-step", c.coded(c.RAISE), ("exception",)),
        coded("memory-error-in-step", c.coded(c.MEMORY), ("exception",)),
        # To fill the heap and to store a fault in a full one takes many collections.
        coded(
            "full-heap-in-step",
            c.coded(c.FULL_HEAP),
            ("exception",),
            limit_ms=HANG,
            offsets=1,
            after=_reboot_later,
        ),
        coded("flash-error-in-step", c.coded(c.STORAGE), ("storage",)),
        Scenario("ctrl-c", c.ctrl_c, expect="stop", offsets=5, ask=False),
    )


def _reboot_later(lab: Lab) -> None:
    """Switch power off and on once a fault could be stored."""
    lab.advance(600)
    lab.reboot()


def _booted(lab: Lab) -> None:
    if not lab.twin.powered:
        lab.reboot()
    lab.advance(BOOT_MS)


def _refused(lab: Lab) -> None:
    """List scenarios in which a start is answered with no, or with a fault: never with light."""
    answer = lab.try_start()
    lab.note = answer


def _world() -> tuple[Scenario, ...]:
    ends = functools.partial(Scenario, expect="stop", when=outside, limit_ms=1, after=_booted)
    dead, mended = ("storage", "step-late", "dead-man"), c.flash_mended
    boots = functools.partial(
        Scenario, base=idle, expect="dark", when=outside, watch_ms=300, after=_refused
    )
    return (
        ends("power-cut", c.power_cut),
        ends("watchdog-reset", c.reset("watchdog")),
        ends("pin-reset", c.reset("pin")),
        Scenario("button-stuck", c.press, expect="stop", limit_ms=FADE, offsets=2),
        Scenario("host-stop", c.stop, expect="stop", limit_ms=FADE + 100),
        Scenario(
            "host-gone",
            c.nothing,
            expect="stop",
            base=idle,
            load=c.tethered,
            limit_ms=limits.LEASE_MS + FADE,
        ),
        Scenario("flash-dead", c.flash_dead, dead, limit_ms=FLASH + STEP, after=mended),
        Scenario(
            "log-room-full",
            c.coded(c.FILL),
            expect="ride",
            base=Lab.coded,
            watch_ms=FILLS,
            after=c.nothing_lost,
        ),
        Scenario(
            "host-writes-flood", c.records, expect="ride", watch_ms=FILLS, after=c.nothing_lost
        ),
        boots("boot-filesystem-damaged", c.boot_damaged),
        boots("boot-fault-store-damaged", c.boot_without_fault_store, ("storage",)),
    )


def table() -> dict[str, Scenario]:
    """Return every scenario by its name, those of one base together."""
    swapped = Scenario("sensors-swapped", c.swapped, expect="ride", watch_ms=300)
    found = [*_sensor(SKIN), *_sensor(BOARD), swapped, *_meanwhile(), *_outputs()]
    found += [*_hot_sensor(LEFT), *_hot_sensor(RIGHT), *_code(), *_world(), *_warmer()]
    found += pad_scenarios.pad_table()
    found.sort(key=lambda s: (s.base.__name__, s.name))
    assert len({s.name for s in found}) == len(found), "two scenarios have one name"
    return {s.name: s for s in found}


assert RUNNING[0]["t"] == 120  # longer than the longest watch
