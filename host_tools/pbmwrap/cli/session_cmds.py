"""Commands that start, pause and end a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import (
    Interrupted,
    Json,
    Port,
    Result,
    print_note,
    register_command,
    wrap_at,
)
from pbmwrap.cli.options import Option
from pbmwrap.errors import WrapError
from pbmwrap.words import name_state

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, Sample, Status

SAMPLE_MS = 1000


def add_to(app: click.Group) -> None:
    """Register this file's commands."""
    register_command(app, "run")(run_session)
    register_command(app, "pause")(pause_session)
    register_command(app, "resume")(resume_session)
    register_command(app, "stop")(stop_session)


def run_session(
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
        _refuse_held(client)
        if not tethered:
            with explained_loss(START_LOST):
                number = client.start()
                now = client.status()
            text = f"session {number} started: {now.protocol}; `pbmwrap stop` ends it"
            return Result({"session": number, "state": now.state, "protocol": now.protocol}, text)
        with explained_loss(TETHERED_LOST):
            number = client.start(tethered=True)
            print_note(f"session {number} started; it ends when this command does")
            return _end_result(number, _hold_session(client, hello))


def _refuse_held(client: Client) -> None:
    """Refuse light while a red flag of the journal is unread. Raises Refused."""
    from pbmwrap.cli.household import note_missing_entry, open_household_if_kept, tell_holds

    with open_household_if_kept() as store:
        if store is not None:
            from pbmwrap.programme.holds import find_active_tag, refuse_held_start

            tell_holds(client, store)
            refuse_held_start(client, store)
            note_missing_entry(store, find_active_tag(client))


def _hold_session(client: Client, hello: Hello) -> Status:
    """Renew the lease until the session ends; q and Ctrl-C end it before this command ends.

    Raises Interrupted.
    """
    from pbmwrap.cli import live, text
    from pbmwrap.device.tethered import ENDED_STATES, TetheredSession

    session = TetheredSession(client)

    def show(sample: Sample) -> None:
        print_note(text.sample_line(hello, sample))

    samples = live.watch_samples(client, SAMPLE_MS, show, session.renew_if_due)
    try:
        session.renew_lease()
        for sample in samples:
            if sample.state in ENDED_STATES:
                return client.status()
            session.renew_lease()
    except KeyboardInterrupt:
        session.stop()
        raise Interrupted("interrupted: the session is ended and the light goes out") from None
    finally:
        samples.close()
    session.stop()
    return session.wait_for_end()


def _end_result(number: int, now: Status) -> Result:
    from pbmwrap.cli import text

    data = {"session": number, "state": now.state, "reason": now.end_reason, "status": now}
    problem = None
    if now.state == "fault":
        hint = "see `pbmwrap fault show`, remove the cause, then run `pbmwrap fault ack`"
        problem = WrapError(f"a fault ended session {number}", hint)
    return Result(data, text.session_end_text(number, now), problem)


def pause_session(port: Port = None, json: Json = False) -> Result:
    """Turn the light off and stop the session's time.

    The session ends by itself after a pause of five minutes.
    """
    from pbmwrap.cli.light import explained_stop

    with explained_stop(), wrap_at(port) as (client, _):
        return _state_result(client.pause())


def resume_session(port: Port = None, json: Json = False) -> Result:
    """Continue a paused session."""
    from pbmwrap.cli.light import START_LOST, explained_loss

    with wrap_at(port) as (client, _), explained_loss(START_LOST):
        return _state_result(client.resume())


def stop_session(port: Port = None, json: Json = False) -> Result:
    """End the session."""
    from pbmwrap.cli.light import explained_stop

    with explained_stop(), wrap_at(port) as (client, _):
        return _state_result(client.stop())


def _state_result(state: str) -> Result:
    return Result({"state": state}, name_state(state))
