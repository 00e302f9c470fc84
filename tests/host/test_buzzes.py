"""A twin's record of its buzzer, from a pin's edges, and what a console says of it."""

from __future__ import annotations

import pytest

from pbmwrap.twin.buzzes import Buzz, BuzzNews, Tone


class Pin:
    """A pin that toggles in virtual time."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.tone = Tone(lambda: self.now_ns)

    def toggle(self, hz: float, ms: float) -> None:
        half_ns = round(500_000_000 / hz)
        for _ in range(round(ms * 1_000_000 / half_ns / 2)):
            for high in (True, False):
                self.tone.set(high)
                self.now_ns += half_ns

    def wait(self, ms: float) -> None:
        self.now_ns += round(ms * 1_000_000)


def test_a_tone_is_kept_with_its_beginning_and_end() -> None:
    pin = Pin()
    pin.wait(10)
    for _ in range(2):
        pin.toggle(2700, 100)
        pin.wait(100)
    assert pin.tone.record() == [(10, True), (109, False), (209, True), (309, False)]


def test_it_sounds_as_long_as_edges_come() -> None:
    pin = Pin()
    pin.toggle(2700, 50)
    assert pin.tone.record() == [(0, True)]
    pin.wait(2)
    assert pin.tone.record() == [(0, True), (49, False)]


@pytest.mark.parametrize("hz", [8, 1000, 2300, 3100, 20000])
def test_another_frequency_is_no_tone(hz: float) -> None:
    pin = Pin()
    pin.toggle(hz, 500)
    assert pin.tone.record() == []


def test_without_power_it_is_silent_at_once() -> None:
    pin = Pin()
    pin.toggle(2700, 50)
    pin.tone.stop()
    pin.tone.stop()
    assert pin.tone.record() == [(0, True), (49, False)]


def test_a_level_is_no_tone() -> None:
    pin = Pin()
    for high in (True, True, False, False):
        pin.tone.set(high)
        pin.wait(500)
    assert pin.tone.record() == []


def test_a_console_tells_when_a_pattern_begins_and_when_it_has_ended() -> None:
    record: list[Buzz] = [(1, True), (2, False)]  # before anybody looked
    news = BuzzNews(lambda: record, 1000)
    assert list(news.lines(5000)) == []
    record += [(5000, True), (5100, False), (5200, True)]
    assert list(news.lines(5250)) == ["4.0 s: buzzer: begins"]
    record += [(5300, False)]
    assert list(news.lines(7700)) == []
    record += [(7700, True), (7800, False)]
    assert list(news.lines(10300)) == []
    assert list(news.lines(10301)) == ["6.8 s: buzzer: silent after 2.8 s"]
    record += [(20000, True), (20100, False), (23000, True)]
    reported = [
        "19.0 s: buzzer: begins",
        "19.1 s: buzzer: silent after 0.1 s",
        "22.0 s: buzzer: begins",
    ]
    assert list(news.lines(23001)) == reported
