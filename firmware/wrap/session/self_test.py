"""Before first light: sensors, records, and the two ways to dark, each opened on its own. A board
with a sense input then looks at the light itself, in every step."""

from wrap.compat import const
from wrap.rules import faults, limits, states
from wrap.storage import payloads, records

_STAGE = const(3)  # steps that a stage lasts: a sense input's filter settles
_AGAIN = const(4)  # steps that a reason against light must last
_PROBE_U16 = const(6554)  # a tenth, on lamp pins whose enable is low
_SETTLE_STEPS = const(5)
_BLIND_STEPS = const(500)  # of light, without the sense input having seen any
SENSED = "self-test passed, each way to dark was sensed dark"
NOT_SENSED = "self-test passed, not sensed"


class SelfTest:
    """app: the wrap.app.App. sensing: the board has a sense input (high while the LEDs give
    light)."""

    def __init__(self, app):
        self._app = app
        self.sensing = app.hal.sense() >= 0
        self._dark_steps = 0
        self.begin()

    def begin(self):
        """A session is about to begin."""
        self._steps = 0
        self._refusals = 0
        self._lit_steps = 0
        self._waited_steps = 0
        self._seen = False

    def _waits_for_reference(self, app):
        """Whether the heat balance could still get its dark reference, and full power hangs on
        it."""
        if self._waited_steps >= limits.REFERENCE_WAIT_MS // limits.STEP_MS:
            return False
        if not app.power_limit.lacks_reference_only(
            app.settings.heat_test(), app.thermal.referenced(), app.thermal.worn()
        ):
            return False
        self._waited_steps += 1
        return True

    def step(self):
        """One step of the state self-test: refuses, trips, or lets the light rise."""
        app = self._app
        if app.integrity.checking() or not (app.log_queue.ready() or app.log_queue.failed):  # H-18
            return
        if self._waits_for_reference(app):
            return
        n = self._steps
        self._steps = n + 1
        done = n > 3 * _STAGE and app.session.self_test_due()
        if n == _STAGE or done:
            why = self._refusal(app)
            if why:
                self._refuse(app.session, n, why)
                return
        if done:
            limited = app.limit_power()
            app.session.passed((SENSED if self.sensing else NOT_SENSED) + limited)
            return
        wrong = self._stage(n)
        if wrong:
            app.trip(faults.SELF_TEST, wrong)

    def _refuse(self, session, n, why):
        """Not for one disturbed reading: what is wrong must stay so for some steps."""
        self._steps = n
        self._refusals += 1
        if self._refusals > _AGAIN:
            session.stop("self-test: " + why)

    def _stage(self, n):
        """Open one way to dark, then the other; what is wrong with the one before, or None."""
        lamps = self._app.lamps
        if n == _STAGE - 1:
            self._app.wire_check.expect_edge(self._app.temp_limits.temps_mc)
        if n == _STAGE:
            self._app.hal.watchdog_start(limits.WATCHDOG_MS)  # H-16
            wrong = self._light("with both ways to dark closed")
            self._app.wire_check.keep(self._app.temp_limits.temps_mc)
            lamps.open_enable()
        elif n == 2 * _STAGE:
            wrong = self._light("although every lamp pin is low")  # H-25
            lamps.open_pins(_PROBE_U16)
        elif n == 3 * _STAGE:
            wrong = self._light("although the enable is low")
            lamps.dark()
        else:
            return None
        return wrong

    def _light(self, when):
        return "light is sensed " + when if self._app.hal.sense() > 0 else None

    def _refusal(self, app):
        """Why no light may begin, or None."""
        if app.temp_limits.cold:
            return "a sensor is below %d C" % (limits.PLAUSIBLE_MIN_MC // 1000)
        if app.thermal.spread_mc() > limits.SPREAD_MC:  # H-40
            return "skin sensors disagree, lay the wrap flat and wait"
        if app.thermal.derate_now() == 0:
            return "too warm to begin"
        if app.log_queue.failed:
            return "the log cannot be written"
        return None

    def is_quiescent(self):
        """`watch` would change nothing in a step that goes on as the last one did."""
        if not self.sensing:
            return True
        if self._app.session.lit_now:
            return self._seen or self._lit_steps == _BLIND_STEPS
        return self._dark_steps > _SETTLE_STEPS

    def check_light(self, session, light):
        """With a sense input, in every step: light that nobody asked for is a fault. light: not 0
        while the input sees some."""
        if session.lit_now:
            self._dark_steps = 0
            self._look(session, light)
        elif session.state == states.SELF_TEST:
            self._dark_steps = 0
        else:
            if self._dark_steps <= _SETTLE_STEPS:
                self._dark_steps += 1
            if self._dark_steps > _SETTLE_STEPS and light:
                return faults.LIGHT  # H-25
        return faults.NONE

    def _look(self, session, light):
        """A sense input that never sees the session's light proves nothing: that is told once."""
        if self._seen or self._lit_steps == _BLIND_STEPS:
            return
        self._seen = light > 0
        self._lit_steps += 1
        if self._lit_steps == _BLIND_STEPS:
            told = {"sense": "no light seen", "session": session.number}
            self._app.note(records.NOTE, payloads.pack_json(told))
