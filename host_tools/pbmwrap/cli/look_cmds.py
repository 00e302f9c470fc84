"""Commands that change nothing: ports, status, monitor, doctor, version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import (
    Force,
    Interrupted,
    Json,
    Port,
    Result,
    print_note,
    register_command,
    resolve_port,
    wrap_at,
    wrap_if_named,
    write_line,
)
from pbmwrap.cli.options import Option
from pbmwrap.errors import UsageError, WrapError

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, Sample


def add_to(app: click.Group) -> None:
    """Register this file's commands."""
    register_command(app, "ports")(list_ports)
    register_command(app, "status")(show_status)
    register_command(app, "monitor")(monitor_wrap)
    register_command(app, "doctor")(run_doctor)
    register_command(app, "version")(show_version)


def list_ports(json: Json = False) -> Result:
    """List the USB serial ports and what answers there. Never disturbs a session."""
    from pbmwrap.cli import text
    from pbmwrap.device import discovery

    found = [
        {
            "port": c.port.device,
            "number": c.port.number,
            "usb": c.port.usb,
            "label": c.port.label,
            "wrap": c.hello.as_json() if c.hello else None,
            "problem": c.problem.message if c.problem else None,
        }
        for c in discovery.scan_ports()
    ]
    return Result(found, text.ports_table(found))


def show_status(port: Port = None, json: Json = False) -> Result:
    """Show what the wrap is doing."""
    from pbmwrap.cli import text

    with wrap_at(port) as (client, hello):
        now = client.status()
        due = _list_due(client, hello) if now.calibrated else []
    data = {"wrap": hello, "status": now, "calibration_due": dict(due)}
    return Result(data, "\n".join([text.status_text(hello, now), *text.due_lines(due)]))


def _list_due(client: Client, hello: Hello) -> list[tuple[str, str]]:
    """Return (channel, reason) of the calibrations that are due; a record that cannot be read is
    left to `doctor`."""
    from datetime import date

    from pbmwrap.calibration.ratio import list_due
    from pbmwrap.errors import InvalidFile, NoPermission

    try:
        return list(list_due(hello, client.calibrations(), date.today()))
    except (InvalidFile, NoPermission):
        return []


def monitor_wrap(
    port: Port = None,
    every: Annotated[float, Option(help="Seconds between samples.", min=0.1, max=60)] = 1.0,
    count: Annotated[
        int, Option(help="End after this many lines; 0: never. Implies --lines.", min=0)
    ] = 0,
    lines: Annotated[bool, Option("--lines", help="A line per sample, no view.")] = False,
    json: Json = False,
) -> None:
    """Watch the wrap: a view in a terminal, else a line per sample.

    Keys: s stop, p pause, r resume, q quit; the view shows more. Quitting never touches the
    session. --json gives an envelope a line. Other terminals may use the wrap meanwhile.
    """
    from pbmwrap.cli.terminal import can_show_view

    if not (json or lines or count) and can_show_view():
        _show_view(port, every)
    else:
        _print_samples(port, every, count, json)


def _show_view(port: str | None, every_s: float) -> None:
    """Show the terminal view until a person leaves it; then say whether light is on."""
    from pbmwrap.cli import live
    from pbmwrap.cli.light import describe_light
    from pbmwrap.device import discovery
    from pbmwrap.tui.monitor import INTERRUPTED, TERMINATED, run_monitor
    from pbmwrap.tui.watcher import Watcher

    where = resolve_port(port)
    with wrap_at(port) as (client, hello):
        watcher = Watcher(client, hello, lambda: discovery.connect(where), round(every_s * 1000))
        result, idle = run_monitor(watcher, every_s)
        client = watcher.client if idle else None
        try:
            if client is None:
                said = describe_light(watcher.picture.status.state)
                said = f"the wrap does not answer; when last heard: {said}"
            else:
                said = describe_light(client.status().state)
            if result == INTERRUPTED:
                raise Interrupted(f"interrupted: {said}")
            print_note(said)
            for line in live.list_other_programs(client) if client else ():
                print_note(line)
        finally:
            watcher.close()
        if result == TERMINATED:
            import signal

            signal.raise_signal(signal.SIGTERM)  # now with the terminal restored


def _print_samples(port: str | None, every_s: float, count: int, json: bool) -> None:
    """Print a line per sample until `count`, q or Ctrl-C."""
    from pbmwrap.cli import live, text
    from pbmwrap.cli.light import describe_light

    state = ""
    with wrap_at(port) as (client, hello):

        def show(sample: Sample) -> None:
            write_line(_make_envelope(hello, sample) if json else text.sample_line(hello, sample))

        samples = live.watch_samples(client, round(every_s * 1000), show)
        state = hello.state
        try:
            for number, sample in enumerate(samples, 1):
                state = sample.state
                if number == count:
                    return
            print_note(describe_light(client.status().state))
            for line in live.list_other_programs(client):
                print_note(line)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted: {describe_light(state)}") from None
        finally:
            samples.close()


def _make_envelope(hello: Hello, sample: Sample) -> str:
    """Return a line of `monitor --json`: sample, this machine's time, wrap, names."""
    from datetime import UTC, datetime

    from pbmwrap.cli import envelope

    about = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "wrap": hello.uid,
        "sensors": [name for name, _ in hello.sensors],
        "channels": [name for name, _ in hello.channels],
    }
    return envelope.format_success("monitor", about | vars(sample))


def run_doctor(
    port: Port = None,
    board: Annotated[
        bool,
        Option(
            "--board",
            help="Test a new board too: readings, step, dead-man with every lamp dark; list what a "
            "person has to look at; write a file for a bug report.",
        ),
    ] = False,
    out: Annotated[
        Path | None, Option("--out", help="The file of --board; pbmwrap-board-NUMBER.json.")
    ] = None,
    force: Force = False,
    json: Json = False,
) -> Result:
    """Check this machine, the port and the wrap, and say how to correct what is wrong."""
    from pbmwrap.cli import text
    from pbmwrap.doctor.run_checks import run_checks

    if board:
        return _test_board(port, out, force)
    if out or force:
        raise UsageError("--out and --force belong to --board", "add --board")
    found = run_checks(wrap_at(port))
    bad = [check.name for check in found if check.level == "bad"]
    problem = WrapError(f"doctor found problems: {', '.join(bad)}") if bad else None
    return Result(found, text.checks_text(found), problem)


def _test_board(port: str | None, out: Path | None, force: bool) -> Result:
    """Check the wrap at a port and its board, and write what was found to a file."""
    import json
    from dataclasses import asdict

    from pbmwrap import disk
    from pbmwrap.cli import text
    from pbmwrap.doctor.board import check_board
    from pbmwrap.doctor.run_checks import check_wrap

    with wrap_at(port, exclusive=True) as (client, hello):
        target = out or Path(f"pbmwrap-board-{hello.uid}.json")
        disk.check_target(target, force or out is None)
        report = check_board(client, hello)
        found = [*check_wrap(client, hello), *report.checks]
    checks = [asdict(check) for check in found]
    by_hand = [{"what": item.what, "how": item.how} for item in report.by_hand]
    body = {**report.facts, "checks": checks, "by_hand": by_hand}
    disk.write_file(target, json.dumps(body, indent=1) + "\n", replace=force or out is None)
    bad = sorted({check.name for check in found if check.level == "bad"})
    problem = WrapError(f"doctor found problems: {', '.join(bad)}") if bad else None
    show = text.board_text(found, report.by_hand, str(target))
    return Result({"file": target, "checks": found, "by_hand": by_hand}, show, problem)


def show_version(port: Port = None, json: Json = False) -> Result:
    """Show versions, also the wrap's when --port, $PBMWRAP_PORT or the config file names it."""
    import platform

    from wrap.version import LINK_VERSION, VERSION

    data = {"pbmwrap": VERSION, "link": LINK_VERSION, "python": platform.python_version()}
    show = f"pbmwrap {VERSION} (link {LINK_VERSION}, Python {data['python']})"
    with wrap_if_named(port) as found:
        hello = found[1] if found else None
    if hello:
        data |= {"firmware": hello.fw, "micropython": hello.mpy, "program": hello.program}
        data["cause"] = hello.cause
        show += f"\nwrap {hello.fw} on {hello.board} ({hello.runs_on}), last start: {hello.cause}"
    return Result(data, show)
