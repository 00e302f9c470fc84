"""Button gestures from samples of 10 ms, bounces included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrap.ui.button import DOUBLE, DOWN, HOLD, LONG, NONE, SHORT, Button

BOUNCE = st.lists(st.integers(0, 1), max_size=6)


def played(*parts, button=None):
    """(gesture, ms it came at) for (down, ms) parts."""
    button = button or Button()
    out, now = [], 0
    for down, ms in parts:
        for _ in range(ms // 10):
            now += 10
            gesture = button.step(bool(down), 10)
            if gesture != NONE:
                out.append((gesture, now))
    return out


@pytest.mark.parametrize(
    "parts,expected",
    [
        ([(1, 100), (0, 600)], [(DOWN, 20), (SHORT, 520)]),
        ([(1, 980), (0, 600)], [(DOWN, 20), (SHORT, 1400)]),
        ([(1, 2000), (0, 600)], [(DOWN, 20), (LONG, 1020)]),
        ([(1, 100), (0, 100), (1, 100), (0, 600)], [(DOWN, 20), (DOWN, 220), (DOUBLE, 320)]),
        ([(1, 100), (0, 420), (1, 100)], [(DOWN, 20), (SHORT, 520), (DOWN, 540)]),
        ([(1, 100), (0, 390), (1, 100), (0, 100)], [(DOWN, 20), (DOWN, 510), (DOUBLE, 610)]),
        ([(1, 100), (0, 100), (1, 1500), (0, 600)], [(DOWN, 20), (DOWN, 220), (LONG, 1220)]),
        ([(0, 100), (1, 10), (0, 500)], []),
        ([(1, 6000), (0, 600)], [(DOWN, 20), (LONG, 1020), (HOLD, 5020)]),
    ],
)
def test_gestures_come_at_their_time(parts, expected):
    assert played(*parts) == expected


@given(st.lists(st.integers(1, 3), max_size=60))
def test_contacts_that_close_for_less_than_20_ms_are_nothing(gaps):
    parts = [part for gap in gaps for part in ((1, 10), (0, gap * 10))]
    assert played(*parts, (0, 1000)) == []


@given(BOUNCE, BOUNCE)
def test_a_bouncing_press_is_one_press(closing, opening):
    parts = [(b, 10) for b in closing] + [(1, 200)] + [(b, 10) for b in opening] + [(0, 600)]
    long = [g for g, _ in played(*parts)]
    assert long[0] == DOWN
    assert LONG not in long
    assert long.count(DOWN) <= 1 + (len(closing) + len(opening)) // 4


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 300)), max_size=60))
def test_every_press_ends_in_one_gesture_whatever_the_rhythm(samples):
    button, open_presses = Button(), 0
    for down, dt in samples:
        gesture = button.step(down, dt)
        if gesture == DOWN:
            open_presses += 1
            assert open_presses <= 2
        elif gesture != NONE:
            assert open_presses == (2 if gesture == DOUBLE else open_presses)
            assert open_presses >= 1
            open_presses = 0


def test_long_is_reported_while_held_and_only_once():
    button = Button()
    assert played((1, 5000), button=button) == [(DOWN, 20), (LONG, 1020)]
    assert played((0, 1000), button=button) == []
    assert played((1, 50), button=button) == [(DOWN, 20)]


def test_a_late_step_counts_as_long_as_it_took():
    button = Button()
    assert [button.step(True, 40), button.step(True, 999), button.step(True, 1)] == [
        DOWN,
        NONE,
        LONG,
    ]
