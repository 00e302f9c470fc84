"""The course over power loss: whatever happens, a site never has more than its sessions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.conftest import MemFiles, PowerCut
from wrap.rules import limits
from wrap.session.site_history import SiteHistory
from wrap.session.site_sessions import DAY_S, FULL_PM, WEEK_S
from wrap.storage.atomic_store import Store

UNIX = 2_000_000_000
GROSS_S = 400 * DAY_S
SITES = ("foot", "hand")
WEEK = limits.SITE_WEEK
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
        self.on().clock(UNIX + self.true_s + error_s, self.up_s())

    def start(self, site, light_s, part):
        history = self.on()
        if history.next_s(site, WEEK, self.up_s()):
            return
        history.begin(site, NEED_S, self.up_s())
        self.given.append((site, self.true_s, part))
        self.true_s += light_s
        history.ended(part, light_s, self.up_s())
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
    told = [a[1] for a in what if a[0] == "clock"]
    told += [a[3][1] for a in what if a[0] == "cut" and a[3][0] == "clock"]
    spread_s = max(told, default=0) - min(told, default=0)
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
    assert world.on().course.since("foot") == [100 + 5 * 3600]
    world.wait(WEEK_S + DAY_S)
    assert world.history.course.sites == {}
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
    assert world.on().course.since("foot") == [1105]


def test_nothing_is_written_while_a_session_runs():
    files = MemFiles()
    history = opened(files)
    history.begin("foot", 100, 10)
    ops = files.ops
    history.clock(UNIX, 20)
    history.save(7200)
    assert files.ops == ops
    history.ended(FULL_PM, 100, 7300)
    assert history.save_at_s == 7300
    history.ended(0, 0, 7400)
    assert history.next_s("foot", WEEK, 7400) == DAY_S - 7390


def test_a_session_that_cannot_be_written_does_not_begin():
    files = MemFiles()
    history = opened(files)
    files.broken = True
    with pytest.raises(OSError):
        history.begin("foot", 100, 10)
    assert history.next_s("foot", WEEK, 10) == 0


def test_an_end_that_cannot_be_written_is_tried_again_and_is_stricter_meanwhile():
    files = MemFiles()
    history = opened(files)
    history.begin("foot", 100, 10)
    history.ended(0, 0, 20)
    files.broken = True
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
    history.ended(FULL_PM, 100, 100)
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
    assert history.why("hand", DAY_S) == (
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
    assert len(opened(files, 1).course.since("foot")) == 2


def test_power_cuts_while_the_history_is_mended_leave_it_strict():
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
    assert history.why("foot", 61) == (
        "site foot has reached its session limit: next session possible in 2 min"
    )
    for n in range(15):
        history.begin(f"site-{n}", 100, 0)
    assert history.why("hand", 60).startswith("16 sites are stored already: next")
