"""Finds a wrap by asking each port, never by USB id alone. Sends only `hello` and newlines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.device.port_name import AUTO, WEB
from pbmwrap.device.serial_port import PortInfo, SerialTransport, usb_ports
from pbmwrap.device.transport import Transport
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import (
    AtPrompt,
    DeviceError,
    LinkLost,
    NoDevice,
    NotAWrap,
    PortBusy,
    SeveralDevices,
    UsageError,
    WrapError,
)
from wrap.version import LINK_VERSION, PRODUCT

if TYPE_CHECKING:
    from pbmwrap.device.shared import SharedTransport

HELLO_S = 1.5  # an emulated wrap on a busy machine runs slower than real time
HELLO_ATTEMPTS = 4
BOOT_S = 15.0  # an in-process twin still boots when it is asked; virtual time
OWNER_WAIT_S = 1.0  # for a port in use, whose owner may just start or end
_POLL_S = 0.05
_PROMPT = b">>>"
_TWINS = ("sim:", "rp2040:")

Opener = Callable[[str], Transport]


@dataclass(frozen=True)
class Candidate:
    """A port that was asked for `hello`. Exactly one of `hello` and `problem` is set."""

    port: PortInfo
    hello: Hello | None = None
    problem: WrapError | None = None


def connect(port: str = AUTO, exclusive: bool = False) -> tuple[Client, Hello]:
    """Open a client to the wrap at `port`; returns it with the wrap's hello. Raises WrapError.

    A serial port is shared with other programs of this user: through its owner when one has it
    open, else as its owner (docs/decisions/0022). exclusive: use the port alone, or raise PortBusy.
    `web:` is the simulated wrap inside a running `pbmwrap web`.
    """
    if port == WEB:
        return greet_wrap(_find_web(exclusive))
    if port == AUTO:
        port = choose_wrap(scan_ports()).port.device
    elif port.startswith("serial:"):
        port = find_port_by_number(port.removeprefix("serial:"))
    try:
        transport = open_transport(port)
    except PortBusy as busy:
        if exclusive:
            raise
        transport = _wait_for_owner(port, busy)
    client, hello = greet_wrap(transport)
    if exclusive or not isinstance(transport, SerialTransport):
        return client, hello
    from pbmwrap.device import shared

    return Client(shared.share_port(transport)), hello


def _find_web(exclusive: bool) -> Transport:
    """Connect to the simulated wrap of `pbmwrap web`. Raises NoDevice, PortBusy."""
    found = _connect_to_owner(WEB)
    if found is None:
        raise NoDevice(
            "no `pbmwrap web` with a simulated wrap is running",
            "start one with `pbmwrap web --port sim:`",
        )
    if exclusive:
        found.close()
        raise PortBusy(f"{WEB} belongs to `pbmwrap web`", "start a wrap with `pbmwrap sim`")
    return found


def open_transport(port: str) -> Transport:
    """Open the transport of one named port, or twin, for this program alone.

    Raises PortBusy, which names the holder as far as this user may know, and other WrapErrors.
    """
    transport = make_transport(port)
    try:
        transport.open()
    except PortBusy as busy:
        from pbmwrap.device import shared

        raise shared.explain_busy(busy, port) from busy
    return transport


def _wait_for_owner(port: str, busy: PortBusy) -> Transport:
    """Connect through the owner of a port in use, or open the port when it becomes free.

    Raises PortBusy.
    """
    deadline = time.monotonic() + OWNER_WAIT_S
    while True:
        found = _connect_to_owner(port)
        if found is not None:
            return found
        if time.monotonic() >= deadline:
            raise busy
        time.sleep(_POLL_S)
        try:
            return open_transport(port)
        except PortBusy as still:
            busy = still


def _connect_to_owner(port: str) -> SharedTransport | None:
    from pbmwrap.device import shared

    return shared.connect_to_owner(port)


def make_transport(port: str) -> Transport:
    """Return the transport that `port` names, not opened. Raises UsageError.

    A folder after `sim:` or `rp2040:` keeps that twin's flash from one command to the next.
    """
    kind, colon, folder = port.partition(":")
    if kind + colon in _TWINS:
        from pbmwrap.twin.factory import make_twin

        return TwinTransport(make_twin(kind, Path(folder) if folder else None), port, owned=True)
    if port.endswith(":"):
        known = ", ".join((AUTO, *_TWINS, WEB, "serial:NUMBER", "/dev/ttyACM0"))
        raise UsageError(f"{port} is not a kind of port", f"use one of {known}")
    return SerialTransport(port)


def greet_wrap(transport: Transport) -> tuple[Client, Hello]:
    """Request `hello` over an opened transport, which is closed when that fails.

    Raises NotAWrap, AtPrompt, LinkLost.
    """
    client = Client(transport)
    try:
        return client, _request_hello(client)
    except BaseException:
        client.close()
        raise


def _request_hello(client: Client) -> Hello:
    link = client.link
    is_twin = isinstance(client.transport, TwinTransport)
    usual = link.answer_s, link.attempts
    link.answer_s, link.attempts = HELLO_S, HELLO_ATTEMPTS
    link.should_give_up = lambda noise: _PROMPT in noise
    if is_twin:
        link.attempts = int(BOOT_S / HELLO_S)
    try:
        hello = client.hello()
    except LinkLost as problem:
        raise _explain_no_hello(client, problem) from problem
    except DeviceError as problem:
        raise NotAWrap(f"{client.transport.name} answers, but it is not a wrap") from problem
    finally:
        link.answer_s, link.attempts = usual
        link.should_give_up = lambda noise: False
    if hello.product != PRODUCT:
        raise NotAWrap(f"{client.transport.name} is a {hello.product}, not a {PRODUCT}")
    if hello.link != LINK_VERSION:
        name = client.transport.name
        raise NotAWrap(
            f"{name} uses link version {hello.link}, this program uses {LINK_VERSION}",
            "install the firmware of this program with `pbmwrap install`",
        )
    return hello


def _explain_no_hello(client: Client, problem: LinkLost) -> WrapError:
    """Return why no hello came: a prompt, another device, silence, or a port that vanished."""
    link, name = client.link, client.transport.name
    if link.frames_seen or "vanished" in problem.message:
        return problem
    if _PROMPT in link.noise:
        return AtPrompt(f"{name} shows a MicroPython prompt, no wrap firmware is running there")
    if link.noise:
        return NotAWrap(f"{name} sends data, but it is not a wrap")
    return NotAWrap(f"{name} does not answer")


def scan_ports(
    ports: Callable[[], list[PortInfo]] = usb_ports, opener: Opener = open_transport
) -> list[Candidate]:
    """Ask every USB serial port of this machine for `hello`, and close it again."""
    return [_ask_port(port, opener) for port in ports()]


def _ask_port(port: PortInfo, opener: Opener) -> Candidate:
    try:
        client, hello = greet_wrap(_open_or_share(port.device, opener))
    except WrapError as problem:
        return Candidate(port, problem=problem)
    client.close()
    return Candidate(port, hello=hello)


def _open_or_share(port: str, opener: Opener) -> Transport:
    """Open a port, or connect through its owner. Raises WrapError."""
    try:
        return opener(port)
    except PortBusy:
        found = _connect_to_owner(port)
        if found is None:
            raise
        return found


def choose_wrap(asked: list[Candidate]) -> Candidate:
    """Return the only wrap among the ports asked. Raises NoDevice or SeveralDevices."""
    wraps = [c for c in asked if c.hello]
    if len(wraps) == 1:
        return wraps[0]
    if wraps:
        names = ", ".join(f"{c.port.device} (serial:{c.port.number})" for c in wraps)
        raise SeveralDevices(f"{len(wraps)} wraps answer: {names}")
    if len(asked) == 1:
        raise cast(WrapError, asked[0].problem)
    if not asked:
        raise NoDevice("no wrap found: this machine has no USB serial port")
    tried = ", ".join(c.port.device for c in asked)
    raise NoDevice(f"no wrap found: none of {tried} is a wrap")


def find_port_by_number(number: str) -> str:
    """Return the device of the USB serial port with this serial number. Raises NoDevice."""
    found = [p for p in usb_ports() if p.number == number]
    if not found:
        raise NoDevice(f"no USB serial port has the number {number}")
    return found[0].device
