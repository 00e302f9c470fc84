"""Carries out an install at a board's raw prompt, with firmware/loader/receiver.py on the board.

The board reads every file back from flash and answers with its SHA-256. An interrupted install
leaves what ran before; the next one continues where it stopped (docs/decisions/0019).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pbmwrap.errors import LinkLost, VerifyFailed, WrapError, plain
from pbmwrap.install import bundle
from pbmwrap.install.loader_files import load_loader, receiver_source
from pbmwrap.install.plan import BoardState, Job, Plan
from pbmwrap.install.raw_prompt import RawBoard

USB_PIECE = 4096  # bytes between two dots; USB has flow control
UART_PIECE = 128  # the board's ring has 260 bytes, and there is no flow control
ANSWER_S = 15.0  # longer than the receiver waits for the host (STALL_MS)
_AHEAD = 2  # pieces under way that no dot has answered
_POLL_S = 0.001
_ASK = "i=__import__('sys').implementation;print(*i.version[:2]);print(i._machine)"
_END_OF_OUTPUT = b"\x04"
_AGAIN = "run the install again: it continues there, and the board keeps its old firmware"

Progress = Callable[[int, int], None]


def read_board_state(board: RawBoard) -> BoardState:
    """Start the receiver and read what is on the board.

    Raises WrapError when its chip is not supported, or its MicroPython is too old for the chip.
    """
    version, machine = board.exec(_ASK).decode().splitlines()
    bundle.check_micropython(tuple(map(int, version.split())), bundle.find_board(machine))
    loader = load_loader()
    describe = f"describe_board({loader.POINTER!r}, {loader.INDEX!r})"
    line = board.exec(receiver_source() + describe).decode()
    return BoardState.from_line(line)


def carry_out(board: RawBoard, plan: Plan, is_usb: bool, progress: Progress) -> None:
    """Carry out a plan on a board that runs nothing. progress: (files done, files in all).

    Raises VerifyFailed, WrapError, LinkLost.
    """
    if plan.jobs or plan.obsolete:
        board.exec(f"prepare_slot({plan.folder!r}, {list(plan.obsolete)!r})")
    if plan.jobs:
        send_jobs(board, plan.jobs, USB_PIECE if is_usb else UART_PIECE, progress)
    if plan.small:
        answers = board.exec(f"replace_files({plan.to_wire()!r})").decode().split()
        for (path, data), answer in zip(plan.small, answers, strict=True):
            _check_sha(hashlib.sha256(data).hexdigest(), answer.removeprefix("="), path)


def send_jobs(board: RawBoard, jobs: Sequence[Job], piece: int, progress: Progress) -> None:
    """Send the files of the jobs in pieces of `piece` bytes; each file is verified.

    Raises VerifyFailed, WrapError, LinkLost.
    """
    board.exec_raw_no_follow(f"receive_files({[job.to_wire() for job in jobs]!r}, {piece})")
    answers = _Answers(board.serial)
    answers.wait_for_dots(0)  # the first dot: from here on a byte 3 is data, not Ctrl-C
    for done, job in enumerate(jobs, 1):
        for part in _split_job(job, piece):
            answers.wait_for_dots(_AHEAD - 1)
            board.serial.write(part)
            answers.due += 1
        _check_sha(job.sha, answers.read_sha(), job.path)
        progress(done, len(jobs))
    board.follow(ANSWER_S)


def _split_job(job: Job, piece: int) -> Iterator[bytes]:
    """Yield what is sent in pieces; the receiver takes each block of 4 KiB in whole pieces."""
    for at in range(0, len(job.data), piece):
        yield job.data[at : at + piece]


def _check_sha(wanted: str, answered: str, path: str) -> None:
    if answered != wanted:
        raise VerifyFailed(f"{path} on the board differs from what was sent")


class _Answers:
    """Reads the answers: a dot for each piece, a line for each file. due: dots to come."""

    def __init__(self, serial: Any) -> None:
        self._serial = serial
        self.due = 1

    def _read_byte(self) -> bytes:
        deadline = time.monotonic() + ANSWER_S
        while not self._serial.inWaiting():
            if time.monotonic() > deadline:
                raise LinkLost("the board stopped answering in the middle of a file", _AGAIN)
            time.sleep(_POLL_S)
        return self._serial.read(1)

    def wait_for_dots(self, left: int) -> None:
        """Read dots until no more than `left` are due. Raises WrapError, LinkLost."""
        while self.due > left:
            got = self._read_byte()
            if got != b".":
                self._raise_failure(got)
            self.due -= 1

    def read_sha(self) -> str:
        """Read the SHA-256 of the file just sent. Raises WrapError, LinkLost."""
        self.wait_for_dots(0)
        got = self._read_byte()
        if got != b"=":
            self._raise_failure(got)
        return self._read_line()

    def _read_line(self) -> str:
        text = b""
        while not text.endswith(b"\n"):
            text += self._read_byte()
        return plain(text.decode("ascii", "replace").strip())

    def _raise_failure(self, first: bytes) -> None:
        text = self._read_line() if first == b"!" else self._read_traceback(first)
        raise WrapError(f"the board could not take the files: {text}", _AGAIN)

    def _read_traceback(self, first: bytes) -> str:
        """Read the last line of a traceback that the raw prompt prints."""
        text = first.lstrip(_END_OF_OUTPUT)
        while not text.endswith(_END_OF_OUTPUT):
            text += self._read_byte()
        return plain((text.decode("ascii", "replace").strip("\r\n\x04").splitlines() or [""])[-1])
