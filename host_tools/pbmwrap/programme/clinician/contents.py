"""What the report of a course says: two pages, as titles, sentences, rows and one chart.

Page 1 is what a clinician reads in two minutes. Page 2 is what they may look up: the light's
parameters, the evidence, and what is known against such devices. HTML and PDF show the same
contents. Text is not escaped here: each output does that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pbmwrap.programme import analysis
from pbmwrap.programme.clinician.chart import (
    ChartData,
    Mark,
    Picture,
    format_day,
    make_chart_data,
)
from pbmwrap.programme.model import (
    Course,
    CourseState,
    JournalEntry,
    Person,
    Word,
)
from pbmwrap.programme.stop_rule import name_change
from pbmwrap.words import count, name_end

Row = tuple[str, str]

NOTICE = (
    "A measuring tool for one person. A result says what this person recorded under these"
    " conditions; it says nothing about a disease or about another person. The wrap is not a"
    " medical device."
)
SIMULATED = "SIMULATED: these are not the data of a person"
COVERAGE = (
    "Medicare (USA) has not covered infrared devices for diabetic and other peripheral sensory"
    " neuropathy, wounds and ulcers since 24 October 2006 (NCD 270.6); when it opened that"
    " review it named reports of burns to the FDA (CAG-00291N). A person who does not feel"
    " heat can be burnt without noticing: look at the skin after each session."
)
_FEW = 3  # changes of other treatment that the first page lists


@dataclass(frozen=True)
class Section:
    """A heading with sentences and rows; both may be empty."""

    title: str
    sentences: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Report:
    """verdict: the word and its sentence (`label` says whose: by default the stop rule's).
    warnings: what makes the comparison unfair. first, second: the sections of the two pages.
    banner: shown when simulated."""

    title: str
    subtitle: str
    simulated: bool
    verdict: str
    verdict_text: str
    warnings: tuple[str, ...]
    chart: ChartData | Picture
    first: tuple[Section, ...]
    second: tuple[Section, ...]
    notice: str = NOTICE
    label: str = "Stop rule"
    banner: str = SIMULATED
    language: str = "en"


def make_report(
    state: CourseState,
    person: Person,
    version: str,
    calibrations: Sequence[str] = (),
    parameters: Sequence[tuple[str, Sequence[Row]]] = (),
    references: Sequence[str] = (),
    simulated: bool = False,
) -> Report:
    """Return the report of a course on the day of `state`.

    calibrations: one sentence per wrap and channel, with date and uncertainty; parameters: the
    light's parameters by channel (`pbmwrap.report.parameters`); references: of the protocols.
    simulated: the data are of a simulation, which every page then says.
    """
    course = state.course
    entries = tuple(entry for entry in state.entries if entry.value is not None)
    verdict, verdict_text = _split_verdict(state)
    return Report(
        title=f"Light course of {person.name}: {course.aim}",
        subtitle=(
            f"{format_day(course.start)} to {format_day(course.end)},"
            f" seen on {format_day(state.today)}; made by pbmwrap {version}"
        ),
        simulated=simulated,
        verdict=verdict,
        verdict_text=verdict_text,
        warnings=tuple(state.warnings),
        chart=make_chart_data(course, entries, state.adherence.sessions, list_marks(state)),
        first=(
            _describe_number(state, entries),
            _describe_plan(state),
            _describe_sessions(state, calibrations),
            _describe_findings(state),
        ),
        second=(
            *(Section(f"Light: {name}", rows=tuple(rows)) for name, rows in parameters),
            _describe_evidence(state, references),
            Section("What is known against such devices", (COVERAGE,)),
            Section("How the number was compared", _explain_comparison(state)),
        ),
    )


def list_marks(state: CourseState) -> list[Mark]:
    """List the changes of other treatment, as the journal has them, oldest first."""
    found = [Mark(entry.day, entry.changed) for entry in state.entries if entry.changed]
    return sorted(found, key=lambda mark: mark.day)


def describe_change(course: Course, entries: Sequence[JournalEntry]) -> tuple[str, ...]:
    """Describe the change of the number from the baseline to the course, in the words that are
    fixed for an open course; or say why there is none yet."""
    measure = course.measure
    try:
        change = analysis.estimate_course_change(course, entries)
    except analysis.TooFewEntriesError as problem:
        return (f"No change is given yet: {problem}.",)
    size = measure.format_value(abs(change.change))
    way = "up" if change.change > 0 else "down"
    low, high = sorted((change.low, change.high))
    return (
        f"Your number changed by {size} {way}: from {measure.format_value(change.before)} to"
        f" {measure.format_value(change.after)} (95 % interval of the change"
        f" {low:+.1f} to {high:+.1f}). {analysis.WORDS}",
    )


def _split_verdict(state: CourseState) -> tuple[str, str]:
    """Return the word of the stop rule and its sentences. The word is not repeated where the first
    sentence says it."""
    verdict = state.verdict
    first, _, rest = verdict.text.partition(". ")
    if rest and first.lower().startswith(str(verdict.word)):
        return first[0].lower() + first[1:], rest
    return _format_word(state), verdict.text


def _format_word(state: CourseState) -> str:
    verdict = state.verdict
    if verdict.word is Word.GO_ON and verdict.until:
        return f"{verdict.word} {format_day(verdict.until)}"
    return str(verdict.word)


def _describe_number(state: CourseState, entries: Sequence[JournalEntry]) -> Section:
    course = state.course
    late = sum(entry.late for entry in entries)
    rows = [
        ("Question", course.measure.question),
        ("Entries", f"{count(len(entries), 'day')}, {late} of them written later than their day"),
    ]
    rows += [
        (f"{total.name}, {total.when or total.day}", f"{total.value:g} of {total.high:g}")
        for total in state.totals
    ]
    words = describe_change(course, entries)
    return Section("The number", words, tuple(rows))


def _describe_plan(state: CourseState) -> Section:
    course = state.course
    frozen = course.frozen
    fixed = "not fixed yet" if frozen is None else f"fixed on {format_day(frozen.day)}"
    rows = [
        *((f"Site {s.site}", f"{s.protocol_name or s.protocol_id}") for s in course.sites),
        ("Sessions", f"{course.sessions_a_week} a week for {course.weeks} weeks on each site"),
        (
            "Stop rule",
            f"no change of {name_change(course)} by week {course.stop.week}: stop ({fixed})",
        ),
        ("Other treatment", "; ".join(course.others) or "none named"),
    ]
    if course.plan_sha:
        rows.append(("Fingerprint of the plan", course.plan_sha[:16]))
    return Section("The plan", rows=tuple(rows))


def _describe_sessions(state: CourseState, calibrations: Sequence[str]) -> Section:
    done = state.adherence
    rows = [
        (
            "Sessions",
            f"{done.full} complete and {done.early} ended early, of {done.planned_so_far} planned"
            f" until now ({done.planned} in all)",
        )
    ]
    if done.why:
        why = ", ".join(f"{name_end(code)} ({n})" for code, n in sorted(done.why.items()))
        rows.append(("Why early", why))
    rows.append(("Dose at the skin, sum", _format_dose(done.dose_uj, done.dose_unc_uj)))
    if done.no_dose:
        rows.append(
            ("Without a known dose", f"{count(done.no_dose, 'session')} (wrap not calibrated)")
        )
    rows += [("Calibration", sentence) for sentence in calibrations]
    if done.baseline_light:
        rows.append(("Light during the baseline", count(len(done.baseline_light), "session")))
    if done.undated:
        rows.append(("Sessions without a date", str(len(done.undated))))
    return Section("Sessions, from the wrap's sealed log", rows=tuple(rows))


def _format_dose(uj: int, unc_uj: int | None) -> str:
    if not uj:
        return "not known"
    known = "uncertainty not stated" if unc_uj is None else f"± {unc_uj / 1e6:.1f} (k = 2)"
    return f"{uj / 1e6:.1f} J/cm², {known}"


def _describe_findings(state: CourseState) -> Section:
    skin = Counter(entry.skin for entry in state.entries if entry.skin and entry.skin != "fine")
    looked = sum(bool(entry.skin) for entry in state.entries)
    words = ", ".join(f"{word} on {count(n, 'day')}" for word, n in sorted(skin.items()))
    hottest = max((s.max_skin_mc or 0 for s in state.adherence.sessions), default=0)
    rows = [
        ("Skin", f"{words or 'nothing found'}, looked at on {count(looked, 'day')}"),
        ("Hottest skin sensor", f"{hottest / 1000:.1f} °C" if hottest else "not known"),
        ("Faults of the wrap", str(sum(s.faults for s in state.adherence.sessions))),
    ]
    rows += [
        (f"Red flag, {format_day(flag.day)}", _join(flag.code, flag.detail)) for flag in state.flags
    ]
    marks = list_marks(state)
    first = max(0, len(marks) - _FEW)
    if first:
        rows.append(("Earlier changes", f"{first}, marked in the chart"))
    rows += [
        (f"Change {number}, {format_day(mark.day)}", mark.text)
        for number, mark in enumerate(marks[first:], first + 1)
    ]
    return Section("Findings", rows=tuple(rows))


def _join(code: str, detail: str) -> str:
    return f"{code.replace('-', ' ')}: {detail}" if detail else code.replace("-", " ")


def _describe_evidence(state: CourseState, references: Sequence[str]) -> Section:
    rows = []
    for site in state.course.sites:
        grade = site.grade or "none stated"
        rows.append((site.protocol_name or site.protocol_id, f"Grade: {grade}"))
        if site.summary:
            rows.append(("Summary", site.summary))
    if references:
        rows.append(("Sources", "; ".join(references)))
    return Section("Evidence for this use, as the protocol states it", rows=tuple(rows))


def _explain_comparison(state: CourseState) -> tuple[str, ...]:
    verdict = state.verdict
    judged = ""
    if verdict.before is not None and verdict.after is not None:
        measure = state.course.measure
        judged = (
            f"The stop rule compared the mean of the baseline,"
            f" {measure.format_value(verdict.before)} ({verdict.n_before} days), with the mean of"
            f" the last two weeks, {measure.format_value(verdict.after)} ({verdict.n_after} days)."
        )
    return tuple(
        sentence
        for sentence in (
            judged,
            "The interval allows for the likeness of neighbouring days (AR(1), its correlation"
            " estimated from these entries); nothing is filled in for days without an entry.",
            "Sessions, times and doses come from the wrap's log, not from memory.",
        )
        if sentence
    )
