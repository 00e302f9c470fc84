"""The simulated wrap of the campaign: broken hardware, flash that fails, clocks that jump."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from pbmwrap.facts import board_facts
from pbmwrap.twin.fake_board import FakeBoard
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.sim import PLANT_MS, SimTwin
from tests.faults.flash import CtrlC, FaultFiles, PowerCut
from tests.faults.hardware import FULL, Broken, FaultHal, Light
from tests.warmed import WARMER
from wrap.hal import list_outputs

PPM = 1_000_000
_SENSE_PIN = 21


class FaultBoard(FakeBoard):
    """skew_ms: what the clock is ahead; pace_pm: its speed in permille."""

    def __init__(self, files: FaultFiles, facts: ModuleType, now_ms: int) -> None:
        super().__init__(files, facts)
        self.now_ms = now_ms
        self.light = Light(len(list_outputs(facts)), now_ms)
        self.broken = Broken()
        self.skew_ms = 0
        self.pace_pm = 1000
        self._paced_from = now_ms
        self._busy_until = 0
        files.stall = self.stall

    def _make_hal(self, start: int, cause: str) -> FaultHal:
        outputs, sensors = len(list_outputs(self.facts)), len(self.facts.SENSORS)
        where = (self.broken, self.light, outputs, sensors)
        warmers = outputs - len(self.facts.CHANNELS)
        return FaultHal(*where, start, cause, self._uid, warmers)

    def power_on(self, cause: str = "power") -> None:
        try:
            super().power_on(cause)
        except PowerCut:
            self.power_off()
        except (CtrlC, Exception):
            self._left()

    def power_off(self) -> None:
        super().power_off()
        self.light.set(self.now_ms, [0] * len(self.light.acc))

    def _left(self) -> None:
        """The loop was left by what was raised: run.main's `finally`, then the REPL."""
        self.app = None
        try:
            self.hal.dark()  # type: ignore[union-attr]
        except (CtrlC, Exception):
            return

    def _turn(self, now: int) -> None:
        if now < self._busy_until:
            return
        try:
            super()._turn(self._clock(now))
        except PowerCut:
            self.power_off()
        except (CtrlC, Exception):
            self._left()

    def _clock(self, now: int) -> int:
        """What the wrap's clock says at `now`."""
        since = now - self._paced_from
        return self._paced_from + since * self.pace_pm // 1000 + self.skew_ms

    def pace(self, permille: int) -> None:
        """The clock runs faster or slower from now on, without a jump."""
        self.skew_ms = self._clock(self.now_ms) - self.now_ms
        self._paced_from = self.now_ms
        self.pace_pm = permille

    def stall(self, ms: int) -> None:
        """The step under way, or the next one, takes `ms` longer. The hardware goes on."""
        self._busy_until = max(self._busy_until, self.now_ms) + ms


class FaultTwin(SimTwin):
    """`data`: what the flash holds; `warmer`: the board has one. The plant is warmed by the light,
    not by what the pins say."""

    board: FaultBoard

    def __init__(
        self,
        plant: Plant,
        data: dict[str, bytes],
        start_ms: int = 0,
        sense: bool = False,
        warmer: bool = False,
    ) -> None:
        self.files = FaultFiles(data)
        self._start_ms = start_ms
        pin = _SENSE_PIN if sense else None  # without it the other protections are on their own
        named = vars(board_facts()) | {"SENSE_PIN": pin, "WARMER": WARMER if warmer else None}
        facts: Any = SimpleNamespace(**named)
        super().__init__(plant, facts=facts)
        self._plant_due = start_ms

    def _make_board(self, root: Path, facts: ModuleType) -> Any:
        return FaultBoard(self.files, facts, self._start_ms)

    def _step_plant(self) -> None:
        light = self.board.light
        light.settle(self.board.now_ms)
        on = list(light.acc)
        spent = zip(on, self._plant_on, strict=True)
        self.plant.step(PLANT_MS, [(a - b) * PPM // (FULL * PLANT_MS) for a, b in spent])
        self._plant_on = on
        self.feed_sensors()
