"""`pbmwrap trial`: what a blinded self-trial of one person can find out (docs/trial.md)."""

from __future__ import annotations

from typing import Annotated, Any

import click

from pbmwrap.cli import trial_heat, trial_result_cmds, trial_run_cmds, trial_start_cmds
from pbmwrap.cli.command import Json, Result, print_note, register_group
from pbmwrap.cli.options import Option
from pbmwrap.cli.trial_start_cmds import Matters, Missing, Spread, Weeks
from pbmwrap.trial import planner

_WORDS = {
    "hours": "comes and goes within a day",
    "days": "takes some days",
    "week": "takes a week",
    "weeks": "takes three weeks",
}
_SITES = {1: "one site", 2: "two sites, left and right"}
CANNOT = "This trial cannot answer you"


def add_to(app: click.Group) -> None:
    """Register this file's group."""
    help_text = "A blinded trial of one person: does the light do anything? (docs/trial.md)"
    commands = {
        "plan": plan_trial,
        "heat-test": trial_heat.measure_heat,
        "start": trial_start_cmds.start_trial,
        "status": trial_run_cmds.show_status,
        "entry": trial_run_cmds.write_entry,
        "next": trial_run_cmds.choose_next,
        "guess": trial_run_cmds.write_guess,
        "close": trial_run_cmds.close_period,
        "reveal": trial_run_cmds.reveal_trial,
        "report": trial_result_cmds.write_report,
        "unblind": trial_run_cmds.unblind_trial,
        "export": trial_result_cmds.export_bundle,
        "verify": trial_result_cmds.verify_file,
    }
    register_group(app, "trial", help_text, commands)


def plan_trial(
    sites: Annotated[
        int,
        Option(help="2: both feet or hands are treated, and compared; 1: one place.", min=1, max=2),
    ] = 2,
    weeks: Weeks = 24,
    speed: Annotated[
        str,
        Option(
            metavar="WORD",
            help="How fast light would work, or stop: hours, days, week, weeks. Default: week.",
        ),
    ] = "week",
    matters: Matters = 2.0,
    spread: Spread = 1.5,
    missing: Missing = 15.0,
    json: Json = False,
) -> Result:
    """Say how likely a trial is to find a change that matters, before anybody begins it."""
    planner.import_power()
    print_note("simulating trials, some seconds ...")
    data = planner.compare_plans(sites, weeks, speed, matters, spread, missing)
    return Result(data, _format_plan(data))


def _format_plan(data: dict[str, Any]) -> str:
    lines = [
        f"A true change of {data['matters']:g} points that {_WORDS[data['speed']]}, "
        f"{_SITES[data['sites']]}, {data['weeks']} weeks:",
        "",
        "periods         days that count    finds it    seen as",
    ]
    for row in data["designs"]:
        length = "weeks" if row["period_days"] == 7 else "fortnights"
        counted = f"{row['period_days'] - row['washout_days']} of {row['period_days']}"
        share = f"{100 * row['power']:.0f} of 100"
        lines.append(
            f"{row['periods']:2} {length:<12} {counted:<18} {share:<11} {row['seen']:.1f} points"
        )
    lines.append("")
    if data["answers"]:
        lines.append(
            "Such a trial finds the change in at least 80 of 100 cases. Without any effect it says"
            " better or worse in 5 of 100 at most."
        )
    else:
        lines += [
            f"{CANNOT}: it would miss a change that matters too often.",
            "What helps: two sites in place of one, more weeks, a day's number every day. A slow"
            " effect hardly shows in any trial of one person.",
        ]
    lines.append(
        "It is a measurement of one person under these conditions, no medical advice. It is not for"
        " a condition that needs treatment now."
    )
    return "\n".join(lines)
