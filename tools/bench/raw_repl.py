"""Simulates a board at MicroPython's raw prompt behind a pseudo-terminal, with as much of the
protocol as mpremote needs to run a line of Python. It answers at once, so the time that is measured
is the host's."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager

_BANNER = b"raw REPL; CTRL-B to exit\r\n"
_SOFT_REBOOT = b"OK\r\nMPY: soft reboot\r\n"
_PASTE = b"\x05A\x01"
_WINDOW = 256  # bytes of raw paste that the host may send ahead


@contextmanager
def raw_repl() -> Iterator[str]:
    """Yield the port of the board, which exists until the block ends."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    server = threading.Thread(target=_serve_repl, args=(ours,), daemon=True)
    server.start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.close(theirs)  # the server's next read fails
        server.join()
        os.close(ours)


def _serve_repl(fd: int) -> None:
    """Answer until the other end is closed."""
    held = b""
    while True:
        try:
            held += os.read(fd, 1024)
        except OSError:
            return
        held = _handle_input(fd, held)


def _handle_input(fd: int, held: bytes) -> bytes:
    """Act on each complete part of `held`; return the rest."""
    while held:
        if held.startswith(_PASTE):
            os.write(fd, b"R\x01" + _WINDOW.to_bytes(2, "little"))
            held = _receive_program(fd, held[len(_PASTE) :])
        elif _PASTE.startswith(held):
            return held
        elif held[0] == 1:  # Ctrl-A
            os.write(fd, _BANNER + b">")
            held = held[1:]
        elif held[0] == 4:  # Ctrl-D without a program
            os.write(fd, _SOFT_REBOOT + _BANNER + b">")
            held = held[1:]
        else:  # Ctrl-B, Ctrl-C, line ends
            held = held[1:]
    return b""


def _receive_program(fd: int, code: bytes) -> bytes:
    """Receive a program in raw paste mode and run it; return the bytes after it."""
    granted = _WINDOW
    while b"\x04" not in code:
        if len(code) >= granted - _WINDOW // 2:
            os.write(fd, b"\x01")
            granted += _WINDOW
        code += os.read(fd, 1024)
    program, _, rest = code.partition(b"\x04")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(program, {})
    os.write(fd, b"\x04" + out.getvalue().replace("\n", "\r\n").encode() + b"\x04\x04>")
    return rest
