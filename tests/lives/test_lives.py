"""A few made-up people, and a slice of those who begin when it is worst (`make lives`)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pbmwrap.programme.model import Word
from tests.lives import regression
from tests.lives.__main__ import list_lives
from tests.lives.check import judge_plainly, live_and_check
from tests.lives.life import KINDS

SLICE = {"changed medicine": 2, "shared wrap": 1}


def test_fifty_people_live() -> None:
    assert sum(kind.people for kind, _ in list_lives()) == 50


@pytest.mark.slow
@pytest.mark.parametrize("name", SLICE)
def test_a_life_is_seen_as_it_was(name: str, tmp_path: Path) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    rows = live_and_check(kind, SLICE[name], tmp_path)
    assert len(rows) == kind.people
    for row in rows:
        assert row.problems == ()
        assert row.sessions > 20
        assert row.verdict == row.given
        assert row.requests > 50 and row.restarts >= 4


def test_a_wrong_answer_would_be_found() -> None:
    """The plain computation has all words of the rule."""
    start = regression.FIRST
    days = [start + timedelta(days=n) for n in range(-14, 84)]
    end = days[-1] + timedelta(days=1)
    for after, word in ((3, Word.GO_ON), (6, Word.STOP), (9, Word.ASK)):
        numbers = {day: 6 if day < start else after for day in days}
        assert judge_plainly(numbers, start, end) == word
        assert judge_plainly(numbers, start, start) == Word.WAIT
    assert judge_plainly({}, start, end) == Word.STOP
    assert judge_plainly({day: 6 for day in days if day < start}, start, days[75]) == Word.UNDECIDED


def test_the_baseline_prevents_false_improvement() -> None:
    full, _, week, day = regression.count_false(200)
    assert full.go_on <= regression.MOST_FALSE
    assert day.go_on > 2 * full.go_on
    assert abs(full.gain) < abs(week.gain) < abs(day.gain)
