"""`pbmwrap trial heat-test`: whether both arms of a trial are as warm (docs/trial.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pbmwrap.cli.command import Interrupted, Json, Port, Result, wrap_at
from pbmwrap.cli.options import Option
from pbmwrap.errors import WrapError

if TYPE_CHECKING:
    from pbmwrap.calibration.dialog import Dialog
    from pbmwrap.device.client import Client

QUESTION = (
    "Does the wrap lie flat around a bottle of water, as warm as this room and wrapped in two"
    " layers of a towel, on no person, and do you stay beside it? (yes / no)"
)
_WAY = (
    "take {}, or shorter sessions (--session), or build a warmer (docs/build-a-wrap.md, section 16)"
)


def open_dialog() -> Dialog:
    """Return the dialog with the person; tests replace it."""
    from pbmwrap.calibration.dialog import TerminalDialog

    return TerminalDialog()


def measure_heat(
    level: Annotated[
        float | None,
        Option(
            help="Near infrared of the trial's protocol, percent. Default: the most that a trial of"
            " this wrap may have.",
            min=1,
            max=100,
        ),
    ] = None,
    session: Annotated[
        int, Option(help="Length of the trial's sessions, minutes.", min=1, max=20)
    ] = 20,
    minutes: Annotated[int, Option(help="How long each arm is measured.", min=3, max=14)] = 14,
    channel: Annotated[
        str | None, Option(help="Which channel, where a wrap has several of near infrared.")
    ] = None,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Measure on a bottle of water whether both arms of a trial are as warm.

    Lights near infrared, lets the pad cool, and does for the same time what the wrap does in a
    sham: the warmer, or darkness. Takes one to two hours. Refuses more than 1 K between the arms.
    """
    from pbmwrap.programme.trial_run import read_wrap_trial
    from pbmwrap.trial import heat_test

    with wrap_at(port) as (client, hello):
        heat_test.require_not_blind(read_wrap_trial(client))
        level_pm = None if level is None else round(level * 10)
        setup = heat_test.make_setup(hello, level_pm, minutes, session, channel)
        dialog = open_dialog()
        last = heat_test.find_newest(hello.uid)
        if last:
            dialog.show(_describe_last(last))
        _require_bottle(client, dialog)
        test = heat_test.HeatTest(client, hello, setup, dialog.show)
        try:
            active = test.run_active()
            sham = test.run_sham(active)
        except KeyboardInterrupt:
            raise Interrupted(
                "interrupted, nothing is kept; the light goes out within 4 s",
                "run the same command again",
            ) from None
        return _keep(heat_test.make_result(hello, setup, active, sham, *_now()))


def _describe_last(last: dict[str, Any]) -> str:
    return (
        f"the last test of this wrap, on {last['date']}: {abs(last['gap_in_trial_k']):.2f} K in"
        f" {last['session_min']} min at {last['level_percent']:g} %"
    )


def _now() -> tuple[int, str]:
    import time
    from datetime import date

    return int(time.time()), date.today().isoformat()


def _require_bottle(client: Client, dialog: Dialog) -> None:
    """Ask before any light. Raises WrapError unless the answer is yes."""
    from pbmwrap.calibration.dialog import Ended

    try:
        text = dialog.ask(QUESTION, lambda: True)
    except Ended:
        text = None
    if (text or "").strip().lower() not in ("y", "yes"):
        raise WrapError(
            "not confirmed, so nothing was lit",
            "lay the wrap around a bottle, never around a person, and answer yes",
        )
    _lay_around_bottle(client)


def _lay_around_bottle(client: Client) -> None:
    """Do with a simulated wrap what the person has said."""
    from pbmwrap.device.twin_transport import TwinTransport

    if isinstance(client.transport, TwinTransport):
        from pbmwrap.twin.plant import BOTTLE

        client.transport.twin.plant.change(**BOTTLE)
        client.transport.twin.plant.settle()
        client.link.listen(5.0, lambda name, params: None)


def _keep(result: dict[str, Any]) -> Result:
    from pbmwrap.trial import heat_test

    path, problem = None, None
    if not result["passed"]:
        problem = WrapError(
            f"the arms differ by {abs(result['gap_in_trial_k']):.2f} K in {result['session_min']}"
            f" min at {result['level_percent']:g} %, at most {result['limit_k']:g} K are allowed",
            _name_way(result),
        )
    try:
        path = str(heat_test.save_result(result, heat_test.make_stamp(result["unix_s"])))
    except WrapError as full:  # two hours of measuring are shown all the same
        problem = problem or full
    return Result(result | {"file": path}, _format(result, path), problem)


def _name_way(result: dict[str, Any]) -> str:
    from pbmwrap.trial.heat_test import find_fitting_percent

    percent = find_fitting_percent(result)
    return _WAY.format(f"{percent} % of light or less (--level)" if percent else "less light")


def _format(result: dict[str, Any], path: str | None) -> str:
    most = [max(max(row) for row in result[key]) for key in ("active_rise_k", "sham_rise_k")]
    sign = "warmer" if result["gap_k"] > 0 else "colder"
    lines = [] if result["passed"] else [_name_way(result)]
    return "\n".join(
        [
            f"{result['channel']} at {result['measured_percent']:g} % for {result['minutes']} min:"
            f" {most[0]:.2f} K warmer than before; {result['sham']}: {most[1]:z.2f} K",
            f"largest difference at equal times: light {abs(result['gap_k']):.2f} K {sign}",
            f"in a session of {result['session_min']} min at {result['level_percent']:g} %:"
            f" {abs(result['gap_in_trial_k']):.2f} K, at most {result['limit_k']:g} K:"
            f" {'good' if result['passed'] else 'too much'}",
            f"kept in {path}" if path else "not kept",
            *lines,
        ]
    )
