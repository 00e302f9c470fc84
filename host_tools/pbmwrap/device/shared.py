"""A port as several programs of one user see it: own it, or reach the wrap through its owner."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from pathlib import Path

from pbmwrap.device import endpoint
from pbmwrap.device.holders import holders
from pbmwrap.device.owner import PortOwner
from pbmwrap.device.serial_port import SerialTransport
from pbmwrap.device.transport import WRITE_TIMEOUT_S, Transport
from pbmwrap.errors import LinkLost, PortBusy, WrapError
from wrap import errors
from wrap.link import frames

TAKE_OVER_S = 2.0  # for the next owner, when one ends; a tethered session's lease is longer
_LOOK_S = 0.02
_CHUNK = 65536
_COMMAND_MAX = 80
# Behind a change of owner nobody knows whether the request in flight was heard: ask again at once.
_ASK_AGAIN = frames.encode(
    json.dumps({"i": None, "e": [errors.BAD_CRC, "the port has a new owner"]}).encode("ascii")
)


def this_command() -> str:
    """This process, for others: the command line, at most 80 characters of it."""
    words = [Path(sys.argv[0]).stem, *sys.argv[1:]]
    if words[0] in ("__main__", "main"):
        words[0] = "pbmwrap"
    text = " ".join(words).encode("ascii", "replace").decode("ascii")
    return text if len(text) <= _COMMAND_MAX else text[: _COMMAND_MAX - 3] + "..."


def share(transport: Transport) -> SharedTransport:
    """Own the opened `transport` and let this user's other programs in while it is open.

    Where no endpoint can be made, this program uses the port alone: `alone_because` says why.
    """
    door, why = None, ""
    try:
        door = endpoint.Door(transport.name, this_command())
    except OSError as problem:
        why = str(problem)
    owner = PortOwner(transport, door)
    return SharedTransport(transport.name, owner.attach(), owner, alone_because=why)


def borrow(port: str) -> SharedTransport | None:
    """The wrap through the process that owns `port`; None when no living one advertises itself."""
    found = endpoint.look_up(port)
    if found is None:
        return None
    try:
        return SharedTransport(port, endpoint.connect(found, this_command()), None)
    except (ConnectionRefusedError, FileNotFoundError):
        endpoint.forget(found)
    except OSError:
        return None  # it lives and does not let us in
    return None


def name_holder(port: str) -> str:
    """Who has `port` open, as far as that can be known: "`pbmwrap monitor` (process 12)" or ""."""
    found = endpoint.look_up(port)
    if found is not None and _is_alive(found.pid):
        return found.called
    return ", ".join(f"{name} (process {pid})" for pid, name in holders(port))


def explain_busy(busy: PortBusy, port: str) -> PortBusy:
    """`busy` with who holds the port, and what to do."""
    found = endpoint.look_up(port)
    who = name_holder(port)
    if found is not None and who == found.called:
        hint = f"end it there (q or Ctrl-C; or `kill {found.pid}`), then run this again"
        return PortBusy(f"{port} is in use by {who}", hint)
    if who:
        return PortBusy(f"{port} is in use by {who}", "end it, then run this again")
    return busy


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill would end it; a dead owner's endpoint is refused when it is tried
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class SharedTransport(Transport):
    """A connection to the owner of a port, which may be this process.

    When another process owned it and ends, this one takes the port over or finds the next owner.
    """

    def __init__(
        self, name: str, sock: socket.socket, owner: PortOwner | None, alone_because: str = ""
    ) -> None:
        self.name = name
        self.alone_because = alone_because
        self._sock: socket.socket | None = sock
        self._owner = owner
        self._arrived = b""

    @property
    def owned(self) -> bool:
        """Whether the port is this process's."""
        return self._owner is not None

    @property
    def others(self) -> list[str]:
        """The other programs that use the port through this process."""
        return self._owner.other_programs() if self._owner else []

    def open(self) -> None:
        """It is made opened."""

    def close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.close()

    def write(self, data: bytes, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        try:
            sock = self._opened()
            sock.settimeout(timeout_s)
            sock.sendall(data)
        except TimeoutError as problem:
            raise LinkLost(f"{self.name} takes no bytes") from problem
        except OSError:
            self._go_on()  # what was sent is asked again

    def read(self, timeout_s: float) -> bytes:
        if self._arrived:
            data, self._arrived = self._arrived, b""
            return data
        try:
            sock = self._opened()
            sock.settimeout(max(timeout_s, 0.001))
            data = sock.recv(_CHUNK)
        except TimeoutError:
            return b""
        except OSError:
            data = b""
        if data:
            return data
        self._go_on()
        return self.read(0)

    def monotonic(self) -> float:
        return time.monotonic()

    def _opened(self) -> socket.socket:
        if self._sock is None:
            raise LinkLost(f"{self.name} is not open")
        return self._sock

    def _go_on(self) -> None:
        """The connection has ended. Raises LinkLost when the wrap cannot be reached any more."""
        if self._owner is not None:
            raise self._owner.failure or LinkLost(f"{self.name} was closed")
        self._opened().close()
        deadline = self.monotonic() + TAKE_OVER_S
        while True:
            try:
                next_one = _own(self.name) or borrow(self.name)
            except WrapError as problem:
                raise LinkLost(f"{self.name} vanished: {problem.message}") from problem
            if next_one is not None:
                self._adopt(next_one)
                return
            if self.monotonic() >= deadline:
                raise LinkLost(f"{self.name} was given up by its owner and is held by another")
            time.sleep(_LOOK_S)

    def _adopt(self, other: SharedTransport) -> None:
        self._sock, self._owner = other._sock, other._owner
        self.alone_because = other.alone_because
        self._arrived = _ASK_AGAIN


def _own(port: str) -> SharedTransport | None:
    """The port as ours; None while another process holds it. Raises NoDevice, NoPermission."""
    transport = SerialTransport(port)
    with contextlib.suppress(PortBusy):
        transport.open()
        return share(transport)
    return None
