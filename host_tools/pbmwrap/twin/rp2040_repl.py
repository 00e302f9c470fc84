"""Runs code on a twin through MicroPython's raw REPL, in virtual time."""

from __future__ import annotations

from pbmwrap.twin.base import Twin

_STEP_MS = 5
_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D = b"\x01", b"\x02", b"\x03", b"\x04"
_RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
_INTERRUPTS = 3  # one for a running program, one for its handler, one for a half-typed line


class ReplError(RuntimeError):
    """The guest raised: the message is its traceback."""


class Repl:
    """One use of the raw REPL. It consumes all bytes that the device sends meanwhile."""

    def __init__(self, twin: Twin, timeout_ms: int) -> None:
        self._twin = twin
        self._deadline_ms = twin.now_ms + timeout_ms
        self._got = bytearray()

    def run_code(self, code: str) -> str:
        """Interrupt, run `code`, go back to the friendly REPL; returns what it printed.

        Raises ReplError with the traceback, TimeoutError when the device does not answer.
        """
        for _ in range(_INTERRUPTS):
            self._send_bytes(_CTRL_C)
            self._wait_step()
        self._send_bytes(b"\r" + _CTRL_A)
        self._read_until(_RAW_PROMPT)
        self._send_bytes(code.encode() + _CTRL_D)
        self._read_until(b"OK")
        printed = self._read_until(_CTRL_D)
        raised = self._read_until(_CTRL_D)
        self._send_bytes(_CTRL_B)
        self._read_until(b">>> ")
        if raised:
            raise ReplError(raised.decode(errors="replace"))
        return printed.decode(errors="replace")

    def _wait_step(self) -> None:
        if self._twin.now_ms >= self._deadline_ms:
            raise TimeoutError(f"the REPL does not answer; last seen: {bytes(self._got[-200:])!r}")
        self._twin.advance_ms(_STEP_MS)
        self._got += self._twin.read()

    def _send_bytes(self, data: bytes) -> None:
        while data:
            data = data[self._twin.write(data) :]
            if data:
                self._wait_step()

    def _read_until(self, mark: bytes) -> bytes:
        """Return everything before `mark`, which is consumed too."""
        while mark not in self._got:
            self._wait_step()
        before, _, after = bytes(self._got).partition(mark)
        self._got = bytearray(after)
        return before
