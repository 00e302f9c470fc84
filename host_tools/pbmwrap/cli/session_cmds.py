"""Commands that start, pause and end a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import Interrupted, Json, Port, Result, command, note, wrap_at
from pbmwrap.cli.options import Option
from pbmwrap.errors import WrapError

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, Status

TETHERED_MS = 1000
_OVER = ("done", "idle", "fault")


def add_to(app: click.Group) -> None:
    """Register this file's commands."""
    command(app, "run")(run)
    command(app, "pause")(pause)
    command(app, "resume")(resume)
    command(app, "stop")(stop)


def run(
    port: Port = None,
    tethered: Annotated[
        bool,
        Option("--tethered", help="Keep running; the session ends when this command ends."),
    ] = False,
    json: Json = False,
) -> Result:
    """Start the active protocol."""
    from pbmwrap.cli.light import START_LOST, TETHERED_LOST, explained_loss

    with wrap_at(port) as (client, hello):
        if not tethered:
            with explained_loss(START_LOST):
                number = client.start()
                now = client.status()
            text = f"session {number} started: {now.protocol}; `pbmwrap stop` ends it"
            return Result({"session": number, "state": now.state, "protocol": now.protocol}, text)
        with explained_loss(TETHERED_LOST):
            number = client.start(tethered=True)
            note(f"session {number} started; it ends when this command does")
            return _ended(number, _hold(client, hello))


def _hold(client: Client, hello: Hello) -> Status:
    """Renew the lease until the session is over. Leaving by q or Ctrl-C ends the session first.

    Raises Interrupted.
    """
    from pbmwrap.cli import live, text

    lease = _Lease(client)
    samples = live.watch(
        client, TETHERED_MS, lambda sample: note(text.sample_line(hello, sample)), lease.keep
    )
    try:
        lease.renew()
        for sample in samples:
            if sample.state in _OVER:
                return client.status()
            lease.renew()
    except KeyboardInterrupt:
        _stop_quietly(client)
        raise Interrupted("interrupted: the session is ended and the light goes out") from None
    finally:
        samples.close()
    _stop_quietly(client)
    return _wait_for_end(client)


class _Lease:
    """Renews by the clock: samples are dropped first when a link is slow, a lease must not be."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._renewed_s = 0.0

    def renew(self) -> None:
        self._client.lease()
        self._renewed_s = self._client.transport.monotonic()

    def keep(self) -> None:
        from pbmwrap.device.client import LEASE_RENEWAL_S

        if self._client.transport.monotonic() - self._renewed_s >= LEASE_RENEWAL_S:
            self.renew()


def _wait_for_end(client: Client) -> Status:
    """The status once the light has faded out. The lease ends what a stop did not."""
    from wrap.rules.limits import LEASE_MS, RAMP_DOWN_MS

    clock = client.transport.monotonic
    deadline = clock() + 2 * (LEASE_MS + RAMP_DOWN_MS) / 1000
    while (now := client.status()).state not in _OVER and clock() < deadline:
        client.link.listen(0.1, lambda name, params: None)
    return now


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
    return Result(data, text.session_end_text(number, now), problem)


def pause(port: Port = None, json: Json = False) -> Result:
    """Turn the light off and stop the session's time.

    The session ends by itself after a pause of five minutes.
    """
    from pbmwrap.cli.light import explained_stop

    with explained_stop(), wrap_at(port) as (client, _):
        return _state(client.pause())


def resume(port: Port = None, json: Json = False) -> Result:
    """Continue a paused session."""
    from pbmwrap.cli.light import START_LOST, explained_loss

    with wrap_at(port) as (client, _), explained_loss(START_LOST):
        return _state(client.resume())


def stop(port: Port = None, json: Json = False) -> Result:
    """End the session."""
    from pbmwrap.cli.light import explained_stop

    with explained_stop(), wrap_at(port) as (client, _):
        return _state(client.stop())


def _state(state: str) -> Result:
    from pbmwrap import words

    return Result({"state": state}, words.name_state(state))
