"""Planned against done, from the sealed logs: memory has no part in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from pbmwrap.programme.model import Adherence, Course, SessionUse, WeekUse


def count_adherence(course: Course, uses: Sequence[SessionUse], today: date) -> Adherence:
    """Compare a course with the sessions of its person, up to and without `today`'s rest.

    A session counts for the course on its sites and days. Skipped: planned in a week that is over,
    and not begun, per site. A session that ended early was begun, and is counted as early.
    """
    sites = {site.site for site in course.sites}
    here = [use for use in uses if use.site in sites]
    dated = [use for use in here if use.day is not None]
    # The day of closing still counts: its session may have come before the closing.
    last = min(course.end, course.closed.day + timedelta(days=1)) if course.closed else course.end
    counted = [use for use in dated if use.day and course.start <= use.day < last]
    weeks = [_count_week(course, week, counted, today, last) for week in range(course.weeks)]
    over = [week for week in weeks if week.over]
    dose_uj, unc_uj, no_dose = sum_doses(counted)
    return Adherence(
        planned=course.planned_sessions,
        planned_so_far=sum(week.planned for week in over),
        full=sum(use.full for use in counted),
        early=sum(not use.full for use in counted),
        skipped=sum(week.skipped for week in over),
        dose_uj=dose_uj,
        dose_unc_uj=unc_uj,
        no_dose=no_dose,
        active_ms=sum(use.active_ms for use in counted),
        why=dict(Counter(use.reason for use in counted if not use.full).most_common()),
        weeks=tuple(weeks),
        sessions=tuple(counted),
        elsewhere=tuple(
            use
            for use in uses
            if use.site not in sites and use.day and course.baseline_from <= use.day < last
        ),
        undated=tuple(use for use in uses if use.day is None),
        baseline_light=tuple(
            use for use in dated if use.day and course.baseline_from <= use.day < course.start
        ),
    )


def _count_week(
    course: Course, number: int, counted: Sequence[SessionUse], today: date, last: date
) -> WeekUse:
    first = course.start + timedelta(weeks=number)
    after = first + timedelta(weeks=1)
    its = [use for use in counted if use.day and first <= use.day < after]
    # A week that the closing cut short has nothing skipped: the rest was no longer planned.
    over = after <= today and after <= last
    missing = [
        max(0, course.sessions_a_week - sum(use.site == site.site for use in its))
        for site in course.sites
    ]
    return WeekUse(
        number=number + 1,
        first_day=first,
        planned=course.sessions_a_week * len(course.sites),
        full=sum(use.full for use in its),
        early=sum(not use.full for use in its),
        skipped=sum(missing) if over else 0,
        over=over,
        dose_uj=sum_doses(its)[0],
    )


def sum_doses(uses: Sequence[SessionUse]) -> tuple[int, int | None, int]:
    """Return (dose in uJ/cm2, its uncertainty, sessions without a dose).

    The calibration's error is the same in every session, so uncertainties add up linearly. None if
    a session has a dose and its calibration states no uncertainty.
    """
    dosed = [use for use in uses if use.dose_uj is not None]
    parts = [use.dose_unc_uj for use in dosed]
    known = [part for part in parts if part is not None]
    unc_uj = sum(known) if len(known) == len(parts) else None
    return sum(use.dose_uj or 0 for use in dosed), unc_uj, len(uses) - len(dosed)
