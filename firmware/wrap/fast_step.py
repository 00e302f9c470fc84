"""Steps in which nothing changes: nearly all of a session's, and of a week on the shelf.

`FastStep.step` does all of such a step in one go: time, inputs against the limits, lamps held,
heartbeat. What it would have to book it sums up, and `settle` books the sums, where they are the
same numbers as step by step. Whatever is not as it was - a reading near a limit, a press, an event
that is due, a lamp that does not hold - it leaves to `App.step`, the reference, with the inputs it
has taken. So it decides nothing: it knows only when there is nothing to decide.

The order of a step is App's: time, inputs, judgement, verify, heartbeat.
"""

from array import array

from wrap.compat import const, micropython, ptr32
from wrap.hal import LIGHT, PRESSED
from wrap.rules import states

SLACK_DUE = 2  # what a step returns when it is time for the whole background slice

# Words of the state, never below 0: viper on 64 bits reads them without a sign. First come the
# newest readings, at most four.
_LAST = const(4)  # ticks of the last step
_MS = const(5)  # not yet booked
_LEFT = const(6)  # as much may pass before something is due
_STEPS = const(7)  # not yet booked
_N = const(8)  # sensors
_SEEN = const(9)  # what `inputs` returned
_TAKEN = const(10)  # inputs were read, but the step was left to App.step
_WANTED = const(11)  # bits of it that App.step has to see: see `enter`
_SINCE = const(12)  # ms since the last whole background slice
_ON = const(13)
_HEAD = const(14)
# A sensor's words:
# 0: at least this
_HIGH = const(1)  # and below this a reading means nothing new
_SUM = const(2)
_LEAST = const(3)
_NEWEST = const(4)
_WORDS = const(5)

_LATE_MS = const(20)  # limits.STEP_MS * 2: a step so late is App.step's
_SLACK_MS = const(50)
_NONE_YET = const(1 << 20)
_WORTH_MS = const(30)
_SECOND_MS = const(1000)  # what ThermalChecks.second_in_ms gives once the second's work is done
SAMPLE_MS = 36000  # between SAMPLE records: docs/decisions/0012, what a session may take of flash


def _quick(words, inputs, verify_and_feed):
    """The function that is `FastStep.step`. What it needs is closed over: nothing is looked up."""

    @micropython.viper
    def step(now: int) -> int:
        """One step at `now` (ticks_ms): 1 or SLACK_DUE when done; 0: App.step has to do it."""
        st = ptr32(words)
        st[_TAKEN] = 1
        seen = int(inputs(words))  # of every step, so that conversions begin as it does
        st[_SEEN] = seen
        if st[_ON] == 0 or seen & st[_WANTED]:
            return 0
        dt = now - st[_LAST]  # below 0 where the ticks wrap
        if dt < 0 or dt > _LATE_MS:
            return 0
        ms = st[_MS] + dt
        n = st[_N]
        i = 0
        at = _HEAD
        while i < n:
            raw = st[i]
            if raw < st[at] or raw >= st[at + _HIGH]:
                return 0
            i += 1
            at += _WORDS
        if ms >= st[_LEFT] or not verify_and_feed():
            return 0
        st[_TAKEN] = 0
        st[_LAST] = now
        st[_MS] = ms
        st[_STEPS] += 1
        i = 0
        at = _HEAD
        while i < n:
            raw = st[i]
            st[at + _SUM] += raw
            if raw < st[at + _LEAST]:
                st[at + _LEAST] = raw
            st[at + _NEWEST] = raw
            i += 1
            at += _WORDS
        since = st[_SINCE] + dt
        st[_SINCE] = since
        if since >= _SLACK_MS:
            return 2
        return 1

    return step


class FastStep:
    """app: the wrap.app.App. words: the newest reading of each sensor, and what is private.
    step(now): see `_quick`."""

    def __init__(self, app, sensors):
        self._app = app
        self.words = array("i", [0] * (_HEAD + _WORDS * sensors))
        self.words[_N] = sensors
        self.taken = False
        self._clear()
        self.step = _quick(self.words, app.hal.inputs, app.hal.verify_and_feed)

    @property
    def on(self):
        """The last step found nothing to decide, `step` may do the next."""
        return self.words[_ON] == 1

    def enter(self):
        """After a step of App's: `on`, when the next ones have nothing to decide. Not behind the
        work of a second: that step is the longest as it is (docs/benchmarks.md)."""
        app = self._app
        left = app.thermal.second_in_ms()
        if left < _WORTH_MS or left == _SECOND_MS:
            return
        temp_limits = app.temp_limits
        if app.code or not app.button.is_quiescent() or not temp_limits.is_quiescent():
            return
        if not app.background.is_quiescent() or not app.self_test.is_quiescent():
            return
        state = app.session.state
        if state == states.RUNNING:
            left = min(left, _event_in_ms(app))
            if left < _WORTH_MS:
                return
        elif state != states.IDLE and state != states.DONE:
            return
        st = self.words
        # While running light is expected, in the dark it is a fault: App.step's.
        st[_WANTED] = PRESSED if state == states.RUNNING else PRESSED | LIGHT
        st[_LAST] = app.now
        st[_LEFT] = left
        below = temp_limits.quiet_below
        at = _HEAD
        for low in temp_limits.quiet_from:
            st[at] = low
            st[at + _HIGH] = below
            at += _WORDS
        st[_ON] = 1

    def _clear(self):
        st = self.words
        st[_MS] = st[_STEPS] = 0
        at = _HEAD
        for _ in range(st[_N]):
            st[at + _SUM] = 0
            st[at + _LEAST] = _NONE_YET
            at += _WORDS

    def flush(self):
        """Book what has come together, so that everything is what App.step would have left."""
        ms = self._book()
        if ms:
            self._app.uptime(ms)
            self._app.lamps.meter(ms)

    def _book(self):
        """Book all but uptime and light; returns the milliseconds of those."""
        st = self.words
        if not st[_STEPS]:
            return 0
        app = self._app
        ms = st[_MS]
        app.now = st[_LAST]
        app.background_ms += ms
        app.thermal.add_elapsed(ms)
        if st[_WANTED] == PRESSED:
            _session_took(app, ms)
        app.temp_limits.add_elapsed(st[_STEPS], st, _HEAD + _SUM, _WORDS)
        st[_LEFT] -= ms
        self._clear()
        return ms

    def begin_background(self):
        """Settle; the next whole background slice is due in _SLACK_MS."""
        self.flush()
        self.words[_SINCE] = 0

    def exit_fast_path(self):
        """App decides again."""
        self.flush()
        self.words[_ON] = self.words[_TAKEN] = 0

    def begin_full_step(self):
        """App decides this step, and whether the inputs have been `taken` already. Returns the
        milliseconds before it that App has still to book as uptime and light: with those of the
        step, as nothing has changed since."""
        ms = self._book()
        st = self.words
        self.taken = st[_TAKEN] == 1
        st[_ON] = st[_TAKEN] = 0
        return ms

    def forget(self):
        """App decides again; what has come together and cannot be booked is lost."""
        self._clear()
        self.words[_ON] = self.words[_TAKEN] = 0

    @property
    def seen(self):
        """What `inputs` returned, when the inputs were taken."""
        return self.words[_SEEN]


def _session_took(app, ms):
    """`ms` of a running session."""
    app.session.add_elapsed(ms)
    app.wire_check.add_elapsed(ms)
    app.sample_ms += ms
    if app.session.tethered:
        app.control.lease_ms -= ms


def _event_in_ms(app):
    """While running: for so long nothing of the session is due, whatever the sensors say; 0 while
    lamps change or somebody is asked."""
    lamps, session = app.lamps, app.session
    if not lamps.is_steady():
        return 0
    left = min(session.event_in_ms(), SAMPLE_MS - app.sample_ms, app.wire_check.due_in_ms())
    left = min(left, app.control.event_in_ms(session))
    target_uj = session.plan.dose_uj if app.calibrated else 0
    return min(left, lamps.dose_in_ms(target_uj, app.cap_uj))
