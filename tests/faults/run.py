"""One wrap in one world, from power-on through a fault to the end, in virtual time.

The run only does and watches; what is broken is a matter of `kinds`, right and wrong of `verdict`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
from collections.abc import Callable
from typing import Any

from pbmwrap.twin.plant import Plant
from tests.between_steps import between_steps
from tests.faults import plants
from tests.faults.board import PPM, FaultTwin
from tests.faults.hardware import FULL
from wrap.link import frames
from wrap.rules import blinding, limits, states
from wrap.rules.limits import STEP_MS
from wrap.storage import record_reader

PHASES = ("idle", "self-test", "ramp-up", "running", "paused", "ramp-down")
EARLY = ("powered", "pressed")  # the fault is there before power comes, before the press
MAY_BE_LIT = (states.SELF_TEST, states.RAMP_UP, states.RUNNING)
SESSION = {
    "v": 1,
    "id": "campaign",
    "name": "Campaign",
    "site": "hand-left",
    "ramp": 2000,
    "steps": [{"t": 1200, "ch": {"red": [1000], "nir": [1000]}}],
}
# A blinded trial with the same session of near infrared alone: of one site it is the sham.
TRIAL = {
    "id": "campaign",
    "person": "a1",
    "design": "sides",
    "sites": ["hand-left", "hand-right"],
    "periods": 2,
    "sessions": 1,
    "plan_sha": "5a" * 32,
}
_BOOT_MS = 200
_GESTURE_MS = 600  # until a short press differs from a double one
_REFERENCE_MS = 31_500  # until the heat balance knows the dark pad: full power from the press on
_GIVE_UP_MS = 5000
_SESSION_S = 1250
_HEAT_SLICE_MS = 20_000
_COOL_C = (
    39.0  # where not even full light takes the skin, no derating acts: the plant alone goes on
)
_HEAT_LEAST_MS = 200_000  # the slow protections need two minutes
_DELAY_MS = {
    "idle": 1000,
    "self-test": 70,
    "ramp-up": 1800,
    "running": 2000,
    "paused": 1000,
    "ramp-down": 400,
    "powered": 5000,
    "pressed": 5000,
}


@functools.cache
def flash(proven: bool = True, pulse_hz: int = 0, sham: bool = False) -> dict[str, bytes]:
    """The flash of a wrap in use: the longest session at full power, calibrated low, so that only
    the hard cap by the board's stated worst case ends it before its time, after 17 minutes.
    proven: a heat test is recorded. pulse_hz: near infrared pulses, lit for half of the time. sham:
    the session is one of a blinded trial, on a board with a warmer, which stands in for near
    infrared."""
    twin = FaultTwin(plants.make(plants.draw("room", 0)), {}, warmer=sham)
    twin.start()
    protocol = SESSION
    if sham:
        steps = [{"t": 1200, "ch": {"nir": [1000]}}]
        protocol = SESSION | {"steps": steps, "person": "a1", "site": _arm_trial(twin)}
    if pulse_hz:
        steps = [{"t": 1200, "ch": {"red": [1000], "nir": [1000, pulse_hz, 500]}}]
        protocol = SESSION | {"steps": steps}
    raw = json.dumps(protocol, sort_keys=True, separators=(",", ":")).encode()
    twin.board.app.protocols.save(0, raw, hashlib.sha256(raw).hexdigest())
    for name in ("red", "nir"):
        twin.board.app.light.calibrate(name, 7000, 100, 20261101, "campaign")
    if proven:
        twin.board.app.settings.set_heat_test(1000, 20261101, 40000, "campaign")
    twin.advance_ms(500)
    twin.close()
    return dict(twin.files.data)


def _arm_trial(twin: FaultTwin) -> str:
    """Arm TRIAL. Returns the site that has no light in its first period."""
    app, host = twin.board.app, bytes(32)
    wraps = app.hal.draw_random()
    app.blind_trial.arm(TRIAL, wraps, host)
    secret = blinding.join_secret(wraps, host)
    lit = blinding.is_active(secret, TRIAL["design"], TRIAL["periods"], 0, 0)
    return TRIAL["sites"][1 if lit else 0]


class Run:
    """tethered: a host's session, with a lease; start_ms: what the clock says at power-on;
    sense: the board has a sense input; proven: the maker has recorded a heat test; settle: the
    press comes when the heat balance knows the dark pad, so that full power is allowed; pulse_hz:
    of near infrared, 0 for continuous light; warmer: the board has one; sham: the session is a
    trial's in which it stands in for near infrared."""

    def __init__(
        self,
        plant: Plant,
        phase: str,
        rng: random.Random,
        tethered: bool = False,
        start_ms: int = 0,
        sense: bool = False,
        proven: bool = True,
        settle: bool = True,
        pulse_hz: int = 0,
        warmer: bool = False,
        sham: bool = False,
    ) -> None:
        self.rng = rng
        self.phase = phase
        content = flash(proven, pulse_hz, sham)
        self.twin = FaultTwin(plant, content, start_ms, sense, warmer or sham)
        self.board = self.twin.board
        self.files = self.twin.files
        self._tethered = tethered
        self._settle = settle
        self._ids = 0
        self.every: list[Callable[[int], None]] = []  # called before each step, with the time
        self.undo: list[Callable[[], None]] = []  # called at the end
        self.lasting: dict[str, Any] = {}  # what a kind has to remember
        self.heat = plants.Heat(plant.skin_c)
        self.lit_over_c = 0.0  # the hottest skin while there was light
        self.cause_ms = -1  # when the fault came to pass
        self.lit_at_cause = False
        self.flash_ahead = False  # a flash write had been announced: the dead-man waits longer
        self.fault = ""
        self.over = False  # the session is over and faded out, or there was none
        self._over_dark_ms = -1
        self._boots = 0

    # ---- to the phase

    def prepare(self) -> None:
        """Power on and bring it to the phase, and some random time into it."""
        if self.phase == "powered":
            return
        self.twin.start()
        self.wait(_REFERENCE_MS if self._settle else _BOOT_MS)
        if self.phase != "pressed":
            getattr(self, "_to_" + self.phase.replace("-", "_"))()
            self.wait(self.rng.randrange(_DELAY_MS[self.phase]))
        self._boots = self.board.boots
        self.over = self.phase in ("idle", "paused")

    def begin_broken(self) -> None:
        """With the fault in place: power, if it is off, some time, and the press. What refuses to
        start stays dark."""
        if self.phase == "powered":
            self.twin.start()
            self.wait(_REFERENCE_MS)
            self._boots = self.board.boots
        self.wait(self.rng.randrange(_DELAY_MS[self.phase]))
        if self._tethered:
            between_steps(self.board.app).starter.start("link", True)
        else:
            self.press()
        self.wait(_GESTURE_MS)

    @property
    def state(self) -> int:
        """The session's state, or -1 in a REPL or without power."""
        return self.board.app.session.state if self.board.app else -1

    @property
    def plant(self) -> Plant:
        return self.twin.plant

    @property
    def now_ms(self) -> int:
        return self.board.now_ms

    def _until(self, state: int) -> None:
        began = self.now_ms
        while self.state != state:
            assert self.now_ms - began < _GIVE_UP_MS, f"{states.NAMES[self.state]} for too long"
            self.wait(STEP_MS)

    def _to_idle(self) -> None:
        return

    def begin(self) -> None:
        """A session from idle: light may come from now on."""
        self._to_self_test()
        self.over = False

    def _to_self_test(self) -> None:
        if self._tethered:
            between_steps(self.board.app).starter.start("link", True)
        else:
            self.press()
        self._until(states.SELF_TEST)

    def _to_ramp_up(self) -> None:
        self._to_self_test()
        self._until(states.RAMP_UP)

    def _to_running(self) -> None:
        self._to_ramp_up()
        self._until(states.RUNNING)

    def _to_paused(self) -> None:
        self._to_running()
        self.press()
        self._until(states.PAUSED)
        self.wait(700)

    def _to_ramp_down(self) -> None:
        self._to_running()
        between_steps(self.board.app).session.stop(states.BY_LINK)

    def press(self) -> None:
        """A short press."""
        self.twin.press(True)
        self.wait(100)
        self.twin.press(False)

    def ask(self, method: str, **params: object) -> bytes:
        """A request's bytes."""
        self._ids += 1
        body = json.dumps({"i": self._ids, "m": method, "p": params}, separators=(",", ":"))
        return frames.encode(body.encode())

    def wait(self, ms: int) -> None:
        """Let time pass without watching."""
        self.twin.advance_ms(ms)

    # ---- the fault and after

    def struck(self) -> None:
        """The fault comes to pass now. The first time counts."""
        if self.cause_ms < 0:
            self.cause_ms = self.board.hal.now_ms if self.board.hal else self.now_ms
            self.lit_at_cause = self.board.light.lit
            hal = self.board.hal
            self.flash_ahead = hal is not None and hal.life_ms == limits.DEADMAN_FLASH_MS

    def watch(self, ms: int) -> None:
        """Step by step to the end, with an eye on skin, state and light."""
        for _ in range(ms // STEP_MS):
            for act in self.every:
                act(self.now_ms)
            self.wait(STEP_MS)
            self._look()

    def watch_heat(self) -> None:
        """Watch the session to its end, or until it cannot get warm any more: from then on, a plant
        of its own with the light as it is now stands in for the rest."""
        began = self.now_ms
        while (left_s := _SESSION_S - (self.now_ms - began) // 1000) > 0:
            before = list(self.board.light.acc)
            self.answer()
            self.watch(_HEAT_SLICE_MS)
            if self.heat.peak_c > plants.PAIR_MAX_C + 1 or self._is_finished():
                break
            if self.now_ms - began < _HEAT_LEAST_MS:
                continue
            most = plants.play(self.plant, self._most_ppm(), left_s)
            if most.peak_c < _COOL_C:
                self.heat = plants.play(self.plant, self._ppm_since(before), left_s, self.heat)
                break

    def _is_finished(self) -> bool:
        """The session is over and its light is gone for good."""
        return self.over and not self.board.light.lit

    def answer(self) -> None:
        """The wearer is awake: a short press when the wrap asks."""
        app = self.board.app
        if app is not None and app.wake_check.waiting:
            self.press()

    def _most_ppm(self) -> list[int]:
        """The most that the LEDs and a warmer can give, broken as they are."""
        leds = self.board.broken.leds
        most = [leds[ch](FULL) if ch in leds else FULL for ch in range(len(self.board.light.acc))]
        return [PPM * duty // FULL for duty in most]

    def _ppm_since(self, before: list[int]) -> list[int]:
        self.board.light.settle(self.now_ms)
        spent = zip(self.board.light.acc, before, strict=True)
        return [(a - b) * PPM // (FULL * _HEAT_SLICE_MS) for a, b in spent]

    def _look(self) -> None:
        self.heat.look(self.plant)
        board = self.board
        if board.light.lit:
            self.lit_over_c = max(self.lit_over_c, self.plant.skin_c)
        app = board.app
        if app is not None and app.fault_latch.code:
            self.fault = self.fault or _name(app.fault_latch.code)
        left = app is None or board.boots != self._boots or app.fault_latch.code
        if left or not (app.session.state in MAY_BE_LIT or app.session.fade):
            self.over = True
        if self.over and self._over_dark_ms < 0 and not board.light.lit:
            self._over_dark_ms = self.now_ms

    def cool(self) -> None:
        """The skin may still warm from the pad after the light is gone."""
        if not self.board.light.lit:
            self.heat = plants.play(self.plant, [0, 0], plants.DARK_S, self.heat)

    @property
    def dark_ms(self) -> float | None:
        """From the cause until the last light was gone; None: it is lit to the end."""
        if self.board.light.lit:
            return None
        falls = [ms for ms, lit in self.board.light.edges if not lit and ms > self.cause_ms]
        return float(falls[-1] - self.cause_ms) if falls else 0.0

    @property
    def resumed(self) -> bool:
        """Light began again after the wrap had been dark with its session over."""
        dark = self._over_dark_ms
        return dark >= 0 and any(lit and ms > dark for ms, lit in self.board.light.edges)

    def close(self) -> None:
        for mend in self.undo:
            mend()
        self.twin.close()

    def log_damage(self) -> str:
        """What is wrong with the log, or ""."""
        self.files.gate = None
        raw = self.files.log()
        found, gaps = record_reader.scan(raw)
        if [r[1] for r in found] != list(range(len(found))):
            return "sequence numbers are not contiguous"
        if len(gaps) > self.files.tears:
            return f"{len(gaps)} gaps in the log, {self.files.tears} torn writes"
        at = 0
        for data in self.files.committed:
            at = raw.find(data, at)
            if at < 0:
                return "a committed record is gone"
            at += len(data)
        return ""


def _name(code: int) -> str:
    from wrap.rules import faults

    return faults.NAMES[code]
