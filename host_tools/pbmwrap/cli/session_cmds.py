"""Commands that start, pause and end a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import Json, Port, Result, command, note, wrap_at
from pbmwrap.cli.options import Option
from pbmwrap.errors import WrapError

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, Status

TETHERED_MS = 1000
LEASE_MS = 5000


def add_to(app: click.Group) -> None:
    """Register this file's commands."""
    command(app, "run")(run)
    command(app, "pause")(pause)
    command(app, "resume")(resume)
    command(app, "stop")(stop)


def run(
    port: Port = None,
    tethered: Annotated[
        bool, Option("--tethered", help="Stay; the session ends when this command does.")
    ] = False,
    json: Json = False,
) -> Result:
    """Start the active protocol."""
    with wrap_at(port) as (client, hello):
        number = client.start(tethered)
        if not tethered:
            now = client.status()
            text = f"session {number} started: {now.protocol}; end it with `pbmwrap stop`"
            return Result({"session": number, "state": now.state, "protocol": now.protocol}, text)
        note(f"session {number} started; Ctrl-C ends it")
        return _ended(number, _hold(client, hello))


def _hold(client: Client, hello: Hello) -> Status:
    """Renew the lease until the session is over. An interrupt ends the session first."""
    from pbmwrap.cli import text

    samples = client.telemetry(every_ms=TETHERED_MS)
    try:
        client.lease(LEASE_MS)
        for sample in samples:
            client.lease(LEASE_MS)
            note(text.sample(hello, sample))
            if sample.state in ("done", "idle", "fault"):
                break
    except KeyboardInterrupt:
        _stop_quietly(client)
        raise
    finally:
        samples.close()
    return client.status()


def _stop_quietly(client: Client) -> None:
    """End the session; when it has ended by itself in this very moment, all is well too."""
    from pbmwrap.errors import DeviceError

    try:
        client.stop()
    except DeviceError:
        return


def _ended(number: int, now: Status) -> Result:
    from pbmwrap.cli import text

    data = {"session": number, "state": now.state, "reason": now.end_reason, "status": now}
    problem = WrapError(f"session {number} ended by a fault") if now.state == "fault" else None
    return Result(data, text.ended(number, now), problem)


def pause(port: Port = None, json: Json = False) -> Result:
    """Put the light out and stop the clock. Ends by itself after five minutes."""
    with wrap_at(port) as (client, _):
        return _state(client.pause())


def resume(port: Port = None, json: Json = False) -> Result:
    """Go on with a paused session."""
    with wrap_at(port) as (client, _):
        return _state(client.resume())


def stop(port: Port = None, json: Json = False) -> Result:
    """End the session."""
    with wrap_at(port) as (client, _):
        return _state(client.stop())


def _state(state: str) -> Result:
    return Result({"state": state}, state)
