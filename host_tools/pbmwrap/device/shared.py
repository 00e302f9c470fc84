"""Shares a port between programs of one user: owns it, or connects through its owner."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from pathlib import Path

from pbmwrap.device import endpoint
from pbmwrap.device.owner import PortOwner
from pbmwrap.device.serial_port import SerialTransport
from pbmwrap.device.transport import WRITE_TIMEOUT_S, Transport
from pbmwrap.device.usb import find_holders
from pbmwrap.errors import LinkLost, PortBusy, WrapError
from wrap import errors
from wrap.link import frames

TAKE_OVER_S = 2.0  # seconds to find the next owner; shorter than a tethered session's lease
_POLL_S = 0.02
_CHUNK = 65536
_COMMAND_MAX = 80
# After a change of owner it is unknown whether the request in flight arrived, so it is repeated.
_ASK_AGAIN = frames.encode(
    json.dumps({"i": None, "e": [errors.BAD_CRC, "the port has a new owner"]}).encode("ascii")
)


def describe_command() -> str:
    """Return this process's command line for other programs, at most 80 characters of it."""
    words = [Path(sys.argv[0]).stem, *sys.argv[1:]]
    if words[0] in ("__main__", "main"):
        words[0] = "pbmwrap"
    text = " ".join(words).encode("ascii", "replace").decode("ascii")
    return text if len(text) <= _COMMAND_MAX else text[: _COMMAND_MAX - 3] + "..."


def share_port(transport: Transport) -> SharedTransport:
    """Own the opened `transport`, and serve this user's other programs while it is open.

    If no endpoint can be made, only this program uses the port: see `not_shared_reason`.
    """
    listener, why = None, ""
    try:
        listener = endpoint.Listener(transport.name, describe_command())
    except OSError as problem:
        why = str(problem)
    owner = PortOwner(transport, listener)
    return SharedTransport(transport.name, owner.attach(), owner, not_shared_reason=why)


def connect_to_owner(port: str) -> SharedTransport | None:
    """Connect to the process that owns `port`; None when none advertises itself or accepts."""
    found = endpoint.find_endpoint(port)
    if found is None:
        return None
    try:
        return SharedTransport(port, endpoint.connect(found, describe_command()), None)
    except (ConnectionRefusedError, FileNotFoundError):
        endpoint.remove_endpoint(found)
    except OSError:
        return None  # it is alive and does not accept
    return None


def name_holder(port: str) -> str:
    """Return who has `port` open, "`pbmwrap monitor` (process 12)", or "" if that is unknown."""
    found = endpoint.find_endpoint(port)
    if found is not None and _is_alive(found.pid):
        return found.description
    return ", ".join(f"{name} (process {pid})" for pid, name in find_holders(port))


def explain_busy(busy: PortBusy, port: str) -> PortBusy:
    """Return `busy` with the program that holds the port, and what to do."""
    found = endpoint.find_endpoint(port)
    who = name_holder(port)
    if found is not None and who == found.description:
        hint = f"end it there (q or Ctrl-C; or `kill {found.pid}`), then run this again"
        return PortBusy(f"{port} is in use by {who}", hint)
    if who:
        return PortBusy(f"{port} is in use by {who}", "end it, then run this again")
    return busy


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill would end it; connecting to a dead owner fails
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class SharedTransport(Transport):
    """A connection to the owner of a port, which may be this process.

    When another process owned the port and ends, this one becomes the owner or finds the next one.
    further: it was made by `open_another`, and ends with its connection.
    """

    def __init__(
        self,
        name: str,
        sock: socket.socket,
        owner: PortOwner | None,
        not_shared_reason: str = "",
        further: bool = False,
    ) -> None:
        self.name = name
        self.not_shared_reason = not_shared_reason
        self._sock: socket.socket | None = sock
        self._owner = owner
        self._further = further
        self._arrived = b""

    def open_another(self) -> SharedTransport:
        """Return a further connection to the same wrap, for another thread of this process.

        Requests of all connections are answered in turn, a stop or a pause first. Raises LinkLost.
        """
        if self._owner is not None:
            return SharedTransport(self.name, self._owner.attach(), None, further=True)
        other = connect_to_owner(self.name)
        if other is None:
            raise LinkLost(f"{self.name} was given up by its owner")
        other._further = True
        return other

    @property
    def owned(self) -> bool:
        """Whether this process owns the port."""
        return self._owner is not None

    @property
    def other_programs(self) -> list[str]:
        """Other programs that use the port through this process."""
        return self._owner.other_programs() if self._owner else []

    def open(self) -> None:
        """Do nothing: it is opened when it is made."""

    def close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.close()

    def write(self, data: bytes, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        try:
            sock = self._current_link()
            sock.settimeout(timeout_s)
            sock.sendall(data)
        except TimeoutError as problem:
            raise LinkLost(f"{self.name} takes no bytes") from problem
        except OSError:
            self._find_next_owner()  # the request is repeated

    def read(self, timeout_s: float) -> bytes:
        if self._arrived:
            data, self._arrived = self._arrived, b""
            return data
        try:
            sock = self._current_link()
            sock.settimeout(max(timeout_s, 0.001))
            data = sock.recv(_CHUNK)
        except TimeoutError:
            return b""
        except OSError:
            data = b""
        if data:
            return data
        self._find_next_owner()
        return self.read(0)

    def monotonic(self) -> float:
        return time.monotonic()

    def _current_link(self) -> socket.socket:
        if self._sock is None:
            raise LinkLost(f"{self.name} is not open")
        return self._sock

    def _find_next_owner(self) -> None:
        """Find the next owner after the connection has ended. Raises LinkLost."""
        if self._owner is not None:
            raise self._owner.failure or LinkLost(f"{self.name} was closed")
        if self._further:
            raise LinkLost(f"the connection to {self.name} has ended")
        self._current_link().close()
        deadline = self.monotonic() + TAKE_OVER_S
        while True:
            try:
                next_one = _own_port(self.name) or connect_to_owner(self.name)
            except WrapError as problem:
                raise LinkLost(f"{self.name} vanished: {problem.message}") from problem
            if next_one is not None:
                self._take_over(next_one)
                return
            if self.monotonic() >= deadline:
                raise LinkLost(f"{self.name} was given up by its owner and is held by another")
            time.sleep(_POLL_S)

    def _take_over(self, other: SharedTransport) -> None:
        self._sock, self._owner = other._sock, other._owner
        self.not_shared_reason = other.not_shared_reason
        self._arrived = _ASK_AGAIN


def _own_port(port: str) -> SharedTransport | None:
    """Own the port; None while another process holds it. Raises NoDevice, NoPermission."""
    transport = SerialTransport(port)
    with contextlib.suppress(PortBusy):
        transport.open()
        return share_port(transport)
    return None
