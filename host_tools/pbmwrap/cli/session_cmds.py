"""Commands that start, pause and end a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pbmwrap.cli.command import Interrupted, Json, Port, Result, command, note, wrap_at
from pbmwrap.errors import WrapError

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, Status

TETHERED_MS = 1000
LEASE_MS = 5000


def add_to(app: typer.Typer) -> None:
    """Register this file's commands."""
    command(app, "run")(run)
    command(app, "pause")(pause)
    command(app, "resume")(resume)
    command(app, "stop")(stop)


def run(
    port: Port = None,
    tethered: Annotated[
        bool,
        typer.Option("--tethered", help="Keep running; the session ends when this command ends."),
    ] = False,
    json: Json = False,
) -> Result:
    """Start the active protocol."""
    with wrap_at(port) as (client, hello):
        number = client.start(tethered)
        if not tethered:
            now = client.status()
            text = f"session {number} started: {now.protocol}; `pbmwrap stop` ends it"
            return Result({"session": number, "state": now.state, "protocol": now.protocol}, text)
        note(f"session {number} started; Ctrl-C ends it")
        return _ended(number, _hold(client, hello))


def _hold(client: Client, hello: Hello) -> Status:
    """Renew the lease until the session is over. An interrupt ends the session first.

    Raises Interrupted.
    """
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
        raise Interrupted("interrupted: the session is ended and the light goes out") from None
    finally:
        samples.close()
    return client.status()


def _stop_quietly(client: Client) -> None:
    """End the session. It may have ended by itself in this moment, which is fine too."""
    from pbmwrap.errors import DeviceError

    try:
        client.stop()
    except DeviceError:
        return


def _ended(number: int, now: Status) -> Result:
    from pbmwrap.cli import text

    data = {"session": number, "state": now.state, "reason": now.end_reason, "status": now}
    problem = None
    if now.state == "fault":
        hint = "see `pbmwrap fault show`, remove the cause, then run `pbmwrap fault ack`"
        problem = WrapError(f"a fault ended session {number}", hint)
    return Result(data, text.ended(number, now), problem)


def pause(port: Port = None, json: Json = False) -> Result:
    """Turn the light off and stop the session's time.

    The session ends by itself after a pause of five minutes.
    """
    with wrap_at(port) as (client, _):
        return _state(client.pause())


def resume(port: Port = None, json: Json = False) -> Result:
    """Continue a paused session."""
    with wrap_at(port) as (client, _):
        return _state(client.resume())


def stop(port: Port = None, json: Json = False) -> Result:
    """End the session."""
    with wrap_at(port) as (client, _):
        return _state(client.stop())


def _state(state: str) -> Result:
    from pbmwrap import words

    return Result({"state": state}, words.name_state(state))
