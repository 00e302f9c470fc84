"""Light of the day over power loss, and on the whole wrap."""

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import MemFiles, Rig
from tests.unit.test_daily_light import MOST_S
from tests.unit.test_site_history_limits import NEED_S, UNIX, WEEK
from wrap.session.site_history import SiteHistory
from wrap.session.site_sessions import DAY_S, FULL_PM, Course
from wrap.storage.atomic_store import Store


def opened(files, sessions=1):
    return SiteHistory(Store(files, "course"), sessions)


@pytest.mark.parametrize("damage", [b"rot", None])
def test_a_lost_history_gives_no_light_for_a_day_by_any_name(damage):
    files = MemFiles()
    opened(files, 0).begin("foot", NEED_S, 0)
    for name in files.names():
        if damage is None:
            files.data.pop(name)
        else:
            files.data[name] = damage
    history = opened(files)
    assert history.light_next_s(1, MOST_S, 0) == DAY_S
    assert history.refusal("hand", 1, WEEK, MOST_S, 0).startswith("the session history was")
    assert history.light_next_s(NEED_S, MOST_S, DAY_S) == 0
    assert history.light_next_s(0, 60, 0) == 0


def test_a_light_that_is_no_history_is_a_lost_one():
    files = MemFiles()
    Store(files, "course").put({"age": 5, "light": [[0]]})
    assert opened(files).light_next_s(1, MOST_S, 0) == DAY_S


def test_what_an_older_firmware_counted_is_taken_as_the_most_there_can_have_been():
    kept = {"age": DAY_S + 100, "line": None, "sites": {
        "foot": [[99, 0, FULL_PM], [200, 0, FULL_PM]], "hand": [[101, UNIX, 5]],
    }}  # fmt: skip
    course = Course(kept)
    assert course.light.kept() == [[101, UNIX, 1200, 0], [200, 0, 1200, 0]]
    kept["sites"] = {"*": [[200, 0, FULL_PM]]}
    assert Course(kept).light.used_s() == MOST_S


def test_a_session_that_cannot_be_written_takes_no_light():
    files = MemFiles()
    history = opened(files, 0)
    files.broken = True
    with pytest.raises(OSError):
        history.begin("foot", NEED_S, 0)
    assert history.course.kept()["light"] == []


def test_light_that_counts_no_more_is_written_once_more_and_then_rests():
    files = MemFiles()
    history = opened(files, 0)
    history.begin("foot", NEED_S, 0)
    history.ended(FULL_PM, 100, 100)
    history.course.sites.clear()
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
    history.clock(UNIX, 0)
    history.begin("foot", NEED_S, 0)
    history.ended(FULL_PM, 1200, 1200)
    history.save(1200)
    again = opened(files)
    assert again.light_next_s(2401, MOST_S, 0) == DAY_S - 1200
    again.clock(UNIX + 1200 + 5000, 0)
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
    between_steps(rig.app).starter.start("link", False)
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
        assert DAY_S - 45 < rig.ask("status")["next_s"] <= DAY_S
        light = rig.ask("course.get")["light"]
        assert light["day_s"] == 31 and 0 <= light["next_s"] - rig.ask("status")["next_s"] <= 1
        assert rig.ask("course.get")["sites"]["hand-left"]["day"] == 1
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
    between_steps(rig.app).session.stop("link")
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
