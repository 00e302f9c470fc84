"""A twin in the same process as a transport: waiting lets virtual time pass, never wall time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbmwrap.device.transport import WRITE_TIMEOUT_S, Transport
from pbmwrap.errors import LinkLost

if TYPE_CHECKING:
    from pbmwrap.twin.base import Twin

SLICE_MS = 1


class TwinTransport(Transport):
    """Reads and writes a twin's USB port. With `owned` the twin is started and closed here too."""

    def __init__(self, twin: Twin, name: str = "", owned: bool = False) -> None:
        self.twin = twin
        self.name = name or f"{twin.kind}:"
        self._owned = owned
        self._open = False

    def open(self) -> None:
        if self._owned and not self._open:
            self.twin.start()
        self._open = True

    def close(self) -> None:
        if self._owned and self._open:
            self.twin.close()
        self._open = False

    def write(self, data: bytes, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        left = memoryview(data)
        deadline = self.monotonic() + timeout_s
        while left:
            taken = self.twin.write(bytes(left))
            left = left[taken:]
            if not left:
                return
            if self.monotonic() >= deadline:
                raise LinkLost(f"{self.name} does not accept data", "restart the simulated wrap")
            self.twin.advance_ms(SLICE_MS)

    def read(self, timeout_s: float) -> bytes:
        deadline = self.monotonic() + timeout_s
        while not (data := self.twin.read()):
            if self.monotonic() >= deadline:
                return b""
            self.twin.advance_ms(SLICE_MS)
        return data

    def monotonic(self) -> float:
        return self.twin.now_ms / 1000
