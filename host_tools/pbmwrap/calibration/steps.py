"""The guided measurement as a state machine: next step, accept an answer, problems.

Pure: the driver (the command, or a page) reads the clock and the wrap and passes a `Moment`, keeps
the light on for a step that needs it, and writes the record after each change. An interruption
loses nothing: the next step follows from the record alone.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from pbmwrap.calibration import outliers, spectra
from pbmwrap.calibration.grid import name_point
from pbmwrap.calibration.instruments import KINDS, SPECTROMETER, WAVELENGTH_NEAR_NM, refuse_ratio
from pbmwrap.calibration.problems import AGAIN, EARLIER, KEEP, Question, Refusal
from pbmwrap.calibration.record import DARK, LIGHT, MEASURE, Channel, Pending, Reading, Record
from pbmwrap.calibration.setup_fields import list_fields, read_field
from pbmwrap.calibration.units import UNITS, Typed, convert_to_irradiance, parse_typed
from wrap.rules.limits import CAL_LIGHT_S

FIELD, QUESTION, WAVELENGTH, CONFIRM = "field", "question", "wavelength", "confirm"
LIGHT_ON, WARM_UP, READING, DONE = "light_on", "warm_up", "reading", "done"

WARM_UP_S = 120
WARM_AGAIN_LEAST_S = 10
AWAY_S = 90  # without an answer for so long the light goes out: the person has walked away
LIGHT_S = CAL_LIGHT_S  # of one lighting; the wrap ends it by itself
RATIO_REPEATS = 3
_DARK_MOST = 0.02  # of the stated worst case: the room is too bright
_DUTY_MOVED = 0.02  # against the first reading of the repeat: the wrap has dimmed


@dataclass(frozen=True)
class Moment:
    """The driver's knowledge. lit: the channel that is on; lit_s: for how long; dark_s: how long
    that channel was dark before, None for the first time; moved_s: since the last reading, None
    without."""

    unix_s: int
    lit: str | None = None
    lit_s: float = 0.0
    dark_s: float | None = None
    duty_u16: int = 0
    temps_mc: tuple[int | None, ...] = ()
    moved_s: float | None = None


@dataclass(frozen=True)
class Step:
    """What comes next. kind: one of the constants above; key: a field, a channel, or a code; text:
    for the command line; choices: answers of a question; lit: the channel that must be on, None:
    no light; number, total: the reading's place among all of its channel."""

    kind: str
    key: str
    text: str
    channel: str | None = None
    choices: tuple[str, ...] = ()
    lit: str | None = None
    repeat: int = 0
    row: int = 0
    column: int = 0
    number: int = 0
    total: int = 0
    seconds: int = 0
    default: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def begin_record(record: Record) -> None:
    """Fill in what a purpose fixes: a ratio check has one point."""
    if record.purpose != MEASURE:
        record.answers |= {"grid": [1, 1], "repeats": RATIO_REPEATS}


def measured_channels(record: Record) -> list[Channel]:
    """Return the channels that the meter can measure."""
    kind = record.answers.get("meter")
    if record.purpose == MEASURE or kind is None:
        return record.channels
    return [one for one in record.channels if refuse_ratio(kind, one.wavelength_nm) is None]


def next_step(record: Record, now: Moment) -> Step:
    """Return the next step."""
    if record.pending:
        return _question_step(record.pending)
    for one in list_fields(record.purpose):
        if one.key not in record.answers:
            return Step(FIELD, one.key, one.text, default=one.default)
    for channel in measured_channels(record):
        step = _channel_step(record, channel, now)
        if step:
            return step
    return Step(DONE, "", "all readings are there")


def _question_step(pending: Pending) -> Step:
    reading = pending.reading
    lit = reading.channel if reading and reading.kind == LIGHT else None
    return Step(
        QUESTION,
        pending.code,
        pending.text,
        channel=reading.channel if reading else None,
        choices=(KEEP, AGAIN, EARLIER) if pending.code == "repeats" else (KEEP, AGAIN),
        lit=lit,
        values=pending.values,
    )


def _channel_step(record: Record, channel: Channel, now: Moment) -> Step | None:
    name, nm = channel.name, channel.wavelength_nm
    kind = KINDS[record.answers["meter"]]
    if record.purpose == MEASURE and kind.needs_wavelength and name not in record.wavelengths:
        text = (
            f"Set the meter to {nm} nm for {name}, and type the wavelength that it shows. A head "
            f"that cannot be set: type its responsivity at the wavelength it is made for, a "
            f"slash, and at {nm} nm, for example 0.35/0.41"
        )
        return Step(WAVELENGTH, name, text, channel=name)
    if record.dark(name) is None:
        text = f"{name}, light off: cover on, the head in its place, the room dark. Dark reading"
        return Step(READING, DARK, text, channel=name)
    points = record.points()
    for repeat in range(record.repeats):
        have = {one.point for one in record.current(LIGHT, name, repeat)}
        missing = [one for one in points if one not in have]
        if not missing:
            continue
        if repeat and len(missing) == len(points) and _key(name, repeat) not in record.done:
            text = (
                f"{name}, repeat {repeat + 1} of {record.repeats}: take the head off and put it "
                "back as if for the first time"
            )
            lit = name if now.lit == name else None
            return Step(CONFIRM, _key(name, repeat), text, channel=name, repeat=repeat, lit=lit)
        if now.lit != name:
            return _light_step(record, name, repeat)
        left_s = warm_up_s(now.dark_s) - now.lit_s
        if left_s > 0:
            text = f"{name} warms up"
            return Step(WARM_UP, name, text, channel=name, lit=name, seconds=math.ceil(left_s))
        row, column = missing[0]
        total = len(points) * record.repeats
        number = repeat * len(points) + len(have) + 1
        where = name_point(missing[0])
        more = f", repeat {repeat + 1}" if record.repeats > 1 else ""
        wait = f"; wait {kind.settle_s} s" if kind.settle_s > 2 else ""
        text = f"{name} {number} of {total}, point {where}{more}{wait}"
        return Step(
            READING,
            LIGHT,
            text,
            channel=name,
            lit=name,
            repeat=repeat,
            row=row,
            column=column,
            number=number,
            total=total,
        )
    return None


def _key(channel: str, repeat: int) -> str:
    return f"reposition:{channel}:{repeat}"


def _light_step(record: Record, name: str, repeat: int) -> Step:
    cover = f"the cover ({record.answers['cover']}) on" if record.has_cover else "no cover"
    text = (
        f"{name} will light at full duty, with {cover}. Is nobody in the wrap, and does nobody "
        "look into the light? Type yes"
    )
    return Step(LIGHT_ON, name, text, channel=name, repeat=repeat, choices=("yes",))


def warm_up_s(dark_s: float | None) -> float:
    """Return how long a channel warms up: 2 minutes, or after a short pause as long as it was
    dark, and never less than 10 s."""
    if dark_s is None:
        return WARM_UP_S
    return min(WARM_UP_S, max(WARM_AGAIN_LEAST_S, dark_s))


def accept_answer(
    record: Record, step: Step, text: str, now: Moment, file: bytes | None = None, name: str = ""
) -> Question | None:
    """Take the answer to a step into the record; the caller then writes it. file, name: content and
    name of a spectrometer's file that `text` names. Returns a question that now waits in the
    record. Raises Refusal, and the record stays as it was."""
    if step.kind == QUESTION:
        return _answer_question(record, text)
    if step.kind == FIELD:
        return _accept_field(record, step.key, text)
    if step.kind == WAVELENGTH:
        return _accept_wavelength(record, step, text)
    if step.kind == CONFIRM:
        record.done.append(step.key)
        return None
    if step.kind == READING:
        return _accept_reading(record, step, text, now, file, name)
    raise Refusal("step", f"{step.kind} takes no answer")


def require_yes(text: str) -> None:
    """Raise Refusal unless a person has typed yes: light begins only then."""
    if text.strip().lower() not in ("yes", "y", "ja", "j"):
        raise Refusal("not_confirmed", "the light stays off until you type yes")


def _accept_field(record: Record, key: str, text: str) -> Question | None:
    one = next(f for f in list_fields(record.purpose) if f.key == key)
    found = read_field(one, text, record.purpose, record.answers)
    if isinstance(found, Question):
        record.pending = Pending(
            found.code, found.text, found.values, found.guess, key=key, typed=text.strip()
        )
        return found
    record.answers[key] = found
    return None


def _accept_wavelength(record: Record, step: Step, text: str) -> None:
    channel = record.channel(step.key)
    nm = channel.wavelength_nm
    plain = text.strip()
    pair = re.fullmatch(r"(\d*\.?\d+)\s*/\s*(\d*\.?\d+)", plain)
    if pair:
        at_set, at_channel = float(pair[1]), float(pair[2])
        if not at_set or not at_channel or not 0.2 <= at_set / at_channel <= 5:
            raise Refusal(
                "responsivity", f"{plain} is not a ratio of two responsivities, such as 0.35/0.41"
            )
        record.wavelengths[channel.name] = {"factor": at_set / at_channel}
        return
    if plain.lower() in ("", "none", "no", "-", "?"):
        raise Refusal(
            "no_wavelength",
            f"a silicon head answers differently at each wavelength, so without the setting for "
            f"{nm} nm its reading can be wrong by tens of percent. Set it to {nm} nm, or type "
            "the two responsivities from its data sheet, or use a thermopile",
            wavelength=nm,
        )
    typed = parse_typed(re.sub(r"\s*nm$", "", plain))
    if abs(typed.value - nm) > WAVELENGTH_NEAR_NM:
        raise Refusal(
            "wavelength",
            f"the meter is set to {typed.value:g} nm and {channel.name} has {nm} nm: set it to "
            f"{nm} nm, or type the two responsivities from its data sheet",
            wavelength=nm,
            shown=typed.value,
        )
    record.wavelengths[channel.name] = {"set_nm": typed.value}


def _accept_reading(
    record: Record, step: Step, text: str, now: Moment, file: bytes | None, name: str
) -> Question | None:
    assert step.channel
    if step.key == LIGHT and (now.lit != step.channel or now.duty_u16 <= 0):
        raise Refusal("dark", f"{step.channel} is not lit now: the reading was not taken")
    if step.key == DARK and now.lit:
        raise Refusal("lit", f"{now.lit} is lit: the dark reading needs the light off")
    found = (
        _read_file(record, step, text, file, name)
        if file is not None
        else _read(record, step, text)
    )
    reading = Reading(
        kind=step.key,
        channel=step.channel,
        repeat=step.repeat,
        row=step.row,
        column=step.column,
        text=text.strip(),
        value=found.value,
        step=found.step,
        unit=record.answers["unit"],
        at_s=now.unix_s,
        duty_u16=now.duty_u16 if step.key == LIGHT else 0,
        temps_mc=list(now.temps_mc),
        source=found.source,
    )
    doubts = [*found.doubts, *_doubts(record, reading, now)]
    return _take(record, reading, doubts)


@dataclass(frozen=True)
class _Found:
    """A value in mW/cm2 (for a ratio check: as shown), with what must be asked about it."""

    value: float
    step: float
    doubts: list[Question]
    source: str = ""


def _read(record: Record, step: Step, text: str) -> _Found:
    """Read a typed number. Raises Refusal."""
    unit = record.answers["unit"]
    plain = text.strip()
    if record.purpose != MEASURE:
        if plain.lower().endswith(unit.lower()):
            plain = plain[: -len(unit)].strip()
        typed = _same_unit(parse_typed(plain), None)
        _refuse_negative(typed.value, step, text)
        return _Found(typed.value, typed.step, _ask(typed))
    typed = _same_unit(parse_typed(plain), unit)
    most = record.answers.get("saturation")
    if most is not None and typed.value >= 0.98 * most:
        raise Refusal(
            "over",
            f"{text.strip()} is at the end of the meter's range ({most:g} {unit}): choose a higher "
            "range or put its attenuator on, then measure again",
            shown=text.strip(),
        )
    _refuse_negative(typed.value, step, text)
    factor = record.factor(step.channel or "")
    area = record.instrument.area_cm2
    return _Found(
        convert_to_irradiance(typed.value, unit, area) * factor,
        convert_to_irradiance(typed.step, unit, area) * factor,
        _ask(typed),
    )


def _ask(typed: Typed) -> list[Question]:
    return [typed.question] if typed.question else []


def _refuse_negative(value: float, step: Step, text: str) -> None:
    if step.key == LIGHT and value <= 0:
        raise Refusal("negative", f"{text.strip()} is not a reading of light: zero the meter")


def _same_unit(typed: Typed, unit: str | None) -> Typed:
    """Refuse a unit that differs from the one of the record: mixed units are slips."""
    if typed.unit is None or typed.unit == unit:
        return typed
    if unit and UNITS[typed.unit][0] == UNITS[unit][0]:
        ratio = UNITS[typed.unit][1] / UNITS[unit][1]
        value = typed.value * ratio
        text = f"the meter was set to {unit}: is it {value:g} {unit}?"
        asked = Question("unit", text, {"unit": typed.unit}, f"{value:g}")
        return Typed(value, unit, typed.step * ratio, asked)
    raise Refusal(
        "unit",
        f"the meter's unit is {unit or 'another one'}, not {typed.unit}: type the number that it "
        "shows in that unit",
        unit=typed.unit,
    )


def _read_file(record: Record, step: Step, text: str, file: bytes, name: str) -> _Found:
    import hashlib

    if record.purpose != MEASURE or record.answers["meter"] != SPECTROMETER:
        raise Refusal("file", "files are read from a spectrometer only: type the number")
    assert step.channel
    _, _, row = name.partition("#")
    spectrum = spectra.read_spectrum(file, row)
    wavelength_nm = record.channel(step.channel).wavelength_nm
    value, doubts = spectra.read_band(spectrum, wavelength_nm, step.key == DARK)
    _refuse_negative(value, step, text)
    source = f"{name} ({spectrum.layout}, {hashlib.sha256(file).hexdigest()})"
    if any(one.source == source and not one.replaced for one in record.readings):
        asked = f"{name} was used for another reading already: is it the right file?"
        doubts = [*doubts, Question("same_file", asked, {"file": name})]
    return _Found(value, abs(value) * 1e-4, doubts, source)


def _doubts(record: Record, reading: Reading, now: Moment) -> list[Question]:
    """Return what must be asked about a reading. Raises Refusal."""
    if reading.kind == DARK:
        return _dark_doubts(record, reading)
    dark = record.dark(reading.channel)
    assert dark
    if reading.value <= dark.value:
        raise Refusal(
            "below_dark",
            f"{reading.text} is not above the dark reading ({dark.text}): is the head on the lit "
            "area, and is the shutter open?",
            shown=reading.text,
            dark=dark.text,
        )
    out = []
    settle_s = KINDS[record.answers["meter"]].settle_s
    if now.moved_s is not None and settle_s > 2 and now.moved_s < settle_s:
        text = f"{now.moved_s:.0f} s after the last reading; this kind of meter needs {settle_s} s"
        out.append(Question("too_soon", f"{text}: has it settled?", {"seconds": settle_s}))
    first = next(record.current(LIGHT, reading.channel, reading.repeat), None)
    if first and abs(reading.duty_u16 / first.duty_u16 - 1) > _DUTY_MOVED:
        text = f"the wrap has dimmed to {reading.duty_u16 / 655.35:.1f} %"
        out.append(Question("dimmed", f"{text}: let it cool, or keep the reading", {}))
    if record.purpose == MEASURE:
        return [*out, *outliers.find_doubts(record, reading)]
    return [*out, *(one for one in outliers.find_doubts(record, reading) if one.code == "repeats")]


def _dark_doubts(record: Record, reading: Reading) -> list[Question]:
    worst_uw = record.channel(reading.channel).worst_uw
    if record.purpose != MEASURE or not worst_uw:
        return []
    share = abs(reading.value) / (worst_uw / 1000)
    if share <= _DARK_MOST:
        return []
    text = f"{reading.text} with the light off is {share * 100:.0f} % of the stated worst case"
    more = "darken the room, zero the meter, or check its unit"
    return [Question("bright", f"{text}: {more}", {"share": round(share * 100)})]


def _take(record: Record, reading: Reading, doubts: list[Question]) -> Question | None:
    """Put a reading into the record, or let it wait there with its first question."""
    if doubts:
        first, *more = doubts
        record.pending = Pending(
            first.code,
            first.text,
            first.values,
            first.guess,
            reading=reading,
            more=[asdict(one) for one in more],
        )
        return first
    record.pending = None
    record.readings.append(reading)
    if reading.kind == LIGHT:
        return _review_grid(record, reading.channel, reading.repeat)
    return None


def _review_grid(record: Record, channel: str, repeat: int) -> Question | None:
    """Ask about the first reading of a complete grid that does not fit its neighbours."""
    have = list(record.current(LIGHT, channel, repeat))
    if record.purpose != MEASURE or len(have) < len(record.points()):
        return None
    one = next(outliers.find_doubts_in_grid(record, channel, repeat), None)
    if one is None:
        return None
    asked = next(outliers.ask_about_neighbours(record, one))
    index = next(n for n, reading in enumerate(record.readings) if reading is one)
    record.pending = Pending(
        asked.code, asked.text, asked.values, asked.guess, reading=one, index=index
    )
    return asked


def _answer_question(record: Record, text: str) -> Question | None:
    pending = record.pending
    assert pending
    plain = text.strip().lower()
    answer = {"k": KEEP, "y": KEEP, "yes": KEEP, "a": AGAIN, "n": AGAIN, "no": AGAIN, "e": EARLIER}
    answer = answer.get(plain, plain)
    choices = _question_step(pending).choices
    if answer not in choices:
        raise Refusal("answer", f"type {' or '.join(choices)}")
    if pending.key:
        if answer == KEEP:
            record.answers[pending.key] = _kept_field(record, pending)
        record.pending = None
        return None
    if pending.index is not None:
        return _answer_about_old(record, record.readings[pending.index], answer)
    reading = pending.reading
    assert reading
    if answer == AGAIN:
        reading.replaced = True
        reading.kept.append(f"{pending.code}:{AGAIN}")
        record.readings.append(reading)
        record.pending = None
        return None
    reading.kept.append(pending.code)
    if answer == EARLIER:
        for one in record.readings:
            same = (one.kind, one.channel, one.point) == (LIGHT, reading.channel, reading.point)
            if same and one.repeat != reading.repeat:
                one.replaced = True
    return _take(record, reading, [Question(**one) for one in pending.more])


def _answer_about_old(record: Record, one: Reading, answer: str) -> Question | None:
    record.pending = None
    if answer == AGAIN:
        one.replaced = True
        return None
    one.kept.append("neighbours")
    return _review_grid(record, one.channel, one.repeat)


def _kept_field(record: Record, pending: Pending) -> Any:
    """Return the value of a field whose question was answered with keep."""
    one = next(f for f in list_fields(record.purpose) if f.key == pending.key)
    found = read_field(one, pending.guess or pending.typed, record.purpose, record.answers)
    if isinstance(found, Question):  # too_good: the person stands by it
        return float(found.values["percent"])
    return found


def take_back(record: Record) -> Reading | None:
    """Mark the last reading as replaced, so that it is measured again; returns it."""
    pending, record.pending = record.pending, None
    if pending and pending.reading and pending.index is None:
        pending.reading.replaced = True
        record.readings.append(pending.reading)
        return pending.reading
    for one in reversed(record.readings):
        if not one.replaced:
            one.replaced = True
            return one
    return None


def measure_again(record: Record, channel: str) -> None:
    """Mark all of a channel's readings as replaced, for example when the cover was off."""
    for one in record.readings:
        if one.channel == channel:
            one.replaced = True
    record.done = [key for key in record.done if not key.startswith(f"reposition:{channel}:")]
