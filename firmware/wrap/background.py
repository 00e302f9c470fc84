"""What is done behind the steps, in bounded slices: storage, the program's check, indicator,
buzzer, telemetry. The link is the server's (`App.more_slack`)."""

from wrap.compat import const
from wrap.rules import faults
from wrap.storage import payloads, records
from wrap.ui.indicator import SLOT_MS

_TIDY_MS = const(50)
_TIDY_AGAIN_MS = const(5000)
_MUX_MS = const(1000)
_MUX_AGAIN_MS = const(100)  # one wrong conversion is no broken multiplexer


class Background:
    """app: the wrap.app.App."""

    def __init__(self, app):
        self._app = app
        self._blink_ms = self._tidy_ms = self._mux_ms = 0
        self._mux_wrong = 0
        self.buzzing = False

    def is_quiescent(self):
        """Nothing waits to be written, or for a slice of every step."""
        app = self._app
        if app.fault_latch.unsaved or app.integrity.checking() or app.control.restarts():
            return False
        return app.log_queue.is_quiescent(app.session.lit_now)

    def run(self):
        """One slice of each."""
        app = self._app
        app.fast_step.begin_background()
        dt = app.background_ms
        app.background_ms = 0
        session = app.session
        if app.log_queue.unreported():
            app.note(records.NOTE, payloads.pack_json(app.log_queue.report_lost()))
        self._store(dt, session.lit_now)
        if not session.active_now:
            app.settings.repair(dt)
            self._tidy(dt)
        self._check_multiplexer(dt)
        damaged = app.integrity.slice(dt)
        if damaged:
            app.trip(damaged, app.integrity.detail)
        self._blink_ms -= dt
        if self._blink_ms <= 0:
            self._blink_ms += SLOT_MS
            self._blink()
            self._buzz()
        if app.thermal.news:
            app.buzzer.warn()
            app.note(records.NOTE, payloads.pack_json(app.thermal.pop_warning(session.number)))
        app.control.slack(dt, app.server)

    def _store(self, dt, lit):
        app = self._app
        latch, log_queue = app.fault_latch, app.log_queue
        if latch.unsaved or log_queue.due(lit):
            app.hal.flash_ahead()
        latch.slice(dt)
        if not log_queue.slice(dt, lit) and log_queue.failed and app.session.active():
            app.trip(faults.STORAGE, None)

    def _check_multiplexer(self, dt):
        """Whether the multiplexer's references read as they should, once a second; wrong twice in a
        row is a fault."""
        self._mux_ms -= dt
        app = self._app
        if self._mux_ms > 0 or app.fault_latch.code:
            return
        wrong = app.hal.references()  # H-47, H-48
        self._mux_ms = _MUX_AGAIN_MS if wrong else _MUX_MS
        if wrong and wrong == self._mux_wrong:
            app.trip(faults.MULTIPLEXER, "input y%d reads out of its bounds" % (wrong - 1))
        self._mux_wrong = wrong

    def _tidy(self, dt):
        self._tidy_ms -= dt
        if self._tidy_ms <= 0:
            self._tidy_ms = _TIDY_MS
            try:
                self._app.files.tidy()
            except OSError:
                self._tidy_ms = _TIDY_AGAIN_MS  # a write that needs the room tells

    def _blink(self):
        app = self._app
        lit = app.indicator.slot(
            app.session.state, app.temp_limits.warn, app.calibrated, app.fault_latch.code
        )
        app.hal.indicate(lit)

    def _buzz(self):  # H-51
        app = self._app
        on = app.buzzer.slot(
            app.session.state, app.indicator.asking, app.fault_latch.code, app.code
        )
        if on != self.buzzing:
            app.hal.buzz(on)
            self.buzzing = on
