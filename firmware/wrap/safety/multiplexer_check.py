"""Checks that the multiplexer's reference inputs read what they should."""

from wrap.compat import const

_EVERY_MS = const(1000)
_AGAIN_MS = const(100)  # one wrong conversion does not prove a broken multiplexer


class MultiplexerCheck:
    """hal: a wrap.hal with `references`."""

    def __init__(self, hal):
        self._hal = hal
        self._left_ms = 0
        self._wrong = 0  # 1 + number of the input that read wrong in the last check, or 0

    def check(self, dt_ms: int, latched: bool) -> "str | None":
        """Let `dt_ms` pass; returns what is wrong when the same input read wrong twice in a row.
        latched: a fault is latched already, so nothing is measured."""
        self._left_ms -= dt_ms
        if self._left_ms > 0 or latched:
            return None
        wrong = self._hal.references()  # H-47, H-48
        self._left_ms = _AGAIN_MS if wrong else _EVERY_MS
        before = self._wrong
        self._wrong = wrong
        if wrong and wrong == before:
            return "input y%d reads out of its bounds" % (wrong - 1)
        return None
