"""The course at its edges: one second of a clock, a full list of sites, a mended file."""

import pytest

from tests.unit.conftest import MemFiles
from tests.unit.small import Small
from wrap.rules import limits
from wrap.session.site_history import SiteHistory
from wrap.session.site_sessions import DAY_S, FULL_PM, SITES_MOST, WEEK_S, Course, part_pm, span
from wrap.storage.atomic_store import Store

UNIX = 1_790_000_000


def under_clock():
    """A session at age 0 with the clock told, then a power cut."""
    course = Course({})
    course.clock(UNIX)
    course.begin("foot")
    return Course(course.kept())


@pytest.mark.parametrize("gone_s", [0, 1, 2, limits.CLOCK_MOST_S - 1, limits.CLOCK_MOST_S])
def test_every_second_between_two_clocks_counts_up_to_the_most(gone_s):
    course = under_clock()
    assert course.clock(UNIX + gone_s)
    assert course.since("foot") == [gone_s]


def test_more_than_the_most_counts_for_nothing():
    course = under_clock()
    assert course.clock(UNIX + limits.CLOCK_MOST_S + 1)
    assert course.since("foot") == [0]


@pytest.mark.parametrize(
    "behind_s,believed,line",
    [
        (0, True, UNIX),
        (1, True, UNIX),  # the same clock, a little slow: what is known stays
        (limits.CLOCK_DRIFT_S, True, UNIX),
        (limits.CLOCK_DRIFT_S + 1, False, UNIX),
        (limits.CLOCK_MOST_S, False, UNIX),
        (limits.CLOCK_MOST_S + 1, True, UNIX - limits.CLOCK_MOST_S - 1),
    ],
)
def test_a_clock_behind_what_is_known_is_taken_as_it_deserves(behind_s, believed, line):
    course = under_clock()
    assert course.clock(UNIX - behind_s) is believed
    assert course.kept()["line"] == line


def full():
    course = Course({})
    for n in range(SITES_MOST):
        course.begin(f"site-{n}")
    return course


def test_a_site_that_is_remembered_has_its_place_in_a_full_list():
    course = full()
    course.up(DAY_S)
    assert course.next_s("site-3", 5) == 0
    assert course.next_s("other", 5) == WEEK_S - DAY_S


def test_a_refusal_in_a_full_list_names_the_site_when_that_is_why():
    files = MemFiles()
    Store(files, "course").put(full().kept())
    history = SiteHistory(Store(files, "course"), 1)
    assert history.why("site-3", 60).startswith("site site-3 has reached its session limit: ")
    assert history.why("other", 60).startswith("16 sites are stored already: ")


def test_a_mended_file_is_written_twice_once():
    files = MemFiles()
    for _ in range(2):
        Store(files, "course").put(full().kept())
    files.data["course.a"] = b"rot"
    store = Store(files, "course")
    history = SiteHistory(store, 1)
    wrote = []
    for up_s in (0, 3600):
        before = files.ops
        history.save(up_s)
        wrote.append((files.ops - before, store.damaged))
    assert wrote == [(4, False), (2, False)]


def test_times_and_parts_are_reckoned_in_small_whole_numbers():
    said = [span(Small(s)) for s in (59, 3599, 3601, 172800, 180001)]
    assert said == ["1 min", "1 h 0 min", "1 h 1 min", "2 d 0 h", "2 d 3 h"]
    assert part_pm(Small(999), Small(2999), Small(5), Small(1999)) == 4995
    assert FULL_PM == 1000
