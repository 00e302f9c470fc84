"""The stop rule: its three answers, on its day, with the numbers, and never a wrong one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.programme.model import WALK, StopRule, Word
from pbmwrap.programme.stop_rule import CANNOT_TELL, evaluate_rule, name_rule
from tests.programme.builders import START, every_day, make_entries, make_plan, stamp

RULE_DAY = START + timedelta(weeks=8)


def journal(before: float, after: float, skip: int = 1, plan=None):
    plan = plan or make_plan()
    days = every_day(plan.baseline_from, [before] * 14)
    days |= every_day(plan.rule_day - timedelta(days=14), [after] * 14)
    return make_entries({day: v for n, (day, v) in enumerate(days.items()) if n % skip == 0})


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (6, 6, Word.STOP),
        (6, 4, Word.GO_ON),  # 2 points
        (5, 3.5, Word.GO_ON),  # 30 %
        (5, 3.6, Word.STOP),
        (6, 5, Word.STOP),
        (6, 8, Word.ASK),
        (5, 6.5, Word.ASK),
        (5, 6.4, Word.STOP),
        (0, 0, Word.STOP),
        (1, 0, Word.GO_ON),
        (1, 0.5, Word.STOP),  # 30 % of 1 is less than a step of the scale
        (0, 1, Word.ASK),
        (10, 10, Word.STOP),
    ],
)
def test_the_three_answers(before: float, after: float, word: Word) -> None:
    found = evaluate_rule(make_plan(), journal(before, after), RULE_DAY)
    assert found.word == word
    assert found.day == RULE_DAY
    assert (found.before, found.after, found.n_before, found.n_after) == (before, after, 14, 14)
    assert found.gain == pytest.approx(before - after)
    assert CANNOT_TELL in found.text
    assert f"changed by {after - before:+.1f}" in found.text
    first = {Word.STOP: "Stop.", Word.GO_ON: "Go on until 2026-04-26", Word.ASK: "Ask a clinician"}
    assert found.text.startswith(first[word])
    assert (found.until is not None) == (word == Word.GO_ON)


def test_more_is_better_for_a_walk() -> None:
    plan = make_plan(measure=WALK, stop=StopRule(8, 15, None))
    days = every_day(plan.baseline_from, [100] * 14)
    better = make_entries(days | every_day(RULE_DAY - timedelta(days=14), [115] * 14), "walk")
    worse = make_entries(days | every_day(RULE_DAY - timedelta(days=14), [85] * 14), "walk")
    assert evaluate_rule(plan, better, RULE_DAY).word == Word.GO_ON
    assert evaluate_rule(plan, worse, RULE_DAY).word == Word.ASK
    assert "15 m higher" in name_rule(plan)
    pain = make_entries(days | every_day(RULE_DAY - timedelta(days=14), [1] * 14))
    assert evaluate_rule(plan, pain, RULE_DAY).word == Word.STOP  # another number's entries


def test_numbers_that_were_written_later_count_and_are_said() -> None:
    plan = make_plan()
    entries = journal(6, 3)
    late = [replace(entry, written=stamp(RULE_DAY)) for entry in entries[:9]]
    found = evaluate_rule(plan, late + entries[9:], RULE_DAY)
    assert found.word == Word.GO_ON
    assert "9 of these numbers were written on a later day." in found.text
    assert "later day" not in evaluate_rule(plan, entries, RULE_DAY).text


def test_without_an_effect_few_are_asked_to_go_on() -> None:
    """People enrol when it is worst: daily SD 1.5, AR(1) 0.5, usual 5, enrolled at 6 or more."""
    random = Random(20)
    words = []
    for _ in range(400):
        level, noise = 5.0, 0.0
        while noise < 1.0:
            noise = 0.5 * noise + random.gauss(0, 1.3)
        numbers = {}
        for day in range(-21, 57):
            noise = 0.5 * noise + random.gauss(0, 1.3)
            numbers[START + timedelta(days=day)] = min(10, max(0, round(level + noise)))
        words.append(evaluate_rule(make_plan(), make_entries(numbers), RULE_DAY).word)
    assert words.count(Word.GO_ON) <= 400 * 0.12
    assert words.count(Word.ASK) <= 400 * 0.12


def test_before_its_day_it_says_when() -> None:
    found = evaluate_rule(make_plan(), journal(6, 1), RULE_DAY - timedelta(days=1))
    assert (found.word, found.until) == (Word.WAIT, RULE_DAY)
    assert "2026-04-27" in found.text
    draft = evaluate_rule(make_plan(frozen=False), journal(6, 1), RULE_DAY)
    assert draft.word == Word.WAIT and "not frozen" in draft.text


def test_later_numbers_do_not_change_it() -> None:
    plan = make_plan(weeks=12)
    entries = journal(6, 6, plan=plan) + make_entries(every_day(plan.rule_day, [0] * 20))
    found = evaluate_rule(plan, entries, plan.rule_day + timedelta(days=20))
    assert (found.word, found.day) == (Word.STOP, plan.rule_day)


def test_it_waits_for_numbers_but_not_after_the_end() -> None:
    plan = make_plan(weeks=12)
    before = every_day(plan.baseline_from, [6] * 14)
    few = before | every_day(plan.rule_day - timedelta(days=4), [3] * 4)
    found = evaluate_rule(plan, make_entries(few), plan.rule_day)
    assert (found.word, found.until) == (Word.UNDECIDED, plan.end)
    assert "4 of the last 14; 5 of each are needed" in found.text
    enough = few | every_day(plan.rule_day + timedelta(days=3), [3])
    found = evaluate_rule(plan, make_entries(enough), plan.rule_day + timedelta(days=10))
    assert (found.word, found.day) == (Word.GO_ON, plan.rule_day + timedelta(days=4))
    assert found.until == plan.end - timedelta(days=1)
    found = evaluate_rule(plan, make_entries(before), plan.end + timedelta(days=30))
    assert (found.word, found.day) == (Word.STOP, plan.end)
    assert "No change was shown" in found.text


def test_without_a_baseline_no_change_can_be_shown() -> None:
    plan = make_plan(weeks=12)
    entries = make_entries(every_day(plan.start, [1] * 60))
    found = evaluate_rule(plan, entries, plan.rule_day)
    assert found.word == Word.STOP and "0 of the 14 days before" in found.text


numbers = st.dictionaries(st.integers(-30, 100), st.integers(0, 10), max_size=100)


@given(numbers, st.integers(-40, 120), st.integers(4, 8), st.integers(8, 12))
def test_whatever_the_journal_says_the_answer_follows_the_rule(
    values: dict[int, int], today: int, week: int, weeks: int
) -> None:
    plan = make_plan(weeks=weeks, stop=StopRule(week))
    entries = make_entries({START + timedelta(days=n): v for n, v in values.items()})
    found = evaluate_rule(plan, entries, START + timedelta(days=today))
    if today < week * 7:
        assert found.word == Word.WAIT
        return
    assert found.word != Word.WAIT
    assert plan.rule_day <= found.day <= plan.end
    if found.gain is None:
        assert found.word == (
            Word.STOP if found.n_before < 5 or today >= weeks * 7 else Word.UNDECIDED
        )
        return
    before = [v for n, v in values.items() if -14 <= n < 0]
    day = (found.day - START).days
    after = [v for n, v in values.items() if day - 14 <= n < day]
    gain = sum(before) / len(before) - sum(after) / len(after)
    size = max(1.0, min(2.0, 0.3 * sum(before) / len(before)))
    assert min(len(before), len(after)) >= 5
    assert found.gain == pytest.approx(gain)
    if abs(abs(gain) - size) > 1e-6:
        expected = Word.GO_ON if gain > size else Word.ASK if -gain > size else Word.STOP
        assert found.word == expected


def test_the_rule_is_always_said_in_the_same_words() -> None:
    assert name_rule(make_plan()) == (
        "If the number is not at least 2 points or 30 % lower by 2026-04-27 (after week 8), stop."
    )
    one = replace(make_plan(), stop=StopRule(4, None, 50.0))
    assert (
        name_rule(one)
        == "If the number is not at least 50 % lower by 2026-03-30 (after week 4), stop."
    )
    assert date.fromisoformat("2026-03-30") == one.rule_day
