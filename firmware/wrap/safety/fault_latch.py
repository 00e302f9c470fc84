"""The fault latch: one way in, the first fault wins, it survives reset, it never clears itself.

`store` is an `atomic_store.Store`. `save` writes it after the lamps are off, because writing flash
takes time.
"""

from wrap.compat import const
from wrap.rules import faults

_SAVE_AGAIN_MS = const(1000)


class FaultLatch:
    """code: the latched fault or faults.NONE; later: faults that came after the first."""

    def __init__(self, store):
        self._store = store
        kept = store.value
        self.unsaved = False
        self.code = store.get_int("code", len(faults.NAMES) - 1)
        if (store.damaged or "code" in kept) and not self.code:
            # What was written last is lost, or of another firmware: the strict reading.
            self.code = faults.STORAGE  # H-37
            kept = {"code": self.code, "detail": "the fault memory is damaged"}
            self.unsaved = True
        self.info: "dict | None" = kept if self.code else None
        self.later = 0
        self._save_ms = 0  # until an unsaved fault is tried again

    def trip(self, code, info):
        """Latch `code` with `info` (a dict of what was known). True when it is the first."""
        if self.code:
            self.later += 1
            return False
        self.code = code
        info["code"] = code
        self.info = info
        self.unsaved = True
        return True

    def save(self):
        """Write an unsaved fault. Raises OSError; then it stays unsaved and is tried again."""
        if self.unsaved:
            self._store.put(self.info)
            self._store.put(self.info)  # twice: damage to one of them forgets no fault; H-37
            self.unsaved = False

    def slice(self, dt_ms):
        """Write an unsaved fault. Flash that fails costs the caller nothing: tried again later."""
        if not self.unsaved:
            return
        self._save_ms -= dt_ms
        if self._save_ms > 0:
            return
        try:
            self.save()
            self._save_ms = 0
        except OSError:
            self._save_ms = _SAVE_AGAIN_MS

    def clear(self):
        """Acknowledge: only the app calls this, when the cause is gone. Raises OSError and stays
        latched."""
        self._store.put({})
        if self._store.damaged:
            self._store.put({})  # the broken copy goes as well
            self._store.damaged = False
        self.code = faults.NONE
        self.info = None
        self.later = 0
        self.unsaved = False
