"""`sim` and `emulate`: start a wrap without hardware and serve it at a port."""

from __future__ import annotations

import io
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import click

from pbmwrap.cli import complete
from pbmwrap.cli.command import Json, print_note, register_command, write_line, writing_output
from pbmwrap.cli.options import Option
from pbmwrap.errors import UsageError

if TYPE_CHECKING:
    from pbmwrap.twin.base import Twin

SPEED_LEAST, SPEED_MOST = 0.001, 100_000

Speed = Annotated[str, Option(help="Speed as a multiple of real time, or max.", metavar="X")]
ScenarioName = Annotated[
    str | None,
    Option(
        "--scenario",
        help="A shipped scenario's name, or a TOML file.",
        autocompletion=complete.complete_scenarios,
    ),
]
Link = Annotated[Path | None, Option("--link", help="Create this symbolic link to the port.")]
State = Annotated[Path | None, Option("--state", help="Folder that keeps the flash between runs.")]


def add_to(app: click.Group) -> None:
    """Register this file's commands."""
    register_command(app, "sim")(run_simulator)
    register_command(app, "emulate")(run_emulator)


def run_simulator(
    speed: Speed = "1",
    scenario: ScenarioName = None,
    link: Link = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Start a simulated wrap: the firmware on this machine, in a simulated world.

    Its first line of output is the port. Lines typed here act on it: press, long, double,
    cover on|off, skip 1d, help, quit.
    """
    _start_and_serve("sim", speed, scenario, link, state, json)


def run_emulator(
    speed: Speed = "1",
    scenario: ScenarioName = None,
    link: Link = None,
    state: State = None,
    image: Annotated[
        Path | None,
        Option(
            metavar="UF2", help="The image to run. Default: the one that `make firmware` built."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Start an emulated RP2040 that runs the real firmware image.

    Its first line of output is the port. Lines typed here act on it: press, long, double,
    cover on|off, help, quit.
    """
    _start_and_serve("rp2040", speed, scenario, link, state, json, image)


def _start_and_serve(
    kind: str,
    speed: str,
    scenario: str | None,
    link: Path | None,
    state: Path | None,
    json: bool,
    image: Path | None = None,
) -> None:
    from pbmwrap.twin import scenario as scenarios
    from pbmwrap.twin.factory import make_twin

    pace = parse_speed(speed)
    course = scenarios.load(scenario) if scenario else None
    twin = make_twin(kind, state, image)
    try:
        twin.start()
        _serve_twin(twin, scenarios.Player(course, twin) if course else twin, pace, link, json)
    finally:
        twin.close()


def _serve_twin(
    twin: Twin, source: object, pace: float | None, link: Path | None, json: bool
) -> None:
    from pbmwrap.twin.serve import PtyServer

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        server = PtyServer(source, pace, link)  # type: ignore[arg-type]
    except OSError as problem:
        hint = "choose another --link" if link else "this needs Linux or macOS"
        raise UsageError(f"no port can be created: {problem}", hint) from problem
    with server:
        _print_port(twin, server.port, link, json)
        try:
            server.run(stop, _command_stream(), _Replies())
        except KeyboardInterrupt:
            stop.set()  # Ctrl-C is the usual end of a twin, not an error


def _print_port(twin: Twin, port: str, link: Path | None, json: bool) -> None:
    """Print the port as the first line of stdout, for scripts, and a hint for people."""
    from pbmwrap.cli import envelope

    name = str(link) if link else port
    command_name = "sim" if twin.kind == "sim" else "emulate"
    data = {"port": port, "link": name if link else None, "kind": twin.kind}
    write_line(envelope.format_success(command_name, data) if json else name)
    print_note(
        f"in another terminal: pbmwrap status --port {name}   (type here: help, press, quit)"
    )


class _Replies(io.StringIO):
    """Standard output for the twin's answers; errors are reported in one line."""

    def write(self, text: str) -> int:
        with writing_output():
            return sys.stdout.write(text)

    def flush(self) -> None:
        with writing_output():
            sys.stdout.flush()


def _command_stream() -> TextIO | None:
    """Return standard input when it can be polled, else None."""
    try:
        sys.stdin.fileno()
    except (OSError, ValueError, AttributeError):
        return None
    return sys.stdin


def parse_speed(text: str) -> float | None:
    """Return a speed as a multiple of real time; None for `max`. Raises UsageError."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not SPEED_LEAST <= speed <= SPEED_MOST:
        hint = f"give a number from {SPEED_LEAST:g} to {SPEED_MOST:g}, or max"
        raise UsageError(f"--speed is {text}", hint)
    return speed
