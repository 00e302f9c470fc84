"""What carries bytes to a wrap and back, whatever is at the other end."""

from __future__ import annotations

from abc import ABC, abstractmethod

WRITE_TIMEOUT_S = 3.0


class Transport(ABC):
    """A byte stream with its own clock, so that timeouts hold in virtual time as well.

    Raises LinkLost when the other end is gone, and the errors of `open` as they are named there.
    """

    name: str

    @abstractmethod
    def open(self) -> None:
        """Make the stream usable. Raises NoDevice, PortBusy or NoPermission."""

    @abstractmethod
    def close(self) -> None:
        """Give the port back. Safe to call twice."""

    @abstractmethod
    def write(self, data: bytes, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        """Send all of `data`. Raises LinkLost when it is not taken in `timeout_s`."""

    @abstractmethod
    def read(self, timeout_s: float) -> bytes:
        """What has arrived; waits at most `timeout_s` for a first byte, then returns b""."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds on the transport's clock; only differences mean something."""

    def __enter__(self) -> Transport:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
