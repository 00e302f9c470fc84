"""Steps in which nothing changes: nearly all of a session's, and of a week on the shelf.

`Steady.step` does all of such a step in one go: time, inputs against the limits, lamps held,
heartbeat. What it would have to book it sums up, and `settle` books the sums, where they are the
same numbers as step by step. Whatever is not as it was - a reading near a limit, a press, an event
that is due, a lamp that does not hold - it leaves to `App.step`, the reference, with the inputs it
has taken. So it decides nothing: it knows only when there is nothing to decide.

The order of a step is App's: time, inputs, judgement, verify, heartbeat.
"""

from array import array

from wrap.mp import const, micropython, ptr32
from wrap.session import states

NOT_DONE = 0  # App.step has to do it
DONE = 1
SLACK_DUE = 2  # done, and it is time for the whole slack

# Words of the state, never below 0: viper on 64 bits reads them without a sign.
_LAST = const(0)  # ticks of the last step
_MS = const(1)  # not yet booked
_LEFT = const(2)  # as much may pass before something is due
_STEPS = const(3)  # not yet booked
_N = const(4)  # sensors
_PRESSED = const(5)
_TAKEN = const(6)  # inputs were read, but the step was left to App.step
_RUNNING = const(7)
_SINCE = const(8)  # ms since the last whole slack
_HEAD = const(9)
# A sensor's words:
_LOW = const(0)  # at least this
_HIGH = const(1)  # and below this a reading means nothing new
_SUM = const(2)
_LEAST = const(3)
_NEWEST = const(4)
_WORDS = const(5)

_LATE_MS = const(20)  # limits.STEP_MS * 2: a step so late is App.step's
_SLACK_MS = const(50)
_NONE_YET = const(1 << 20)
_WORTH_MS = const(30)
SAMPLE_MS = 32000  # between SAMPLE records: docs/decisions/0012, what a session may take of flash


class Steady:
    """app: the wrap.app.App. on: the last step found nothing to decide, `step` may do the next."""

    def __init__(self, app):
        self._app = app
        self._hal = app.hal
        self._raws = app.raws
        n = len(app.raws)
        self._st = array("i", [0] * (_HEAD + _WORDS * n))
        self._st[_N] = n
        self.on = False

    @micropython.viper
    def step(self, now: int) -> int:
        """One step at `now` (ticks_ms): DONE or SLACK_DUE, or NOT_DONE. Only while `on`."""
        st = ptr32(self._st)
        dt = now - st[_LAST]  # below 0 where the ticks wrap
        ms = st[_MS] + dt
        if dt < 0 or dt > _LATE_MS:
            return 0
        hal = self._hal
        raws = self._raws
        if hal.inputs(raws):
            st[_PRESSED] = 1
            st[_TAKEN] = 1
            return 0
        st[_PRESSED] = 0
        st[_TAKEN] = 1
        r = ptr32(raws)
        n = st[_N]
        i = 0
        at = _HEAD
        while i < n:
            raw = r[i]
            if raw < st[at] or raw >= st[at + _HIGH]:
                return 0
            i += 1
            at += _WORDS
        if ms >= st[_LEFT]:
            return 0
        if not hal.beat_if_held():
            return 0
        st[_TAKEN] = 0
        st[_LAST] = now
        st[_MS] = ms
        st[_STEPS] += 1
        i = 0
        at = _HEAD
        while i < n:
            raw = r[i]
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

    def enter(self):
        """After a step of App's: `on`, when the next ones have nothing to decide."""
        app = self._app
        monitor = app.monitor
        if app.code or app.self_test.sensing or not app.button.rests() or not monitor.rests():
            return
        if not app.slack_room.rests():
            return
        state = app.session.state
        left = app.guard.second_in_ms()
        if state == states.RUNNING:
            left = min(left, _event_in_ms(app))
        elif state != states.IDLE and state != states.DONE:
            return
        if left < _WORTH_MS:
            return
        st = self._st
        st[_RUNNING] = state == states.RUNNING
        st[_LAST] = app.now
        st[_LEFT] = left
        for i in range(st[_N]):
            at = _HEAD + _WORDS * i
            st[at], st[at + _HIGH] = monitor.calm(i)
        self._clear()
        self.on = True

    def _clear(self):
        st = self._st
        st[_MS] = st[_STEPS] = 0
        for at in range(_HEAD, len(st), _WORDS):
            st[at + _SUM] = 0
            st[at + _LEAST] = _NONE_YET

    def settle(self):
        """Book what has come together, so that everything is what App.step would have left."""
        st = self._st
        if not self.on or not st[_STEPS]:
            return
        app = self._app
        ms = st[_MS]
        app.now = st[_LAST]
        app.slack_ms += ms
        app.uptime(ms)
        app.lamps.meter(ms)
        app.guard.took(ms)
        if st[_RUNNING]:
            _session_took(app, ms)
        monitor = app.monitor
        for i in range(st[_N]):
            at = _HEAD + _WORDS * i
            monitor.took(i, st[at + _SUM], st[at + _LEAST], st[at + _NEWEST])
        monitor.took_steps(st[_STEPS])
        st[_LEFT] -= ms
        self._clear()

    def slack_begins(self):
        """Settle; the next whole slack is due in _SLACK_MS."""
        self.settle()
        self._st[_SINCE] = 0

    def leave(self):
        """App decides again. True when the inputs of this step have been taken already."""
        self.settle()
        self.on = False
        taken = self._st[_TAKEN]
        self._st[_TAKEN] = 0
        return taken == 1

    @property
    def pressed(self):
        """The button, when the inputs were taken."""
        return self._st[_PRESSED] == 1


def _session_took(app, ms):
    """`ms` of a running session."""
    app.session.took(ms)
    app.sample_ms += ms
    if app.session.tethered:
        app.desk.lease_ms -= ms


def _event_in_ms(app):
    """While running: for so long nothing of the session is due, whatever the sensors say; 0 while
    lamps change or somebody is asked."""
    lamps, session = app.lamps, app.session
    if not lamps.steady():
        return 0
    left = min(session.event_in_ms(), SAMPLE_MS - app.sample_ms)
    left = min(left, app.desk.event_in_ms(session))
    target_uj = session.plan.dose_uj if app.calibrated else 0
    return min(left, lamps.dose_in_ms(target_uj, app.cap_uj))
