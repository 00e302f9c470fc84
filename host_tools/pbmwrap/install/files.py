"""Puts a firmware onto a stock MicroPython board, at its raw prompt: looks, plans, sends, verifies.

The board reads back every file from flash and says its SHA-256. What breaks off leaves what ran
before; the next install goes on where this one was (docs/decisions/0019).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from pbmwrap.device import serial_port
from pbmwrap.errors import LinkLost, NotAWrap, WrapError
from pbmwrap.install import wire
from pbmwrap.install.plan import Plan, Seen, verify
from pbmwrap.install.slot import on_stock, receiver
from pbmwrap.install.slot import restart as restart_text

PROMPT_S = 10
MIN_VERSION = (1, 25)
_VERSION = "tuple(__import__('sys').implementation.version[:2])"

Progress = wire.Progress


class Board(Protocol):
    """The part of mpremote's transport that is used here."""

    serial: Any

    def exec(self, command: str) -> bytes: ...
    def exit_raw_repl(self) -> None: ...
    def exec_raw_no_follow(self, command: str) -> None: ...
    def follow(self, timeout: float) -> tuple[bytes, bytes]: ...


@contextmanager
def raw_board(port: str, soft_reset: bool = True) -> Iterator[Board]:
    """The board at `port`, at its raw prompt; what breaks off leaves it at its usual one.

    soft_reset: empty its RAM first. Raises NotAWrap, LinkLost, NoDevice, NoPermission, PortBusy.
    """
    # mpremote prints what it read where it finds no prompt: stdout belongs to the command.
    with contextlib.redirect_stdout(io.StringIO()):
        yield from _raw_board(port, soft_reset)


def _raw_board(port: str, soft_reset: bool) -> Iterator[Board]:
    from mpremote.transport import TransportError
    from mpremote.transport_serial import SerialTransport
    from serial import SerialException

    try:
        board = SerialTransport(port)
    except TransportError as problem:
        raise _closed(port, problem) from problem
    port_object: Any = board.serial
    port_object.timeout = PROMPT_S  # mpremote sets none: a board that is dead would hold it
    try:
        with _leaving(board):
            board.enter_raw_repl(soft_reset, timeout_overall=PROMPT_S)
            yield board
    except TransportError as problem:
        raise _lost(port, problem) from problem
    except (SerialException, OSError, struct.error) as problem:  # struct: half an answer
        raise LinkLost(f"{port} failed during the install: {problem}") from problem
    finally:
        _close(board)


def _closed(port: str, problem: Exception) -> WrapError:
    """Why mpremote could not open the port: it does not say, so the port is opened again."""
    again = serial_port.SerialTransport(port)
    try:
        again.open()
    except WrapError as reason:
        return reason
    again.close()
    return NotAWrap(f"{port} cannot be opened: {problem}", "run the install again")


def _lost(port: str, problem: Exception) -> WrapError:
    if "raw repl" in str(problem):
        hint = "install MicroPython 1.25 or newer on it first, or give the right --port"
        return NotAWrap(f"{port} shows no MicroPython prompt", hint)
    last = (str(problem).strip().splitlines() or ["no reason given"])[-1]
    return LinkLost(f"{port} failed during the install: {last}", "run the install again")


@contextmanager
def _leaving(board: Any) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            leave(board)
        raise


def leave(board: Board) -> None:
    """Back to the usual prompt: at the raw one nobody sees what is there."""
    board.exit_raw_repl()


def _close(board: Any) -> None:
    with contextlib.suppress(OSError):  # the board restarted and took its port along
        board.close()


def look(board: Board) -> Seen:
    """What is on the board. Raises WrapError when its MicroPython is too old."""
    version = tuple(int(part) for part in board.exec(f"print(*{_VERSION})").split())
    if version < MIN_VERSION:
        shown, least = (".".join(map(str, v)) for v in (version, MIN_VERSION))
        raise WrapError(f"the board runs MicroPython {shown}", f"install {least} or newer first")
    loader = on_stock("main")
    board.exec(receiver())
    return Seen.of(board.exec(f"look({loader.POINTER!r}, {loader.INDEX!r})").decode())


def install(board: Board, plan: Plan, is_usb: bool, progress: Progress) -> None:
    """Do what is planned; the board still runs nothing. Raises VerifyFailed, WrapError."""
    if plan.jobs or plan.gone:
        board.exec(f"prepare({plan.folder!r}, {list(plan.gone)!r})")
    if plan.jobs:
        wire.send(board, plan.jobs, wire.USB if is_usb else wire.UART, progress)
    if plan.small:
        said = board.exec(f"finish({plan.told()!r})").decode().split()
        _check_small(plan, said)


def _check_small(plan: Plan, said: list[str]) -> None:
    for (path, data), answer in zip(plan.small, said, strict=True):
        verify(hashlib.sha256(data).hexdigest(), answer.removeprefix("="), path)


def restart(board: Board) -> None:
    """Reset the board; its port goes away with it."""
    board.exec_raw_no_follow(f"{restart_text()}import machine\nrestart(machine)")
