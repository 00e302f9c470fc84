"""Planned against done: exact counts, doses and reasons from sessions."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.programme.adherence import count_adherence, sum_doses
from tests.programme.builders import FOOT, HAND, START, make_plan, make_use, on_days, stamp


def after(days: int):
    return START + timedelta(days=days)


def test_complete_early_and_skipped() -> None:
    uses = on_days([0, 2, 4, 7, 9]) + on_days([11], reason="button") + on_days([14], reason="wake")
    done = count_adherence(make_plan(), uses, after(21))
    assert (done.planned, done.planned_so_far) == (24, 9)
    assert (done.full, done.early, done.skipped) == (5, 2, 2)
    assert done.why == {"button": 1, "wake": 1}
    assert [(w.full, w.early, w.skipped, w.over) for w in done.weeks[:4]] == [
        (3, 0, 0, True), (2, 1, 0, True), (0, 1, 2, True), (0, 0, 0, False),
    ]  # fmt: skip
    assert (done.dose_uj, done.dose_unc_uj, done.no_dose) == (42_000_000, 4_200_000, 0)
    assert done.active_ms == 7 * 600_000


def test_a_week_that_is_not_over_has_nothing_skipped() -> None:
    done = count_adherence(make_plan(), [], after(6))
    assert (done.planned_so_far, done.skipped) == (0, 0)
    assert count_adherence(make_plan(), [], after(7)).skipped == 3
    assert count_adherence(make_plan(), [], after(500)).skipped == 24


def test_sessions_outside_of_the_course_are_kept_apart() -> None:
    uses = on_days([-20, -3, 0, 56]) + on_days([1], site="hand-left") + [make_use(None)]
    done = count_adherence(make_plan(), uses, after(60))
    assert [use.day for use in done.sessions] == [START]
    assert [use.day for use in done.baseline_light] == [after(-3)]
    assert [use.site for use in done.elsewhere] == ["hand-left"]
    assert [use.day for use in done.undated] == [None]


def test_each_site_has_its_own_plan() -> None:
    plan = make_plan(sites=(FOOT, HAND))
    uses = on_days([0, 1, 2, 3, 4])  # five at the foot do not make up for three at the hand
    done = count_adherence(plan, uses, after(7))
    assert (done.planned, done.planned_so_far, done.full, done.skipped) == (48, 6, 5, 3)


def test_a_closed_course_ends_on_that_day() -> None:
    plan = make_plan(closed=stamp(after(8)), closed_why="enough")
    done = count_adherence(plan, on_days([0, 8, 9]), after(30))
    assert [use.day for use in done.sessions] == [START, after(8)]
    assert (done.planned_so_far, done.skipped) == (3, 2)


def test_doses_that_are_not_known_are_not_zero() -> None:
    known, unknown = make_use(START), make_use(START, dose_uj=None, dose_unc_uj=None)
    unsure = make_use(START, dose_unc_uj=None)
    assert sum_doses([known, unknown]) == (6_000_000, 600_000, 1)
    assert sum_doses([known, unsure]) == (12_000_000, None, 0)
    assert sum_doses([unknown]) == (0, 0, 1)
    assert sum_doses([]) == (0, 0, 0)


days = st.lists(st.integers(0, 55), max_size=60)


@given(days, st.integers(0, 80))
def test_what_was_planned_was_done_or_skipped_or_more_was_done(
    offsets: list[int], today: int
) -> None:
    done = count_adherence(make_plan(), on_days(offsets), after(today))
    assert done.full == len(offsets) and done.early == 0
    for week in done.weeks:
        assert not week.over or week.skipped == max(0, 3 - week.full)
    assert done.planned_so_far == 3 * min(8, today // 7)
    assert sum(week.dose_uj for week in done.weeks) == done.dose_uj
