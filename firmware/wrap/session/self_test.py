"""Checks before the first light: sensors, records, and both shut-off paths, each on its own. On a
board with a sense input it also compares the sensed light with what was asked for, in every step.
"""

from wrap.compat import const
from wrap.rules import faults, limits, states
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.control.light_output import LightOutput
    from wrap.safety.integrity import Integrity
    from wrap.safety.thermal import ThermalChecks
    from wrap.safety.wire_check import WireCheck
    from wrap.session.state_machine import Session
    from wrap.storage.log_queue import LogQueue

_STAGE_STEPS = const(3)  # of one stage: the filter of a sense input settles
_REFUSE_STEPS = const(4)  # for which a reason against light must last
_PROBE_U16 = const(6554)  # a tenth, on lamp pins whose enable is low
_SETTLE_STEPS = const(5)
_BLIND_STEPS = const(500)  # of light, without the sense input having seen any
SENSED = "self-test passed, each way to dark was sensed dark"
NOT_SENSED = "self-test passed, not sensed"
LIMITED = ", limited power"  # behind either, payloads.REASONS


class SelfTest:
    """sensing: the board has a sense input, which is high while the LEDs give light."""

    def __init__(
        self,
        hal,
        integrity: "Integrity",
        log_queue: "LogQueue",
        thermal: "ThermalChecks",
        wire_check: "WireCheck",
        light: "LightOutput",
    ):
        self._hal = hal
        self._integrity = integrity
        self._log_queue = log_queue
        self._thermal = thermal
        self._wire_check = wire_check
        self._light = light
        self.sensing = hal.sense() >= 0
        self._dark_steps = 0
        self.begin()

    def begin(self) -> None:
        """Start anew for a session that is about to begin."""
        self._steps = 0
        self._refusals = 0
        self._lit_steps = 0
        self._waited_steps = 0
        self._light_seen = False

    def step(self, session: "Session") -> "str | None":
        """Run one step of the state self-test: refuse, wait, or let the light rise. Returns what is
        wrong when a shut-off path failed, else None."""
        log_queue = self._log_queue
        if self._integrity.checking() or not (log_queue.ready() or log_queue.failed):  # H-18
            return None
        if self._waits_for_reference():
            return None
        n = self._steps
        self._steps = n + 1
        done = n > 3 * _STAGE_STEPS and session.self_test_due()
        if n == _STAGE_STEPS or done:
            why = self._refusal()
            if why:
                self._refuse(session, n, why)
                return None
        if done:
            limited = LIMITED if self._light.limit_power() else ""
            session.passed((SENSED if self.sensing else NOT_SENSED) + limited)
            return None
        return self._stage(n)

    def _waits_for_reference(self):
        """Whether full power depends only on the heat balance's dark reference, and there is time
        left to wait for it."""
        if self._waited_steps >= limits.REFERENCE_WAIT_MS // limits.STEP_MS:
            return False
        if not self._light.lacks_reference_only():
            return False
        self._waited_steps += 1
        return True

    def _refuse(self, session, n, why):
        """Refuse only after several failing steps, so that one disturbed reading does not count."""
        self._steps = n
        self._refusals += 1
        if self._refusals > _REFUSE_STEPS:
            session.stop("self-test: " + why)

    def _stage(self, n):
        """Open one shut-off path, then the other, each while the other one keeps the lamps dark.
        Returns what is wrong with the stage before, or None."""
        lamps = self._light.lamps
        wires, temps_mc = self._wire_check, self._thermal.temp_limits.temps_mc
        if n == _STAGE_STEPS - 1:
            wires.expect_edge(temps_mc)
        if n == _STAGE_STEPS:
            self._hal.watchdog_start(limits.WATCHDOG_MS)  # H-16
            wrong = self._sensed("with both ways to dark closed")
            wires.keep(temps_mc)
            lamps.open_enable()
        elif n == 2 * _STAGE_STEPS:
            wrong = self._sensed("although every lamp pin is low")  # H-25
            lamps.open_pins(_PROBE_U16)
        elif n == 3 * _STAGE_STEPS:
            wrong = self._sensed("although the enable is low")
            lamps.dark()
        else:
            return None
        return wrong

    def _sensed(self, when):
        return "light is sensed " + when if self._hal.sense() > 0 else None

    def _refusal(self):
        """Why no light may begin, or None."""
        thermal = self._thermal
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
        """`check_light` would change nothing in a step that goes on as the last one did."""
        if not self.sensing:
            return True
        if lit:
            return self._light_seen or self._lit_steps == _BLIND_STEPS
        return self._dark_steps > _SETTLE_STEPS

    def check_light(self, session: "Session", light: int) -> int:
        """The fault that the sense input shows in this step, or faults.NONE: light that nobody
        asked for. light: not 0 while the input sees some."""
        if session.lit_now:
            self._dark_steps = 0
            self._look_for_light(session, light)
        elif session.state == states.SELF_TEST:
            self._dark_steps = 0
        else:
            if self._dark_steps <= _SETTLE_STEPS:
                self._dark_steps += 1
            if self._dark_steps > _SETTLE_STEPS and light:
                return faults.LIGHT  # H-25
        return faults.NONE

    def _look_for_light(self, session, light):
        """Record once a session that the sense input never sees its light: it then proves nothing
        about the dark."""
        if self._light_seen or self._lit_steps == _BLIND_STEPS:
            return
        self._light_seen = light > 0
        self._lit_steps += 1
        if self._lit_steps == _BLIND_STEPS:
            note = {"sense": "no light seen", "session": session.number}
            self._log_queue.note(records.NOTE, payloads.pack_json(note))
