"""Commands for what the wrap stores: clock, settings, calibration, fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from pbmwrap.cli import cal_cmds, complete
from pbmwrap.cli.command import (
    Json,
    Port,
    Result,
    Yes,
    ask,
    check_bounds,
    register_group,
    scale_to_int,
    warn,
    wrap_at,
)
from pbmwrap.cli.options import Argument, Option
from pbmwrap.errors import UsageError
from pbmwrap.words import name_state, name_stores
from wrap.rules.limits import (
    CAL_LEAST_PM,
    CAL_MOST_UW,
    CAL_PEAK_LEAST_PM,
    CAL_PEAK_MOST_PM,
    CAL_UNC_LEAST_PM,
    CAL_UNC_MOST_PM,
)

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello

Key = Annotated[
    str,
    Argument(
        help="The setting's name, see `settings show`.", autocompletion=complete.complete_settings
    ),
]
Channel = Annotated[
    str,
    Argument(
        help="The channel's name, for example red.", autocompletion=complete.complete_channels
    ),
]
Value = Annotated[int, Argument(help="A whole number in the unit that `settings show` names.")]


def add_to(app: click.Group) -> None:
    """Register this file's groups."""
    register_group(app, "clock", "The wrap's clock.", {"set": clock_set})
    settings = {"show": settings_show, "set": settings_set, "confirm": settings_confirm}
    settings_help = "Limits stored on the wrap; they can only be made stricter."
    register_group(app, "settings", settings_help, settings)
    cal = {"show": cal_show, "set": cal_set, "clear": cal_clear}
    cal_cmds.add_to(register_group(app, "cal", "Measured irradiance per channel.", cal))
    fault = {"show": fault_show, "ack": fault_ack}
    register_group(app, "fault", "The latched fault.", fault)


def clock_set(port: Port = None, json: Json = False) -> Result:
    """Set the wrap's clock to this machine's time."""
    import time

    from pbmwrap.logs.clock import EARLIEST_MS, format_local

    now_s = round(time.time())
    if now_s * 1000 < EARLIEST_MS:
        raise UsageError(
            f"this machine's clock says {format_local(now_s * 1000)}, which cannot be",
            "set this machine's clock first",
        )
    with wrap_at(port) as (client, _):
        before_s = client.status().unix_s
        unix_s = client.set_clock(now_s)
    _warn_of_jump(before_s, unix_s)
    data = {"unix_s": unix_s, "before_unix_s": before_s}
    return Result(data, f"clock set to {format_local(unix_s * 1000)}")


def _warn_of_jump(before_s: int | None, unix_s: int) -> None:
    """Warn when the clock is set far from what it was: one of the two was wrong."""
    from pbmwrap.logs.clock import SAME_MS, format_local

    if before_s is None or abs(unix_s - before_s) * 1000 <= SAME_MS:
        return
    warn(
        [
            f"the wrap's clock was at {format_local(before_s * 1000)}, now it is at "
            f"{format_local(unix_s * 1000)}: one of the two was wrong; sessions since the wrap was "
            "switched on may have a wrong date, see `pbmwrap logs list` after `pbmwrap logs pull`"
        ]
    )


def settings_show(port: Port = None, json: Json = False) -> Result:
    """Show the settings in force, with unit, range and meaning."""
    from pbmwrap.cli import text

    with wrap_at(port) as (client, _):
        kept = client.settings()
    return Result(kept, text.settings_table(kept))


def settings_set(key: Key, value: Value, port: Port = None, json: Json = False) -> Result:
    """Change one setting."""
    from pbmwrap.cli import text

    with wrap_at(port) as (client, _):
        kept = client.set_setting(key, value)
    return Result(kept, text.settings_table(kept))


def settings_confirm(port: Port = None, yes: Yes = False, json: Json = False) -> Result:
    """Confirm the values in force after settings, calibration or heat test were damaged."""
    from pbmwrap.cli import text

    with wrap_at(port) as (client, hello):
        waiting = client.status().unconfirmed
        if not waiting:
            return Result({"confirmed": []}, "nothing needs to be confirmed")
        cals = dict(zip((c[0] for c in hello.channels), client.calibrations(), strict=True))
        shown = (
            f"damaged or lost: {name_stores(waiting)}; in force now:",
            text.settings_table(client.settings()),
            text.calibrations_table(cals),
            text.heat_test_text(client.heat_test()),
            *([text.holds_text(client.holds())] if "hold" in waiting else []),
        )
        ask(shown, "Are all these values right for the person who wears the wrap?", yes, json)
        left = client.confirm_settings()
    done = [name for name in waiting if name not in left]
    return Result({"confirmed": done}, f"confirmed: {name_stores(done)}")


def cal_show(port: Port = None, json: Json = False) -> Result:
    """Show the calibration of every channel."""
    with wrap_at(port) as (client, hello):
        return _list_calibrations(client, hello)


def cal_set(
    channel: Channel,
    mw_cm2: Annotated[
        float,
        Argument(
            help="Irradiance measured at the skin at full duty, in mW/cm2: from 2.5 % of the "
            "board's stated worst case to 200. Exactly 0 removes the calibration."
        ),
    ],
    uncertainty: Annotated[
        float | None,
        Option(help="Uncertainty of the measurement, 3 to 50 %. Required unless MW_CM2 is 0."),
    ] = None,
    how: Annotated[str, Option(help="How it was measured, at most 40 characters.")] = "",
    peak: Annotated[
        float | None,
        Option(
            help="The brightest point by the mean of a grid, 1 to 5, from which the wrap computes "
            "its limits. MW_CM2 is then the mean; without it, MW_CM2 must be the brightest point."
        ),
    ] = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Store a channel's measured irradiance, with today's date."""
    from datetime import date

    if mw_cm2 == 0:
        return cal_clear(channel, port, json)
    uw = scale_to_int("MW_CM2", mw_cm2, 1000, "mW/cm2")
    if uncertainty is None:
        hint = (
            "add up the meter's own and 100 x (highest / mean - 1) of the readings; see "
            "docs/build-a-wrap.md, section 14"
        )
        raise UsageError("--uncertainty is missing", hint)
    unc_pm = scale_to_int("--uncertainty", uncertainty, 10, "%")
    check_bounds("--uncertainty", unc_pm, CAL_UNC_LEAST_PM, CAL_UNC_MOST_PM, 10, "%")
    peak_pm = None if peak is None else _scale_peak(peak)
    today = int(date.today().strftime("%Y%m%d"))
    with wrap_at(port) as (client, hello):
        _check_irradiance(hello, channel, uw)
        client.set_calibration(channel, uw, unc_pm, today, how, peak_pm)
        return _list_calibrations(client, hello)


def _scale_peak(peak: float) -> int:
    """Return the peak by the mean in permille. Raises UsageError."""
    peak_pm = scale_to_int("--peak", peak, 1000, "times the mean")
    check_bounds("--peak", peak_pm, CAL_PEAK_LEAST_PM, CAL_PEAK_MOST_PM, 1000, "times the mean")
    return peak_pm


def _check_irradiance(hello: Hello, channel: str, uw: int) -> None:
    """Check the irradiance before the wrap does, so that the error has the unit that was typed."""
    worst_uw = dict(zip((c[0] for c in hello.channels), hello.worst_uw, strict=False)).get(channel)
    if worst_uw is not None:
        least_uw = worst_uw * CAL_LEAST_PM // 1000
        stated = f"; the board's stated worst case for {channel} is {worst_uw / 1000:g} mW/cm2"
        check_bounds("MW_CM2", uw, least_uw, CAL_MOST_UW, 1000, "mW/cm2", stated)


def cal_clear(channel: Channel, port: Port = None, json: Json = False) -> Result:
    """Remove a channel's calibration.

    Sessions then end by time, and the dose limit assumes the board's stated worst case.
    """
    with wrap_at(port) as (client, hello):
        client.set_calibration(channel, 0)
        return _list_calibrations(client, hello)


def _list_calibrations(client: Client, hello: Hello) -> Result:
    from pbmwrap.cli import text

    found = dict(zip((c[0] for c in hello.channels), client.calibrations(), strict=True))
    return Result(found, text.calibrations_table(found))


def fault_show(port: Port = None, json: Json = False) -> Result:
    """Show the latched fault, if there is one."""
    from pbmwrap.cli import text

    with wrap_at(port) as (client, _):
        found = client.fault()
    return Result(found, text.fault_text(found))


def fault_ack(port: Port = None, json: Json = False) -> Result:
    """Acknowledge the fault. The wrap refuses while the cause is still there."""
    with wrap_at(port) as (client, _):
        state = client.ack_fault()
    return Result({"state": state}, f"acknowledged; the wrap is {name_state(state)}")
