"""Runs the work between the steps in bounded slices: storage, integrity and multiplexer checks,
indicator, buzzer, telemetry. The link has slices of its own (`App.run_link`)."""

from wrap.compat import const
from wrap.rules import faults
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable

    from wrap.link.host_session import HostSession
    from wrap.link.server import Server
    from wrap.safety.fault_latch import FaultLatch
    from wrap.safety.integrity import Integrity
    from wrap.safety.multiplexer_check import MultiplexerCheck
    from wrap.safety.thermal import ThermalChecks
    from wrap.session.recorder import SessionRecorder
    from wrap.session.state_machine import Session
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.upkeep import Upkeep
    from wrap.ui.signals import Signals


class Background:
    """Runs one slice of each kind of work at a time."""

    def __init__(
        self,
        session: "Session",
        recorder: "SessionRecorder",
        log_queue: "LogQueue",
        upkeep: "Upkeep",
        fault_latch: "FaultLatch",
        multiplexer_check: "MultiplexerCheck",
        integrity: "Integrity",
        thermal: "ThermalChecks",
        signals: "Signals",
        host_session: "HostSession",
    ) -> None:
        self._session = session
        self._recorder = recorder
        self._log_queue = log_queue
        self._upkeep = upkeep
        self._fault_latch = fault_latch
        self._multiplexer_check = multiplexer_check
        self._integrity = integrity
        self._thermal = thermal
        self._signals = signals
        self._host_session = host_session

    def is_quiescent(self) -> bool:
        """Return whether no work is pending that needs a slice after every step."""
        if self._integrity.is_checking() or self._host_session.restarting():
            return False
        return self._upkeep.is_quiescent(self._session.lit_now)

    def run(self, dt_ms: int, server: "Server", trip: "Callable[[int, str | None], None]") -> None:
        """Run one slice of each kind. dt_ms: since the last one; trip(code, detail): called for
        each fault found."""
        session = self._session
        log_queue = self._log_queue
        if log_queue.has_unreported():
            log_queue.note(records.NOTE, payloads.pack_json(log_queue.report_lost()))
        # A log that cannot be written is a fault only where a session would go unrecorded.
        if self._upkeep.write_due(dt_ms, session.lit_now) and session.active():
            trip(faults.STORAGE, None)
        if not session.active_now:
            self._recorder.finish_when_due(dt_ms)
            self._upkeep.tidy(dt_ms)
        wrong = self._multiplexer_check.check(dt_ms, self._fault_latch.code != faults.NONE)
        if wrong:
            trip(faults.MULTIPLEXER, wrong)
        damaged = self._integrity.check_slice(dt_ms)
        if damaged:
            trip(damaged, self._integrity.detail)
        self._signals.advance(dt_ms)
        if self._thermal.pending_warning:
            self._signals.warn()
            warning = self._thermal.pop_warning(session.recorded_number())
            log_queue.note(records.NOTE, payloads.pack_json(warning))
        self._upkeep.keep_counts(session.active())
        self._host_session.run(dt_ms, server)
