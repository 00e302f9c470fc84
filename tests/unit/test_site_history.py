"""The course rules: how many sessions a site may have, and what counts as time passed."""

import pytest

from wrap.rules import limits
from wrap.session.site_sessions import (
    ANY,
    DAY_S,
    FULL_PM,
    SITES_MOST,
    WEEK_S,
    Course,
    part_pm,
    span,
)

WEEK = limits.SITE_WEEK


def rebooted(course):
    return Course(course.kept())


def had(course, *begun, site="foot"):
    """A whole session at each of these uptimes."""
    for up_s in begun:
        course.up(up_s)
        course.begin(site)
    return course


def test_the_numbers_stay_inside_their_hard_limits():
    assert limits.SITE_DAY <= limits.SITE_DAY_HARD == 2
    assert limits.SITE_WEEK <= limits.SITE_WEEK_HARD == 7
    assert limits.WAKE_MIN_S <= limits.WAKE_S <= limits.WAKE_HARD_S == 600
    assert limits.WAKE_ANSWER_S == 60


def test_a_site_has_one_session_a_day_and_other_sites_their_own():
    course = had(Course({}), 0)
    assert course.next_s("hand", WEEK) == 0
    for up_s, wait_s in ((0, DAY_S), (1, DAY_S - 1), (DAY_S - 1, 1), (DAY_S, 0)):
        course.up(up_s)
        assert course.next_s("foot", WEEK) == wait_s


@pytest.mark.parametrize("week", [1, 2, 5])
def test_a_site_has_so_many_sessions_a_week(week):
    course = had(Course({}), *range(0, week * DAY_S, DAY_S))
    course.up(WEEK_S - 1)
    assert course.next_s("foot", week) == 1
    assert course.next_s("foot", week + 1) == 0
    course.up(WEEK_S)
    assert course.next_s("foot", week) == (0 if week < 7 else 1)
    assert course.since("foot") == [WEEK_S - i * DAY_S for i in range(week - 1, 0, -1)]


def test_with_two_a_day_the_gap_holds():
    course = had(Course({}), 0)
    course.up(limits.SITE_GAP_S - 1)
    assert course.next_s("foot", 7, day=2) == 1
    had(course, limits.SITE_GAP_S)
    assert course.next_s("foot", 7, day=2) == DAY_S - limits.SITE_GAP_S
    assert course.next_s("foot", 7, day=3) == limits.SITE_GAP_S


@pytest.mark.parametrize(
    "active_ms,total_ms,upper_uj,target_uj,part",
    [
        (60000, 1200000, 0, 0, 1000),
        (59999, 1200000, 0, 0, 999),
        (300, 3000, 0, 0, 1000),
        (290, 3000, 0, 0, 966),
        (10, 1200000, 600000, 6000000, 1000),
        (10, 1200000, 599000, 6000000, 998),
        (0, 3000, 0, 6000000, 0),
    ],
)
def test_a_minute_or_a_tenth_of_time_or_dose_makes_it_count(
    active_ms, total_ms, upper_uj, target_uj, part
):
    assert part_pm(active_ms, total_ms, upper_uj, target_uj) == part


def test_a_session_without_light_leaves_nothing():
    course = Course({})
    course.end("foot", course.begin("foot"), 0)
    assert course.kept()["sites"] == {}
    had(course, 0)
    e = course.begin("foot")
    course.drop("foot", e)
    assert len(course.sites["foot"]) == 1


def test_short_sessions_add_up_to_one_that_counts():  # H-28
    course = Course({})
    course.end("foot", course.begin("foot"), 600)
    assert (course.next_s("foot", WEEK), course.since("foot")) == (0, [])
    course.up(1000)
    course.end("foot", course.begin("foot"), 399)
    assert course.next_s("foot", WEEK) == 0
    assert [e.part_pm for e in course.sites["foot"]] == [999]
    course.up(2000)
    course.end("foot", course.begin("foot"), 1)
    assert course.next_s("foot", WEEK) == DAY_S
    assert [e.part_pm for e in course.sites["foot"]] == [FULL_PM]


def test_old_parts_and_sessions_are_forgotten():
    course = had(Course({}), 0)
    course.end("foot", course.begin("foot"), 10)
    for up_s, left in ((DAY_S - 1, 2), (DAY_S, 1), (WEEK_S - 1, 1)):
        course.up(up_s)
        assert len(course.sites["foot"]) == left
    course.up(WEEK_S)
    assert course.sites == {}


def test_a_full_list_of_sites_takes_no_other_site():
    course = Course({})
    for n in range(SITES_MOST):
        had(course, n, site=f"site-{n}")
    assert course.crowded("foot")
    assert not course.crowded("site-3")
    assert course.next_s("foot", WEEK) == WEEK_S - (SITES_MOST - 1)
    course.up(WEEK_S)
    assert course.next_s("foot", WEEK) == 0


def test_lost_history_is_a_session_on_every_site():
    course = Course({})
    assert not course.lost()
    course.forget()
    assert course.lost()
    assert course.next_s("anything", WEEK) == DAY_S
    assert course.since(ANY) == [0]
    course.up(DAY_S)
    assert (course.lost(), course.next_s("anything", WEEK)) == (False, 0)


def test_age_goes_on_from_what_was_kept():
    course = had(Course({}), 500)
    course.up(900)
    again = rebooted(course)
    again.up(100)
    assert (again.age_s, again.since("foot")) == (1000, [500])


@pytest.mark.parametrize(
    "kept",
    [
        {"age": "1"},
        {"age": None},
        {"line": "x"},
        {"sites": 3},
        {"sites": {"foot": 3}},
        {"sites": {"foot": [3]}},
        {"sites": {"foot": [[0, 0]]}},
        {"sites": {"foot": [[1, 0, 1000]]}},
        {"sites": {"foot": [[0, -1, 1000]]}},
        {"sites": {"foot": [[0, 0, 0]]}},
        {"sites": {"foot": [[0, 0, 1001]]}},
        {"sites": {"foot": [["0", 0, 1000]]}},
    ],
)
def test_a_history_of_another_shape_is_no_history(kept):
    with pytest.raises((ValueError, TypeError, AttributeError)):
        Course(kept)


@pytest.mark.parametrize(
    "seconds,said",
    [
        (1, "1 min"),
        (60, "1 min"),
        (61, "2 min"),
        (3540, "59 min"),
        (3541, "1 h 0 min"),
        (86399, "24 h 0 min"),
        (172740, "47 h 59 min"),
        (172741, "2 d 0 h"),
        (604800, "7 d 0 h"),
        (259201, "3 d 1 h"),
    ],
)
def test_times_are_said_rounded_up(seconds, said):
    assert span(seconds) == said
