"""Light of the whole wrap in 24 h: never more, whatever the sites are called, also over power
loss."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.conftest import MemFiles, Rig
from tests.unit.test_site_history import GROSS_S, NEED_S, SECONDS, UNIX, WEEK, World, opened
from wrap.rules import limits
from wrap.session.daily_light import ENTRIES_MOST, DailyLight
from wrap.session.site_history import DAY_S, FULL_PM, SiteSessions
from wrap.storage.atomic_store import Store

MOST_S = limits.LIGHT_DAY_S
EIGHT = [f"slot-{n}" for n in range(8)]


class LightWorld(World):
    """lit: (true second that light began at, ended at). A session that `dies` ends by its plug."""

    def __init__(self):
        super().__init__()
        self.lit = []

    def start(self, site, light_s, pause_s, need_s=NEED_S):
        if self.run(site, light_s, pause_s, need_s):
            self.history.end(FULL_PM if light_s else 0, light_s, self.up_s())
            self.history.save(self.up_s())

    def die(self, site, light_s, pause_s, need_s=NEED_S):
        if self.run(site, light_s, pause_s, need_s):
            self.off(0)

    def as_soon(self, with_power, *session):
        """A session at the first second at which the wrap allows it."""
        if not with_power:
            self.off(1)
            self.clock(0)
        left_s = self.on().light_next_s(NEED_S, MOST_S, self.up_s())
        if with_power:
            self.wait(left_s)
        else:
            self.off(left_s)
            self.clock(0)
        self.act(session)

    def run(self, site, light_s, pause_s, need_s):
        """Light for `light_s` with a pause in its middle; whether it was allowed."""
        history = self.on()
        if history.refusal(site, need_s, WEEK, MOST_S, self.up_s()):
            return False
        history.begin(site, need_s, self.up_s())
        self.given.append((site, self.true_s, FULL_PM))
        for part_s, then_s in ((light_s // 2, pause_s), (light_s - light_s // 2, 0)):
            self.lit.append((self.true_s, self.true_s + part_s))
            self.true_s += part_s + then_s
        return True


def most_light(lit, window_s=DAY_S):
    """The most seconds of light in any stretch of `window_s`."""
    starts = {at for stretch in lit for at in (stretch[0], stretch[1] - window_s)}
    return max(
        (
            sum(max(0, min(b, at + window_s) - max(a, at)) for a, b in lit)
            for at in starts
        ),
        default=0,
    )  # fmt: skip


START = st.tuples(
    st.sampled_from(["start", "start", "start", "die"]),
    st.sampled_from(EIGHT),
    st.sampled_from([1200, 1200, 1200, 1199, 300, 0]),
    st.sampled_from([0, 299, 1500, 1500]),
)


SOON = st.tuples(st.just("as_soon"), st.booleans(), START).map(lambda a: (*a[:2], *a[2]))


def lives(errors):
    plain = st.one_of(
        START, START, SOON, SOON,
        st.tuples(st.just("wait"), SECONDS),
        st.tuples(st.just("off"), SECONDS),
        st.tuples(st.just("clock"), errors),
    )  # fmt: skip
    cut = st.tuples(
        st.just("cut"), st.integers(1, 4), st.sampled_from([0, 0.5, 1]), st.one_of(START, plain)
    )
    return st.lists(st.one_of(plain, plain, plain, cut), max_size=60)


def lived(what):
    world = LightWorld()
    for act in what:
        world.act(act)
    return world


def packed(first, with_power):
    """Three sessions of which the first has a pause, and a fourth as soon as that is allowed."""
    more = [("start", site, 1200, 0) for site in EIGHT[1:3]]
    soon = ("as_soon", with_power, "start", EIGHT[3], 1200, 0)
    return [("clock", 0), (first, EIGHT[0], 1200, 1500), *more, soon]


@example(packed("start", True))
@example(packed("start", False))
@example(packed("die", True))
@example([*packed("die", False)[:2], ("clock", 0), *packed("die", False)[2:]])
@given(lives(st.sampled_from([0, 0, 0, GROSS_S, -GROSS_S, -5 * GROSS_S])))
def test_no_life_gives_a_wrap_more_than_its_light(what):  # H-54
    assert most_light(lived(what).lit) <= MOST_S


@example(
    [
        ("start", "slot-1", 1200, 0),
        ("clock", -1),
        *[("start", f"slot-{n}", 1200, 0) for n in (0, 0, 2)],
        ("as_soon", False, "start", "slot-1", 1200, 0),
    ]
)
@given(lives(st.integers(-3 * DAY_S, 3 * DAY_S)))
def test_wrong_clocks_shorten_the_window_by_what_they_differ_at_most(what):
    acts = [a[3] if a[0] == "cut" else a for a in what]
    reported = [a[1] for a in acts if a[0] == "clock"]
    reported += [0 for a in acts if a[0] == "as_soon" and not a[1]]  # sets the right time itself
    spread_s = max(reported, default=0) - min(reported, default=0)
    assert most_light(lived(what).lit, max(1, DAY_S - spread_s)) <= MOST_S


def test_eight_slots_in_a_row_give_three_sessions_and_not_eight():
    world = LightWorld()
    for site in EIGHT:
        world.start(site, 1200, 0)
    assert [site for site, _, _ in world.given] == EIGHT[:3]
    world.wait(DAY_S - 3601)
    world.start(EIGHT[3], 1200, 0)
    assert len(world.given) == 3
    world.wait(1)  # the first began a day ago
    world.start(EIGHT[3], 1200, 0)
    assert len(world.given) == 4
    assert most_light(world.lit) == MOST_S


def test_three_sessions_a_day_with_a_clock_are_never_refused():
    world = LightWorld()
    for day in range(5):
        world.off(day * (DAY_S + 1) - world.true_s)
        world.clock(0)
        for site in EIGHT[:3]:
            world.start(site, 1200, 0)
            world.wait(60)
        assert len(world.given) == 3 * day + 3


# ---- one LightDay


def entries(*lights):
    """A LightDay at age 0 to which sessions of (began, light) were added and ended there."""
    day = DailyLight([], 0)
    for began, light_s in lights:
        day.end(day.begin(began, NEED_S), began + light_s, light_s)
    return day


def test_light_counts_for_a_day():
    day = entries((0, 1200), (2000, 1200), (4000, 1200))
    assert (day.used_s(), day.next_s(5200, 1, MOST_S)) == (3600, DAY_S - 5200)
    assert day.next_s(5200, 1200, MOST_S) == DAY_S - 5200
    assert day.next_s(5200, 1201, MOST_S) == DAY_S + 2000 - 5200
    assert day.next_s(5200, 3600, MOST_S) == DAY_S + 4000 - 5200
    day.drop_expired(DAY_S - 1)
    assert day.used_s() == 3600
    day.drop_expired(DAY_S)
    assert (day.used_s(), day.next_s(DAY_S, 1200, MOST_S)) == (2400, 0)


def test_a_session_under_way_counts_as_all_that_it_may_give():
    day = DailyLight([], 0)
    e = day.begin(10, 1200)
    assert (day.used_s(), day.to_stored()) == (1200, [[10, 0, 1200, 1]])
    day.end(e, 510, 300)
    assert (day.used_s(), day.to_stored()) == (300, [[210, 0, 300, 0]])


def test_a_session_without_light_leaves_nothing_behind():
    day = DailyLight([], 0)
    day.end(day.begin(10, 1200), 10, 0)
    assert day.to_stored() == []


def test_a_time_known_moves_with_the_entry():
    day = DailyLight([], 0)
    e = day.begin(10, 1200)
    e.unix_s = UNIX
    day.end(e, 510, 300)
    assert day.to_stored() == [[210, UNIX + 200, 300, 0]]
    e = day.begin(600, 1200)
    day.end(e, 600, 1)  # rounded up: it does not move back
    assert day.to_stored()[1] == [600, 0, 1, 0]


def test_power_that_goes_in_a_session_makes_it_end_at_the_next_boot():
    day = DailyLight([[100, UNIX, 1200, 1]], 150)
    assert day.to_stored() == [[150 - 1200, 0, 1200, 0]]
    assert day.entries[0].expires_s() == 150 - 1200 + DAY_S


def test_many_short_sessions_are_added_up_and_none_is_forgotten():
    day = DailyLight([], 0)
    for n in range(40):
        day.end(day.begin(100 * n, 1200), 100 * n + 50, 50)
    assert (len(day.entries), day.used_s()) == (ENTRIES_MOST, 40 * 50)
    day.drop_expired(DAY_S + 28 * 100 - 1)
    assert day.used_s() == 40 * 50  # those that were added up count as the last of them
    day.drop_expired(DAY_S + 28 * 100)
    assert day.used_s() == 11 * 50


@pytest.mark.parametrize(
    "kept",
    [
        [3], [[0, 0, 1]], [[0, 0, 1, 0, 0]], [[51, 0, 1, 0]], [[0, -1, 1, 0]], [[0, 0, 0, 0]],
        [[0, 0, -5, 0]], [[0, 0, DAY_S + 1, 0]], [["0", 0, 1, 0]], [[0, 0, 1.5, 0]],
        [[0, 0, 1, None]], 7,
    ],
)  # fmt: skip
def test_another_shape_is_no_history(kept):
    with pytest.raises((ValueError, TypeError)):
        SiteSessions({"age": 50, "light": kept})


@pytest.mark.parametrize("light_s", [1, DAY_S])
def test_what_is_in_bounds_is_history(light_s):
    kept = {"age": 50, "line": None, "sites": {}, "light": [[50, 0, light_s, 0]]}
    assert SiteSessions(kept).to_stored() == kept


# ---- in flash


@pytest.mark.parametrize("damage", [b"rot", None])
def test_a_lost_history_gives_no_light_for_a_day_by_any_name(damage):
    files = MemFiles()
    opened(files, 0).begin("foot", NEED_S, 0)
    for name in files.names():
        if damage is None:
            files.data.pop(name)
        else:
            files.data[name] = damage
    history = opened(files, 1)
    assert history.light_next_s(1, MOST_S, 0) == DAY_S
    assert history.refusal("hand", 1, WEEK, MOST_S, 0).startswith("the session history was")
    assert history.light_next_s(NEED_S, MOST_S, DAY_S) == 0
    assert history.light_next_s(0, 60, 0) == 0


def test_a_lost_history_waits_for_its_day_over_restarts_and_by_a_clock():
    files = MemFiles()
    files.data["course.a"] = files.data["course.b"] = b"rot"
    history = opened(files, 1)
    history.set_clock(UNIX, 100)
    history.save(100)
    history = opened(files, 1)
    assert history.light_next_s(1, MOST_S, 0) == DAY_S - 100
    history.set_clock(UNIX + 5000, 0)  # 5000 s without power
    assert history.light_next_s(1, MOST_S, 0) == DAY_S - 100 - 5000
    assert history.light_next_s(1, MOST_S, DAY_S - 5100) == 0


def test_a_light_that_is_no_history_is_a_lost_one():
    files = MemFiles()
    Store(files, "course").put({"age": 5, "light": [[0]]})
    assert opened(files, 1).light_next_s(1, MOST_S, 0) == DAY_S


def test_what_an_older_firmware_counted_is_taken_as_the_most_there_can_have_been():
    kept = {"age": DAY_S + 100, "line": None, "sites": {
        "foot": [[99, 0, FULL_PM], [200, 0, FULL_PM]], "hand": [[101, UNIX, 5]],
    }}  # fmt: skip
    course = SiteSessions(kept)
    assert course.light.to_stored() == [[101, UNIX, 1200, 0], [200, 0, 1200, 0]]
    kept["sites"] = {"*": [[200, 0, FULL_PM]]}
    assert SiteSessions(kept).light.used_s() == MOST_S


def test_a_session_that_cannot_be_written_takes_no_light(failure):
    files = MemFiles()
    history = opened(files, 0)
    files.broken, files.error = True, failure
    with pytest.raises(type(failure)):
        history.begin("foot", NEED_S, 0)
    assert history.sessions.to_stored()["light"] == []


def test_light_that_counts_no_more_is_written_once_more_and_then_rests():
    files = MemFiles()
    history = opened(files, 0)
    history.begin("foot", NEED_S, 0)
    history.end(FULL_PM, 100, 100)
    history.sessions.sites.clear()
    history.save(100)
    ops = files.ops
    history.save(DAY_S - 1)
    assert files.ops == ops + 2
    history.save(DAY_S)
    assert files.ops == ops + 4
    history.save(DAY_S + 100)
    assert files.ops == ops + 4


def test_the_clock_of_this_boot_counts_for_light_as_for_sites():
    files = MemFiles()
    history = opened(files, 0)
    history.set_clock(UNIX, 0)
    history.begin("foot", NEED_S, 0)
    history.end(FULL_PM, 1200, 1200)
    history.save(1200)
    again = opened(files, 1)
    assert again.light_next_s(2401, MOST_S, 0) == DAY_S - 1200
    again.set_clock(UNIX + 1200 + 5000, 0)
    assert again.light_next_s(2401, MOST_S, 0) == DAY_S - 1200 - 5000


# ---- the whole wrap


def rebooted(rig):
    rig.board.power_off()
    rig.board.power_on()
    rig.advance(100)


def test_light_of_every_site_counts_and_the_refusal_says_when(rig: Rig):
    rig.app.settings.set("light_day_s", 60)
    steps = [{"t": 31, "ch": {"red": [10]}}]
    rig.store(site="hand-left", steps=steps)
    assert rig.ask("course.get")["light"] == {"day_s": 0, "most_s": 60, "next_s": 0}
    rig.app.starter.start("link", False)
    assert rig.ask("course.get")["light"]["day_s"] == 31
    rig.until("done", 40_000)
    rig.store(site="hand-right", steps=steps)
    rig.advance(500)
    for _ in range(2):
        code, text = rig.ask("session.start")
        assert (code, text) == (
            "not_now",
            "this wrap may give 1 min of light in 24 h, 0 min are left and the protocol takes "
            "1 min: next session possible in 24 h 0 min",
        )
        assert DAY_S - 50 < rig.ask("status")["next_s"] <= DAY_S
        light = rig.ask("course.get")["light"]
        assert light["day_s"] == 31 and 0 <= light["next_s"] - rig.ask("status")["next_s"] <= 1
        assert rig.ask("course.get")["sites"]["hand-left"]["day"] == 1
        age_s = rig.ask("course.get")["sites"]["hand-left"]["last_age_s"]
        rig.advance(3000)
        assert rig.ask("course.get")["sites"]["hand-left"]["last_age_s"] == age_s + 3
        rebooted(rig)
    rig.store(site="hand-right", steps=[{"t": 29, "ch": {"red": [10]}}])
    assert rig.ask("session.start") == {"session": 2}


def test_a_session_cut_off_counts_as_the_whole_plan(rig: Rig):
    rig.app.settings.set("light_day_s", 60)
    rig.light(steps=[{"t": 50, "ch": {"red": [10]}}])
    rebooted(rig)
    assert rig.ask("course.get")["light"]["day_s"] == 50


def test_a_session_ended_early_gives_back_what_it_did_not_use(rig: Rig):
    rig.light(steps=[{"t": 50, "ch": {"red": [10]}}])
    rig.advance(5000)
    rig.app.session.stop("link")
    rig.until("done")
    lit_s = rig.app.session.active_ms / 1000
    assert lit_s <= rig.ask("course.get")["light"]["day_s"] < lit_s + 1


def test_a_protocol_longer_than_the_setting_is_refused_by_name(rig: Rig):
    rig.app.settings.set("light_day_s", 60)
    rig.store(steps=[{"t": 61, "ch": {"red": [10]}}])
    said = "the protocol is longer than the light_day_s setting allows"
    assert rig.ask("session.start") == ("invalid", said)


def test_without_a_protocol_the_light_of_the_day_is_shown_too(rig: Rig):
    assert rig.ask("course.get")["light"] == {"day_s": 0, "most_s": 3600, "next_s": 0}
