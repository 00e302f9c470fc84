"""`cal measure`, `cal check` and `cal report`: the guided calibration (docs/calibration.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from pbmwrap.cli.command import (
    Force,
    Interrupted,
    Json,
    Port,
    Result,
    Yes,
    register_command,
    warn,
    wrap_at,
)
from pbmwrap.cli.options import Option
from pbmwrap.errors import UsageError

if TYPE_CHECKING:
    from pbmwrap.calibration.dialog import Dialog
    from pbmwrap.calibration.driver import Driver
    from pbmwrap.calibration.record import Record
    from pbmwrap.calibration.results import Result as ChannelResult
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Calibration, Hello

Meter = Annotated[
    str | None, Option(help="Kind of meter: silicon, thermopile, spectrometer, solar or lux.")
]
Name = Annotated[str | None, Option(help="Its maker, model and number.")]
Unit = Annotated[str | None, Option(help="The unit that it shows.")]
Cover = Annotated[str | None, Option(help="The cover that is on the pad; none without one.")]
New = Annotated[bool, Option("--new", help="Begin again; what was begun stays saved.")]


def add_to(cal: click.Group) -> None:
    """Register this file's commands in the group `cal`."""
    register_command(cal, "cal measure")(cal_measure)
    register_command(cal, "cal check")(cal_check)
    register_command(cal, "cal report")(cal_report)


def open_dialog() -> Dialog:
    """Return the dialog with the person; tests replace it."""
    from pbmwrap.calibration.dialog import TerminalDialog

    return TerminalDialog()


def cal_measure(
    meter: Meter = None,
    name: Name = None,
    uncertainty: Annotated[
        float | None, Option(help="Of the meter, percent, as its certificate states it.")
    ] = None,
    k: Annotated[float | None, Option("--k", help="Coverage factor of that uncertainty.")] = None,
    unit: Unit = None,
    aperture: Annotated[float | None, Option(help="Diameter of its aperture, mm.")] = None,
    saturation: Annotated[
        float | None, Option(help="The most that it can show, in its unit.")
    ] = None,
    cover: Cover = None,
    grid: Annotated[str | None, Option(help="Points, rows x columns, such as 5x5.")] = None,
    repeats: Annotated[int | None, Option(help="How often the grid is measured.")] = None,
    new: New = False,
    yes: Yes = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Measure the irradiance with a guide, and store it with its uncertainty.

    Asks for one reading after the other while the wrap lights one channel. Everything typed is
    saved at once: after an interruption the same command goes on where it was. Prompts go to
    stderr. --yes stores the result without asking; it never turns light on by itself.
    """
    from pbmwrap.calibration.record import MEASURE

    given = {
        "meter": meter,
        "name": name,
        "uncertainty": uncertainty,
        "k": k,
        "unit": unit,
        "aperture": aperture,
        "saturation": saturation,
        "cover": cover,
        "grid": grid,
        "repeats": repeats,
    }
    with _measuring(port) as (client, hello):
        dialog = open_dialog()
        record = _unstored(hello, new) or _drive(client, hello, MEASURE, given, new, dialog)
        return _finish_measure(client, record, dialog, yes)


@contextmanager
def _measuring(port: str | None) -> Iterator[tuple[Client, Hello]]:
    """Yield the wrap, for one measurement at a time on this machine. Raises WrapError."""
    from pbmwrap.calibration import store

    with wrap_at(port) as (client, hello):
        lock = store.lock_records(hello.uid)
        try:
            yield client, hello
        finally:
            lock.release()


def _unstored(hello: Hello, new: bool) -> Record | None:
    """Return a finished measurement that was not stored yet, for example because the link broke."""
    from pbmwrap.calibration import store
    from pbmwrap.calibration.finish import list_unstored

    found = store.find_finished(hello.uid)
    return found[-1] if found and not new and list_unstored(found[-1]) else None


def _drive(
    client: Client,
    hello: Hello,
    purpose: str,
    given: dict[str, Any],
    new: bool,
    dialog: Dialog,
    sha: dict[str, str] | None = None,
) -> Record:
    """Go through a measurement, a new one or one that was interrupted. Raises WrapError."""
    import time

    from pbmwrap.calibration import store
    from pbmwrap.calibration.begin import make_record
    from pbmwrap.calibration.driver import HELP, Driver
    from pbmwrap.calibration.lamp import Lamp

    _require_light(client)
    lamp = Lamp(client, hello)
    record = None if new else store.find_open(hello.uid, purpose)
    if record:
        count = len(record.readings)
        dialog.show(f"going on with the measurement of {record.id}: {count} readings so far")
    else:
        record = make_record(hello, purpose, time.time(), sha)
    driver = Driver(record, lamp, dialog)
    driver.prefill({key: str(value) for key, value in given.items() if value is not None})
    dialog.show(HELP)
    _run_driver(driver)
    return record


def _run_driver(driver: Driver) -> None:
    """Run the guide. Raises Interrupted, and LinkLost with what becomes of the light."""
    from pbmwrap.cli import light

    try:
        with light.explained_loss(f"{light.TETHERED_LOST}; what was typed is saved"):
            driver.run()
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted; everything typed so far is saved and the light is off",
            "run the same command again to go on where you were",
        ) from None


def _require_light(client: Client) -> None:
    """Check, before a person begins, that the wrap knows the light of a calibration. Raises
    DeviceError."""
    client.holds()


def _finish_measure(client: Client, record: Record, dialog: Dialog, yes: bool) -> Result:
    import time

    from pbmwrap.calibration import finish, store, words
    from pbmwrap.calibration.results import compute_result

    if record.finished_s is None:
        finish.finish_record(record, int(time.time()))
        store.save_record(record)
    found = [compute_result(record, one) for one in record.results]
    for one in found:
        for line in (*words.result_lines(record, one), *words.budget_lines(one.budget)):
            dialog.show(line)
        for text in finish.list_warnings(record, one):
            dialog.show(f"note: {text}")
    lines: list[str] = []
    for one in found:
        if one.channel in finish.list_unstored(record):
            lines.append(_store(client, record, one, dialog, yes))
            store.save_record(record)
    lines.append(f"record {record.id}; see `pbmwrap cal report --html FILE`")
    stored = [name for name, one in record.stored.items() if "declined" not in one]
    lines.append("take a baseline for a cheap meter today: `pbmwrap cal check --baseline`")
    data = {"record": record.id, "sha": record.fingerprint(), "stored": stored}
    return Result(data | {"results": record.results}, "\n".join(lines))


def _store(client: Client, record: Record, one: ChannelResult, dialog: Dialog, yes: bool) -> str:
    """Store one channel on the wrap, unless it must not be or a person does not want it."""
    from datetime import date

    from pbmwrap.calibration import finish

    why = finish.refuse_store(record, one)
    if why:
        finish.note_declined(record, one.channel)
        return f"{one.channel} is not stored: {why}"
    if not yes and not _agrees(dialog, f"Store {one.channel} on the wrap? (yes / no)"):
        finish.note_declined(record, one.channel)
        return f"{one.channel} is not stored"
    day = date.fromtimestamp(record.finished_s or 0)
    finish.store_on_wrap(client, record, one, day)
    return f"{one.channel} is stored on the wrap"


def _agrees(dialog: Dialog, question: str) -> bool:
    """Return the answer to a yes-no question. Raises UsageError when the input ends: the result
    stays to be stored."""
    from pbmwrap.calibration.dialog import Ended

    while True:
        try:
            text = dialog.ask(question, lambda: True)
        except Ended:
            raise UsageError(
                "the input ended before the result was stored; it is saved",
                "run `pbmwrap cal measure` again to store it",
            ) from None
        plain = (text or "").strip().lower()
        if plain in ("y", "yes", "n", "no"):
            return plain in ("y", "yes")


def cal_check(
    meter: Meter = None,
    name: Name = None,
    unit: Unit = None,
    cover: Cover = None,
    baseline: Annotated[
        bool,
        Option("--baseline", help="Take the readings that later checks are compared with."),
    ] = False,
    new: New = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Watch ageing with a cheap meter: compare with the day of the calibration.

    Any meter will do, also a solar or a lux meter, if it is the same each time and lies in the
    middle of the pad under the same cover. Take the baseline within a week after `cal measure`.
    """
    from pbmwrap.calibration import ratio, store
    from pbmwrap.calibration.record import BASELINE, CHECK

    given = {"meter": meter, "name": name, "unit": unit, "cover": cover}
    purpose = BASELINE if baseline else CHECK
    with _measuring(port) as (client, hello):
        cals = dict(zip((c[0] for c in hello.channels), client.calibrations(), strict=True))
        sha = {n: cal.sha for n, cal in cals.items() if cal and cal.sha}
        if not sha:
            raise UsageError(
                "no channel has a calibration by `pbmwrap cal measure`",
                "a ratio check compares with the day of one: measure first",
            )
        if baseline:
            _require_fresh(cals)
        else:
            given |= _baseline_answers(hello, sha, given)
        record = _drive(client, hello, purpose, given, new, open_dialog(), sha)
        import time

        ratio.finish_ratio_check(record, int(time.time()))
        store.save_record(record)
        return _check_result(record)


def _require_fresh(cals: dict[str, Calibration | None]) -> None:
    """Raise UsageError unless the calibrations are from these days."""
    from datetime import date

    from pbmwrap.calibration.due import parse_day
    from pbmwrap.calibration.ratio import BASELINE_DAYS

    for channel, cal in cals.items():
        made = parse_day(cal.date) if cal and cal.sha else None
        if made and (date.today() - made).days > BASELINE_DAYS:
            raise UsageError(
                f"the calibration of {channel} is from {made}: a baseline must be taken within "
                f"{BASELINE_DAYS} days after it, before the LEDs can have aged",
                "measure again with `pbmwrap cal measure`, then take the baseline",
            )


def _baseline_answers(hello: Hello, sha: dict[str, str], given: dict[str, Any]) -> dict[str, Any]:
    """Return meter, unit and cover of the baseline, which a check must share. Raises UsageError."""
    from pbmwrap.calibration import ratio

    for channel, one_sha in sha.items():
        found = ratio.find_baseline(hello.uid, one_sha, channel, given["name"])
        if not found:
            continue
        answers = {key: found.answers[key] for key in ("meter", "name", "unit", "cover")}
        for key, value in answers.items():
            if given[key] is not None and given[key] != value:
                raise UsageError(
                    f"--{key} is {given[key]}, and the baseline has {value}: only the same meter "
                    "under the same cover can be compared",
                    f"leave out --{key}",
                )
        return answers
    raise UsageError(
        "there is no baseline of this meter for this calibration on this computer",
        "it is taken within a week after a calibration: `pbmwrap cal check --baseline`",
    )


def _check_result(record: Record) -> Result:
    from pbmwrap.calibration import ratio
    from pbmwrap.calibration.due import DRIFT_PCT, WATCH_PCT
    from pbmwrap.calibration.record import BASELINE
    from pbmwrap.calibration.steps import measured_channels

    lines, data = [], {}
    unit = record.answers["unit"]
    for channel in measured_channels(record):
        name, mean = channel.name, record.results[channel.name]["mean"]
        data[name] = {"mean": mean, "unit": unit, "drift_pct": None}
        sha, meter = record.calibration_sha[name], record.answers["name"]
        found = (
            None
            if record.purpose == BASELINE
            else ratio.find_baseline(record.uid, sha, name, meter)
        )
        if not found:
            lines.append(f"{name}: {mean:.4g} {unit}, kept for later checks")
            continue
        percent = ratio.compare_with_baseline(record, found, name)
        data[name]["drift_pct"] = round(percent, 2)
        if abs(percent) > DRIFT_PCT:
            word = "a new calibration is due: `pbmwrap cal measure`"
        elif abs(percent) > WATCH_PCT:
            word = "check again in a month"
        else:
            word = "the calibration still holds"
        lines.append(f"{name}: {percent:+.1f} % against the day of the calibration: {word}")
    missed = [one.name for one in record.channels if one.name not in data]
    if missed:
        warn([f"{', '.join(missed)}: this kind of meter sees nothing there; use a solar meter"])
    return Result(data, "\n".join(lines))


def cal_report(
    html: Annotated[
        Path | None, Option(metavar="HTML", help="Write the report as a page to this file.")
    ] = None,
    record: Annotated[
        str | None, Option(help="Which measurement; by default the newest finished one.")
    ] = None,
    force: Force = False,
    port: Port = None,
    json: Json = False,
) -> Result:
    """Show a calibration with its uncertainty budget, and write it as a page.

    Checks that the record on this computer is the one whose hash the wrap keeps.
    """
    from pbmwrap import disk
    from pbmwrap.calibration import report, store, words
    from pbmwrap.calibration.results import compute_result

    if html is not None:
        disk.check_target(html, force)
    with wrap_at(port) as (client, hello):
        cals = dict(zip((c[0] for c in hello.channels), client.calibrations(), strict=True))
    found = store.find_id(hello.uid, record) if record else None
    if found is None and not record:
        finished = store.find_finished(hello.uid)
        found = finished[-1] if finished else None
    if found is None or not found.results or found.purpose != "measure":
        what = f"no finished measurement {record!r}" if record else "no finished measurement"
        raise UsageError(
            f"{what} of wrap {hello.uid} is on this computer",
            "run `pbmwrap cal measure` to the end first",
        )
    results = [compute_result(found, name) for name in found.results]
    checks = report.check_stored(found, cals)
    lines: list[str] = []
    for one in results:
        lines += [*words.result_lines(found, one), *words.budget_lines(one.budget), ""]
    lines += [f"{name}: {text}" for name, text in checks.items()]
    if html is not None:
        report.save_page(found, results, checks, html, force)
        lines.append(f"written: {html}")
    data = {"record": found.id, "sha": found.fingerprint(), "results": found.results}
    data |= {"on_wrap": checks, "written": str(html) if html else None}
    return Result(data, "\n".join(lines))
