"""Wake check and sessions per site on every target, and what they leave after a power cut."""
# H-27

from __future__ import annotations

import itertools

import pytest

from pbmwrap.errors import DeviceError
from tests.contract.conftest import BOOT_MS, Bench
from tests.contract.test_session import kinds
from wrap.storage import payload_reader, records

UNIX = 1_790_000_000
DAY_S = 86400
SHORT = {"steps": [{"t": 1, "ch": {"red": [500]}}]}
LOOK_MS = 20
SLOT_LOOKS = range(4, 7)  # looks in a slot of 100 ms


def asked_and_reported(bench: Bench) -> list[str]:
    return [payload_reader.unpack_wake(p)["wake"] for k, p in kinds(bench) if k == records.WAKE]


def had_one(bench: Bench) -> None:
    """A whole session of one second, and its end in flash."""
    bench.flash(**SHORT)
    bench.client.start()
    bench.wait_for("done", 3000)
    bench.advance(100)


def cycle(bench: Bench) -> None:
    bench.twin.reset("power")
    bench.advance(BOOT_MS)


def blinks(bench: Bench, ms: int) -> list[tuple[bool, int]]:
    """Return the indicator as (lit, looks) one after the other, looked at every LOOK_MS."""
    looks = []
    for _ in range(ms // LOOK_MS):
        bench.advance(LOOK_MS)
        looks.append(bool(bench.twin.indicator()))
    return [(lit, len(list(run))) for lit, run in itertools.groupby(looks)]


@pytest.mark.long_on_chip
def test_no_answer_fades_out_and_ends(asked: Bench) -> None:  # H-31
    asked.advance(2000)
    assert not asked.pins_low()
    asked.wait_for("done", 2500)
    assert asked.pins_low()
    assert asked.client.status().end_reason == "wake"
    assert asked_and_reported(asked) == ["asked", "unanswered"]


def test_a_press_answers_and_light_stays(asked: Bench) -> None:
    asked.press()
    asked.advance(600)
    status = asked.client.status()
    assert (status.state, status.wake_waiting) == ("running", False)
    assert status.wake_due_s in (2, 3)
    assert not asked.pins_low()
    assert asked_and_reported(asked) == ["asked", "answered"]


@pytest.mark.long_on_chip
def test_a_host_s_answer_counts_once_and_the_next_question_comes(asked: Bench) -> None:  # H-31
    assert asked.client.answer_wake() == "running"
    with pytest.raises(DeviceError, match="asks nothing now"):
        asked.client.answer_wake()
    asked.advance(3500)
    assert asked.client.status().wake_waiting
    asked.wait_for("done", 5000)  # nobody answers this one
    assert asked.pins_low()
    assert asked_and_reported(asked) == ["asked", "answered", "asked", "unanswered"]


def test_a_site_has_one_session_a_day_even_after_a_power_cut(bench: Bench) -> None:
    had_one(bench)
    refused = r"hand-left.*possible in 24 h 0 min"
    with pytest.raises(DeviceError, match=refused):
        bench.client.start()
    cycle(bench)
    with pytest.raises(DeviceError, match=refused):
        bench.client.start()
    bench.flash(site="hand-right", **SHORT)
    bench.client.start()


def test_a_session_cut_off_counts_from_its_beginning(lit: Bench) -> None:
    cycle(lit)
    with pytest.raises(DeviceError, match="possible in 24 h 0 min"):
        lit.client.start()


@pytest.mark.long_on_chip
def test_a_clock_counts_the_time_without_power_and_no_wrong_one_does(bench: Bench) -> None:
    bench.client.set_clock(UNIX)
    had_one(bench)
    cycle(bench)
    for wrong in (UNIX - DAY_S, UNIX + 300 * DAY_S):
        bench.client.set_clock(wrong)
        with pytest.raises(DeviceError, match="possible in"):
            bench.client.start()
        cycle(bench)
    bench.client.set_clock(UNIX + DAY_S + 60)
    bench.client.start()
    left = bench.client.course().sites["hand-left"]
    assert (left.day, left.week) == (1, 2)


@pytest.mark.long_on_chip
def test_the_week_has_so_many_sessions(bench: Bench) -> None:
    bench.client.set_setting("site_week", 1)
    bench.client.set_clock(UNIX)
    had_one(bench)
    cycle(bench)
    bench.client.set_clock(UNIX + 2 * DAY_S)
    with pytest.raises(DeviceError, match="possible in 5 d 0 h"):
        bench.client.start()


@pytest.mark.long_on_chip
def test_light_of_the_day_counts_whatever_the_sites_are_called(bench: Bench) -> None:  # H-54
    bench.client.set_setting("light_day_s", 60)
    steps = [{"t": 3, "ch": {"red": [500]}}]
    bench.client.set_clock(UNIX)
    bench.flash(site="one", steps=[{"t": 56, "ch": {"red": [500]}}])
    bench.light()
    cycle(bench)  # cut off: it counts as all that it might have given
    for site in ("two", "three"):
        bench.flash(site=site, steps=steps)
        if site == "two":
            bench.client.start()
            bench.wait_for("done", 5000)
            bench.advance(100)
    said = r"1 min of light in 24 h, 0 min are left .* possible in 2[34] h"
    for _ in range(2):
        with pytest.raises(DeviceError, match=said):
            bench.client.start()
        bench.press()
        bench.advance(500)
        assert bench.pins_low() and bench.state != "running"
        light = bench.client.course().light
        assert light and light.day_s == 59
        assert 0 <= light.next_s - (bench.client.status().next_s or 0) <= 1
        cycle(bench)
    bench.client.set_clock(UNIX + DAY_S + 120)
    bench.advance(100)
    cycle(bench)
    bench.client.set_clock(UNIX + 2 * DAY_S + 240)
    bench.client.start()


@pytest.mark.long_on_chip
def test_the_button_is_refused_with_three_quick_blinks(bench: Bench) -> None:
    had_one(bench)
    bench.press()
    runs = blinks(bench, 2000)
    quick = "".join("-#"[lit] if looks in SLOT_LOOKS else "?" for lit, looks in runs)
    assert "#-#-#" in quick, runs
    assert bench.state == "done"
    assert bench.pins_low()
