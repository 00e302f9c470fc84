"""What the course makes of the clocks that hosts tell: right, wrong, back and forth, or none."""
# H-30

import pytest

from tests.unit.test_site_history import WEEK, had, rebooted
from wrap.rules import limits
from wrap.session.site_sessions import DAY_S, Course

UNIX = 1_790_000_000


def begun_under(unix_s):
    """A session at age 0 with the clock told, then a power cut."""
    course = Course({})
    course.clock(unix_s)
    course.begin("foot")
    return rebooted(course)


def test_time_without_power_counts_between_two_clocks():
    course = begun_under(UNIX)
    assert course.since("foot") == [0]
    assert course.clock(UNIX + 70000)
    assert course.since("foot") == [70000]
    course.up(100)
    assert course.next_s("foot", WEEK) == DAY_S - 70100
    again = rebooted(course)
    assert again.since("foot") == [70100]
    again.clock(UNIX + 80000)
    assert again.since("foot") == [80000]


def test_without_a_clock_nothing_is_added():
    course = rebooted(begun_under(UNIX))
    assert course.next_s("foot", WEEK) == DAY_S


def test_a_clock_told_later_in_the_same_boot_serves_as_well():
    course = had(Course({}), 100)
    course.up(400)
    course.clock(UNIX)
    course = rebooted(course)
    course.clock(UNIX + 1000)
    assert course.since("foot") == [1300]


def test_time_before_a_session_is_never_counted_after_it():
    course = rebooted(begun_under(UNIX))
    course.begin("hand")
    course.clock(UNIX + 3 * DAY_S)
    assert (course.since("foot"), course.since("hand")) == ([3 * DAY_S], [0])


def test_a_session_of_a_boot_without_a_clock_counts_from_the_next_boot():
    course = rebooted(begun_under(UNIX))
    course.begin("hand")
    course.up(50)
    course = rebooted(course)
    course.up(20)
    course.clock(UNIX + 3 * DAY_S)
    assert course.since("hand") == [70]
    course = rebooted(course)
    course.clock(UNIX + 3 * DAY_S + 1000)
    assert course.since("hand") == [1020]


def test_a_clock_set_back_and_forth_gives_what_passed_once():
    course = begun_under(UNIX)
    for unix_s in (UNIX + 100, UNIX - 5000, UNIX + 100, UNIX - 5000, UNIX + 200):
        course = rebooted(course)
        course.clock(unix_s)
    assert course.since("foot") == [200]


def test_a_clock_behind_what_is_known_is_not_believed():
    course = begun_under(UNIX)
    assert not course.clock(UNIX - limits.CLOCK_DRIFT_S - 1)
    course.begin("hand")
    course = rebooted(course)
    course.clock(UNIX + 10)
    assert course.since("hand") == [0]


def test_a_clock_a_little_behind_is_the_same_clock():
    course = begun_under(UNIX)
    assert course.clock(UNIX - limits.CLOCK_DRIFT_S)
    course.begin("hand")
    course = rebooted(course)
    course.clock(UNIX + 10)
    assert (course.since("hand"), course.since("foot")) == ([10], [10])


def test_an_absurd_leap_gives_nothing_in_either_direction():
    course = begun_under(UNIX)
    for unix_s in (UNIX + limits.CLOCK_MOST_S + 1, UNIX - 4 * limits.CLOCK_MOST_S, UNIX + 500):
        course = rebooted(course)
        assert course.clock(unix_s)
    assert course.since("foot") == [500]
    course = begun_under(UNIX)
    course.clock(UNIX + limits.CLOCK_MOST_S)
    assert course.since("foot") == [limits.CLOCK_MOST_S]


def test_in_one_boot_the_earliest_clock_credits_and_the_latest_keeps():
    course = begun_under(UNIX)
    course.clock(UNIX + 1000)
    course.clock(UNIX + 50000)
    course.begin("hand")
    assert course.since("foot") == [1000]
    course = rebooted(course)
    course.clock(UNIX + 50010)
    assert course.since("hand") == [10]


@pytest.mark.parametrize("clocks", [(0, 50000), (50000, 0)])
@pytest.mark.parametrize("begins", [0, 1, 2])
def test_a_session_is_kept_by_the_latest_clock_of_its_boot(clocks, begins):
    course = Course({})
    for n, ahead_s in enumerate(clocks):
        if n == begins:
            course.begin("foot")
        course.clock(UNIX + ahead_s)
    if begins == 2:
        course.begin("foot")
    course = rebooted(course)
    course.clock(UNIX + 50010)
    assert course.since("foot") == [10]


def test_with_nothing_to_protect_any_clock_is_believed():
    course = Course({})
    for unix_s in (UNIX, UNIX - 5000, UNIX + 70000):
        assert rebooted(course).clock(unix_s)
        assert course.clock(unix_s)
