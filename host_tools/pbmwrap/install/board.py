"""The way to a board's prompt and back to a running wrap."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pbmwrap.device import find
from pbmwrap.device.models import Hello
from pbmwrap.errors import (
    AtPrompt,
    LinkLost,
    NoDevice,
    NotAWrap,
    SeveralDevices,
    UsageError,
    WrapError,
)

READY_S = 120.0  # a stock board on the emulator needs 35 s to boot from files
_LOOK_S = 0.5

Greet = Callable[[str], Hello]


@dataclass(frozen=True)
class Clock:
    """Time, handed in so that tests need none."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def choose_port(port: str, scan: Callable[[], list[find.Candidate]] = find.scan) -> str:
    """The serial port to install to. With `auto`: the one that is a wrap or shows a prompt.

    Raises NoDevice, SeveralDevices, UsageError.
    """
    if port.partition(":")[0] in ("sim", "rp2040"):
        raise UsageError(
            f"{port} is not a serial port", "start one with `pbmwrap emulate`, then give its port"
        )
    if port.startswith("serial:"):
        return find.port_of_number(port.removeprefix("serial:"))
    if port != find.AUTO:
        return port
    found = [c for c in scan() if c.hello or isinstance(c.problem, AtPrompt)]
    if not found:
        raise NoDevice(
            "no wrap and no MicroPython prompt found", "give the board's port with --port"
        )
    if len(found) > 1:
        raise SeveralDevices("several boards: " + ", ".join(c.port.device for c in found))
    return found[0].port.device


def make_ready(port: str, force: bool, clock: Clock | None = None) -> Hello | None:
    """Bring a running wrap into service mode, where no watchdog cuts the install off; its hello.

    It refuses in a session. A board without a wrap is left as it is: None.
    Raises UsageError for a wrap that runs from its image.
    """
    try:
        client, hello = find.greet(find.open_transport(port))
    except (AtPrompt, NotAWrap):
        return None
    with client:
        if hello.frozen and not force:
            hint = "install the new image with --image, or add --force to install files anyway"
            raise UsageError("this wrap runs from an image, not from files", hint)
        client.service()
    _until(clock or Clock(), lambda: _prompt(port), f"{port} did not come back in service mode")
    return hello


def _prompt(port: str) -> bool:
    try:
        client, _ = find.greet(find.open_transport(port))
    except AtPrompt:
        return True
    client.close()
    return False


def wait_for_wrap(greet: Greet, where: str, clock: Clock | None = None) -> Hello:
    """The hello of the wrap that has just been installed. Raises LinkLost after READY_S."""
    seen: list[Hello] = []

    def answers() -> bool:
        seen.append(greet(where))
        return True

    _until(clock or Clock(), answers, f"no wrap answers at {where} after the install")
    return seen[0]


def wait_for_prompt(port: str, clock: Clock | None = None) -> str:
    """The port of a prompt, after a stock image was put on. Raises LinkLost after READY_S."""
    found: list[str] = []

    def shown() -> bool:
        if port == find.AUTO:
            found.extend(c.port.device for c in find.scan() if isinstance(c.problem, AtPrompt))
        elif _prompt(port):
            found.append(port)
        return bool(found)

    _until(clock or Clock(), shown, "no prompt appeared after the install")
    return found[0]


def _until(clock: Clock, done: Callable[[], bool], failure: str) -> None:
    """Look again and again: a port that is gone comes back after a restart."""
    deadline = clock.now() + READY_S
    while True:
        try:
            if done():
                return
            why = ""
        except WrapError as problem:
            why = f" ({problem.message})"
        if clock.now() >= deadline:
            raise LinkLost(failure + why, "unplug it, plug it in again and run `pbmwrap doctor`")
        clock.sleep(_LOOK_S)


def greet(port: str) -> Hello:
    """Who answers at `port` now."""
    client, hello = find.connect(port)
    client.close()
    return hello
