"""Counts restarts that nobody asked for: too many in a row hold the wrap in a fault.

There is no clock across resets, so a count is forgotten only after limits.RESETS_CALM_S of uptime
without one: three within any ten minutes always hold.
"""

from wrap.rules import limits

_UNASKED = ("watchdog", "brown-out")


class RestartCount:
    """store: an `atomic_store.Store`; cause: the cause of this boot; failed: writing it failed."""

    def __init__(self, store, cause):
        self._store = store
        self.count = store.get_int("n", 1 << 29)
        self.failed = False
        if cause in _UNASKED:
            self.count += 1
            try:
                store.put({"n": self.count})
            except OSError:
                self.failed = True

    def too_many(self):
        """Whether the wrap must stay in a fault."""
        return self.count >= limits.RESETS_MOST  # H-17

    def calm(self, up_s):
        """Whether the count may be forgotten now."""
        return self.count > 0 and up_s >= limits.RESETS_CALM_S

    def forget(self):
        """Begin to count anew."""
        self._store.put({})
        self.count = 0
