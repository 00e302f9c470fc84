"""The programme's objects as the page receives them. Numbers and codes: the page has the words."""

from __future__ import annotations

from typing import Any

from pbmwrap.programme import analysis
from pbmwrap.programme.courses import is_negative
from pbmwrap.programme.days import find_values
from pbmwrap.programme.model import (
    Course,
    CourseState,
    JournalEntry,
    Measure,
    RedFlag,
    SessionUse,
)
from pbmwrap.programme.rows import make_entry_row


def describe_measure(measure: Measure) -> dict[str, Any]:
    """Return what is asked and in which range."""
    return {
        "code": measure.code,
        "question": measure.question,
        "low": measure.low,
        "high": measure.high,
        "unit": measure.unit,
        "better": measure.better,
    }


def describe_entry(entry: JournalEntry) -> dict[str, Any]:
    """Return one entry of a journal."""
    at = f"{entry.at.local:%H:%M}" if entry.at else None
    return make_entry_row(entry, at, f"{entry.written.local:%Y-%m-%d %H:%M}")


def describe_flag(flag: RedFlag) -> dict[str, Any]:
    """Return a red flag."""
    return {"id": flag.id, "code": flag.code, "day": flag.day.isoformat(), "detail": flag.detail}


def describe_course(course: Course) -> dict[str, Any]:
    """Return a plan."""
    stop = course.stop
    return {
        "id": course.id,
        "aim": course.aim,
        "sites": [
            {
                "site": site.site,
                "protocol": site.protocol_id,
                "name": site.protocol_name or site.protocol_id,
                "grade": site.grade,
                "summary": site.summary,
                "negative": is_negative(site.grade),
            }
            for site in course.sites
        ],
        "sessions": course.sessions_a_week,
        "weeks": course.weeks,
        "planned": course.planned_sessions,
        "start": course.start.isoformat(),
        "end": course.end.isoformat(),
        "baseline_from": course.baseline_from.isoformat(),
        "rule_day": course.rule_day.isoformat(),
        "stop": {
            "week": min(stop.week, course.weeks),
            "points": stop.points,
            "percent": stop.percent,
        },
        "measure": describe_measure(course.measure),
        "weekdays": list(course.weekdays),
        "time": f"{course.minute // 60:02d}:{course.minute % 60:02d}",
        "others": list(course.others),
        "enrolled": course.enrolled.day.isoformat(),
        "frozen": course.frozen.day.isoformat() if course.frozen else None,
        "sha": course.plan_sha,
        "closed": course.closed.day.isoformat() if course.closed else None,
        "closed_why": course.closed_why,
    }


def describe_state(state: CourseState) -> dict[str, Any]:
    """Return a course with what was done, the numbers, and what the stop rule says."""
    course, done, verdict = state.course, state.adherence, state.verdict
    values = find_values(state.entries, course.measure.code)
    late = {entry.day for entry in state.entries if entry.late}
    first = min(course.baseline_from, course.enrolled.day)  # older ones are of the journal only
    return {
        "course": describe_course(course),
        "today": state.today.isoformat(),
        "verdict": {
            "word": verdict.word.name.lower(),
            "day": verdict.day.isoformat(),
            "text": verdict.text,
            "before": verdict.before,
            "after": verdict.after,
            "threshold": verdict.threshold,
            "n_before": verdict.n_before,
            "n_after": verdict.n_after,
            "until": verdict.until.isoformat() if verdict.until else None,
        },
        "change": estimate_change(state),
        "warnings": list(state.warnings),
        "values": [
            [day.isoformat(), value, day in late] for day, value in values.items() if day >= first
        ],
        "marks": [
            [e.day.isoformat(), e.changed] for e in state.entries if e.changed and e.day >= first
        ],
        "adherence": {
            **done.as_counts(),
            "elsewhere": len(done.elsewhere),
            "undated": len(done.undated),
            "weeks": [
                {
                    "number": week.number,
                    "first_day": week.first_day.isoformat(),
                    "planned": week.planned,
                    "full": week.full,
                    "early": week.early,
                    "skipped": week.skipped,
                    "over": week.over,
                }
                for week in done.weeks
            ],
            "sessions": [_describe_use(use) for use in done.sessions],
        },
    }


def _describe_use(use: SessionUse) -> dict[str, Any]:
    return {
        "day": use.day.isoformat() if use.day else None,
        "uid": use.uid,
        "number": use.number,
        "site": use.site,
        "full": use.full,
        "reason": use.reason,
    }


def estimate_change(state: CourseState) -> dict[str, Any]:
    """Return the change of the number with its 95 % interval, or how many entries there are."""
    try:
        found = analysis.estimate_course_change(state.course, state.entries)
    except analysis.TooFewEntriesError as few:
        return {
            "few": [few.before, few.after],
            "needed": [analysis.MIN_BEFORE, analysis.MIN_AFTER],
        }
    return {
        "before": found.before,
        "after": found.after,
        "change": found.change,
        "low": found.low,
        "high": found.high,
    }


def list_references(course: Course) -> list[str]:
    """List the sources that the bundled protocols of a course name."""
    from pbmwrap.protocols import template
    from pbmwrap.protocols.load import loads

    wanted = {site.protocol_id for site in course.sites}
    found: list[str] = []
    for path in template.examples().values():
        protocol = loads(path.read_text(encoding="utf-8")).protocol
        if protocol and protocol.id in wanted and protocol.evidence:
            found += protocol.evidence.references
    return found
