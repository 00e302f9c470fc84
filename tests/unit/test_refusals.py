"""The course in the whole app: a site's next session is refused until its time, by link and
button, and no power cut gives one back."""

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import MemFiles, PowerCut, Rig, blinks
from wrap.errors import Refused
from wrap.session.site_history import DAY_S


def light_one(rig, **changes):
    rig.store(**changes)
    between_steps(rig.app).starter.start("link", False)
    rig.until("done", 6000)


def refused(rig):
    with pytest.raises(Refused) as found:
        between_steps(rig.app).starter.start("link", False)
    return found.value.args


def test_a_second_session_a_day_is_refused_with_its_time(rig: Rig):
    light_one(rig)
    assert refused(rig) == (
        "not_now",
        "site hand-left has reached its session limit: next session possible in 24 h 0 min",
    )
    rig.app.uptime.s += DAY_S - 3610
    assert refused(rig)[1].endswith("possible in 1 h 1 min")
    rig.app.uptime.s += 3610
    between_steps(rig.app).starter.start("link", False)


def test_the_week_is_as_strict_as_its_setting(rig: Rig):
    rig.app.settings.set("site_week", 1)
    light_one(rig)
    rig.app.uptime.s += 2 * DAY_S
    assert refused(rig)[1].endswith("possible in 5 d 0 h")


def test_the_button_is_refused_with_three_quick_blinks(rig: Rig):
    light_one(rig)
    rig.advance(200)
    rig.press()
    shown = blinks(rig, 30)
    assert shown.count("#.#.#") == 1
    assert rig.state == "done"
    assert "#.#.#" not in blinks(rig, 50)


def test_another_site_is_not_refused(rig: Rig):
    light_one(rig)
    light_one(rig, site="hand-right")
    course = rig.ask("course.get")
    assert course["age_s"] == rig.app.uptime.s
    assert sorted(course["sites"]) == ["hand-left", "hand-right"]
    left = course["sites"]["hand-left"]
    assert (left["day"], left["week"]) == (1, 1)
    assert left["next_s"] == DAY_S - left["last_age_s"]
    assert rig.status()["next_s"] > DAY_S - 60


def test_a_short_part_is_shown_but_does_not_count(rig: Rig):
    rig.light()
    between_steps(rig.app).session.stop("link")
    rig.until("done")
    assert rig.ask("course.get")["sites"] == {
        "hand-left": {"last_age_s": None, "day": 0, "week": 0, "next_s": 0}
    }
    assert rig.status()["next_s"] == 0


def test_a_session_that_never_lit_does_not_count(rig: Rig):
    rig.store()
    between_steps(rig.app).starter.start("link", False)
    between_steps(rig.app).session.stop("link")
    rig.until("done")
    assert rig.app.history.sessions.sites == {}


def test_a_session_number_that_cannot_be_stored_begins_nothing(rig: Rig):
    rig.store()
    rig.advance(100)
    rig.files.break_at = rig.files.ops + 3
    with pytest.raises(OSError):
        between_steps(rig.app).starter.start("link", False)
    assert rig.app.caps.next_s("hand-left") == 0
    course = rig.ask("course.get")
    assert (course["sites"], course["light"]["day_s"]) == ({}, 0)  # no part of it either
    between_steps(rig.app).starter.start("link", False)


def test_the_clock_counts_time_without_power(rig: Rig):
    rig.ask("clock.set", t=1_790_000_000)
    light_one(rig)
    rig.advance(100)
    rig.board.power_off()
    rig.board.power_on()
    assert refused(rig)[0] == "not_now"
    rig.ask("clock.set", t=1_790_000_000 - DAY_S)
    assert refused(rig)[0] == "not_now"
    rig.ask("clock.set", t=1_790_000_000 + DAY_S + 60)
    between_steps(rig.app).starter.start("link", False)


def one_session(files):
    """Until the session's end is in flash; the board, so that its pins can be looked at."""
    rig = Rig(files=files, boot_ms=0)
    try:
        rig.advance(50)
        rig.store()
        between_steps(rig.app).starter.start("link", False)
        rig.advance(6000)
    except PowerCut:
        rig.board.power_off()
    return rig


def ops_of_a_session():
    files = MemFiles()
    one_session(files)
    return files.ops


@pytest.mark.parametrize("torn", [0, 0.5, 1])
@pytest.mark.parametrize("op", range(1, ops_of_a_session() + 1))
def test_power_cut_anywhere_never_gives_the_session_back(op, torn):  # H-27
    files = MemFiles()
    files.break_at, files.error, files.torn = op, PowerCut(), torn
    lit = one_session(files).board.on_acc(0) > 0
    files.break_at = -1
    again = Rig(files=files)
    if again.app.protocols.active() < 0:
        assert not lit
        return
    wait_s = again.app.caps.next_s("hand-left")
    assert wait_s > DAY_S - 10 if lit else wait_s in (0, DAY_S)


PLACES = [("control", "prepare"), ("log", "blob"), ("log_queue", "note")]


@pytest.mark.parametrize("error", [MemoryError, OSError])
@pytest.mark.parametrize("part,name", PLACES)
def test_a_session_that_fails_before_it_begins_is_not_booked(
    rig: Rig, monkeypatch, part, name, error
):
    """It counted as the day's session of its site, and as light."""

    def fail(*args):
        raise error(5)

    rig.store()
    rig.advance(100)
    with monkeypatch.context() as broken:
        broken.setattr(getattr(rig.app, part), name, fail)
        assert rig.ask("session.start")[0] == ("memory" if error is MemoryError else "storage")
        sessions = rig.app.history.sessions
        assert (rig.state, sessions.light.used_s(), sessions.sites) == ("idle", 0, {})
    assert "session" in rig.ask("session.start")


def test_the_button_is_refused_where_the_heap_has_no_room(rig: Rig, monkeypatch):
    """It was a latched fault, of which the wearer could not know the reason."""

    def fail(*args):
        raise MemoryError

    rig.store()
    rig.advance(200)
    with monkeypatch.context() as full:
        full.setattr(rig.app.control, "prepare", fail)
        rig.press()
        assert blinks(rig, 30).count("#.#.#") == 1
    assert (rig.state, rig.app.fault_latch.code) == ("idle", 0)
    rig.press()
    rig.until("running", 6000)


def test_a_start_without_heap_after_the_first_state_is_a_fault(rig: Rig, monkeypatch):
    def fail(*args):
        raise MemoryError

    rig.store()
    rig.advance(200)
    monkeypatch.setattr(rig.app.session, "_on_change", fail)  # Private: `_on_change`, the last call
    rig.press()
    rig.advance(1000)
    assert (rig.dark(), rig.app.status_view.fault()["name"]) == (True, "exception")
