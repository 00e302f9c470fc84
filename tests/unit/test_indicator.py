"""Indicator patterns: one for every thing a person must tell apart, from any moment on."""

from itertools import pairwise

import pytest

from wrap.rules import faults, states
from wrap.ui.indicator import Indicator, fault_lit, pattern_bits

CODES = range(1, len(faults.NAMES))


def shown(state, warn=False, calibrated=True, fault=0, slots=480):
    indicator = Indicator()
    return [int(indicator.slot(state, warn, calibrated, fault, False)) for _ in range(slots)]


def rhythm(slots):
    """Lengths of the lit and dark stretches, without the cut ones at both ends."""
    out, run = [], 1
    for a, b in pairwise(slots):
        if a == b:
            run += 1
        else:
            out.append((a, run))
            run = 1
    return out[1:]


def period(slots):
    """The shortest repetition, turned so that it does not matter when one begins to look."""
    for n in range(1, 160):
        if all(slots[i] == slots[i + n] for i in range(len(slots) - n)):
            return min(tuple(slots[k : k + n]) for k in range(n))
    raise AssertionError("no period")


def test_all_states_of_the_indicator_look_different():
    looks = [
        shown(states.IDLE),
        shown(states.IDLE, calibrated=False),
        shown(states.RUNNING),
        shown(states.RUNNING, calibrated=False),
        shown(states.RUNNING, warn=True),
        shown(states.PAUSED),
        shown(states.SELF_TEST),
        *[shown(states.FAULT, fault=code) for code in CODES],
    ]
    assert len({period(slots) for slots in looks}) == len(looks) == 7 + len(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_fault_blinks_its_number_then_pauses_for_1500_ms(code):
    blinks = [6] * (code // 10) + [2] * (code % 10)  # long ones are tens
    once = [part for blink in blinks for part in ((1, blink), (0, 2))]
    once[-1] = (0, 17)
    slots = shown(states.FAULT, fault=code, slots=3 * sum(n for _, n in once))
    assert rhythm([*slots, 1]) == (once * 3)[1:]


def test_patterns_are_as_documented():
    assert rhythm(shown(states.IDLE, slots=48)) == [(0, 15), (1, 1), (0, 15), (1, 1)]
    assert rhythm(shown(states.RUNNING, slots=48)) == [(1, 15), (0, 1)] * 2
    assert set(rhythm(shown(states.PAUSED))) == {(1, 8), (0, 8)}
    assert set(rhythm(shown(states.RAMP_UP, warn=True))) == {(1, 2), (0, 2)}
    assert set(rhythm(shown(states.RAMP_DOWN))) == {(1, 4), (0, 4)}


@pytest.mark.parametrize("calibrated", [True, False])
def test_states_that_mean_the_same_to_a_person_look_the_same(calibrated):
    assert pattern_bits(states.IDLE, False, calibrated) == pattern_bits(
        states.DONE, True, calibrated
    )
    assert pattern_bits(states.RAMP_UP, False, calibrated) == pattern_bits(
        states.RUNNING, False, calibrated
    )
    assert pattern_bits(states.PAUSED, True, calibrated) == pattern_bits(states.PAUSED, False, True)


def test_a_fault_begins_with_light():
    assert [fault_lit(2, slot) for slot in range(9)] == [1, 1, 0, 0, 1, 1, 0, 0, 0]
