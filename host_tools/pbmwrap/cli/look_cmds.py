"""Commands that only look: ports, status, monitor, doctor, version."""

from __future__ import annotations

from typing import Annotated

import click

from pbmwrap.cli.command import Json, Port, Result, command, wrap_at
from pbmwrap.cli.options import Option
from pbmwrap.errors import WrapError


def add_to(app: click.Group) -> None:
    """Register this file's commands."""
    command(app, "ports")(ports)
    command(app, "status")(status)
    command(app, "monitor")(monitor)
    command(app, "doctor")(doctor)
    command(app, "version")(version)


def ports(json: Json = False) -> Result:
    """List serial ports and who answers there. Never disturbs a session."""
    from pbmwrap.cli import text
    from pbmwrap.device import find

    found = [
        {
            "port": c.port.device,
            "number": c.port.number,
            "usb": c.port.usb,
            "label": c.port.label,
            "wrap": c.hello.as_json() if c.hello else None,
            "problem": c.problem.message if c.problem else None,
        }
        for c in find.scan()
    ]
    return Result(found, text.ports(found))


def status(port: Port = None, json: Json = False) -> Result:
    """Show what the wrap is doing."""
    from pbmwrap.cli import text

    with wrap_at(port) as (client, hello):
        now = client.status()
    return Result({"wrap": hello, "status": now}, text.status(hello, now))


def monitor(
    port: Port = None,
    every: Annotated[float, Option(help="Seconds between lines.", min=0.1, max=60)] = 1.0,
    count: Annotated[int, Option(help="Stop after so many lines; 0: never.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Print a line per sample. Ends by Ctrl-C; --json gives an envelope a line."""
    from pbmwrap.cli import envelope, text

    with wrap_at(port) as (client, hello):
        samples = client.telemetry(every_ms=round(every * 1000))
        try:
            for number, sample in enumerate(samples, 1):
                line = envelope.good("monitor", sample) if json else text.sample(hello, sample)
                print(line, flush=True)
                if number == count:
                    return
        finally:
            samples.close()


def doctor(port: Port = None, json: Json = False) -> Result:
    """Check machine, port and wrap. Says how to mend what is wrong."""
    from pbmwrap.cli import text
    from pbmwrap.doctor.examine import examine

    found = examine(wrap_at(port))
    bad = [check.name for check in found if check.level == "bad"]
    problem = WrapError(f"not well: {', '.join(bad)}") if bad else None
    return Result(found, text.checks(found), problem)


def version(port: Port = None, json: Json = False) -> Result:
    """Show versions. With --port the wrap's firmware as well."""
    import platform

    from wrap.version import LINK_VERSION, VERSION

    data = {"pbmwrap": VERSION, "link": LINK_VERSION, "python": platform.python_version()}
    show = f"pbmwrap {VERSION} (link {LINK_VERSION}, Python {data['python']})"
    if port:
        with wrap_at(port) as (_, hello):
            data |= {"firmware": hello.fw, "micropython": hello.mpy, "program": hello.program}
            data["cause"] = hello.cause
        show += f"\nwrap {hello.fw} on {hello.board} ({hello.runs_on}), last start: {hello.cause}"
    return Result(data, show)
