"""The buzzer on every target: on the emulated chip judged at its pin."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.contract.conftest import LONG, Bench

_SLACK_MS = 25  # a slot begins with the background work that finds it due


def pattern(bench: Bench, ms: int) -> list[tuple[int, bool]]:
    """Return what it does in the next `ms`: (ms from now, on)."""
    began, known = bench.twin.now_ms, len(bench.twin.buzzes())
    bench.advance(ms)
    return [(at - began, on) for at, on in bench.twin.buzzes()[known:]]


def lengths(edges: list[tuple[int, bool]]) -> list[int]:
    """Of its tones, in ms."""
    pairs = pairwise(edges)
    return [end - at for (at, on), (end, _) in pairs if on]


def near(seen: list[int], wanted: int) -> bool:
    return bool(seen) and all(abs(ms - wanted) <= _SLACK_MS for ms in seen)


def near_from_the_second(seen: list[int], wanted: int) -> bool:
    """The first tone of a fault begins behind the write that keeps the fault: it may be shorter."""
    return 0 < seen[0] <= wanted + _SLACK_MS and near(seen[1:], wanted)


@pytest.mark.long_on_chip
def test_the_wake_check_is_heard_until_it_is_answered(bench: Bench) -> None:
    bench.client.set_setting("wake_s", 5)
    bench.client.set_setting("answer_s", 20)
    bench.flash(**LONG)
    bench.light()
    bench.advance(6000)
    edges = pattern(bench, 4100)
    assert len(lengths(edges)) == 4
    assert near(lengths(edges), 100)
    bench.press()
    bench.advance(200)
    assert pattern(bench, 4000) == [] and not bench.twin.buzzing()
    assert bench.client.status().wake_waiting is False


def test_a_pulled_sensor_is_dark_and_heard_until_a_press(lit: Bench) -> None:
    assert lit.twin.buzzes() == []
    lit.twin.plant.set_fault("skin-mid", "open")
    edges = pattern(lit, 4000)
    assert lit.state == "fault" and lit.dark_after(0)
    assert near_from_the_second(lengths(edges)[:3], 500)
    lit.press()
    lit.advance(200)
    assert pattern(lit, 4000) == []
    assert lit.client.status().buzzer is False


@pytest.mark.long_on_chip
def test_hot_skin_sounds_otherwise_and_an_acknowledgement_ends_it(
    bench: Bench,
) -> None:  # H-49, H-51
    bench.flash(**LONG)
    bench.light()
    bench.twin.plant.set_fault("skin-mid", "offset", 20.0)
    edges = pattern(bench, 3000)
    assert len(lengths(edges)) >= 13
    assert near_from_the_second(lengths(edges), 100)
    bench.twin.plant.set_fault("skin-mid", "none")
    bench.advance(1200)
    assert bench.client.ack_fault() == "idle"
    bench.advance(200)
    assert pattern(bench, 3000) == []


@pytest.mark.long_on_chip
def test_after_a_restart_a_latched_fault_is_a_reminder(lit: Bench) -> None:
    lit.twin.plant.set_fault("skin-mid", "open")
    lit.advance(500)
    lit.twin.plant.set_fault("skin-mid", "none")
    lit.twin.power_off()
    assert not lit.twin.buzzing()
    known = len(lit.twin.buzzes())
    lit.twin.start()
    lit.advance(8000)
    tones = lengths(lit.twin.buzzes()[known:])
    assert len(tones) == 2 and near(tones[1:], 500)
    assert tones[0] <= 500 + _SLACK_MS  # the first slots pass while the wrap starts


def test_ctrl_c_is_silence(lit: Bench) -> None:
    lit.twin.plant.set_fault("skin-mid", "open")
    lit.advance(500)
    lit.twin.write(b"\x03")
    lit.advance(200)
    assert pattern(lit, 1500) == [] and not lit.twin.buzzing()
