"""Runs the real app on the ESP32's HAL: it boots, tests itself, gives a session's light, ends
dark."""

from __future__ import annotations

from typing import Any

import pytest

from tests.esp32.world import BOARDS, World
from tests.unit.conftest import large_pad, protocol, sha
from wrap.rules import faults, limits, states
from wrap.safety.thermistor import Thermistor

SKIN_MC = 33000


class Wrap:
    """Runs a wrap on a skin of 33 C, with a protocol of three seconds, both lamps or one at 10
    Hz."""

    def __init__(self, board: str, **changes: Any) -> None:
        from wrap.app import App
        from wrap.storage.mount import mount

        self.world = World(board)
        facts = self.world.facts
        self.curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)
        for sensor in range(4):
            self.warm(sensor, SKIN_MC)
        hal = self.world.boot()
        self.app = App(hal, large_pad(facts), mount(hal))
        self.advance(2000)
        raw = protocol(**changes)
        self.app.protocols.save(0, raw, sha(raw))

    def warm(self, sensor: int, mc: int) -> None:
        mv = self.curve.raw_at(mc) * 3300 // 65520
        self.world.chip.volts_mv[self.world.facts.SENSORS[sensor][2]] = mv

    def advance(self, ms: int) -> list[tuple[float, float]]:
        """Let `ms` pass. Return both lamps' light after each step, as far as the enable lets it
        through."""
        seen = []
        for _ in range(ms // 10):
            self.app.turn(self.world.hal.ticks_ms())
            self.world.chip.advance_ms(10)
            on = self.world.enabled()
            seen.append((on * self.world.light(0), on * self.world.light(1)))
        return seen

    def press(self) -> None:
        pin = self.world.facts.BUTTON_PIN
        self.world.chip.driven[pin] = 0
        self.advance(200)
        self.world.chip.driven[pin] = 1
        self.advance(400)


@pytest.mark.parametrize("board", BOARDS)
def test_a_session_from_press_to_end(board: str) -> None:
    wrap = Wrap(board)
    wrap.press()
    seen = wrap.advance(6000)
    assert wrap.app.steps.code == 0
    assert max(red for red, _ in seen) == pytest.approx(0.5, abs=0.001)
    assert max(nir for _, nir in seen) == pytest.approx(0.8, abs=0.001)
    assert seen[-1] == (0, 0) and wrap.app.session.state == states.DONE
    assert not wrap.world.enabled()
    assert wrap.world.chip.watchdog_ms == 2000


@pytest.mark.parametrize("board", BOARDS)
def test_slow_pulses_give_their_share(board: str) -> None:
    wrap = Wrap(board, steps=[{"t": 3, "ch": {"nir": [1000, 10, 400]}}])
    wrap.press()
    seen = wrap.advance(6000)
    assert wrap.app.steps.code == 0
    assert max(nir for _, nir in seen) == pytest.approx(0.4, abs=0.001)
    assert max(red for red, _ in seen) == 0


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("sensor", range(4))
@pytest.mark.parametrize(("mv", "code"), [(0, faults.SENSOR_SHORT), (3300, faults.SENSOR_OPEN)])
def test_a_broken_sensor_ends_light_at_the_next_step(
    board: str, mv: int, code: int, sensor: int
) -> None:
    wrap = Wrap(board, steps=[{"t": 30, "ch": {"red": [500]}}])
    wrap.press()
    assert wrap.advance(1500)[-1][0] > 0
    wrap.world.chip.volts_mv[wrap.world.facts.SENSORS[sensor][2]] = mv
    assert wrap.advance(20)[-1] == (0, 0)
    assert wrap.app.steps.code == code


@pytest.mark.parametrize("board", BOARDS)
def test_a_supply_that_leaves_its_range_ends_light(board: str) -> None:
    wrap = Wrap(board, steps=[{"t": 30, "ch": {"red": [500]}}])
    wrap.press()
    assert wrap.advance(1500)[-1][0] > 0
    wrap.world.chip.volts_mv[wrap.world.facts.REFERENCE_PIN] = 1400
    assert wrap.advance(20)[-1] == (0, 0)


@pytest.mark.parametrize("board", BOARDS)
def test_a_trip_goes_dark_and_stays_latched_in_flash(board: str) -> None:
    wrap = Wrap(board, steps=[{"t": 30, "ch": {"red": [500]}}])
    wrap.press()
    assert wrap.advance(1500)[-1][0] > 0
    wrap.warm(0, 46000)
    assert wrap.advance(20)[-1] == (0, 0)
    wrap.advance(500)
    reported = wrap.app.steps.code
    assert reported != 0
    from wrap.app import App
    from wrap.storage.mount import mount

    hal = wrap.world.boot()
    again = App(hal, wrap.world.facts, mount(hal))
    assert again.fault_latch.code == reported


@pytest.mark.parametrize("board", BOARDS)
def test_the_third_brown_out_holds_the_wrap(board: str) -> None:
    """MicroPython calls it a power-on (1); the chip's own register does not (15)."""
    from wrap.app import App
    from wrap.storage.mount import mount

    world = Wrap(board).world
    world.chip.cause, world.chip.chip_cause = 1, 15
    codes = []
    for _ in range(3):
        hal = world.boot()
        codes.append(App(hal, world.facts, mount(hal)).fault_latch.code)
    assert codes == [faults.NONE, faults.NONE, faults.RESETS]


@pytest.mark.parametrize("board", BOARDS)
def test_the_dead_mans_test_over_the_link_lights_nothing(board: str) -> None:
    wrap = Wrap(board)
    answer = wrap.app.commands.handle("deadman.test", {})
    assert answer["rose"] and limits.HEARTBEAT_MS < answer["fell_ms"] <= limits.DEADMAN_MS
    assert wrap.advance(50)[-1] == (0, 0)
    assert not wrap.world.enabled() and wrap.app.steps.code == faults.NONE
