"""Writes to flash what the steps left behind, and keeps the stored files in order."""

from wrap.compat import const
from wrap.errors import WRITE_ERRORS

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import Hal
    from wrap.safety.fault_latch import FaultLatch
    from wrap.safety.restart_count import RestartCount
    from wrap.session.lit_time import LitTime
    from wrap.session.site_history import SiteHistory
    from wrap.session.trial import Trial
    from wrap.storage.files import AnyFiles
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.settings import Settings
    from wrap.uptime import Uptime

_TIDY_MS = const(50)
_TIDY_AGAIN_MS = const(5000)


class Upkeep:
    """Does flash work in bounded slices; called in the background."""

    def __init__(
        self,
        hal: "Hal",
        files: "AnyFiles",
        fault_latch: "FaultLatch",
        log_queue: "LogQueue",
        settings: "Settings",
        restart_count: "RestartCount",
        history: "SiteHistory",
        lit_time: "LitTime",
        trial: "Trial",
        uptime: "Uptime",
    ) -> None:
        self._hal = hal
        self._files = files
        self._fault_latch = fault_latch
        self._log_queue = log_queue
        self._settings = settings
        self._restart_count = restart_count
        self._history = history
        self._lit_time = lit_time
        self._trial = trial
        self._uptime = uptime
        self._tidy_ms = 0

    def is_quiescent(self, lit: bool) -> bool:
        """Return whether nothing waits to be written. lit: what needs an erase does not count."""
        return not self._fault_latch.unsaved and self._log_queue.is_quiescent(lit)

    def write_due(self, dt_ms: int, lit: bool) -> bool:
        """Write an unsaved fault and at most one record. Returns whether the log could not be
        written. dt_ms: time since the last call; lit: nothing may be erased. Raises nothing."""
        latch, log_queue = self._fault_latch, self._log_queue
        if latch.unsaved or log_queue.is_due(lit):
            # The write keeps interrupts off, so without notice the dead-man could drop the enable.
            self._hal.flash_ahead()
        latch.save_when_due(dt_ms)
        return not log_queue.slice(dt_ms, lit) and log_queue.failed

    def tidy(self, dt_ms: int) -> None:
        """Write damaged copies again and erase what files no longer use; only while nothing is lit.
        dt_ms: time since the last call. Raises nothing."""
        # Before the files: a change of banks removes the damage, and with it the reason why a store
        # that is not repaired yet waits for a person.
        if self._settings.repair(dt_ms):
            return
        self._trial.repair(dt_ms)
        self._tidy_ms -= dt_ms
        if self._tidy_ms <= 0:
            self._tidy_ms = _TIDY_MS
            try:
                self._files.tidy()
            except WRITE_ERRORS:
                self._tidy_ms = _TIDY_AGAIN_MS  # a write that needs the space reports it

    def keep_counts(self, active: bool) -> None:
        """Clear the count of restarts once the wrap has run calmly, and store the hours of the
        history and the light of the channels. active: a session is under way. Raises OSError."""
        count = self._restart_count
        if count.count and count.is_calm(self._uptime.s) and not active:
            count.forget()
        if self._uptime.s >= self._history.save_at_s:
            self._history.save(self._uptime.s)
        if not active:
            self._lit_time.save_when_due(self._uptime.s)
