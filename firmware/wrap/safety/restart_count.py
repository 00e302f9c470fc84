"""Counts unexpected restarts: too many in a row keep the wrap in a fault.

No clock runs across resets, so the count is cleared only after limits.RESETS_CALM_S of uptime
without one. Three within any ten minutes therefore always keep the wrap in a fault.
"""

from wrap.compat import const
from wrap.rules import limits

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.atomic_store import Store

_UNEXPECTED = ("watchdog", "brown-out")
_MOST = const(1 << 29)  # a stored count above this is damage, and counts as 0


class RestartCount:
    """Counts the restarts. count: unexpected restarts, with this boot; failed: it could not be
    written."""

    def __init__(self, store: "Store", cause: str) -> None:
        """cause: of this boot, as `Hal.reset_cause` names it."""
        self._store = store
        self.count = store.get_int("n", _MOST)
        self.failed = False
        if cause in _UNEXPECTED:
            self.count += 1
            try:
                store.put({"n": self.count})
            except OSError:
                self.failed = True

    def too_many(self) -> bool:
        """Return whether the wrap must stay in a fault."""
        return self.count >= limits.RESETS_MOST  # H-17

    def is_calm(self, up_s: int) -> bool:
        """Return whether the count may be cleared at the uptime `up_s`."""
        return self.count > 0 and up_s >= limits.RESETS_CALM_S

    def forget(self) -> None:
        """Clear the count, also in flash. Raises OSError."""
        self._store.put({})
        self.count = 0
