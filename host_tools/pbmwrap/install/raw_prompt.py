"""Opens the raw prompt of a MicroPython board through mpremote, and leaves it again."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from pbmwrap.device import serial_port
from pbmwrap.errors import LinkLost, NotAWrap, WrapError
from pbmwrap.install.loader_files import restart_source
from wrap.version import OLDEST_MICROPYTHON

PROMPT_S = 10


class RawBoard(Protocol):
    """The part of mpremote's transport that is used here."""

    serial: Any

    def exec(self, command: str) -> bytes: ...
    def exit_raw_repl(self) -> None: ...
    def exec_raw_no_follow(self, command: str) -> None: ...
    def follow(self, timeout: float) -> tuple[bytes, bytes]: ...


@contextmanager
def open_raw_prompt(port: str, soft_reset: bool = True) -> Iterator[RawBoard]:
    """Open the board at `port` at its raw prompt. An error returns it to its usual prompt.

    soft_reset: empty its RAM first. Raises NotAWrap, LinkLost, NoDevice, NoPermission, PortBusy.
    """
    # mpremote prints what it read when it finds no prompt; stdout belongs to the command.
    with contextlib.redirect_stdout(io.StringIO()):
        yield from _open_raw_prompt(port, soft_reset)


def _open_raw_prompt(port: str, soft_reset: bool) -> Iterator[RawBoard]:
    from mpremote.transport import TransportError
    from mpremote.transport_serial import SerialTransport
    from serial import SerialException

    try:
        board = SerialTransport(port)
    except TransportError as problem:
        raise _explain_closed(port, problem) from problem
    port_object: Any = board.serial
    port_object.timeout = PROMPT_S  # mpremote sets none, and would wait forever for a dead board
    try:
        with _leave_on_error(board):
            board.enter_raw_repl(soft_reset, timeout_overall=PROMPT_S)
            yield board
    except TransportError as problem:
        raise _explain_lost(port, problem) from problem
    except (SerialException, OSError, struct.error) as problem:  # struct: half an answer
        raise LinkLost(f"{port} failed during the install: {problem}") from problem
    finally:
        _close_port(board)


def _explain_closed(port: str, problem: Exception) -> WrapError:
    """Find out why mpremote could not open the port, by opening it again."""
    again = serial_port.SerialTransport(port)
    try:
        again.open()
    except WrapError as reason:
        return reason
    again.close()
    return NotAWrap(f"{port} cannot be opened: {problem}", "run the install again")


def _explain_lost(port: str, problem: Exception) -> WrapError:
    if "raw repl" in str(problem):
        oldest = ".".join(map(str, min(OLDEST_MICROPYTHON.values())))
        hint = f"install MicroPython {oldest} or newer on it first, or give the right --port"
        return NotAWrap(f"{port} shows no MicroPython prompt", hint)
    last = (str(problem).strip().splitlines() or ["no reason given"])[-1]
    return LinkLost(f"{port} failed during the install: {last}", "run the install again")


@contextmanager
def _leave_on_error(board: Any) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            leave_raw_prompt(board)
        raise


def leave_raw_prompt(board: RawBoard) -> None:
    """Return to the usual prompt; a raw one does not show what the board is."""
    board.exit_raw_repl()


def restart_board(board: RawBoard) -> None:
    """Reset the board, recorded as intentional; its port disappears with it."""
    board.exec_raw_no_follow(f"{restart_source()}import machine\nrestart(machine)")


def _close_port(board: Any) -> None:
    with contextlib.suppress(OSError):  # the board restarted, and its port is gone
        board.close()
