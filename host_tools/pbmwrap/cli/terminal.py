"""Whether this process has a terminal that can show a view of a whole screen."""

from __future__ import annotations

import os
import sys


def can_show_view() -> bool:
    """Whether stdin and stdout are a terminal that moves its cursor and has braille characters.

    False in the background of a shell, where the terminal belongs to another program.
    """
    try:
        on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    except (ValueError, AttributeError):
        return False
    if not on_terminal or os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        return False
    return sys.platform == "win32" or _is_foreground()


def _is_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return True  # not the controlling terminal of this process: nobody else uses it
