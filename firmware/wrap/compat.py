"""What differs between MicroPython and CPython, in one place.

`const`, `@micropython.viper` and `ptr32` are words of MicroPython's compiler; on CPython the same
functions are plain Python over the same arrays.
"""

import gc
from array import array

try:
    import micropython  # type: ignore
except ImportError:

    class micropython:  # type: ignore
        """The words, without an effect."""

        @staticmethod
        def viper(function):
            """The function as it is."""
            return function

        native = viper

        @staticmethod
        def const(value):
            """The value; MicroPython folds `_X = const(...)` when it compiles."""
            return value


const = micropython.const


def ptr32(buffer):
    """The words of an array. In viper code never called."""
    return buffer


def small(value):
    """`value` as a small integer. A whole number inside a frozen tuple is a long-integer object,
    and everything computed from one is again: it allocates and takes several times as long."""
    return array("i", [value])[0]


def collect_after(allocated):
    """Let garbage go each time so many bytes were given out; -1: only when the heap is full."""
    if hasattr(gc, "threshold"):
        gc.threshold(allocated)  # type: ignore


__all__ = ("collect_after", "const", "micropython", "ptr32", "small")
