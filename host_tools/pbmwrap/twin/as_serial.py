"""A twin's port with pyserial's interface, so that mpremote runs in virtual time: each look for
bytes takes a millisecond, the host's own work none."""

from __future__ import annotations

from typing import Any

from pbmwrap.twin.base import Twin

_MS = 1
_PATIENCE_MS = 60_000


class TwinSerial:
    """The part of serial.Serial that mpremote's SerialTransport uses."""

    rts = dtr = True

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._got = bytearray()
        self._heard_ms = twin.now_ms

    def inWaiting(self) -> int:
        """Return how many bytes can be read. Raises TimeoutError after a minute without any."""
        self._got += self._twin.read()
        if not self._got:
            self._twin.advance_ms(_MS)
            self._got += self._twin.read()
        if self._got:
            self._heard_ms = self._twin.now_ms
        elif self._twin.now_ms > self._heard_ms + _PATIENCE_MS:
            raise TimeoutError("the twin is silent")
        return len(self._got)

    def read(self, n: int = 1) -> bytes:
        """Return exactly `n` bytes. Raises TimeoutError."""
        while self.inWaiting() < n:
            self._twin.advance_ms(_MS)
        data = bytes(self._got[:n])
        del self._got[:n]
        return data

    def write(self, data: bytes) -> int:
        """Write all bytes. Raises TimeoutError."""
        end = self._twin.now_ms + _PATIENCE_MS
        self._heard_ms = self._twin.now_ms
        left = memoryview(data)
        while left:
            left = left[self._twin.write(bytes(left)) :]
            if left:
                self._twin.advance_ms(_MS)
            if self._twin.now_ms > end:
                raise TimeoutError("the twin takes no bytes")
        return len(data)

    def close(self) -> None:
        """Do nothing: the caller owns the twin."""


def raw_board(twin: Twin) -> Any:
    """mpremote's transport on a twin that is on, at its raw prompt."""
    from mpremote.transport_serial import SerialTransport

    class Patient(SerialTransport):
        """Enter the raw REPL without mpremote's timeouts, which use the wall clock."""

        def read_until(self, *args: Any, **limits: Any) -> bytes:
            limits |= {"timeout": None, "timeout_overall": None}
            return super().read_until(*args[:2], **limits)

    board = Patient.__new__(Patient)
    board.in_raw_repl = board.mounted = board.is_pty = False
    board.use_raw_paste = True
    board.device_name = "twin"
    board.serial = TwinSerial(twin)
    board.enter_raw_repl()
    return board
