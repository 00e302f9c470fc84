"""Hides the differences between MicroPython and CPython.

`const`, `@micropython.viper`, `ptr8` and `ptr32` are known to MicroPython's compiler; on CPython
the same functions are plain Python over the same arrays.
"""

import gc
from array import array

try:
    import micropython  # type: ignore
except ImportError:

    class micropython:  # type: ignore
        """Replaces MicroPython's module with names that change nothing."""

        @staticmethod
        def viper(function: "Function") -> "Function":
            """Return the function unchanged."""
            return function

        native = viper

        @staticmethod
        def const(value: int) -> int:
            """Return the value. MicroPython folds `_X = const(...)` when it compiles."""
            return value


const = micropython.const
TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Function = TypeVar("Function", bound=Callable)


def ptr32(buffer: array) -> array:
    """Return the array, as its own sequence of words. Viper code compiles this to a pointer."""
    return buffer


def ptr8(buffer: object) -> bytearray:
    """Return the buffer, as its own sequence of bytes; of text, its bytes in UTF-8, to read."""
    return buffer.encode() if isinstance(buffer, str) else buffer  # type: ignore - any buffer


def small_int(value: int) -> int:
    """Return `value` as a small integer. An integer in a frozen tuple is a long-integer object, and
    so is every result computed from it: that allocates and takes several times as long
    (docs/decisions/0004)."""
    return array("i", [value])[0]


def collect_after(allocated: int) -> None:
    """Set after how many allocated bytes garbage is collected automatically; -1: only when the heap
    is full."""
    if hasattr(gc, "threshold"):
        gc.threshold(allocated)  # type: ignore


__all__ = ("collect_after", "const", "micropython", "ptr8", "ptr32", "small_int")
