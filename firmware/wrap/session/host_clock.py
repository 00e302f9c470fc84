"""Keeps UTC as a host last set it, continued by the uptime."""

from wrap.compat import const
from wrap.rules import limits
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.session.site_history import SiteHistory
    from wrap.storage.log_queue import LogQueue
    from wrap.uptime import Uptime


class HostClock:
    """Keeps the time that a host sets. It is unknown after each boot until then."""

    def __init__(self, uptime: "Uptime", history: "SiteHistory", log_queue: "LogQueue") -> None:
        self._uptime = uptime
        self._history = history
        self._log_queue = log_queue
        self._boot_unix_s: "int | None" = None

    def unix_s(self) -> "int | None":
        """Return the Unix time in seconds, or None when no host has set the clock since boot."""
        if self._boot_unix_s is None:
            return None
        return self._boot_unix_s + self._uptime.s

    def differs(self, unix_s: int) -> bool:
        """Return whether `unix_s` must be stored: the first clock since boot, or at least
        limits.CLOCK_SAME_S away from the known time."""
        known = self.unix_s()
        return known is None or abs(unix_s - known) >= limits.CLOCK_SAME_S

    def set_utc(self, unix_s: int) -> int:
        """Set and record the clock. Returns `unix_s`."""
        self._boot_unix_s = unix_s - self._uptime.s
        self._history.set_clock(unix_s, self._uptime.s)
        self._log_queue.note(records.CLOCK, payloads.pack_clock(unix_s))
        return unix_s
