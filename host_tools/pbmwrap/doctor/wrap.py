"""Checks what a wrap reports of itself. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from pbmwrap.calibration.due import Drift, find_reasons, parse_day
from pbmwrap.device.models import Calibration, Hello, LogInfo, Slots, Status
from pbmwrap.doctor.check import Check
from pbmwrap.errors import DeviceError
from pbmwrap.words import CONFIRM, count, format_readings, name_stores, power_text
from wrap.errors import MEMORY
from wrap.rules.limits import STEP_MS
from wrap.safety.power_limit import NO_HEAT_TEST
from wrap.version import VERSION

if TYPE_CHECKING:
    from pbmwrap.logs.verify import Verdict

HEAP_LOW = 20000  # bytes; a session of the reference firmware needs far less
SKEW_S = 60  # a quartz loses some 2 s a day; the clock must separate records by minutes
COLDEST_MC, HOTTEST_MC = 5000, 50000  # without light; below 5 C no light is allowed
LATE_FEW = 20  # steps late at a start or while settings are written; more count by share
LATE_SHARE = 0.01
APART_MC = 10000  # of two sensors of a dark pad at rest
_SETTINGS_HINT = "nothing is lost, the copy was repaired; if it happens again the flash is worn"
_DARK = ("idle", "done", "fault", "paused")


def check_hello(hello: Hello) -> Iterator[Check]:
    """Check firmware version, integrity, last start and light sensor."""
    if hello.fw == VERSION:
        yield Check("firmware", "good", f"{hello.fw}, program {hello.program[:12]}")
    else:
        text = f"{hello.fw}, this program is {VERSION}"
        hint = "run `pbmwrap install` to bring them together"
        yield Check("firmware", "note", text, hint)
    yield check_integrity(hello)
    yield _check_start(hello)
    text = "a light sensor is fitted" if hello.sense else "no light sensor is fitted"
    yield Check("light sense", "good", text)  # optional


def check_integrity(hello: Hello) -> Check:
    """Check what the wrap found of its program in flash and of its RAM."""
    found = f"program {_integrity_text(hello.integrity)}, RAM {_integrity_text(hello.memory)}"
    if "damaged" in (hello.integrity, hello.memory):
        hint = "install the image again; if the damage stays, replace the board"
        return Check("integrity", "bad", found, hint)
    if hello.integrity == "unknown":
        hint = "only firmware installed as an image checks itself: `pbmwrap install --image`"
        return Check("integrity", "note", f"the program is not checked: {found}", hint)
    return Check("integrity", "good", found)


def _integrity_text(found: str) -> str:
    return "intact" if found == "whole" else found


def _check_start(hello: Hello) -> Check:
    if hello.cause == "watchdog":
        hint = "it hung and was restarted with its light off; report it with the logs if it repeats"
        return Check("last start", "note", "by the watchdog", hint)
    if hello.cause == "brown-out":
        hint = "the supply voltage dropped: check its rating, the cable and the pad's capacitor"
        return Check("last start", "note", "by a brown-out", hint)
    return Check("last start", "good", hello.cause)


def check_status(hello: Hello, now: Status, unix_s: float) -> Iterator[Check]:
    """Check sensors, lamps, fault, memory, clock, settings, power, buzzer and steps.

    unix_s: this machine's clock.
    """
    yield from check_sensors(hello, now)
    yield check_lamps(hello, now)
    if now.fault is None:
        yield Check("fault", "good", "none")
    else:
        hint = "remove the cause, then run `pbmwrap fault ack`"
        yield Check("fault", "bad", f"{now.fault.called}: {now.fault.text}", hint)
    yield check_memory(now)
    yield check_clock(now, unix_s)
    yield check_settings(now)
    yield from check_power(now)
    yield check_buzzer(now)
    yield check_steps(now)


def check_steps(now: Status) -> Check:
    """Check that control steps run when they are due.

    An erase of the log's flash takes longer than two steps, and a host may request many writes
    while the light is off, so a few late steps are normal.
    """
    ran = max(1, now.uptime_s) * 1000 // STEP_MS  # the wrap counts whole seconds, from 0
    late = f"{now.steps_late} of {ran}" if now.steps_late else "none"
    shown = f"{late} late, the longest took {now.step_us_max / 1000:.1f} ms"
    if now.steps_late <= max(LATE_FEW, ran * LATE_SHARE):
        return Check("steps", "good", shown)
    return Check("steps", "note", shown, "report it with the log and `pbmwrap status --json`")


def check_settings(now: Status) -> Check:
    """Check that settings, calibration and heat test are as they were stored last."""
    if now.unconfirmed:
        text = f"{name_stores(now.unconfirmed)} may be damaged or lost, so no session can start"
        return Check("settings", "bad", text, f"check the values: {CONFIRM}")
    if now.settings_damaged:
        return Check("settings", "note", "one of two copies was damaged", _SETTINGS_HINT)
    return Check("settings", "good", "no damage found")


def check_power(now: Status) -> Iterator[Check]:
    """Check what all lamps may draw.

    Only a missing heat test needs action: other reasons pass, or follow from the build.
    """
    if now.power_pm is None:
        return
    shown = power_text(now.power_pm, now.power_why)
    if now.power_why != NO_HEAT_TEST:
        yield Check("power", "good", shown)
        return
    hint = "for more, do the heat test of docs/build-a-wrap.md, then run `pbmwrap heat-test set`"
    yield Check("power", "note", shown, hint)


def check_buzzer(now: Status) -> Check:
    """Report the buzzer, which is optional."""
    if now.buzzer is None:
        return Check("buzzer", "good", "none is fitted: alarms are only visible")
    return Check("buzzer", "good", "sounding" if now.buzzer else "silent")


def check_sensors(hello: Hello, now: Status) -> Iterator[Check]:
    """Check that each sensor reads, and a value that is plausible without light."""
    read = list(zip((s[0] for s in hello.sensors), now.temps_mc, strict=False))
    for name, mc in read:
        if mc is None:
            hint = f"check the wire and the pull-up of {name} (docs/build-a-wrap.md)"
            yield Check("sensors", "bad", f"{name} is open or shorted", hint)
        elif mc < COLDEST_MC:
            hint = "below 5 C no light is allowed: warm it up, or check the divider's values"
            yield Check("sensors", "note", f"{name} reads {mc / 1000:.1f} C", hint)
        elif mc > HOTTEST_MC:
            hint = "let it cool; if it is not hot, check the values of its divider and NTC"
            yield Check("sensors", "bad", f"{name} reads {mc / 1000:.1f} C", hint)
    known = [mc for _, mc in read if mc is not None]
    apart = max(known, default=0) - min(known, default=0)
    if apart > APART_MC and now.state in ("idle", "done", "fault"):
        hint = "after ten minutes without light they should differ by a few kelvin at most"
        yield Check("sensors", "note", f"{apart / 1000:.1f} K apart with the light off", hint)
    elif len(known) == len(read) and all(COLDEST_MC <= mc <= HOTTEST_MC for mc in known):
        yield Check("sensors", "good", f"{format_readings(hello, now)} C")


def check_lamps(hello: Hello, now: Status) -> Check:
    """Check that the lamps are off without a session, by what the firmware wrote."""
    lit = [c[0] for c, duty in zip(hello.channels, now.duty_u16, strict=False) if duty]
    if not lit:
        return Check("lamps", "good", "off")
    if now.state in _DARK:
        text = f"{', '.join(lit)} on although no light is allowed (state {now.state})"
        return Check("lamps", "bad", text, "take the wrap off, pull its plug and report it")
    return Check("lamps", "good", f"{', '.join(lit)} on: a session is running")


def check_memory(now: Status) -> Check:
    """Check the heap; a simulated wrap on CPython reports none."""
    if not now.heap_used and not now.heap_free:
        return Check("memory", "good", "not measured on this simulated wrap")
    used = f"{now.heap_used} bytes used, {now.heap_free} free"
    if now.heap_free < HEAP_LOW:
        return Check("memory", "note", used, "report it with `pbmwrap status --json`")
    return Check("memory", "good", used)


def check_clock(now: Status, unix_s: float) -> Check:
    """Check that the clock is set and near this machine's. unix_s: this machine's."""
    if now.unix_s is None:
        return Check("clock", "note", "not set", "run `pbmwrap clock set`")
    skew = round(now.unix_s - unix_s)
    if abs(skew) <= SKEW_S:
        return Check("clock", "good", f"within {SKEW_S} s of this machine's clock")
    where = "ahead of" if skew > 0 else "behind"
    text = f"{_format_span(abs(skew))} {where} this machine's clock"
    hint = "check this machine's clock, then run `pbmwrap clock set`"
    return Check("clock", "note", text, hint)


def _format_span(s: int) -> str:
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if s >= 2 * size:
            return f"{s // size} {name}"
    return f"{s} seconds"


def check_calibrations(
    hello: Hello,
    kept: Sequence[Calibration | None],
    now: Status,
    today: date,
    drifts: Mapping[str, Drift] | None = None,
) -> Iterator[Check]:
    """Check the calibration of each channel. drifts: ratio checks on this computer, by channel."""
    for (name, _), cal in zip(hello.channels, kept, strict=False):
        drift = drifts.get(name) if drifts else None
        yield check_calibration(name, cal, today, name in now.cal_void, drift)


def check_calibration(
    name: str,
    cal: Calibration | None,
    today: date,
    void: bool = False,
    drift: Drift | None = None,
) -> Check:
    """Check one channel's calibration: its age, the hours that it was lit, and its ratio check.
    void: it is out of range and not used."""
    hint = "run `pbmwrap cal measure` (docs/calibration.md)"
    if cal is None:
        why = "out of range and not used" if void else "none"
        text = f"{name}: {why}, so sessions end by time and show no dose"
        return Check("calibration", "note", text, hint)
    text = f"{name}: {cal.uw / 1000:g} mW/cm2 +-{cal.unc_pm / 10:g} %"
    made = parse_day(cal.date)
    if made is None:
        return Check("calibration", "note", f"{text}, date unknown", hint)
    age = (today - made).days
    if age < 0:
        return Check("calibration", "note", f"{text}, dated in the future: {made}", hint)
    reasons = list(find_reasons(made, today, cal.lit_s, drift))
    if reasons:
        return Check("calibration", "note", f"{text}, due: {'; '.join(reasons)}", hint)
    return Check("calibration", "good", f"{text}, {count(age, 'day')} old")


def list_readable(name: str, list_checks: Callable[[], Iterable[Check]]) -> list[Check]:
    """Return the checks, or a note where the wrap has too little memory to be asked for them, as a
    stock board has while light is on. Raises WrapError."""
    try:
        return list(list_checks())
    except DeviceError as problem:
        if problem.device_code != MEMORY:
            raise
        return [Check(name, "note", f"not read: {problem.text}", problem.hint)]


def check_slots(slots: Slots) -> Check:
    """Check the stored protocols."""
    broken = [str(n) for n, slot in enumerate(slots.slots) if slot and slot.broken]
    if broken:
        hint = "store them again (`pbmwrap protocol flash`) or delete them"
        slots_ = "slot" if len(broken) == 1 else "slots"
        return Check("protocols", "note", f"damaged in {slots_} {', '.join(broken)}", hint)
    kept = sum(slot is not None for slot in slots.slots)
    hint = "store one with `pbmwrap protocol flash`"
    return Check("protocols", "good" if kept else "note", f"{kept} stored", hint)


def check_log(now: Status, info: LogInfo, start: int, said: Verdict) -> Iterator[Check]:
    """Check the log. said: the verdict on its bytes from `start` to its end.

    A problem at a `start` in the middle of the log is the end of a record, and is ignored.
    """
    if now.log_failed:
        hint = (
            "run `pbmwrap logs pull`, then restart the wrap; if it happens again the flash is worn"
        )
        yield Check("log", "bad", "a record could not be written", hint)
    if now.records_lost:
        text = f"{count(now.records_lost, 'record')} lost since power-on before reaching the log"
        hint = "run `pbmwrap logs pull`; `pbmwrap logs verify` then counts them too"
        yield Check("log", "note", text, hint)
    problems = [p for p in said.problems if p.start > start or start == info.first]
    for p in problems:
        hint = "run `pbmwrap logs pull`, then `pbmwrap logs verify` to see what is damaged"
        yield Check("log", "note", f"offset {p.start} to {p.end}: {p.text}", hint)
    if not now.log_failed and not now.records_lost and not problems:
        size, checked = info.end - info.first, count(said.records, "record")
        text = f"{count(size, 'byte')}, the last {checked} checked and undamaged"
        yield Check("log", "good", text)
