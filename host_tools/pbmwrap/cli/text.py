"""Formats the output of commands: plain lines, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pbmwrap.errors import plain
from pbmwrap.facts import by_role
from pbmwrap.words import (
    SETTINGS,
    count,
    format_readings,
    name_end,
    name_state,
    name_stores,
    power_text,
)
from wrap.session.site_history import span

if TYPE_CHECKING:
    from pbmwrap.cli.plain_table import PlainTable
    from pbmwrap.device.models import (
        Calibration,
        FaultInfo,
        HeatTest,
        Hello,
        Hold,
        Sample,
        Slots,
        Status,
    )
    from pbmwrap.doctor.board import ByHand
    from pbmwrap.doctor.check import Check


def format_table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> PlainTable:
    """Return a table without frames. Control characters in cells are replaced."""
    from pbmwrap.cli.plain_table import PlainTable

    return PlainTable([plain(head) for head in heads], [[*map(plain, row)] for row in rows])


def settings_table(values: Mapping[str, Any]) -> PlainTable:
    """Return one line per setting, with unit, range and meaning.

    A newer firmware may have settings that are not known here.
    """
    from wrap.storage.settings import BOUNDS

    rows = []
    for key, value in sorted(values.items()):
        unit, meaning = SETTINGS.get(key, ("", ""))
        bounds = BOUNDS.get(key)
        allowed = f"{bounds[0]} to {bounds[1]}" if bounds else ""
        rows.append((key, str(value), unit, allowed, meaning))
    return format_table(("setting", "value", "unit", "range", "meaning"), rows)


def clock_text(ms: int) -> str:
    """Return a duration as m:ss."""
    return f"{ms // 60000}:{ms // 1000 % 60:02d}"


def format_celsius(mc: int | None) -> str:
    return "no reading" if mc is None else f"{mc / 1000:.1f} C"


def format_dose(uj: int | None) -> str:
    return "not calibrated" if uj is None else f"{uj / 1e6:.2f} J/cm2"


def ports_table(found: Sequence[Mapping[str, Any]]) -> Any:
    """Return one line per port, with what answers there."""
    if not found:
        return "no USB serial port; plug the wrap in, or start one with `pbmwrap sim`"
    rows = []
    for port in found:
        hello = port["wrap"]
        who = f"wrap {hello['fw']}, {name_state(hello['state'])}" if hello else port["problem"]
        rows.append((port["port"], port["number"], port["usb"], port["label"] or "", who))
    return format_table(("port", "number", "usb", "label", "what answers"), rows)


def _light_text(hello: Hello, now: Sample) -> str:
    names = (name for name, _ in hello.channels)
    parts = (f"{n} {d / 655.35:.1f} %" for n, d in zip(names, now.duty_u16, strict=False))
    return ", ".join(parts)


def _power_hint(why: str | None) -> str:
    """Return the command that raises the power limit; "" when there is none."""
    from wrap.safety import power_limit

    return "pbmwrap heat-test set" if why == power_limit.NO_HEAT_TEST else ""


def _power_lines(now: Status) -> Iterable[str]:
    if now.power_pm is not None:
        hint = _power_hint(now.power_why)
        yield f"power     {power_text(now.power_pm, now.power_why)}" + (
            f" ({hint})" if hint else ""
        )


def status_text(hello: Hello, now: Status) -> str:
    """Return one line per subject, of at most 80 columns."""
    lines = [f"{name_state(now.state)}  ({hello.board}, firmware {hello.fw}, up {now.uptime_s} s)"]
    if now.session:
        lines.append(f"session   {now.session}: {now.protocol or '-'} at {now.site or '-'}")
        lines.append(f"time      {clock_text(now.active_ms)} of {clock_text(now.total_ms)}")
        lines.append(f"dose      {format_dose(now.dose_total_uj)}{_goal_text(now)}")
    lines.append(f"light     {_light_text(hello, now)}")
    if now.state not in ("fault", "service"):
        lines += _power_lines(now)
    lines.append(f"heat (C)  {format_readings(hello, now)}")
    if now.derate_pm < 1000:
        lines.append(f"dimmed    to {now.derate_pm / 10:.0f} % because of heat")
    lines += [f"warning   {name}: {_warning_text(name)}" for name in now.warnings]
    if now.wake_waiting:
        lines.append(f"awake?    press the button within {now.wake_due_s} s")
    if now.buzzer:
        lines.append("buzzer    sounds; a press of the button ends it")
    lines.append(f"next      {_next_text(now)}")
    if now.held is not None:
        lines.append(f"held      {now.held} (pbmwrap hold show)")
    if now.next_s and now.state in ("idle", "done"):
        hint = " (see `pbmwrap clock set`)" if now.unix_s is None else ""
        lines.append(f"next session possible in {span(now.next_s)}{hint}")
    if now.unconfirmed:
        lines.append(f"no light  {name_stores(now.unconfirmed)} may be damaged or lost")
        lines.append("          check the values in force: `pbmwrap settings confirm`")
    for name in now.cal_void:
        lines.append(f"calibration of {name} is out of range and not used: measure again")
    if now.records_lost:
        lines.append(f"log       {count(now.records_lost, 'record')} lost since power-on")
    if not now.calibrated:
        lines.append("not calibrated: sessions end by time, not by dose; see `pbmwrap cal set`")
    if now.unix_s is None:
        lines.append("clock not set: see `pbmwrap clock set`")
    if now.fault:
        lines.append(fault_text(now.fault))
    return "\n".join(lines)


def due_lines(due: Sequence[tuple[str, str]]) -> Iterable[str]:
    """Return a line per reason why a calibration is due."""
    for name, reason in due:
        yield f"calibrate {name}: {reason}; `pbmwrap cal measure`"


def _warning_text(name: str) -> str:
    """Return the firmware's text; a newer firmware may have warnings that are not known here."""
    from wrap.safety.thermal import WARNING_TEXTS, WARNINGS

    return WARNING_TEXTS[WARNINGS.index(name)] if name in WARNINGS else "see the log"


def _goal_text(now: Status) -> str:
    return f" of {format_dose(now.dose_target_uj)}" if now.calibrated and now.dose_target_uj else ""


def _next_text(now: Status) -> str:
    if now.slot is None:
        return "no protocol stored: see `pbmwrap protocol flash`"
    return f"{now.next_protocol} (slot {now.slot})"


def sample_line(hello: Hello, now: Sample) -> str:
    """Return one line of `monitor`, of at most 80 columns unless something is unusual."""
    shown = ("none" if mc is None else f"{mc / 1000:.1f}" for mc in now.temps_mc)
    temps = by_role((role for _, role in hello.sensors), shown)
    names = (name for name, _ in hello.channels)
    duties = zip(names, now.duty_u16, strict=False)
    fields = [
        f"{name_state(now.state):<9} {clock_text(now.active_ms):>5}",
        f"{temps} C",
        " ".join(f"{name} {_short_percent(duty / 655.35)}" for name, duty in duties) + " %",
        "no dose" if now.dose_total_uj is None else _short_dose(now.dose_total_uj),
    ]
    if now.wake_waiting:
        fields.append("awake? press the button")
    if now.derate_pm < 1000:
        fields.append(f"dimmed to {now.derate_pm / 10:.0f} %")
    fields += [f"warning: {name}" for name in now.warnings]
    return "  ".join(fields)


def _short_dose(uj: int) -> str:
    joules = uj / 1e6
    return f"{joules:.2f} J/cm2" if joules < 9.995 else f"{joules:.1f} J/cm2"


def _short_percent(percent: float) -> str:
    return f"{percent:.1f}" if 0 < percent < 9.95 else f"{percent:.0f}"


def session_end_text(number: int, now: Status) -> str:
    """Return how a tethered session ended."""
    lines = [f"session {number} ended: {name_end(now.end_reason or now.state)}"]
    lines.append(f"time      {clock_text(now.active_ms)}")
    lines.append(f"dose      {format_dose(now.dose_total_uj)}")
    if now.fault:
        lines.append(fault_text(now.fault))
    return "\n".join(lines)


def fault_text(found: FaultInfo | None) -> str:
    """Return the fault in one line."""
    if found is None:
        return "no fault"
    detail = f" ({found.detail})" if found.detail else ""
    later = f", then {count(found.later, 'more fault')}" if found.later else ""
    return f"fault     {found.code} {found.called}: {found.text}{detail}{later}"


def slots_table(found: Slots) -> Any:
    """Return one line per slot that is not empty."""
    rows = []
    for n, slot in enumerate(found.slots):
        mark = "active" if n == found.active else ""
        if slot is None:
            continue
        if slot.broken:
            rows.append((str(n), mark, "broken", slot.broken, ""))
        else:
            rows.append((str(n), mark, slot.id, slot.name, slot.sha[:12]))
    if not rows:
        return "no protocol stored; store one with `pbmwrap protocol flash FILE`"
    return format_table(("slot", "", "id", "name", "sha-256"), rows)


def calibrations_table(found: Mapping[str, Calibration | None]) -> PlainTable:
    """Return one line per channel."""
    rows = []
    for name, cal in found.items():
        if cal is None:
            rows.append((name, "not calibrated", "", "", ""))
        else:
            power, spread = f"{cal.uw / 1000:.2f} mW/cm2", f"{cal.unc_pm / 10:.1f} %"
            if cal.peak_pm is not None:
                power += f", peak {cal.peak_pm / 1000:.2f} x"
            rows.append((name, power, spread, str(cal.date or ""), cal.how))
    return format_table(("channel", "at full duty", "uncertainty", "date", "how"), rows)


def heat_test_text(found: HeatTest | None) -> str:
    """Return the heat test in one line."""
    if found is None:
        return "no heat test recorded"
    how = f" ({found.how})" if found.how else ""
    hottest = format_celsius(found.max_mc)
    return f"heat test of {found.date}: {found.pm / 10:g} % of full power, hottest {hottest}{how}"


def holds_text(found: Sequence[Hold]) -> PlainTable | str:
    """Return one line per hold."""
    if not found:
        return "no hold stands"
    rows = [("everybody" if one.person == "*" else one.person, one.reason) for one in found]
    return format_table(("person", "reason"), rows)


def checks_text(found: Sequence[Check]) -> str:
    """Return one line per check, and below it how to correct a problem."""
    out = []
    for check in found:
        hint = f"\n        {check.hint}" if check.hint and check.level != "good" else ""
        out.append(f"{check.level:<6}  {check.name}: {check.text}{hint}")
    return "\n".join(out)


def board_text(found: Sequence[Check], by_hand: Sequence[ByHand], file: str) -> str:
    """Return the checks of a board, what a person has to look at, and the file's name."""
    todo = [f"{n:2}. {item.what}\n    {item.how}" for n, item in enumerate(by_hand, 1)]
    return "\n".join(
        [
            checks_text(found),
            "",
            "To look at yourself, with dummy loads in place of the LEDs "
            "(docs/hardware-checklist.md):",
            *todo,
            "",
            f"Written to {file}: add it to a bug report.",
        ]
    )
