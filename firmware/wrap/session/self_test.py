"""Tests the wrap before first light: sensors, records, and both shut-off paths, each on its own.

On a board with a sense input it also compares the sensed light with the requested light in every
step.
"""

from wrap.compat import const
from wrap.rules import faults, limits, states
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.control.light_output import LightOutput
    from wrap.hal.contract import Hal
    from wrap.safety.integrity import Integrity
    from wrap.safety.thermal import ThermalChecks
    from wrap.safety.wire_check import WireCheck
    from wrap.session.state_machine import Session
    from wrap.storage.log_queue import LogQueue

_STAGE_STEPS = const(3)  # 30 ms a stage: the filter of a sense input takes about 3 ms
_REFUSE_STEPS = const(4)  # failing steps, of both checks together, that refuse nothing yet
_PROBE_U16 = const(6554)  # 10 % duty, on lamp pins while the enable is low
_SETTLE_STEPS = const(5)  # dark steps before sensed light is a fault
_BLIND_STEPS = const(500)  # steps of light without sensed light, until a note is recorded
# Reasons in records: payloads.REASONS lists them by number, so the texts stay.
SENSED = "self-test passed, each way to dark was sensed dark"
NOT_SENSED = "self-test passed, not sensed"
LIMITED = ", limited power"


class SelfTest:
    """Tests the wrap before first light. sensing: the board has a sense input, which
    is high while the LEDs give light."""

    def __init__(
        self,
        hal: "Hal",
        integrity: "Integrity",
        log_queue: "LogQueue",
        thermal: "ThermalChecks",
        wire_check: "WireCheck",
        light: "LightOutput",
    ) -> None:
        self._hal = hal
        self._integrity = integrity
        self._log_queue = log_queue
        self._thermal = thermal
        self._wire_check = wire_check
        self._light = light
        self.sensing = hal.sense() >= 0
        self._dark_steps = 0
        self.reset()

    def reset(self) -> None:
        """Reset for a session that is about to begin."""
        self._steps = 0
        self._refusals = 0
        self._lit_steps = 0
        self._waited_steps = 0
        self._light_seen = False

    def step(self, session: "Session") -> "str | None":
        """Run one step of the state self-test, which may stop the session or let its light begin.
        Returns what is wrong when a shut-off path failed, else None."""
        log_queue = self._log_queue
        if self._integrity.is_checking() or not (log_queue.is_ready() or log_queue.failed):  # H-18
            return None
        if self._waits_for_reference():
            return None
        n = self._steps
        self._steps = n + 1
        # Reasons are checked before a path is opened, and again right before light.
        done = n > 3 * _STAGE_STEPS and session.self_test_due()
        if n == _STAGE_STEPS or done:
            why = self._refusal_reason(session)
            if why:
                self._refuse(session, n, why)
                return None
        if done:
            limited = LIMITED if self._light.limit_power() else ""
            session.pass_self_test((SENSED if self.sensing else NOT_SENSED) + limited)
            return None
        return self._run_stage(n)

    def _waits_for_reference(self) -> bool:
        """Return whether only the heat balance's dark reference is missing for full power, and
        limits.REFERENCE_WAIT_MS have not passed. Counts the steps waited."""
        if self._waited_steps >= limits.REFERENCE_WAIT_MS // limits.STEP_MS:
            return False
        if not self._light.lacks_reference_only():
            return False
        self._waited_steps += 1
        return True

    def _refuse(self, session: "Session", n: int, why: str) -> None:
        """Repeat step `n`, and stop the session after several failing steps, of both checks
        together, so that one disturbed reading does not count."""
        self._steps = n
        self._refusals += 1
        if self._refusals > _REFUSE_STEPS:
            session.stop("self-test: " + why)

    def _run_stage(self, n: int) -> "str | None":
        """Open one shut-off path, then the other, while the other one keeps the lamps dark. Returns
        what was wrong with the stage that ends at step `n`, or None."""
        lamps = self._light.lamps
        wires, temps_mc = self._wire_check, self._thermal.temp_limits.temps_mc
        if n == _STAGE_STEPS - 1:
            wires.expect_edge(temps_mc)
        if n == _STAGE_STEPS:
            self._hal.watchdog_start(limits.WATCHDOG_MS)  # H-16
            wrong = self._sensed_light("with both ways to dark closed")
            wires.keep_edge(temps_mc)
            lamps.open_enable()
        elif n == 2 * _STAGE_STEPS:
            wrong = self._sensed_light("although every lamp pin is low")  # H-25
            lamps.open_pins(_PROBE_U16)
        elif n == 3 * _STAGE_STEPS:
            wrong = self._sensed_light("although the enable is low")
            lamps.dark()
        else:
            return None
        return wrong

    def _sensed_light(self, when: str) -> "str | None":
        return "light is sensed " + when if self._hal.sense() > 0 else None

    def _refusal_reason(self, session: "Session") -> "str | None":
        """Return why no light may begin, for people, or None."""
        thermal = self._thermal
        if session.calibrating and thermal.may_be_worn():  # H-62
            return "a person may be in the wrap"
        if thermal.temp_limits.cold:
            return "a sensor is below %d C" % (limits.PLAUSIBLE_MIN_MC // 1000)
        if thermal.spread_mc() > limits.SPREAD_MC:  # H-40
            return "skin sensors disagree, lay the wrap flat and wait"
        if thermal.derate_now() == 0:
            return "too warm to begin"
        if self._log_queue.failed:
            return "the log cannot be written"
        return None

    def is_quiescent(self, lit: bool) -> bool:
        """Return whether `check_light` would change nothing in a step like the last one. lit: light
        may be on."""
        if not self.sensing:
            return True
        if lit:
            return self._light_seen or self._lit_steps == _BLIND_STEPS
        return self._dark_steps > _SETTLE_STEPS

    def check_light(self, session: "Session", light: int) -> int:
        """Return faults.LIGHT when the sense input shows light in the dark, else faults.NONE.
        light: not 0 while the input is high."""
        if session.lit_now:
            self._dark_steps = 0
            self._look_for_light(session, light)
        elif session.state == states.SELF_TEST:
            self._dark_steps = 0  # `_run_stage` judges the light of an open path
        else:
            if self._dark_steps <= _SETTLE_STEPS:
                self._dark_steps += 1
            if self._dark_steps > _SETTLE_STEPS and light:
                return faults.LIGHT  # H-25
        return faults.NONE

    def _look_for_light(self, session: "Session", light: int) -> None:
        """Record once a session when the sense input never shows its light: such an input proves
        nothing about the dark."""
        if self._light_seen or self._lit_steps == _BLIND_STEPS:
            return
        self._light_seen = light > 0
        self._lit_steps += 1
        # A sham has no light to see, nor has a warmer.
        if self._lit_steps == _BLIND_STEPS and not session.blind and not self._light.heats_only():
            note = {"sense": "no light seen", "session": session.recorded_number()}
            self._log_queue.note(records.NOTE, payloads.pack_json(note))
