"""Starts the command `pbmwrap`, also as `python -m pbmwrap`.

Loading the program takes some tenths of a second. Ctrl-C in that time ends it with one line: no
port is open yet.
"""

import os
import signal
import sys
from types import FrameType


def _exit_at_once(number: int, frame: FrameType | None) -> None:
    """End at once: the module that is being loaded could catch an exception."""
    os.write(2, b"interrupted\n")
    os._exit(130)  # EXIT_INTERRUPTED; importing it here would take time


def run() -> None:
    """Run the command and exit with its code."""
    replaced = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if replaced:  # a shell ignores Ctrl-C for a background program: keep that
        signal.signal(signal.SIGINT, _exit_at_once)
    from pbmwrap.cli.main import main

    if replaced:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())


if __name__ == "__main__":
    run()
