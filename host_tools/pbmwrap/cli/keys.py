"""Reads single keys from a terminal without waiting."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ReadKeys = Callable[[], str]


@contextmanager
def watched_keys() -> Iterator[ReadKeys | None]:
    """Yield a function that returns the keys pressed since its last call; None without a terminal.

    Ctrl-C still interrupts. The terminal is restored afterwards.
    """
    try:
        is_terminal = sys.stdin.isatty()
    except (ValueError, AttributeError):
        is_terminal = False
    if not is_terminal:
        yield None
    elif sys.platform == "win32":
        yield _read_console
    else:
        with _single_keys(sys.stdin.fileno()) as read:
            yield read


if sys.platform == "win32":
    import msvcrt

    def _read_console() -> str:
        keys = ""
        while msvcrt.kbhit():
            keys += msvcrt.getwch()
        return keys

else:

    def _in_background(terminal: int) -> bool:
        """Whether the system would stop this process for using the terminal."""
        try:
            return os.tcgetpgrp(terminal) != os.getpgrp()
        except OSError:
            return False  # not the controlling terminal of this process

    @contextmanager
    def _single_keys(terminal: int) -> Iterator[ReadKeys | None]:
        import select
        import termios
        import tty

        if _in_background(terminal):
            yield None
            return
        before = termios.tcgetattr(terminal)
        tty.setcbreak(terminal, termios.TCSANOW)

        def read_keys() -> str:
            if _in_background(terminal):
                return ""
            if not select.select([terminal], [], [], 0)[0]:
                return ""
            return os.read(terminal, 64).decode("ascii", "ignore")

        try:
            yield read_keys
        finally:
            if not _in_background(terminal):
                termios.tcsetattr(terminal, termios.TCSANOW, before)
