"""Limits how much a host can make the wrap write, with a token bucket.

A write is a request that changes flash or adds records. Requests that can only reduce light
(`session.stop`, `session.pause`) and `fault.ack` are not counted and never refused. Reads no clock.
"""

from wrap.compat import const
from wrap.errors import NOT_NOW, WRITE_ERRORS, Refused
from wrap.rules import limits

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.atomic_store import Store

# Causes of restarts that a host can make: they must not fill the bucket.
_CARRIED = ("intended", "soft")


class Budget:
    """Counts the writes. left: writes that were still allowed at the last call."""

    def __init__(self, store: "Store", cause: str) -> None:
        """store: the one that `keep` writes; cause: of this boot, as `Hal.reset_cause` names it."""
        self._store = store
        self.left = limits.HOST_WRITES
        if cause in _CARRIED and (store.value or store.damaged):
            self.left = store.get_int("left", limits.HOST_WRITES)
        self._since_s = 0  # uptime from which the time until the next write counts

    def check(self, cost: int, up_s: int) -> None:  # H-58
        """Raise Refused when fewer than `cost` writes are left. up_s: uptime in s."""
        filled = (up_s - self._since_s) // limits.HOST_WRITE_S
        self.left = min(limits.HOST_WRITES, self.left + filled)
        self._since_s += filled * limits.HOST_WRITE_S
        # Time with all writes left does not count towards the next one.
        if self.left == limits.HOST_WRITES:
            self._since_s = up_s
        if self.left < cost:
            wait_s = (cost - self.left) * limits.HOST_WRITE_S - (up_s - self._since_s)
            raise Refused(
                NOT_NOW, "the host has made the wrap write too often: possible in %d s" % wait_s
            )

    def spend(self, cost: int) -> None:
        """Count `cost` writes. Call `check` with at least as many first."""
        self.left -= cost

    def keep(self, left: int) -> None:
        """Store the number of writes `left` for the boot after a restart that a host requests."""
        try:
            self._store.put({"left": left})
        except WRITE_ERRORS:
            return  # flash that cannot be written cannot be worn either
