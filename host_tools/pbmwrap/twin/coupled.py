"""Runs a fake board and the thermal plant together in virtual time.

This is all of the simulated wrap that is independent of what keeps its flash. `sim.py` gives it a
folder; the page that needs no server runs it on MicroPython in the browser.
"""

from __future__ import annotations

from typing import Protocol

from pbmwrap.twin.base import LampState, ResetKind, Twin
from pbmwrap.twin.buzzes import Buzz
from pbmwrap.twin.fake_board import FakeBoard
from pbmwrap.twin.plant import Plant

PLANT_MS = 100
# Steps are skipped only while no temperature changes: less than _STILL_K in _STILL_MS is, with the
# pad's slowest time constant of about 900 s, less than 0.15 K in all. A sudden change afterwards
# would look to the firmware like a lamp that is stuck on.
_STILL_MS = 60_000
_STILL_K = 0.01
BEHIND_SKIP_MS = 120_000  # run step by step after the skipped time
_STILL_AFTER_MS = 4 * 3_600_000  # the plant is at its steady state after this time in the dark
_REST_STEP_MS = 110  # the wrap is checked again for pending work after this time
_REST_TRIES = 20


class Board(Protocol):
    """Runs the firmware: `FakeBoard` in this process, or its proxy on the unix port."""

    now_ms: int

    def power_on(self, cause: str = "power") -> None: ...
    def power_off(self) -> None: ...
    def advance(self, ms: int) -> None: ...
    def on_acc(self, ch: int) -> int: ...
    def light_acc(self, ch: int) -> int: ...
    def pins(self) -> tuple[list[int], bool, bool]: ...
    def take_buzzes(self) -> list[Buzz]: ...
    def set_raw(self, sensor: int, raw: int) -> None: ...
    def press(self, down: bool) -> None: ...
    def hang(self) -> None: ...
    def write(self, data: bytes) -> int: ...
    def read(self) -> bytes: ...


class CoupledTwin(Twin):
    """board: with `lamps` channels and `sensors` sensors, which `plant` has as well."""

    kind = "sim"

    def __init__(self, board: Board, plant: Plant, lamps: int, sensors: int) -> None:
        self.board: Board = board
        self.plant = plant
        self._n = lamps
        self._sensors = sensors
        self._plant_due = 0
        self._buzzes: list[Buzz] = []
        self._plant_on = [0] * lamps
        self._window_on = [0] * lamps
        self._window_ms = 0
        self.feed_sensors()

    @property
    def now_ms(self) -> int:
        return self.board.now_ms

    def start(self) -> None:
        self.board.power_on()

    def advance_ms(self, ms: int) -> None:
        self._window_ms = ms
        self._window_on = [self.board.on_acc(ch) for ch in range(self._n)]
        end = self.board.now_ms + ms
        while self._plant_due <= end:
            self.board.advance(self._plant_due - self.board.now_ms)
            self._step_plant()
            self._plant_due += PLANT_MS
        self.board.advance(end - self.board.now_ms)

    def skip_ms(self, ms: int) -> None:
        """Let time pass as `advance_ms` does. While the wrap is dark and no temperature changes,
        only the first and last minutes run step by step; between them uptime and plant are advanced
        at once. A day takes some seconds."""
        end = self.now_ms + ms
        while end - self.now_ms > _STILL_MS + BEHIND_SKIP_MS:
            before = self._temperatures()
            self.advance_ms(_STILL_MS)
            moved = [abs(a - b) for a, b in zip(before, self._temperatures(), strict=True)]
            if max(moved) < _STILL_K and self._leap(end - BEHIND_SKIP_MS):
                break
        self.advance_ms(end - self.now_ms)

    def _temperatures(self) -> list[float]:
        return [self.plant.sensor_c(i) for i in range(self._sensors)]

    def _leap(self, to_ms: int) -> bool:
        """Advance to about `to_ms` without steps. Returns False when the wrap has work to do."""
        board = self.board
        if not isinstance(board, FakeBoard):
            return False
        for _ in range(_REST_TRIES):
            if board.is_quiescent():
                break
            self.advance_ms(_REST_STEP_MS)
        else:
            return False
        ms = (to_ms - self.now_ms) // PLANT_MS * PLANT_MS  # the plant's steps stay where they are
        board.skip(ms)
        self._plant_due += ms
        self.plant.step(min(ms, _STILL_AFTER_MS), [0] * self._n)
        self.feed_sensors()
        return True

    def _step_plant(self) -> None:
        on = [self.board.light_acc(ch) for ch in range(self._n)]
        ppm = [
            (now - then) * 1_000_000 // (65535 * PLANT_MS)
            for now, then in zip(on, self._plant_on, strict=True)
        ]
        self._plant_on = on
        self.plant.step(PLANT_MS, ppm)
        self.feed_sensors()

    def feed_sensors(self) -> None:
        """Pass the plant's readings to the board."""
        for i in range(self._sensors):
            self.board.set_raw(i, self.plant.raw12(i) * 16)

    def write(self, data: bytes) -> int:
        return self.board.write(data)

    def read(self) -> bytes:
        return self.board.read()

    def press(self, down: bool) -> None:
        self.board.press(down)

    def lamps(self) -> list[LampState]:
        duties = self.board.pins()[0]
        out = []
        for ch in range(self._n):
            on = self.board.on_acc(ch) - self._window_on[ch]
            ppm = on * 1_000_000 // (65535 * self._window_ms) if self._window_ms else 0
            out.append(LampState(ppm, duties[ch] > 0))
        return out

    def enabled(self) -> bool:
        return self.board.pins()[1]

    def indicator(self) -> bool:
        return self.board.pins()[2]

    def buzzes(self) -> list[Buzz]:
        self._buzzes += self.board.take_buzzes()
        return self._buzzes

    def reset(self, kind: ResetKind) -> None:
        self.board.power_off()
        self.board.power_on(kind)

    def power_off(self) -> None:
        self.board.power_off()

    def hang(self) -> None:
        self.board.hang()

    def close(self) -> None:
        """Do nothing: there is nothing to free."""
