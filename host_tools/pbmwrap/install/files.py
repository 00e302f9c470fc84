"""Writes the firmware's files onto a stock MicroPython board through mpremote's serial transport.

The board is at its raw prompt, no watchdog runs. Every file is verified by its SHA-256, computed on
the board from what it stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from pbmwrap.errors import LinkLost, NotAWrap, VerifyFailed, WrapError
from pbmwrap.install.bundle import DeviceFile

WRITE_CHUNK = 512
PROMPT_S = 10
MIN_VERSION = (1, 25)
_RESET = "import machine\nmachine.reset()"
_VERSION = "tuple(__import__('sys').implementation.version[:2])"
_MAIN = "/main.py"

Progress = Callable[[int, int], None]


class Board(Protocol):
    """The part of mpremote's transport that is used here."""

    def fs_exists(self, src: str) -> bool: ...
    def fs_mkdir(self, path: str) -> None: ...
    def fs_rmfile(self, path: str) -> None: ...
    def fs_writefile(self, dest: str, data: bytes, chunk_size: int = ...) -> None: ...
    def fs_hashfile(self, path: str, algo: str) -> bytes: ...
    def eval(self, expression: str) -> Any: ...
    def exec_raw_no_follow(self, command: str) -> None: ...


@dataclass(frozen=True)
class Installed:
    """What an install did."""

    written: int
    unchanged: int
    bytes: int


@contextmanager
def raw_board(port: str) -> Iterator[Board]:
    """The board at `port`, at its raw prompt. Raises NotAWrap, LinkLost."""
    from mpremote.transport import TransportError
    from mpremote.transport_serial import SerialTransport
    from serial import SerialException

    try:
        board = SerialTransport(port)
    except TransportError as problem:
        raise NotAWrap(f"{port} cannot be opened: {problem}") from problem
    try:
        board.enter_raw_repl(timeout_overall=PROMPT_S)
        yield board
    except TransportError as problem:
        raise _lost(port, problem) from problem
    except (SerialException, OSError) as problem:
        raise LinkLost(f"{port} failed during the install: {problem}") from problem
    finally:
        _close(board)


def _lost(port: str, problem: Exception) -> WrapError:
    if "raw repl" in str(problem):
        hint = "install MicroPython 1.25 or newer on it first, or give the right --port"
        return NotAWrap(f"{port} shows no MicroPython prompt", hint)
    last = (str(problem).strip().splitlines() or ["no reason given"])[-1]
    return LinkLost(f"{port} failed during the install: {last}", "run the install again")


def _close(board: Any) -> None:
    try:
        board.close()
    except OSError:
        return  # the board restarted and took its port along


def check_version(board: Board) -> tuple[int, int]:
    """The board's MicroPython version. Raises WrapError when it is too old."""
    version = tuple(board.eval(_VERSION))
    if version < MIN_VERSION:
        shown, least = (".".join(map(str, v)) for v in (version, MIN_VERSION))
        raise WrapError(f"the board runs MicroPython {shown}", f"install {least} or newer first")
    return version


def install(board: Board, files: Sequence[DeviceFile], progress: Progress) -> Installed:
    """Write what differs, `main.py` last, and verify every file. Raises VerifyFailed.

    The old `main.py` goes first: what an install that breaks off leaves only shows its prompt.
    """
    if files[-1].path != _MAIN:
        raise ValueError("main.py must be the last file")
    if board.fs_exists(_MAIN):
        board.fs_rmfile(_MAIN)
    _make_folders(board, files)
    written = total = 0
    for number, file in enumerate(files, 1):
        if _put(board, file):
            written += 1
            total += len(file.data)
        progress(number, len(files))
    return Installed(written, len(files) - written, total)


def _make_folders(board: Board, files: Sequence[DeviceFile]) -> None:
    folders = {file.path.rpartition("/")[0] for file in files} - {""}
    for folder in sorted(folders):
        if not board.fs_exists(folder):
            board.fs_mkdir(folder)


def _put(board: Board, file: DeviceFile) -> bool:
    """True when the file had to be written. Its .py or .mpy sibling would shadow it: away."""
    sibling = _sibling(file.path)
    if sibling and board.fs_exists(sibling):
        board.fs_rmfile(sibling)
    if board.fs_exists(file.path) and board.fs_hashfile(file.path, "sha256") == file.sha256:
        return False
    board.fs_writefile(file.path, file.data, chunk_size=WRITE_CHUNK)
    if board.fs_hashfile(file.path, "sha256") != file.sha256:
        raise VerifyFailed(f"{file.path} reads back different from what was written")
    return True


def _sibling(path: str) -> str | None:
    if path in (_MAIN, "/boot.py"):
        return None
    stem, _, suffix = path.rpartition(".")
    return f"{stem}.{'py' if suffix == 'mpy' else 'mpy'}"


def restart(board: Board) -> None:
    """Reset the board; its port goes away with it."""
    board.exec_raw_no_follow(_RESET)
