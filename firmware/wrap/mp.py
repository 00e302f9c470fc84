"""What differs between MicroPython and CPython, in one place."""

from array import array

try:
    from micropython import const  # type: ignore
except ImportError:

    def const(value):  # type: ignore
        """MicroPython folds `_X = const(...)` when it compiles; CPython keeps the value."""
        return value


def small(value):
    """`value` as a small integer. A whole number inside a frozen tuple is a long-integer object,
    and everything computed from one is again: it allocates and takes several times as long."""
    return array("i", [value])[0]


__all__ = ("const", "small")
