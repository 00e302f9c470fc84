"""Checks what must hold before any light, of a session or for a calibration."""

from wrap.compat import const
from wrap.errors import FAULT, NOT_NOW, STORAGE, Refused
from wrap.rules import states

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.install_trial import InstallTrial
    from wrap.session.confirmation import Confirmation
    from wrap.session.holds import Holds
    from wrap.session.recorder import SessionRecorder
    from wrap.session.state_machine import Session
    from wrap.storage.log_queue import LogQueue


class StartGuard:
    """Refuses a session that may not begin. holds: the holds in force."""

    def __init__(
        self,
        session: "Session",
        recorder: "SessionRecorder",
        log_queue: "LogQueue",
        trial: "InstallTrial",
        confirmation: "Confirmation",
        holds: "Holds",
    ) -> None:
        self._session = session
        self._recorder = recorder
        self._log_queue = log_queue
        self._trial = trial
        self._confirmation = confirmation
        self.holds = holds

    def require_ready(self) -> None:
        """Raise Refused with the first reason of the wrap itself against light now."""
        if self._session.state == states.FAULT:
            raise Refused(FAULT, "a fault is latched")
        if self._session.active():
            raise Refused(NOT_NOW, "a session is under way")
        if self._log_queue.failed:
            raise Refused(STORAGE, "the log cannot be written, so no session may begin")
        if self._trial.on_trial():  # H-19
            raise Refused(NOT_NOW, "this firmware is new and on trial until a host has greeted it")
        self._confirmation.require_confirmed()
        # A new session resets what the records of the last one are made of.
        self._recorder.finish_changes()
