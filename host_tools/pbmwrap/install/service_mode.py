"""Stops a running wrap for an install, and starts it again.

In service mode a wrap shows its MicroPython prompt, and no watchdog interrupts the install.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from pbmwrap.device import discovery
from pbmwrap.device.answers import require_kind
from pbmwrap.device.client import Client
from pbmwrap.device.models import BLIND_STATES, Hello
from pbmwrap.errors import (
    AtPrompt,
    DeviceError,
    InSession,
    LinkLost,
    NoDevice,
    NotAWrap,
    Refused,
    SeveralDevices,
    UsageError,
    WrapError,
)
from pbmwrap.install import raw_prompt
from pbmwrap.install.found_boards import check_serial_port
from wrap.errors import UNKNOWN_METHOD

READY_S = 120.0  # a stock board on the emulator needs 35 s to boot from files
AT_PROMPT_S = 10.0  # a board that shows its prompt for so long after an install starts nothing more
BACK_S = 45.0  # the receiver on a board waits 10 s for a host before it restarts by itself
READY_STATES = ("idle", "done", "fault")
_POLL_S = 0.5
_CTRL_D = b"\r\x03\x02\x04"  # end the line, interrupt, leave the raw prompt, soft reset
_PLUG_HINT = "unplug it and plug it in again"

Greet = Callable[[str], Hello]


@dataclass(frozen=True)
class Clock:
    """The time in seconds and how to wait; tests replace both."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def choose_port(
    port: str, scan: Callable[[], list[discovery.Candidate]] = discovery.scan_ports
) -> str:
    """Return the serial port to install to; for `auto` the only wrap or MicroPython prompt.

    Raises NoDevice, SeveralDevices, UsageError.
    """
    check_serial_port(port)
    if port.startswith("serial:"):
        return discovery.find_port_by_number(port.removeprefix("serial:"))
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
def hold_at_prompt(
    port: str, force: bool, clock: Clock | None = None, keeps_trials: bool = False
) -> Iterator[Hello | None]:
    """Hold a board at its prompt while the body runs; yields what `enter_service_mode` returns.

    If the body ends with an error, a signal or Ctrl-C, a wrap or an unknown program that was
    stopped is started again. Raises LinkLost when the wrap does not answer then.
    """
    stopped: list[Hello | None] = []
    try:
        with _signals_raise():
            yield enter_service_mode(port, force, clock, stopped.append, keeps_trials)
    except BaseException as problem:
        if stopped == [None] and not isinstance(problem, NotAWrap):
            _start_program(port, raw=True)  # no answer can tell whether it runs again
        elif stopped and stopped != [None] and not restart_wrap(port, clock):
            what = problem.message if isinstance(problem, WrapError) else "interrupted"
            text = f"{what}; the wrap at {port} did not start again"
            raise LinkLost(text, _PLUG_HINT) from problem
        raise


@contextmanager
def _signals_raise() -> Iterator[None]:
    """End the body like Ctrl-C when the terminal closes or on `kill`, so that it can clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread handle signals
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [(number, signal.signal(number, _raise_interrupt)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _raise_interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def restart_wrap(port: str, clock: Clock | None = None) -> bool:
    """Start a wrap that waits at its prompt; returns whether it answers within BACK_S.

    Sends no Ctrl-C to a wrap that answers: it runs already.
    """
    clock = clock or Clock()
    deadline = clock.now() + BACK_S
    raw = True
    while True:
        try:
            read_hello(port)
            return True
        except AtPrompt:
            _start_program(port, raw)
            raw = not raw
        except WrapError:
            pass
        if clock.now() >= deadline:
            return False
        clock.sleep(_POLL_S)


def _start_program(port: str, raw: bool) -> None:
    """Start the program of a board at its prompt: by a reset, or (raw=False) by Ctrl-D."""
    with suppress(WrapError):
        if raw:
            with raw_prompt.open_raw_prompt(port) as target:
                raw_prompt.restart_board(target)
        else:
            with closing(discovery.open_transport(port)) as transport:
                transport.write(_CTRL_D)


def check_installable(hello: Hello, force: bool) -> None:
    """Check that files may be installed over this wrap now.

    Raises InSession in a session, and UsageError, unless `force`, for a wrap that runs from an
    image.
    """
    if hello.state not in READY_STATES:
        text = f"{hello.state}: a session is under way, nothing is installed during one"
        raise InSession(text)
    if hello.frozen and not force:
        hint = "install the new image with --image, or add --force to install files anyway"
        raise UsageError("this wrap runs from an image, not from files", hint)


def check_trial(client: Client) -> None:
    """Check that the wrap keeps no blinded trial, which what has no trials would end unseen: its
    sessions would give light in both arms. Raises Refused."""
    try:
        kept = require_kind(client.call("trial.get"), dict)
    except DeviceError as problem:
        if problem.device_code != UNKNOWN_METHOD:
            raise
        return
    if kept.get("state") in BLIND_STATES:
        raise Refused(
            f"the wrap keeps the secret of trial {kept.get('id')}, which is not over; what is to be"
            " installed has no blinded trials",
            "install the image with --image, which keeps it; or end the trial first: `pbmwrap trial"
            " reveal`, or `pbmwrap trial unblind --reason WHY`",
        )


def enter_service_mode(
    port: str,
    force: bool,
    clock: Clock | None = None,
    on_stop: Callable[[Hello | None], None] = lambda hello: None,
    keeps_trials: bool = False,
) -> Hello | None:
    """Bring a running wrap into service mode; returns its hello, None for a board without a wrap.

    on_stop: called before a program is stopped, with the wrap's hello; with None for a program that
    does not answer, which the Ctrl-C of the raw prompt will stop. keeps_trials: what is installed
    then keeps a blinded trial. Raises InSession, UsageError, Refused, LinkLost.
    """
    try:
        client, hello = discovery.greet_wrap(discovery.open_transport(port))
    except AtPrompt:
        return None
    except NotAWrap:
        on_stop(None)
        return None
    with client:
        check_installable(hello, force)
        if not keeps_trials:
            check_trial(client)
        on_stop(hello)
        client.service()
    clock = clock or Clock()
    _wait_until(clock, lambda: _shows_prompt(port), f"{port} did not come back in service mode")
    return hello


def _shows_prompt(port: str) -> bool:
    try:
        client, _ = discovery.greet_wrap(discovery.open_transport(port))
    except AtPrompt:
        return True
    client.close()
    return False


def wait_for_wrap(greet: Greet, where: str, clock: Clock | None = None) -> Hello:
    """Wait for the wrap that was just installed; returns its hello.

    greet: returns the hello at a port, or raises WrapError. Raises LinkLost after READY_S, and
    AtPrompt when the board has shown its prompt for AT_PROMPT_S.
    """
    clock = clock or Clock()
    seen: list[Hello] = []
    since: list[float] = []  # when the first of these prompts was seen

    def answers() -> bool:
        try:
            seen.append(greet(where))
        except AtPrompt:
            since.append(clock.now())
            return since[-1] - since[0] >= AT_PROMPT_S
        except WrapError:
            since.clear()
            raise
        return True

    _wait_until(clock, answers, f"no wrap answers at {where} after the install")
    if not seen:
        raise AtPrompt(
            f"the firmware did not start: {where} shows its MicroPython prompt",
            f"look at what the board prints: `mpremote connect {where} repl`, then Ctrl-D; the"
            " install can be repeated",
        )
    return seen[0]


def wait_for_prompt(port: str, clock: Clock | None = None) -> str:
    """Wait for the prompt of a stock image; returns its port. Raises LinkLost after READY_S."""
    found: list[str] = []

    def is_shown() -> bool:
        if port == discovery.AUTO:
            asked = discovery.scan_ports()
            found.extend(c.port.device for c in asked if isinstance(c.problem, AtPrompt))
        elif _shows_prompt(port):
            found.append(port)
        return bool(found)

    _wait_until(clock or Clock(), is_shown, "no prompt appeared after the install")
    return found[0]


def _wait_until(clock: Clock, done: Callable[[], bool], failure: str) -> None:
    """Poll until `done`: the port disappears and comes back while a board restarts."""
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
        clock.sleep(_POLL_S)


def read_hello(port: str) -> Hello:
    """Return the hello of the wrap at `port`. Raises WrapError."""
    client, hello = discovery.connect(port)
    client.close()
    return hello
