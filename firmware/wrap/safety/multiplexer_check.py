"""Checks that the multiplexer's reference inputs read within their bounds."""

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import Hal

_EVERY_MS = const(1000)
_AGAIN_MS = const(100)  # one wrong conversion does not prove a broken multiplexer


class MultiplexerCheck:
    """Compares an input with its previous check before it reports a fault."""

    def __init__(self, hal: "Hal") -> None:
        self._hal = hal
        self._left_ms = 0
        self._wrong = 0  # 1 + number of the input that read wrong in the last check, or 0

    def check(self, dt_ms: int, latched: bool) -> "str | None":
        """Let `dt_ms` pass; return what is wrong when the same input read wrong twice in a row.
        latched: a fault is latched, so nothing is measured."""
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
