"""Keeps a piece of the heap for what must find room while everything else is taken: the first
fault, the start of a session, a protocol that a host stores, and a record that the log has no room
to write."""

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Sequence


def _take(words: int) -> "Sequence[int]":
    return [0] * words


class HeapReserve:
    """Keeps `words` machine words, until `release`."""

    def __init__(self, words: int) -> None:
        self._words = words
        self._piece: "Sequence[int]" = ()
        self.restore()

    def release(self) -> bool:
        """Give the piece back to the heap. Returns whether there was one."""
        had = self.is_kept()
        self._piece = ()
        return had

    def restore(self) -> None:
        """Take the piece again, where the heap has it."""
        if not self.is_kept():
            try:
                self._piece = _take(self._words)
            except MemoryError:
                return

    def is_kept(self) -> bool:
        """Return whether the heap lacks the piece."""
        return bool(self._piece)
