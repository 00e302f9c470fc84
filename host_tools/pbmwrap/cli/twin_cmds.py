"""Commands that start a wrap without hardware and keep it running behind a port."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import click

from pbmwrap.cli.command import Json, command, note
from pbmwrap.cli.options import Option
from pbmwrap.errors import UsageError

if TYPE_CHECKING:
    from pbmwrap.twin.base import Twin

Speed = Annotated[str, Option(help="Times real time, or max: as fast as it goes.", metavar="X")]
ScenarioName = Annotated[
    str | None, Option("--scenario", help="A shipped scenario's name, or a TOML file.")
]
Link = Annotated[Path | None, Option("--link", help="Make this symbolic link to the port.")]
State = Annotated[Path | None, Option("--state", help="Folder that keeps the flash between runs.")]


def add_to(app: click.Group) -> None:
    """Register this file's commands."""
    command(app, "sim")(sim)
    command(app, "emulate")(emulate)


def sim(
    speed: Speed = "1",
    scenario: ScenarioName = None,
    link: Link = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Start a simulated wrap: the firmware on this machine, in a simulated world.

    Prints its port first. Typed lines act on it: press, long, double, cover on|off, help, quit.
    """
    _serve("sim", speed, scenario, link, state, json)


def emulate(
    speed: Speed = "1",
    scenario: ScenarioName = None,
    link: Link = None,
    state: State = None,
    image: Annotated[
        Path | None, Option(metavar="UF2", help="The image; default: our own.")
    ] = None,
    json: Json = False,
) -> None:
    """Start an emulated RP2040 that runs the real firmware image.

    Prints its port first. Typed lines act on it: press, long, double, cover on|off, help, quit.
    """
    _serve("rp2040", speed, scenario, link, state, json, image)


def _serve(
    kind: str,
    speed: str,
    scenario: str | None,
    link: Path | None,
    state: Path | None,
    json: bool,
    image: Path | None = None,
) -> None:
    from pbmwrap.device.twins import make_twin
    from pbmwrap.twin import scenario as scenarios

    pace = _speed(speed)
    course = scenarios.load(scenario) if scenario else None
    twin = make_twin(kind, state, image)
    try:
        twin.start()
        _run(twin, scenarios.Player(course, twin) if course else twin, pace, link, json)
    finally:
        twin.close()


def _run(twin: Twin, source: object, pace: float | None, link: Path | None, json: bool) -> None:
    from pbmwrap.twin.serve import PtyServer

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        server = PtyServer(source, pace, link)  # type: ignore[arg-type]
    except OSError as problem:
        hint = "choose another --link" if link else "this needs Linux or macOS"
        raise UsageError(f"no port can be made: {problem}", hint) from problem
    with server:
        _announce(twin, server.port, link, json)
        try:
            server.run(stop, _commands(), sys.stdout)
        except KeyboardInterrupt:
            stop.set()  # Ctrl-C is how a person ends a twin: no error


def _announce(twin: Twin, port: str, link: Path | None, json: bool) -> None:
    """The port as the first line of stdout, for scripts; the rest is for people."""
    from pbmwrap.cli import envelope

    name = str(link) if link else port
    command_name = "sim" if twin.kind == "sim" else "emulate"
    data = {"port": port, "link": name if link else None, "kind": twin.kind}
    print(envelope.good(command_name, data) if json else name, flush=True)
    note(f"in another terminal: pbmwrap status --port {name}   (here: help, press, quit)")


def _commands() -> TextIO | None:
    """Standard input, when it is one that can be watched."""
    try:
        sys.stdin.fileno()
    except (OSError, ValueError, AttributeError):
        return None
    return sys.stdin


def _speed(text: str) -> float | None:
    """None for `max`. Raises UsageError."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e6:
        raise UsageError(f"the speed is {text}", "give a number above 0, or max")
    return speed
