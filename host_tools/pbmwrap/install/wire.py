"""Sends files to the receiver at the board's raw prompt (firmware/on_stock/receiver.py)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from pbmwrap.errors import LinkLost, WrapError, plain
from pbmwrap.install.plan import Job, verify

USB = 2048  # bytes between two dots: USB holds up a sender by itself
UART = 128  # its ring on the board has 260 bytes, and nothing holds up the sender
ANSWER_S = 15.0  # longer than the receiver waits for a host
_AHEAD = 2  # pieces on the way that no dot has answered
_LOOK_S = 0.001

Progress = Callable[[int, int], None]


class Raw(Protocol):
    """The part of mpremote's transport that is used here."""

    serial: Any

    def exec_raw_no_follow(self, command: str) -> None: ...
    def follow(self, timeout: float) -> tuple[bytes, bytes]: ...


def send(board: Raw, jobs: Sequence[Job], piece: int, progress: Progress) -> None:
    """Send what the jobs have to send; every file is verified. Raises VerifyFailed, WrapError,
    LinkLost."""
    board.exec_raw_no_follow(f"receive({[job.told() for job in jobs]!r}, {piece})")
    answers = _Answers(board.serial)
    answers.wait_for_dots(0)  # the first: a byte 3 is data from now on, no Ctrl-C
    for done, job in enumerate(jobs, 1):
        for part in _pieces(job, piece):
            answers.wait_for_dots(_AHEAD - 1)
            board.serial.write(part)
            answers.due += 1
        verify(job.sha, answers.line(), job.path)
        progress(done, len(jobs))
    board.follow(ANSWER_S)


def _pieces(job: Job, piece: int) -> Iterator[bytes]:
    for sent, _ in job.blocks:
        for at in range(0, len(sent), piece):
            yield sent[at : at + piece]


class _Answers:
    """What the receiver says: a dot for each piece, a line for each file. due: dots to come."""

    def __init__(self, serial: Any) -> None:
        self._serial = serial
        self.due = 1

    def _byte(self) -> bytes:
        deadline = time.monotonic() + ANSWER_S
        while not self._serial.inWaiting():
            if time.monotonic() > deadline:
                raise LinkLost("the board stopped answering in the middle of a file", _AGAIN)
            time.sleep(_LOOK_S)
        return self._serial.read(1)

    def wait_for_dots(self, left: int) -> None:
        """Until no more than `left` are due."""
        while self.due > left:
            got = self._byte()
            if got != b".":
                self._failed(got)
            self.due -= 1

    def line(self) -> str:
        """The SHA-256 that a file has on the board."""
        self.wait_for_dots(0)
        got = self._byte()
        if got != b"=":
            self._failed(got)
        return self._rest()

    def _rest(self) -> str:
        text = b""
        while not text.endswith(b"\n"):
            text += self._byte()
        return plain(text.decode("ascii", "replace").strip())

    def _failed(self, first: bytes) -> None:
        text = self._rest() if first == b"!" else self._traceback(first)
        raise WrapError(f"the board could not take the files: {text}", _AGAIN)

    def _traceback(self, first: bytes) -> str:
        """The last line of what the raw prompt says of code that raised."""
        text = first.lstrip(_END)
        while not text.endswith(_END):
            text += self._byte()
        return plain((text.decode("ascii", "replace").strip("\r\n\x04").splitlines() or [""])[-1])


_END = b"\x04"
_AGAIN = "run the install again: it continues there, and the board keeps its old firmware"
