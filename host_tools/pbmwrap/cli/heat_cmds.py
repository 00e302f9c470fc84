"""`heat-test`: records the maker's heat test, which raises the power limit of the wrap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli.command import (
    Json,
    Port,
    Result,
    Yes,
    ask,
    check_bounds,
    register_group,
    scale_to_int,
    wrap_at,
)
from pbmwrap.cli.options import Argument, Option
from wrap.rules.limits import HEAT_TEST_LEAST_MC, HEAT_TEST_MOST_MC

if TYPE_CHECKING:
    from pbmwrap.device.models import HeatTest

MEANING = """\
By recording this you confirm that you made the heat tests of docs/build-a-wrap.md, section 13,
with this pad, these sensors and this cover: once uncovered and once under a folded blanket, 20
minutes each, both channels lit, with a thermocouple moved over the cover, and that it never showed
more than the reading given here. The wrap then gives up to this share of full power, also to people
who may not feel heat. Without the record it gives less. After a repair, a new cover or new LEDs,
clear the record and test again."""


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    help_text = "The maker's recorded heat test (docs/build-a-wrap.md, section 13)."
    commands = {"show": show_heat_test, "set": set_heat_test, "clear": clear_heat_test}
    register_group(app, "heat-test", help_text, commands)


def show_heat_test(port: Port = None, json: Json = False) -> Result:
    """Show the recorded heat test."""
    with wrap_at(port) as (client, _):
        return _make_result(client.heat_test())


def set_heat_test(
    power: Annotated[
        float, Argument(help="Percent of full power that was tested, above 0 to 100.")
    ],
    hottest: Annotated[float, Option(help="The hottest thermocouple reading, C; at most 42.")],
    how: Annotated[str, Option(help="How it was tested, at most 40 characters.")] = "",
    port: Port = None,
    yes: Yes = False,
    json: Json = False,
) -> Result:
    """Record a heat test made today. Asks first, because it raises the power limit."""
    from datetime import date

    pm, max_mc = (
        scale_to_int("POWER", power, 10, "%"),
        scale_to_int("--hottest", hottest, 1000, "C"),
    )
    check_bounds("POWER", pm, 1, 1000, 10, "%")
    check_bounds("--hottest", max_mc, HEAT_TEST_LEAST_MC, HEAT_TEST_MOST_MC, 1000, "C")
    today = int(date.today().strftime("%Y%m%d"))
    with wrap_at(port) as (client, _):
        shown = (MEANING, f"{pm / 10:g} % of full power, hottest {max_mc / 1000:g} C")
        ask(shown, "Record this heat test?", yes, json)
        return _make_result(client.set_heat_test(pm, today, max_mc, how))


def clear_heat_test(port: Port = None, json: Json = False) -> Result:
    """Remove the record: the default power limit is in force again."""
    with wrap_at(port) as (client, _):
        return _make_result(client.set_heat_test(0))


def _make_result(found: HeatTest | None) -> Result:
    from pbmwrap.cli import text

    return Result(found, text.heat_test_text(found))
