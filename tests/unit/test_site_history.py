"""The sessions of each site: the rules, the clocks that hosts set, and the history in flash."""
# H-30

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.conftest import MemFiles, PowerCut
from tests.unit.small import Small
from wrap.rules import limits
from wrap.session.caps import SessionCaps
from wrap.session.site_history import (
    ANY,
    DAY_S,
    FULL_PM,
    SITES_MOST,
    WEEK_S,
    Entry,
    SiteHistory,
    SiteSessions,
    part_pm,
    span,
)
from wrap.storage.atomic_store import Store

UNIX = 1_790_000_000
WEEK = limits.SITE_WEEK


def rebooted(sessions):
    return SiteSessions(sessions.to_stored())


def had(sessions, *begun, site="foot"):
    """A whole session at each of these uptimes."""
    for up_s in begun:
        sessions.set_uptime(up_s)
        sessions.begin(site)
    return sessions


def test_the_numbers_stay_inside_their_hard_limits():
    assert limits.SITE_DAY <= limits.SITE_DAY_HARD == 2
    assert limits.SITE_WEEK <= limits.SITE_WEEK_HARD == 7
    assert limits.WAKE_MIN_S <= limits.WAKE_S <= limits.WAKE_HARD_S == 600
    assert limits.WAKE_ANSWER_S == 60


def test_a_site_has_one_session_a_day_and_other_sites_their_own():
    sessions = had(SiteSessions({}), 0)
    assert sessions.next_s("hand", WEEK) == 0
    for up_s, wait_s in ((0, DAY_S), (1, DAY_S - 1), (DAY_S - 1, 1), (DAY_S, 0)):
        sessions.set_uptime(up_s)
        assert sessions.next_s("foot", WEEK) == wait_s


@pytest.mark.parametrize("week", [1, 2, 5])
def test_a_site_has_so_many_sessions_a_week(week):
    sessions = had(SiteSessions({}), *range(0, week * DAY_S, DAY_S))
    sessions.set_uptime(WEEK_S - 1)
    assert sessions.next_s("foot", week) == 1
    assert sessions.next_s("foot", week + 1) == 0
    sessions.set_uptime(WEEK_S)
    assert sessions.next_s("foot", week) == (0 if week < 7 else 1)
    assert sessions.ages_s("foot") == [WEEK_S - i * DAY_S for i in range(week - 1, 0, -1)]


def test_with_two_a_day_the_gap_holds():
    sessions = had(SiteSessions({}), 0)
    sessions.set_uptime(limits.SITE_GAP_S - 1)
    assert sessions.next_s("foot", 7, day=2) == 1
    had(sessions, limits.SITE_GAP_S)
    assert sessions.next_s("foot", 7, day=2) == DAY_S - limits.SITE_GAP_S
    assert sessions.next_s("foot", 7, day=3) == limits.SITE_GAP_S


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
    sessions = SiteSessions({})
    sessions.end("foot", sessions.begin("foot"), 0)
    assert sessions.to_stored()["sites"] == {}
    had(sessions, 0)
    e = sessions.begin("foot")
    sessions.drop("foot", e)
    assert len(sessions.sites["foot"]) == 1


def test_short_sessions_add_up_to_one_that_counts():  # H-28
    sessions = SiteSessions({})
    sessions.end("foot", sessions.begin("foot"), 600)
    assert (sessions.next_s("foot", WEEK), sessions.ages_s("foot")) == (0, [])
    sessions.set_uptime(1000)
    sessions.end("foot", sessions.begin("foot"), 399)
    assert sessions.next_s("foot", WEEK) == 0
    assert [e.part_pm for e in sessions.sites["foot"]] == [999]
    sessions.set_uptime(2000)
    sessions.end("foot", sessions.begin("foot"), 1)
    assert sessions.next_s("foot", WEEK) == DAY_S
    assert [e.part_pm for e in sessions.sites["foot"]] == [FULL_PM]


def test_old_parts_and_sessions_are_forgotten():
    sessions = had(SiteSessions({}), 0)
    sessions.end("foot", sessions.begin("foot"), 10)
    for up_s, left in ((DAY_S - 1, 2), (DAY_S, 1), (WEEK_S - 1, 1)):
        sessions.set_uptime(up_s)
        assert len(sessions.sites["foot"]) == left
    sessions.set_uptime(WEEK_S)
    assert sessions.sites == {}


def test_a_full_list_of_sites_takes_no_other_site():
    sessions = SiteSessions({})
    for n in range(SITES_MOST):
        had(sessions, n, site=f"site-{n}")
    assert sessions.is_full("foot")
    assert not sessions.is_full("site-3")
    assert sessions.next_s("foot", WEEK) == WEEK_S - (SITES_MOST - 1)
    sessions.set_uptime(WEEK_S)
    assert sessions.next_s("foot", WEEK) == 0


def test_lost_history_is_a_session_on_every_site():
    sessions = SiteSessions({})
    assert not sessions.is_lost()
    sessions.assume_lost()
    assert sessions.is_lost()
    assert sessions.next_s("anything", WEEK) == DAY_S
    assert sessions.ages_s(ANY) == [0]
    sessions.set_uptime(DAY_S)
    assert (sessions.is_lost(), sessions.next_s("anything", WEEK)) == (False, 0)


@pytest.mark.parametrize(
    "site,ago_s,used_s",
    [
        ("foot", 0, limits.SESSION_MAX_S),
        ("foot", 86_399, limits.SESSION_MAX_S),
        ("foot", 86_400, 0),  # a day ago
        ("*", 86_399, limits.LIGHT_DAY_S),
    ],
)
def test_a_history_without_light_is_read_as_the_most_light_of_its_day(site, ago_s, used_s):
    kept = {"age": 100_000, "line": None, "sites": {site: [[100_000 - ago_s, 0, 1000]]}}
    assert SiteSessions(kept).light.used_s() == used_s


def test_age_goes_on_from_what_was_kept():
    sessions = had(SiteSessions({}), 500)
    sessions.set_uptime(900)
    again = rebooted(sessions)
    again.set_uptime(100)
    assert (again.age_s, again.ages_s("foot")) == (1000, [500])


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
        SiteSessions(kept)


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


def test_times_and_parts_are_reckoned_in_small_whole_numbers():
    said = [span(Small(s)) for s in (59, 3599, 3601, 172800, 180001)]
    assert said == ["1 min", "1 h 0 min", "1 h 1 min", "2 d 0 h", "2 d 3 h"]
    assert part_pm(Small(999), Small(2999), Small(5), Small(1999)) == 4995
    assert FULL_PM == 1000


# ---- clocks


def begun_under(unix_s):
    """A session at age 0 with the clock set, then a power cut."""
    sessions = SiteSessions({})
    sessions.set_clock(unix_s)
    sessions.begin("foot")
    return rebooted(sessions)


def test_time_without_power_counts_between_two_clocks():
    sessions = begun_under(UNIX)
    assert sessions.ages_s("foot") == [0]
    assert sessions.set_clock(UNIX + 70000)
    assert sessions.ages_s("foot") == [70000]
    sessions.set_uptime(100)
    assert sessions.next_s("foot", WEEK) == DAY_S - 70100
    again = rebooted(sessions)
    assert again.ages_s("foot") == [70100]
    again.set_clock(UNIX + 80000)
    assert again.ages_s("foot") == [80000]


def test_without_a_clock_nothing_is_added():
    sessions = rebooted(begun_under(UNIX))
    assert sessions.next_s("foot", WEEK) == DAY_S


def test_a_clock_set_later_in_the_same_boot_serves_as_well():
    sessions = had(SiteSessions({}), 100)
    sessions.set_uptime(400)
    sessions.set_clock(UNIX)
    sessions = rebooted(sessions)
    sessions.set_clock(UNIX + 1000)
    assert sessions.ages_s("foot") == [1300]


def test_time_before_a_session_is_never_counted_after_it():
    sessions = rebooted(begun_under(UNIX))
    sessions.begin("hand")
    sessions.set_clock(UNIX + 3 * DAY_S)
    assert (sessions.ages_s("foot"), sessions.ages_s("hand")) == ([3 * DAY_S], [0])


def test_a_session_of_a_boot_without_a_clock_counts_from_the_next_boot():
    sessions = rebooted(begun_under(UNIX))
    sessions.begin("hand")
    sessions.set_uptime(50)
    sessions = rebooted(sessions)
    sessions.set_uptime(20)
    sessions.set_clock(UNIX + 3 * DAY_S)
    assert sessions.ages_s("hand") == [70]
    sessions = rebooted(sessions)
    sessions.set_clock(UNIX + 3 * DAY_S + 1000)
    assert sessions.ages_s("hand") == [1020]


def test_a_clock_set_back_and_forth_gives_what_passed_once():
    sessions = begun_under(UNIX)
    for unix_s in (UNIX + 100, UNIX - 5000, UNIX + 100, UNIX - 5000, UNIX + 200):
        sessions = rebooted(sessions)
        sessions.set_clock(unix_s)
    assert sessions.ages_s("foot") == [200]


def test_a_clock_behind_the_known_time_is_rejected():
    sessions = begun_under(UNIX)
    assert not sessions.set_clock(UNIX - limits.CLOCK_DRIFT_S - 1)
    sessions.begin("hand")
    sessions = rebooted(sessions)
    sessions.set_clock(UNIX + 10)
    assert sessions.ages_s("hand") == [0]


def test_a_clock_a_little_behind_is_the_same_clock():
    sessions = begun_under(UNIX)
    assert sessions.set_clock(UNIX - limits.CLOCK_DRIFT_S)
    sessions.begin("hand")
    sessions = rebooted(sessions)
    sessions.set_clock(UNIX + 10)
    assert (sessions.ages_s("hand"), sessions.ages_s("foot")) == ([10], [10])


def test_an_absurd_leap_gives_nothing_in_either_direction():
    sessions = begun_under(UNIX)
    for unix_s in (UNIX + limits.CLOCK_MOST_S + 1, UNIX - 4 * limits.CLOCK_MOST_S, UNIX + 500):
        sessions = rebooted(sessions)
        assert sessions.set_clock(unix_s)
    assert sessions.ages_s("foot") == [500]
    sessions = begun_under(UNIX)
    sessions.set_clock(UNIX + limits.CLOCK_MOST_S)
    assert sessions.ages_s("foot") == [limits.CLOCK_MOST_S]


def test_in_one_boot_the_earliest_clock_credits_and_the_latest_keeps():
    sessions = begun_under(UNIX)
    sessions.set_clock(UNIX + 1000)
    sessions.set_clock(UNIX + 50000)
    sessions.begin("hand")
    assert sessions.ages_s("foot") == [1000]
    sessions = rebooted(sessions)
    sessions.set_clock(UNIX + 50010)
    assert sessions.ages_s("hand") == [10]


@pytest.mark.parametrize("clocks", [(0, 50000), (50000, 0)])
@pytest.mark.parametrize("begins", [0, 1, 2])
def test_a_session_is_kept_by_the_latest_clock_of_its_boot(clocks, begins):
    sessions = SiteSessions({})
    for n, ahead_s in enumerate(clocks):
        if n == begins:
            sessions.begin("foot")
        sessions.set_clock(UNIX + ahead_s)
    if begins == 2:
        sessions.begin("foot")
    sessions = rebooted(sessions)
    sessions.set_clock(UNIX + 50010)
    assert sessions.ages_s("foot") == [10]


def test_without_sessions_any_clock_is_accepted():
    sessions = SiteSessions({})
    for unix_s in (UNIX, UNIX - 5000, UNIX + 70000):
        assert rebooted(sessions).set_clock(unix_s)
        assert sessions.set_clock(unix_s)


def under_clock():
    """A session at age 0 with the clock set, then a power cut."""
    sessions = SiteSessions({})
    sessions.set_clock(UNIX)
    sessions.begin("foot")
    return SiteSessions(sessions.to_stored())


@pytest.mark.parametrize("gone_s", [0, 1, 2, limits.CLOCK_MOST_S - 1, limits.CLOCK_MOST_S])
def test_every_second_between_two_clocks_counts_up_to_the_most(gone_s):
    sessions = under_clock()
    assert sessions.set_clock(UNIX + gone_s)
    assert sessions.ages_s("foot") == [gone_s]


def test_more_than_the_most_counts_for_nothing():
    sessions = under_clock()
    assert sessions.set_clock(UNIX + limits.CLOCK_MOST_S + 1)
    assert sessions.ages_s("foot") == [0]


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
def test_a_clock_behind_the_known_time_is_accepted_only_within_the_drift(behind_s, believed, line):
    sessions = under_clock()
    assert sessions.set_clock(UNIX - behind_s) is believed
    assert sessions.to_stored()["line"] == line


def full():
    sessions = SiteSessions({})
    for n in range(SITES_MOST):
        sessions.begin(f"site-{n}")
    return sessions


def test_a_site_that_is_remembered_has_its_place_in_a_full_list():
    sessions = full()
    sessions.set_uptime(DAY_S)
    assert sessions.next_s("site-3", 5) == 0
    assert sessions.next_s("other", 5) == WEEK_S - DAY_S


# ---- the history in flash

GROSS_S = 400 * DAY_S
SITES = ("foot", "hand")
NEED_S = limits.SESSION_MAX_S


def opened(files, sessions=0):
    return SiteHistory(Store(files, "course"), sessions)


class World:
    """True time, a wrap that has power or not, and the sessions it let happen."""

    def __init__(self):
        self.files = MemFiles()
        self.files.error = PowerCut()
        self.true_s = 0
        self.given = []  # (site, true second it began at, part that got light)
        self.off(0)

    def off(self, seconds):
        self.true_s += seconds
        self.history = None

    def on(self):
        if self.history is None:
            self.booted_s = self.true_s
            self.history = opened(self.files, sum(1 for g in self.given))
        return self.history

    def up_s(self):
        return self.true_s - self.booted_s

    def wait(self, seconds):
        """Power on; the background work runs whenever something is due."""
        end = self.true_s + seconds
        history = self.on()
        while history.save_at_s <= end - self.booted_s:
            self.true_s = max(self.true_s, self.booted_s + history.save_at_s)
            history.save(self.up_s())
        self.true_s = end

    def clock(self, error_s):
        self.on().set_clock(UNIX + self.true_s + error_s, self.up_s())

    def start(self, site, light_s, part):
        history = self.on()
        if history.next_s(site, WEEK, self.up_s()):
            return
        history.begin(site, NEED_S, self.up_s())
        self.given.append((site, self.true_s, part))
        self.true_s += light_s
        history.end(part, light_s, self.up_s())
        history.save(self.up_s())

    def cut(self, after_ops, torn, act):
        """`act` with the power cut at its flash operation number `after_ops`, if it comes to
        that."""
        self.files.torn = torn
        self.files.break_at = self.files.ops + after_ops
        self.act(act)
        self.files.break_at = -1
        self.off(0)

    def act(self, act):
        try:
            getattr(self, act[0])(*act[1:])
        except PowerCut:
            self.history = None
            self.true_s += 1


SECONDS = st.one_of(st.integers(0, 4000), st.integers(0, 3 * DAY_S))
START = st.tuples(
    st.just("start"), st.sampled_from(SITES), st.integers(1, 1200), st.sampled_from([0, 400, 1000])
)


def acts(errors):
    plain = st.one_of(
        START,
        START,
        st.tuples(st.just("wait"), SECONDS),
        st.tuples(st.just("off"), SECONDS),
        st.tuples(st.just("clock"), errors),
    )
    cut = st.tuples(
        st.just("cut"), st.integers(1, 4), st.sampled_from([0, 0.5, 1]), st.one_of(START, plain)
    )
    return st.lists(st.one_of(plain, plain, plain, cut), max_size=60)


def lived(what):
    world = World()
    for act in what:
        world.act(act)
    return world


def most_in(given, window_s, site):
    """(most whole sessions, most permille in all) that began in any stretch of `window_s`."""
    mine = [(at, part) for s, at, part in given if s == site]
    sums = [(0, 0)]
    for first, _ in mine:
        inside = [p for at, p in mine if first <= at < first + window_s]
        sums.append((sum(p >= FULL_PM for p in inside), sum(inside)))
    return max(s[0] for s in sums), max(s[1] for s in sums)


@given(acts(st.sampled_from([0, 0, 0, GROSS_S, -GROSS_S, -5 * GROSS_S])))
def test_no_life_gives_a_site_more_than_its_sessions(what):  # H-27
    world = lived(what)
    for site in SITES:
        whole, permille = most_in(world.given, DAY_S, site)
        assert whole <= limits.SITE_DAY
        assert permille < (limits.SITE_DAY + 1) * FULL_PM
        whole, _ = most_in(world.given, WEEK_S, site)
        assert whole <= limits.SITE_WEEK


@given(acts(st.integers(-3 * DAY_S, 3 * DAY_S)))
def test_wrong_clocks_shorten_a_wait_by_what_they_differ_at_most(what):  # H-30
    world = lived(what)
    reported = [a[1] for a in what if a[0] == "clock"]
    reported += [a[3][1] for a in what if a[0] == "cut" and a[3][0] == "clock"]
    spread_s = max(reported, default=0) - min(reported, default=0)
    for site in SITES:
        assert most_in(world.given, max(1, DAY_S - spread_s), site)[0] <= limits.SITE_DAY
        assert most_in(world.given, max(1, WEEK_S - spread_s), site)[0] <= limits.SITE_WEEK


def test_a_daily_user_with_a_clock_is_never_refused():
    world = World()
    for day in range(21):
        world.off((day * DAY_S) - world.true_s)
        world.clock(0)
        world.wait(10)
        if day % 7 < WEEK:
            world.start("foot", 1200, FULL_PM)
            assert len(world.given) == day // 7 * WEEK + day % 7 + 1
        world.wait(60)


def test_a_daily_user_on_power_needs_no_clock():
    world = World()
    for day in range(5):
        world.wait(day * DAY_S - world.true_s)
        world.start("foot", 1200, FULL_PM)
    assert len(world.given) == 5


def test_every_hour_of_power_is_kept_but_only_while_it_matters():
    world = World()
    world.wait(10 * 3600)
    assert world.files.ops == 0
    world.start("foot", 100, FULL_PM)
    ops = world.files.ops
    world.wait(5 * 3600 + 30)
    assert world.files.ops == ops + 2 * 5
    world.off(0)
    assert world.on().sessions.ages_s("foot") == [100 + 5 * 3600]
    world.wait(WEEK_S + DAY_S)
    assert world.history.sessions.sites == {}
    ops = world.files.ops
    world.wait(DAY_S)
    assert world.files.ops == ops


def test_a_clock_is_kept_when_a_session_needs_it():
    world = World()
    world.clock(0)
    world.wait(100)
    assert world.files.ops == 0
    world.start("foot", 100, FULL_PM)
    world.off(1000)
    world.wait(5)
    world.clock(0)
    world.wait(0)
    world.off(0)
    assert world.on().sessions.ages_s("foot") == [1105]


def test_nothing_is_written_while_a_session_runs():
    files = MemFiles()
    history = opened(files)
    history.begin("foot", 100, 10)
    ops = files.ops
    history.set_clock(UNIX, 20)
    history.save(7200)
    assert files.ops == ops
    history.end(FULL_PM, 100, 7300)
    assert history.save_at_s == 7300
    history.end(0, 0, 7400)
    assert history.next_s("foot", WEEK, 7400) == DAY_S - 7390


def test_a_session_that_cannot_be_written_does_not_begin(failure):
    files = MemFiles()
    history = opened(files)
    files.broken, files.error = True, failure
    with pytest.raises(type(failure)):
        history.begin("foot", 100, 10)
    assert history.next_s("foot", WEEK, 10) == 0


def test_an_end_that_cannot_be_written_is_tried_again_and_is_stricter_meanwhile(failure):
    files = MemFiles()
    history = opened(files)
    history.begin("foot", 100, 10)
    history.end(0, 0, 20)
    files.broken, files.error = True, failure
    history.save(20)
    assert (history.save_at_s, opened(files).next_s("foot", WEEK, 0)) == (80, DAY_S)
    files.broken = False
    history.save(80)
    assert opened(files).next_s("foot", WEEK, 0) == 0


# ---- lost history


def with_history():
    files = MemFiles()
    history = opened(files)
    history.begin("foot", 100, 0)
    history.end(FULL_PM, 100, 100)
    history.save(100)
    return files


@pytest.mark.parametrize("broken", ["a", "b", "ab"])
def test_a_damaged_history_makes_every_site_wait_a_day_on_power(broken):  # H-29
    files = with_history()
    for half in broken:
        files.data["course." + half] = b"rot"
    history = opened(files, 1)
    history.save(0)
    assert history.next_s("hand", WEEK, 0) == DAY_S
    assert history.site_refusal("hand", DAY_S) == (
        "the session history was damaged, so every site waits a day: "
        "next session possible in 24 h 0 min"
    )
    history.save(DAY_S - 1)
    again = opened(files, 1)
    assert again.next_s("hand", WEEK, 0) == 1
    assert again.next_s("hand", WEEK, 1) == 0
    assert again.next_s("foot", WEEK, 1) == 0


@pytest.mark.parametrize("half", ["a", "b"])
def test_what_the_other_file_kept_still_counts(half):
    files = with_history()
    files.data["course." + half] = b"rot"
    assert len(opened(files, 1).sessions.ages_s("foot")) == 2


def test_power_cuts_while_the_history_is_repaired_leave_it_strict():
    for op in range(1, 5):
        files = with_history()
        files.data["course.a"] = files.data["course.b"] = b"rot"
        files.break_at, files.error = files.ops + op, PowerCut()
        with pytest.raises(PowerCut):
            opened(files, 1).save(0)
        files.break_at = -1
        assert opened(files, 1).next_s("hand", WEEK, 0) == DAY_S


@pytest.mark.parametrize("sessions,wait_s", [(0, 0), (1, DAY_S)])
def test_no_history_after_sessions_is_lost_history(sessions, wait_s):
    assert opened(MemFiles(), sessions).next_s("foot", WEEK, 0) == wait_s


def test_a_whole_file_with_the_wrong_content_is_damage():
    files = MemFiles()
    Store(files, "course").put({"age": "x"})
    assert opened(files).next_s("foot", WEEK, 0) == DAY_S


def test_a_refusal_names_the_reason():
    files = with_history()
    history = opened(files, 1)
    assert history.site_refusal("foot", 61) == (
        "site foot has reached its session limit: next session possible in 2 min"
    )
    for n in range(15):
        history.begin(f"site-{n}", 100, 0)
    assert history.site_refusal("hand", 60).startswith("16 sites are stored already: next")


def test_a_refusal_in_a_full_list_names_the_site_when_that_is_why():
    files = MemFiles()
    Store(files, "course").put(full().to_stored())
    history = SiteHistory(Store(files, "course"), 1)
    assert history.site_refusal("site-3", 60).startswith(
        "site site-3 has reached its session limit: "
    )
    assert history.site_refusal("other", 60).startswith("16 sites are stored already: ")


def test_a_repaired_file_is_written_twice_once():
    files = MemFiles()
    for _ in range(2):
        Store(files, "course").put(full().to_stored())
    files.data["course.a"] = b"rot"
    store = Store(files, "course")
    history = SiteHistory(store, 1)
    wrote = []
    for up_s in (0, 3600):
        before = files.ops
        history.save(up_s)
        wrote.append((files.ops - before, store.damaged))
    assert wrote == [(4, False), (2, False)]


def test_parts_of_a_session_are_whole_permille_of_the_most():
    assert part_pm(59_999, 1_200_000, 0, 6_000_000) == 999
    assert part_pm(1000, 1_000_000, 100_000, 7_000_000) == 142
    assert part_pm(30_000, 1_000_000, 100_000, 7_000_000) == 500
    assert part_pm(1_000, 1_999, 0, 0) == 10_000
    assert part_pm(0, 1000, 5, 1000) == 50


@pytest.mark.parametrize("entry", [[50, 0, 1000], [0, 7, 1], [49, 1, 999]])
def test_what_was_stored_is_what_is_loaded(entry):
    kept = {"age": 50, "line": 7, "sites": {"foot": [entry], "hand": [[1, 0, 5]]}}
    kept["light"] = [[1, 0, 5, 0], [*entry[:2], 1200, 0]]
    sessions = SiteSessions(kept)
    assert sessions.to_stored() == kept
    assert SiteSessions({}).to_stored() == {"age": 0, "line": None, "sites": {}, "light": []}
    assert Entry(1, 2, 3).this_boot is False


@pytest.mark.parametrize("entry", [[51, 0, 1000], [0, -1, 5], [0, 0, 0], [0, 0, 1001]])
def test_an_impossible_entry_is_refused(entry):
    with pytest.raises(ValueError):
        SiteSessions({"age": 50, "sites": {"foot": [entry]}})


def test_a_session_on_every_site_counts_once_for_itself():
    sessions = SiteSessions({})
    sessions.begin(ANY)
    assert sessions.ages_s(ANY) == [0]
    sessions.begin("foot")
    sessions.set_uptime(5)
    assert (sessions.ages_s("foot"), sessions.ages_s("hand")) == ([5, 5], [5])


def test_only_the_newest_sessions_count_for_the_day_and_the_week():
    sessions = SiteSessions({})
    for up_s in (0, 100, 300):
        sessions.set_uptime(up_s)
        sessions.begin("foot")
    sessions.set_uptime(1000)
    assert sessions.ages_s("foot") == [700, 900, 1000]
    assert sessions.next_s("foot", 9, day=2, gap_s=0) == DAY_S - 900
    assert sessions.next_s("foot", 3, day=9, gap_s=0) == WEEK_S - 1000
    assert sessions.next_s("foot", 4, day=4, gap_s=700) == 0
    assert sessions.next_s("foot", 4, day=4, gap_s=701) == 1
    assert sessions.next_s("foot", 5) == DAY_S - 700


def test_a_full_list_has_place_when_the_last_session_of_some_site_is_a_week_old():
    sessions = SiteSessions({})
    for n in range(SITES_MOST - 1):
        sessions.begin(f"site-{n}")
    assert not sessions.is_full("foot")
    sessions.set_uptime(10)
    sessions.begin("foot")
    sessions.begin("site-0")
    assert (sessions.is_full("hand"), sessions.is_full("foot")) == (True, False)
    assert sessions.next_s("hand", 5) == WEEK_S - 10


@pytest.mark.parametrize("age_s,lost", [(0, True), (DAY_S - 1, True), (DAY_S, False)])
def test_history_is_lost_for_a_day(age_s, lost):
    sessions = SiteSessions({})
    sessions.assume_lost()
    sessions.set_uptime(age_s)
    assert sessions.is_lost() is lost


def test_a_part_is_added_to_one_other_part_and_never_a_whole_session():
    sessions = SiteSessions({})
    sessions.begin("foot")
    sessions.end("foot", sessions.begin("foot"), 300)
    sessions.end("foot", sessions.begin("foot"), 800)
    assert sorted(e.part_pm for e in sessions.sites["foot"]) == [FULL_PM, FULL_PM]
    sessions.end("foot", sessions.begin("foot"), 5)
    assert sorted(e.part_pm for e in sessions.sites["foot"]) == [5, FULL_PM, FULL_PM]


def test_nothing_is_due_for_an_hour_and_lost_history_at_once():
    assert opened(MemFiles()).save_at_s == 3600
    assert opened(MemFiles(), 1).save_at_s == 0
    history = opened(MemFiles())
    history.save(100)
    assert history.save_at_s == 3700


def test_a_clock_is_stored_only_when_it_is_accepted_and_needed():
    history = opened(MemFiles())
    history.set_clock(UNIX, 5)
    assert history.save_at_s == 3600
    history.begin("foot", 100, 6)
    history.set_clock(UNIX, 7)
    assert history.save_at_s == 3600  # not while the session runs
    history.end(FULL_PM, 100, 8)
    history.save(9)
    history.set_clock(UNIX - limits.CLOCK_DRIFT_S - 100, 10)
    assert history.save_at_s == 3609
    history.set_clock(UNIX, 11)
    assert history.save_at_s == 11


def test_every_event_that_may_change_an_answer_changes_the_count():
    """A kept answer is valid while the count is that of its question."""
    history = opened(MemFiles())
    seen = [history.changes]
    for n in range(3):
        history.begin(f"site-{n}", 100, n)
        seen.append(history.changes)
        history.set_clock(UNIX + n, n)
        seen.append(history.changes)
        history.end(FULL_PM, 100, n)
        seen.append(history.changes)
    assert len(set(seen)) == len(seen)


def test_sites_that_count_no_more_are_written_once_more_and_then_rest():
    files = with_history()
    history = opened(files, 1)
    history.save(DAY_S)  # light of the day counts no more, the session of the week does
    ops = files.ops
    history.save(WEEK_S)
    assert files.ops == ops + 2
    assert opened(files).sessions.to_stored()["sites"] == {}
    history.save(WEEK_S + 3600)
    assert files.ops == ops + 2


@pytest.mark.parametrize("used_s,left", [(0, 60), (3480, 2), (3481, 1), (3541, 0), (3600, 0)])
def test_a_refusal_by_the_light_of_the_day_has_whole_minutes_that_are_left(used_s, left):
    history = opened(MemFiles())
    if used_s:
        history.begin("foot", used_s, 0)
        history.end(FULL_PM, used_s, used_s)
    assert history.light_refusal(Small(1200), Small(3600), Small(5400)) == (
        f"this wrap may give 60 min of light in 24 h, {left} min are left and the protocol takes"
        " 20 min: next session possible in 1 h 30 min"
    )


@pytest.mark.parametrize("later_s,window", [(-1, "60 min"), (0, "24 h"), (1, "24 h")])
def test_a_refusal_of_calibration_light_names_the_window_that_takes_longer(later_s, window):
    """Light of a day ago leaves the day's window when light of an hour ago leaves the hour's, a
    second earlier, or a second later. With both at once the day counts."""
    history = opened(MemFiles())
    began_s = DAY_S - 3600
    for site, at_s, light_s in (("foot", 10 + later_s, 2000), ("hand", began_s + 10, 1200)):
        history.begin(site, light_s, at_s)
        history.end(FULL_PM, light_s, at_s + light_s)
    most = "60" if window == "24 h" else "30"
    assert history.calibration_refusal(Small(900), Small(3600), DAY_S - 1800) == (
        f"with calibration light this wrap may give {most} min of light in {window}:"
        " possible in 31 min"
    )


# ---- the caps of a session


class Caps(SessionCaps):
    """The caps on a new history, with their settings and the uptime to set."""

    def __init__(self, **settings):
        self.settings = {"site_week": WEEK, "light_day_s": 3600, **settings}
        self.uptime = SimpleNamespace(s=0)
        super().__init__(opened(MemFiles()), SimpleNamespace(get=self.settings.get), self.uptime)


def asked_for(seconds, dose_mj=0, site="foot"):
    return SimpleNamespace(course_key=site, total_ms=Small(seconds * 1000), dose_uj=dose_mj * 1000)


def had_light(active_ms, plan):
    return SimpleNamespace(active_ms=active_ms, plan=plan)


def test_a_session_may_use_all_the_light_that_is_left_and_no_second_more():
    caps = Caps()
    caps.history.begin("hand", 2400, 0)
    assert caps.refusal(asked_for(1200)) is None
    assert caps.refusal(asked_for(1201)).startswith("this wrap may give 60 min of light in 24 h")
    assert caps.calibration_refusal(asked_for(1201)).startswith("with calibration light this wrap")


@pytest.mark.parametrize(
    "active_ms,light_s",
    [(0, 0), (1, 1), (1000, 1), (1001, 2), (1_200_000, 1200), (1_200_009, 1200)],
)
def test_the_light_of_a_session_counts_in_seconds_that_have_begun(active_ms, light_s):
    caps, plan = Caps(), asked_for(1200)
    caps.begin_session(plan)
    assert caps.light_day(0)["day_s"] == 1200  # all of it, until it ends
    caps.end_session(had_light(active_ms, plan), 0)
    assert caps.light_day(0)["day_s"] == light_s


@pytest.mark.parametrize("upper_mj,wait_s", [(599, 0), (600, DAY_S)])
def test_a_session_counts_from_a_tenth_of_its_dose_on(upper_mj, wait_s):  # H-28
    caps, plan = Caps(), asked_for(1200, dose_mj=6000)
    caps.begin_session(plan)
    caps.end_session(had_light(1000, plan), upper_mj * 1000)
    assert caps.next_s("foot") == wait_s


def test_a_day_without_light_left_is_no_wait_of_a_site():
    caps = Caps()
    caps.begin_session(asked_for(3600))
    assert caps.next_s("hand") == 0
    assert caps.next_s("hand", 1) == DAY_S


def test_the_same_question_is_computed_once_in_ten_minutes():
    """Each status asks it, up to some times a second."""
    caps = Caps()
    computed = []
    plain = caps.history.next_s
    caps.history.next_s = lambda *args: computed.append(args) or plain(*args)
    for _ in range(3):
        assert caps.next_s("foot", 60) == 0
    caps.uptime.s += 599
    assert (caps.next_s("foot", 60), len(computed)) == (0, 1)
    caps.uptime.s += 1
    assert (caps.next_s("foot", 60), len(computed)) == (0, 2)
    caps.begin_session(asked_for(60))
    assert (caps.next_s("foot", 60), len(computed)) == (DAY_S, 3)
    caps.uptime.s += 7
    assert (caps.next_s("foot", 60), len(computed)) == (DAY_S - 7, 3)
    caps.settings["light_day_s"] = 1800
    assert (caps.next_s("foot", 60), len(computed)) == (DAY_S - 7, 4)
    assert (caps.next_s("hand", 60), len(computed)) == (0, 5)
    assert (caps.next_s("hand", 1800), len(computed)) == (DAY_S - 7, 6)
    caps.settings["site_week"] = 1
    assert (caps.next_s("foot", 60), len(computed)) == (WEEK_S - 7, 7)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2 * DAY_S), st.sampled_from(["foot", "hand"]), st.integers(1, 3600_000)
        ),
        max_size=8,
    ),
    st.integers(0, 3600),
    st.lists(st.integers(0, 300), min_size=1, max_size=6),
)
def test_a_wait_that_was_computed_before_is_what_it_would_be_now(before, need_s, later):
    caps = Caps()
    for passed_s, site, active_ms in before:
        caps.uptime.s += passed_s
        plan = asked_for(3600, site=site)
        caps.begin_session(plan)
        caps.end_session(had_light(active_ms, plan), 0)
    caps.next_s("foot", need_s)
    for passed_s in later:
        caps.uptime.s += passed_s
        up_s, history = caps.uptime.s, caps.history
        site_s = history.next_s("foot", WEEK, up_s)
        assert caps.next_s("foot", need_s) == max(site_s, history.light_next_s(need_s, 3600, up_s))
