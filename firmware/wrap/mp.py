"""What differs between MicroPython and CPython, in one place."""

try:
    from micropython import const
except ImportError:

    def const(value):
        """MicroPython folds `_X = const(...)` when it compiles; CPython keeps the value."""
        return value


__all__ = ("const",)
