"""Acknowledges a latched fault whose cause is gone."""

from wrap.compat import const
from wrap.errors import FAULT, Refused
from wrap.rules import faults
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.safety.fault_latch import FaultLatch
    from wrap.safety.integrity import Integrity
    from wrap.safety.restart_count import RestartCount
    from wrap.session.state_machine import Session
    from wrap.step_state import StepState
    from wrap.storage.log_queue import LogQueue


class FaultControl:
    """Clears the fault latch; nothing else does."""

    def __init__(
        self,
        fault_latch: "FaultLatch",
        steps: "StepState",
        integrity: "Integrity",
        restart_count: "RestartCount",
        session: "Session",
        log_queue: "LogQueue",
    ) -> None:
        self._fault_latch = fault_latch
        self._steps = steps
        self._integrity = integrity
        self._restart_count = restart_count
        self._session = session
        self._log_queue = log_queue

    def acknowledge(self, by: str) -> None:
        """Clear the latched fault and return to idle. by: "button" or "link". Raises Refused while
        its cause lasts, and OSError or MemoryError; then it stays latched, unless only the records
        of it found no room."""
        latch = self._fault_latch
        cause = self._steps.code or self._integrity.blocking_fault(latch.code)  # H-37
        if cause:
            raise Refused(FAULT, "the cause is still there: " + faults.TEXTS[cause])
        code = latch.code
        note = payloads.pack_json({"code": code, "by": by})  # what takes memory comes first
        if code == faults.RESETS:
            self._restart_count.forget()  # otherwise the next boot would latch it again
        latch.clear()
        self._steps.readback_failed = False
        try:
            self._log_queue.note(records.ACK, note)
        finally:
            self._session.return_to_idle("acknowledged by " + by)
