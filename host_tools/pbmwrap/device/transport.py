"""The interface that carries bytes to a wrap and back."""

from __future__ import annotations

from abc import ABC, abstractmethod

WRITE_TIMEOUT_S = 3.0


class Transport(ABC):
    """A byte stream with its own clock, so that timeouts also work in virtual time.

    Methods raise LinkLost when the other end is gone.
    """

    name: str

    @abstractmethod
    def open(self) -> None:
        """Open the stream. Raises NoDevice, PortBusy or NoPermission."""

    @abstractmethod
    def close(self) -> None:
        """Close the port. Safe to call twice."""

    @abstractmethod
    def write(self, data: bytes, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        """Send all of `data`. Raises LinkLost when it is not accepted within `timeout_s`."""

    @abstractmethod
    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived; b"" when there is no byte within `timeout_s`."""

    @abstractmethod
    def monotonic(self) -> float:
        """Return the transport's clock in seconds; only differences have a meaning."""

    def __enter__(self) -> Transport:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
