"""Bounds what a host can make the wrap write: a bucket of writes that fills with time.

A write is a request that changes flash or adds records. Requests that can only darken
(`session.stop`, `session.pause`) and `fault.ack` are not counted and never refused. Reads no clock.
"""

from wrap.errors import NOT_NOW, Refused
from wrap.rules import limits

_CARRIED = ("intended", "soft")  # restarts that a host can cause: they must not fill the bucket


class Budget:
    """store: the `atomic_store.Store` that `keep` writes; cause: cause of this boot; left: writes
    still allowed at the last call."""

    def __init__(self, store, cause):
        self._store = store
        self.left = limits.HOST_WRITES
        if cause in _CARRIED and (store.value or store.damaged):
            self.left = store.whole("left", limits.HOST_WRITES)
        self._since_s = 0  # uptime from which the next write is filled in

    def check(self, cost, up_s):  # H-58
        """Raises Refused when `cost` writes are not left at `up_s` of uptime."""
        filled = (up_s - self._since_s) // limits.HOST_WRITE_S
        self.left = min(limits.HOST_WRITES, self.left + filled)
        self._since_s += filled * limits.HOST_WRITE_S
        if self.left == limits.HOST_WRITES:
            self._since_s = up_s
        if self.left < cost:
            wait_s = (cost - self.left) * limits.HOST_WRITE_S - (up_s - self._since_s)
            raise Refused(
                NOT_NOW, "the host has made the wrap write too often: possible in %d s" % wait_s
            )

    def spend(self, cost):
        """Count `cost` writes; after `check` with at least as many."""
        self.left -= cost

    def keep(self, left):
        """Store that `left` writes are left to the boot after a restart that a host asks for."""
        try:
            self._store.put({"left": left})
        except OSError:
            return  # where flash fails a host cannot wear it
