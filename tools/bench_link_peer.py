"""mpremote, MicroPython's own client, as the peer that the link is measured against.

mpremote's own transport runs here unchanged over a twin: its serial port and its `time` are
replaced, so that what it waits is virtual time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from mpremote import transport_serial

from pbmwrap.twin.base import Twin


class TwinSerial:
    """The part of a serial.Serial that mpremote uses."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._got = bytearray()

    def inWaiting(self) -> int:
        self._got += self._twin.read()
        return len(self._got)

    def read(self, n: int) -> bytes:
        while self.inWaiting() < n:
            self._twin.advance_ms(1)
        data = bytes(self._got[:n])
        del self._got[:n]
        return data

    def write(self, data: bytes) -> int:
        left = bytes(data)
        while left:
            left = left[self._twin.write(left) :]
            if left:
                self._twin.advance_ms(1)
        return len(data)


@contextmanager
def peer(twin: Twin) -> Iterator[transport_serial.SerialTransport]:
    """mpremote's transport at the raw prompt of a board in service mode."""
    board = transport_serial.SerialTransport.__new__(transport_serial.SerialTransport)
    board.in_raw_repl, board.use_raw_paste, board.mounted = False, True, False
    board.device_name, board.is_pty = "twin", False
    board.serial = TwinSerial(twin)  # type: ignore[assignment]
    kept = transport_serial.time
    transport_serial.time = SimpleNamespace(  # type: ignore[assignment]
        monotonic=lambda: twin.now_ms / 1000,
        sleep=lambda s: twin.advance_ms(max(1, round(s * 1000))),
    )
    try:
        board.enter_raw_repl(soft_reset=False)
        yield board
        board.exit_raw_repl()
    finally:
        transport_serial.time = kept
