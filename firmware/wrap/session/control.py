"""What people ask of a wrap, by button or over the link. Writes no lamp; the step does that."""

import json

from wrap.compat import const
from wrap.errors import FAULT, INVALID, NOT_FOUND, NOT_NOW, STORAGE, Refused
from wrap.rules import faults, limits, states
from wrap.session.site_history import SiteHistory, part_pm
from wrap.session.wake_check import ASKED, UNANSWERED, WakeCheck
from wrap.storage import payloads, records
from wrap.storage.atomic_store import Store
from wrap.ui import button

_RESTART_MS = const(300)  # long enough for the answer to leave
_RESTART_MOST_MS = const(2000)  # neither an unread port nor failing flash holds it up longer


class SessionControl:
    """app: the wrap.app.App whose rooms it asks."""

    def __init__(self, app):
        self._app = app
        self._counter = Store(app.files, "count")
        self.history = SiteHistory(Store(app.files, "course"), self._sessions())
        self.wake_check = WakeCheck()
        self._asked = None  # what `_next_s` answers
        self._next_s = 0
        self.lease_ms = 0  # what is left to a tethered session
        self._unix_less_up = None
        self._tele_every = self._tele_ms = self._tele_due = 0
        self._restart_ms = -1  # since it was asked for; -1: it was not
        self.installed = None  # which firmware this is, and whether on trial; None: the image
        self._greeted = False  # a host has had its hello
        self._spent = False  # the press that is still held has done its work

    def handle_gesture(self, gesture):
        """One of wrap.ui.button's gestures."""
        app = self._app
        session = app.session
        if session.state == states.FAULT:
            if gesture == button.DOWN:
                app.buzzer.press()
            elif gesture == button.HOLD:
                self._acknowledge_here()
        elif gesture == button.DOWN:
            self._press(session)
        elif gesture == button.LONG:
            session.stop(states.BY_BUTTON)  # H-35
        elif gesture == button.SHORT:
            self._short(session)
        elif gesture == button.DOUBLE and session.state in (states.IDLE, states.DONE):
            app.protocols.next()

    def _acknowledge_here(self):
        try:
            self.acknowledge("button")
        except Refused:
            return  # the cause is still there: the indicator goes on blinking its number

    def _press(self, session):
        wake = self.wake_check
        if wake.answer(session.active_ms):
            self._spent = True
            self._app.indicator.asking = False
            self._note_wake("answered")
        else:
            self._spent = (session.active() and session.state != states.PAUSED) or wake.over
            session.pause("button")  # H-35

    def _short(self, session):
        if self._spent:
            return
        if session.state in (states.IDLE, states.DONE):
            try:
                self.start("button", False)
            except Refused:
                self._app.indicator.refuse()
        else:
            session.resume("button")  # does nothing unless paused

    def _plan(self):
        """(Plan, canonical bytes) of the active protocol. Raises Refused when none may start."""
        app = self._app
        if app.session.state == states.FAULT:
            raise Refused(FAULT, "a fault is latched")
        if app.session.active():
            raise Refused(NOT_NOW, "a session is under way")
        if app.log_queue.failed:
            raise Refused(STORAGE, "the log cannot be written, so no session may begin")
        if self.on_trial():  # H-19
            raise Refused(NOT_NOW, "this firmware is new and on trial until a host has greeted it")
        app.confirmation.check()
        slot = app.protocols.active()
        if slot < 0:
            raise Refused(NOT_FOUND, "no usable protocol is stored")
        plan, raw = app.protocols.plan(slot)
        for key in ("time_s", "light_day_s"):
            if plan.total_ms > app.settings.get(key) * 1000:
                raise Refused(INVALID, "the protocol is longer than the %s setting allows" % key)
        site, need_s = plan.site, plan.total_ms // 1000
        week, day_s = app.settings.get("site_week"), app.settings.get("light_day_s")
        why = self.history.refusal(site, need_s, week, day_s, app.up_s)
        if why:
            raise Refused(NOT_NOW, why)
        return plan, raw

    def start(self, by, tethered):
        """Begin a session with the active protocol. Raises Refused or OSError."""
        app = self._app
        plan, raw = self._plan()
        number = self._sessions() + 1
        self._count(number, plan)
        app.arm(plan)
        self.wake_check.arm(app.settings.get("wake_s"), app.settings.get("answer_s"))
        self.lease_ms = limits.LEASE_MS
        cals = app.settings.calibrations()
        unix = self.unix_s() or 0
        blobs = self._blob(raw), self._blob(json.dumps(cals).encode())
        app.note(records.START, payloads.pack_start(number, by, blobs[0], blobs[1], unix))
        app.hal.collect()  # now, while nothing is lit, rather than in the session
        app.session.begin(number, plan, by, tethered)

    def _blob(self, raw):
        """The name of `raw` for a record; it is written first when the log does not hold it."""
        name, new = self._app.log.blob(raw)
        if new:
            self._app.note(records.BLOB, payloads.pack_blob(name, raw))
        return name

    def _sessions(self):
        """How many there have been; a record holds no more than 32 bits of it."""
        return self._counter.get_int("session", 0xFFFFFFFE)

    def _count(self, number, plan):
        """Book a session before its first light. Raises OSError, and then it has not begun."""
        up_s = self._app.up_s
        self.history.begin(plan.site, plan.total_ms // 1000, up_s)
        try:
            self._counter.put({"session": number})
        except OSError:
            self.history.end(0, 0, up_s)
            raise

    def next_s(self, site, need_s=0):
        """Seconds until a session of `need_s` may begin on `site`; 0: now. Without `need_s` by the
        site alone."""
        get, up_s = self._app.settings.get, self._app.up_s
        week, light_day_s = get("site_week"), get("light_day_s")
        history = self.history
        asked = (site, need_s, up_s, week, light_day_s, history.changes)
        if asked != self._asked:  # a host asks with every status, the answer holds for a second
            wait_s = history.next_s(site, week, up_s)
            self._next_s = max(wait_s, history.light_next_s(need_s, light_day_s, up_s))
            self._asked = asked
        return self._next_s

    def ended(self):
        """The session is over: what it gave is known."""
        app = self._app
        session = app.session
        plan = session.plan
        self.wake_check.disarm()
        app.indicator.asking = False
        upper_uj = app.lamps.upper_uj()
        part = part_pm(session.active_ms, plan.total_ms, upper_uj, plan.dose_uj)
        light_ms = min(session.active_ms, plan.total_ms)
        self.history.end(part, (light_ms + 999) // 1000, app.up_s)

    def event_in_ms(self, session):
        """For so long `attend` would do nothing; 0 while somebody is asked."""
        wake = self.wake_check
        if wake.waiting:
            return 0
        left = wake.due_ms - session.active_ms
        return min(left, self.lease_ms) if session.tethered else left

    def update_session(self, dt):
        """In every step of a session: is the host still there, is the wearer awake?"""
        session = self._app.session
        if session.tethered and self.lease_ends(dt):
            session.stop(states.BY_LEASE)  # H-36
        wake = self.wake_check
        if wake.waiting or session.active_ms >= wake.due_ms:
            self._check_awake(session, dt)

    def _check_awake(self, session, dt):
        wake = self.wake_check
        what = wake.step(dt)
        if what == ASKED:
            self._app.indicator.asking = True
            self._note_wake("asked")
        elif what == UNANSWERED:
            self._note_wake("unanswered")
            session.pause(states.BY_WAKE)  # H-31
        elif wake.over and not (session.state == states.PAUSED and session.fade):
            session.stop(states.BY_WAKE)

    def _note_wake(self, what):
        self._app.note(records.WAKE, payloads.pack_wake(what, self._app.session.active_ms))

    def acknowledge(self, by):
        """Clear a latched fault whose cause is gone. Raises Refused or OSError."""
        app = self._app
        cause = app.code or app.integrity.blocking_fault(app.fault_latch.code)  # H-37
        if cause:
            raise Refused(FAULT, "the cause is still there: " + faults.TEXTS[cause])
        code = app.fault_latch.code
        if code == faults.RESETS:
            app.restart_count.forget()
        app.fault_latch.clear()
        app.readback_failed = False
        app.note(records.ACK, payloads.pack_json({"code": code, "by": by}))
        app.session.return_to_idle("acknowledged by " + by)

    def calibrate(self, name, uw, unc_pm, date, how):
        """Store a calibration; returns all. Raises Refused or OSError."""
        app = self._app
        app.settings.calibrate(name, uw, unc_pm, date, how)
        app.take_calibration()
        return app.settings.calibrations()

    def clock_differs(self, unix_s):
        """Whether `unix_s` says anything new: the first clock since boot, or CLOCK_SAME_S away."""
        known = self.unix_s()
        return known is None or abs(unix_s - known) >= limits.CLOCK_SAME_S

    def set_clock(self, unix_s):
        """The host says what time it is; returns it."""
        self._unix_less_up = unix_s - self._app.up_s
        self.history.set_clock(unix_s, self._app.up_s)
        self._app.note(records.CLOCK, payloads.pack_clock(unix_s))
        return unix_s

    def unix_s(self):
        """UTC seconds, or None when no host has set the clock since boot."""
        if self._unix_less_up is None:
            return None
        return self._unix_less_up + self._app.up_s

    def lease_ends(self, dt):
        """Let a tethered session's lease run down; True when it is over."""
        self.lease_ms -= dt
        return self.lease_ms <= 0

    def telemetry(self, every_ms, lease_ms):
        """Push a sample every `every_ms` until the lease is over."""
        self._tele_every = every_ms
        self._tele_ms = lease_ms
        self._tele_due = 0

    def on_trial(self):
        """It has not said hello yet since it was installed: no light, and it may be given up."""
        return self.installed is not None and self.installed.trial

    def greeted(self):
        """A hello is answered: what an installed firmware is on trial for."""
        self._greeted = True

    def _keep(self):
        self._greeted = False
        try:
            self.installed.keep()  # type: ignore - on trial it is one
        except OSError:
            return  # the next hello tries again

    def restarts(self):
        """A restart was asked for."""
        return self._restart_ms >= 0

    def restart(self, service):
        """Restart once the answer has left; with `service` into a plain REPL."""
        if service:
            self._app.files.write("service", b"1")
        self._restart_ms = 0

    def slack(self, dt, server):
        """Telemetry that is due, a restart that was asked for, a calm that has lasted,
        the course's hours."""
        app = self._app
        if (
            app.restart_count.count
            and app.restart_count.calm(app.up_s)
            and not app.session.active()
        ):
            app.restart_count.forget()
        if self._app.up_s >= self.history.save_at_s:
            self.history.save(self._app.up_s)
        if self._greeted and self.on_trial() and server.idle():
            self._keep()
        if self._tele_every:
            self._telemetry(dt, server)
        if self._restart_ms >= 0:
            self._restart_ms += dt
            settled = server.idle() and self._app.log_queue.idle()
            if self._restart_ms > (_RESTART_MS if settled else _RESTART_MOST_MS):
                self._app.hal.reset()

    def _telemetry(self, dt, server):
        self._tele_ms -= dt
        if self._tele_ms <= 0:
            self._tele_every = 0
            return
        self._tele_due -= dt
        if self._tele_due <= 0 and server.idle():
            self._tele_due = self._tele_every
            server.push("sample", self._app.status_view.sample())
