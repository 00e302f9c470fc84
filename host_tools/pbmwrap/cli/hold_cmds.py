"""`hold`: refuses light to a person, or to everybody, until somebody has cleared it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import (
    Json,
    Port,
    Result,
    Yes,
    ask,
    register_group,
    wrap_at,
)
from pbmwrap.cli.options import Argument

if TYPE_CHECKING:
    from pbmwrap.device.models import Hold

Person = Annotated[
    str, Argument(help="Tag of the person, 1 to 8 characters a-z and 0-9; * for everybody.")
]
Reason = Annotated[str, Argument(help="Reason, 1 to 24 characters a-z, 0-9 and -.")]
MEANING = (
    "A hold was set because light may harm this person now: a wound, a burn, a loss of feeling, or "
    "another warning sign. Clear it only when a clinician has seen the person, or when it was set "
    "by mistake."
)


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    help_text = "Holds: no light for a person until a hold is cleared."
    commands = {"show": show_holds, "set": set_hold, "clear": clear_hold}
    register_group(app, "hold", help_text, commands)


def show_holds(port: Port = None, json: Json = False) -> Result:
    """Show the holds in force."""
    with wrap_at(port) as (client, _):
        return _make_result(client.holds())


def set_hold(person: Person, reason: Reason, port: Port = None, json: Json = False) -> Result:
    """Refuse light to a person. End a session first, with `pbmwrap stop`."""
    with wrap_at(port) as (client, _):
        return _make_result(client.set_hold(person, reason))


def clear_hold(
    person: Person, reason: Reason, port: Port = None, yes: Yes = False, json: Json = False
) -> Result:
    """Clear a hold. Asks first."""
    with wrap_at(port) as (client, _):
        ask((MEANING,), f"Clear the hold {reason} of {person}?", yes, json)
        return _make_result(client.clear_hold(person, reason))


def _make_result(found: list[Hold]) -> Result:
    from pbmwrap.cli import text

    return Result({"holds": [one.as_json() for one in found]}, text.holds_text(found))
