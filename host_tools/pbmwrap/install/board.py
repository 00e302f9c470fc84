"""The way to a board's prompt and back to a running wrap."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from pbmwrap.device import discovery
from pbmwrap.device.models import Hello
from pbmwrap.errors import (
    AtPrompt,
    InSession,
    LinkLost,
    NoDevice,
    NotAWrap,
    SeveralDevices,
    UsageError,
    WrapError,
)

READY_S = 120.0  # a stock board on the emulator needs 35 s to boot from files
BACK_S = 45.0  # the receiver on a board waits 10 s for a host before it restarts by itself
READY_STATES = ("idle", "done", "fault")
_LOOK_S = 0.5
_CTRL_D = b"\r\x03\x02\x04"  # out of what is typed there, out of the raw prompt, soft reset
_PLUG = "unplug it and plug it in again"

Greet = Callable[[str], Hello]


@dataclass(frozen=True)
class Clock:
    """Time, handed in so that tests need none."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def choose_port(port: str, scan: Callable[[], list[discovery.Candidate]] = discovery.scan) -> str:
    """The serial port to install to. With `auto`: the one that is a wrap or shows a prompt.

    Raises NoDevice, SeveralDevices, UsageError.
    """
    if port.partition(":")[0] in ("sim", "rp2040"):
        raise UsageError(
            f"{port} is not a serial port", "start one with `pbmwrap emulate`, then give its port"
        )
    if port.startswith("serial:"):
        return discovery.port_of_number(port.removeprefix("serial:"))
    if port != discovery.AUTO:
        return port
    found = [c for c in scan() if c.hello or isinstance(c.problem, AtPrompt)]
    if not found:
        raise NoDevice(
            "no wrap and no MicroPython prompt found", "give the board's port with --port"
        )
    if len(found) > 1:
        raise SeveralDevices("several boards: " + ", ".join(c.port.device for c in found))
    return found[0].port.device


@contextmanager
def in_service(port: str, force: bool, clock: Clock | None = None) -> Iterator[Hello | None]:
    """A board at its prompt, as `make_ready` gives it. Whatever ends the body with an error, a
    signal or Ctrl-C: a wrap that was stopped for it runs again, and so does a silent program.
    """
    stopped: list[Hello | None] = []
    try:
        with _signals_interrupt():
            yield make_ready(port, force, clock, stopped.append)
    except BaseException as problem:
        if stopped == [None] and not isinstance(problem, NotAWrap):
            _start(port, raw=True)  # nobody can say whether it runs again
        elif stopped and stopped != [None] and not bring_back(port, clock):
            what = problem.message if isinstance(problem, WrapError) else "interrupted"
            raise LinkLost(f"{what}; the wrap at {port} did not start again", _PLUG) from problem
        raise


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """A closed terminal or a `kill` ends the body like Ctrl-C, so that it can clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread handle signals
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [(number, signal.signal(number, _interrupt)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def bring_back(port: str, clock: Clock | None = None) -> bool:
    """Start a wrap that waits at its prompt; whether it answers in the end, within BACK_S.

    Sends no Ctrl-C where a wrap says hello: it runs already.
    """
    clock = clock or Clock()
    deadline = clock.now() + BACK_S
    raw = True
    while True:
        try:
            greet(port)
            return True
        except AtPrompt:
            _start(port, raw)
            raw = not raw
        except WrapError:
            pass
        if clock.now() >= deadline:
            return False
        clock.sleep(_LOOK_S)


def _start(port: str, raw: bool) -> None:
    """Start what is at a prompt: by a reset, or (raw: False) by Ctrl-D as a person would."""
    from pbmwrap.install import files

    with suppress(WrapError):
        if raw:
            with files.raw_board(port) as target:
                files.restart(target)
        else:
            with closing(discovery.open_transport(port)) as transport:
                transport.write(_CTRL_D)


def check_state(hello: Hello, force: bool) -> None:
    """Raises InSession in a session, UsageError for a wrap that runs from its image."""
    if hello.state not in READY_STATES:
        text = f"{hello.state}: a session is under way, nothing is installed during one"
        raise InSession(text)
    if hello.frozen and not force:
        hint = "install the new image with --image, or add --force to install files anyway"
        raise UsageError("this wrap runs from an image, not from files", hint)


def make_ready(
    port: str,
    force: bool,
    clock: Clock | None = None,
    on_stop: Callable[[Hello | None], None] = lambda hello: None,
) -> Hello | None:
    """Bring a running wrap into service mode, where no watchdog cuts the install off; its hello.

    A board without a wrap is left as it is: None. on_stop: called before something that runs is
    stopped, with its hello; None for what does not answer, which the prompt's Ctrl-C will stop.
    Raises InSession, UsageError for a wrap that runs from its image.
    """
    try:
        client, hello = discovery.greet(discovery.open_transport(port))
    except AtPrompt:
        return None
    except NotAWrap:
        on_stop(None)
        return None
    with client:
        check_state(hello, force)
        on_stop(hello)
        client.service()
    _until(clock or Clock(), lambda: _prompt(port), f"{port} did not come back in service mode")
    return hello


def _prompt(port: str) -> bool:
    try:
        client, _ = discovery.greet(discovery.open_transport(port))
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
        if port == discovery.AUTO:
            found.extend(c.port.device for c in discovery.scan() if isinstance(c.problem, AtPrompt))
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
    client, hello = discovery.connect(port)
    client.close()
    return hello
