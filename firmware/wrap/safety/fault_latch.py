"""Keeps the first fault until it is acknowledged, also over resets. It never clears itself.

`save` is called after the lamps are off, because writing flash takes time.
"""

from wrap.compat import const
from wrap.errors import WRITE_ERRORS
from wrap.rules import faults

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.atomic_store import Store

_SAVE_AGAIN_MS = const(1000)


class FaultLatch:
    """Keeps the first fault. code: the latched fault, or faults.NONE; info: its evidence, or None;
    later: number of further faults since; unsaved: flash does not hold it yet."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        kept = store.value
        self.unsaved = False
        self.code = store.get_int("code", len(faults.NAMES) - 1)
        if (store.damaged or "code" in kept) and not self.code:
            # The last write is lost, or its code is unknown to this firmware. Either may have been
            # a fault, so the wrap stays dark.
            self.code = faults.STORAGE  # H-37
            kept = {"code": self.code, "detail": "the fault memory is damaged"}
            self.unsaved = True
        self.info: "dict | None" = kept if self.code else None
        self.later = 0
        self._save_ms = 0  # until a failed write is repeated

    def trip(self, code: int, info: "dict | None") -> bool:
        """Latch `code` with its evidence `info`. Returns whether it is the first fault; a further
        one is only counted, and needs no evidence."""
        if self.code:
            self.later += 1
            return False
        self.code = code
        info = info or {}
        info["code"] = code
        self.info = info
        self.unsaved = True
        return True

    def save(self) -> None:
        """Write an unsaved fault. Raises OSError; then it stays unsaved."""
        if self.unsaved:
            # Twice, so that both files of the store hold the fault: one damaged file loses nothing.
            self._store.put(self.info)  # type: ignore - a latched fault has evidence
            self._store.put(self.info)  # type: ignore - H-37
            self.unsaved = False

    def save_when_due(self, dt_ms: int) -> None:
        """Let `dt_ms` pass and write an unsaved fault. Raises nothing: a failed write is repeated
        after a second."""
        if not self.unsaved:
            return
        self._save_ms -= dt_ms
        if self._save_ms > 0:
            return
        try:
            self.save()
            self._save_ms = 0
        except WRITE_ERRORS:
            self._save_ms = _SAVE_AGAIN_MS

    def clear(self) -> None:
        """Clear the latch. Only FaultControl calls this, after the cause has gone. Raises OSError
        and stays latched."""
        self._store.put({})
        if self._store.damaged:
            self._store.put({})  # replaces the damaged file, which would latch at the next boot
            self._store.damaged = False
        self.code = faults.NONE
        self.info = None
        self.later = 0
        self.unsaved = False
