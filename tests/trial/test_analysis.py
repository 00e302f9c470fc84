"""The analysis of a trial against hand calculation, and each of its rules at its limit."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from pbmwrap.programme.model import canonical_json
from pbmwrap.trial import plan as plan_module
from pbmwrap.trial.analysis import (
    SENSITIVITIES,
    Analysis,
    Entry,
    PeriodGuess,
    Session,
    allow_for_carry_over,
    analyse_trial,
    choose_entries,
    compute_values,
    fill_missing,
    find_period_starts,
)
from pbmwrap.trial.plan import hash_plan, list_spent_items, read_plan
from pbmwrap.trial.randomisation import Effect, compute_p, estimate_effect, list_allocations
from pbmwrap.trial.verdict import Verdict
from tests.trial.trial_maker import (
    START,
    at_ms,
    make_entries,
    make_frozen,
    make_rules,
    make_sessions,
)
from wrap.rules.blinding import PAIRS, PERIODS, SIDES
from wrap.session import trial as wrap_trial

ARMS = [1, 0, 1, 1, 0, 0, 1, 0]


def sides(effect: float, periods: int = 8, **changes) -> Analysis:
    """A trial of two feet: 5 without light, 5 + effect with it, a little more each period."""
    plan = make_rules(SIDES, periods, **changes)
    arms = ARMS[:periods]

    def number(period: int, _day: int) -> tuple[float, float]:
        on = arms[period]
        left = 5 + effect * on + 0.01 * period
        return left, 5 + effect * (1 - on)

    return analyse_trial(plan, arms, make_entries(plan, number), make_sessions(plan))


def test_better_worse_and_nothing_on_data_without_doubt() -> None:
    better, worse, same = sides(-3), sides(3), sides(0)
    assert (better.verdict, worse.verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert same.verdict == Verdict.NO_DIFFERENCE
    assert better.effect is not None
    assert better.effect.estimate == pytest.approx(-3, abs=0.02)
    assert better.effect.p == 2 / 70  # 8 choose 4, and its mirror image
    assert [p.entries for p in better.periods] == [5] * 8
    assert [p.sessions for p in better.periods] == [6] * 8


def test_an_early_unblinding_and_a_plan_that_cannot_answer_give_no_verdict() -> None:
    assert sides(-3, confirmatory=False).verdict == Verdict.CANNOT_TELL
    plan = make_rules(SIDES, 8)
    entries = make_entries(plan, lambda p, _d: (2.0, 5.0) if ARMS[p] else (5.0, 2.0))
    found = analyse_trial(plan, ARMS, entries, make_sessions(plan), complete=False)
    assert (found.verdict, found.complete) == (Verdict.CANNOT_TELL, False)
    assert found.effect is not None and found.effect.estimate == -3


def test_only_entries_before_the_days_first_session_count() -> None:
    plan = make_rules(PERIODS, 2)
    sessions = make_sessions(plan)
    day = START + timedelta(days=2)
    at = at_ms(day, 18)
    entries = [
        Entry(day, (1.0,), at - 2),
        Entry(day, (2.0,), at - 1),  # replaces the one before
        Entry(day, (3.0,), at),  # at the session: too late
        Entry(day + timedelta(days=1), (4.0,), at_ms(day + timedelta(days=1), 23)),
        Entry(day + timedelta(days=3), (5.0,), at_ms(day + timedelta(days=5), 8), late=True),
    ]
    chosen = choose_entries(entries, sessions)
    assert chosen.values == {day: (2.0,), day + timedelta(days=1): (4.0,)}
    assert (chosen.late, chosen.after) == (1, 1)
    every = choose_entries(entries, sessions, all_of_them=True).values
    assert every == {**chosen.values, day + timedelta(days=3): (5.0,)}


def test_a_session_without_a_date_makes_no_entry_late_and_is_counted() -> None:
    plan = make_rules(PAIRS, 4)
    sessions = [*make_sessions(plan), Session(1, "foot-left", None, None)]
    entries = make_entries(plan, lambda _p, _d: (5.0,))
    assert choose_entries(entries, sessions).after == 0
    assert analyse_trial(plan, [1, 0, 0, 1], entries, sessions).undated == 1


def test_a_period_begins_with_its_first_session_and_ends_with_its_days() -> None:
    """The second begins three days late; the third does not wait for it."""
    plan = make_rules(PERIODS, 4)
    late = START + timedelta(days=10)
    sessions = [
        Session(0, "foot-left", START, at_ms(START, 18)),
        Session(1, "foot-left", late, at_ms(late, 18)),
        Session(2, "foot-left", START + timedelta(days=14), at_ms(late, 18)),
    ]
    starts = find_period_starts(plan, sessions)
    assert starts == [START, late, START + timedelta(days=14), None]
    numbers = {START + timedelta(days=n): (float(n),) for n in range(40)}
    values, counts = compute_values(plan, starts, numbers)
    assert counts == [5, 2, 5, 0]
    assert values[0] == 4.0  # days 2 to 6
    assert math.isnan(values[1])  # 12 and 13 of 5 days: fewer than half
    assert values[2] == 18.0
    assert math.isnan(values[3])  # no session


@pytest.mark.parametrize("known,missing", [(3, False), (2, True)])
def test_a_period_with_fewer_than_half_of_its_days_is_missing(known: int, missing: bool) -> None:
    plan = make_rules(PERIODS, 2)
    numbers = {START + timedelta(days=2 + n): (4.0,) for n in range(known)}
    values, counts = compute_values(plan, [START, None], numbers)
    assert counts == [known, 0]
    assert math.isnan(values[0]) == missing


def test_too_few_periods_cannot_tell_and_say_why() -> None:
    plan = make_rules(SIDES, 8)
    entries = make_entries(plan, lambda p, _d: (2.0, 5.0) if ARMS[p] else (5.0, 2.0))
    gone = [e for e in entries if (e.day - START).days >= 28]  # two with light are missing
    arms = [1, 1, 1, 0, 1, 0, 0, 0]
    found = analyse_trial(plan, arms, gone, make_sessions(plan))
    assert (found.verdict, found.effect) == (Verdict.CANNOT_TELL, None)
    assert "fewer than two periods" in found.why
    assert found.as_body()["missing"] == [0, 1, 2, 3]


def test_worst_and_best_case_fill_missing_periods_with_the_extremes() -> None:
    plan = make_rules(SIDES, 4)
    values = np.array([np.nan, 1.0, 3.0, np.nan])
    arms = [1, 0, 1, 0]
    assert list(fill_missing(plan, arms, values, best=True)) == [1, 1, 3, 3]
    assert list(fill_missing(plan, arms, values, best=False)) == [3, 1, 3, 1]
    more = replace(plan, less=False)
    assert list(fill_missing(more, arms, values, best=True)) == [3, 1, 3, 1]


def test_carry_over_is_allowed_for() -> None:
    """Values of 5 + 2 of the arm + 1 of the arm before: least squares gives 2 again."""
    plan = make_rules(PERIODS, 8)
    values = np.array([5.0 + 2 * on for on in ARMS])
    values[1:] += np.array(ARMS[:-1], float)
    assert allow_for_carry_over(plan, ARMS, values) == pytest.approx(2)
    doubled = np.array([4.0 * on - 2 for on in ARMS])  # two sites: an arm moves both
    assert allow_for_carry_over(make_rules(SIDES, 8), ARMS, doubled) == pytest.approx(2)
    assert allow_for_carry_over(plan, ARMS, np.full(8, np.nan)) is None
    assert allow_for_carry_over(plan, [1, 0] * 4, values) is None  # the one is the other's mirror


def test_sensitivity_finds_what_the_washout_hides() -> None:
    """The effect builds up within the period: all days show less of it, the later half more."""
    plan = make_rules(SIDES, 8)

    def number(period: int, day: int) -> tuple[float, float]:
        reached = -4 * day / 6
        return (5 + reached, 5.0) if ARMS[period] else (5.0, 5 + reached)

    found = analyse_trial(plan, ARMS, make_entries(plan, number), make_sessions(plan))
    looks = {one.name: one for one in found.sensitivity}
    assert list(looks) == list(SENSITIVITIES)
    assert looks["no-washout"].estimate == pytest.approx(-2.0)
    assert found.effect is not None and found.effect.estimate == pytest.approx(-4 * 4 / 6)
    assert looks["late-half"].estimate == pytest.approx(-4 * 5 / 6)
    assert looks["worst-case"].estimate == pytest.approx(found.effect.estimate)  # none is missing


def test_periods_with_other_light_are_left_out_of_one_look_only() -> None:
    plan = make_rules(SIDES, 8)

    def number(period: int, _day: int) -> tuple[float, float]:
        if period == 3:  # the foot was treated by mistake: nothing is left of the difference
            return 5.0, 5.0
        return (2.0, 5.0) if ARMS[period] else (5.0, 2.0)

    entries, sessions = make_entries(plan, number), make_sessions(plan)
    lit = [START + timedelta(days=3 * 7 + 1)]
    found = analyse_trial(plan, ARMS, entries, sessions, other_light=lit)
    assert found.effect is not None and found.effect.used == 8
    looks = {one.name: one.estimate for one in found.sensitivity}
    assert looks["no-other-light"] == pytest.approx(-3)
    assert abs(found.effect.estimate) < 3


def test_guesses_count_for_the_arm_that_was_drawn() -> None:
    plan = make_rules(SIDES, 8)
    entries = make_entries(plan, lambda _p, _d: (5.0, 5.0))
    guesses = [PeriodGuess(n, bool(on), 8, "warm") for n, on in enumerate(ARMS)]
    found = analyse_trial(plan, ARMS, entries, make_sessions(plan), guesses)
    assert found.active_guesses is not None and found.active_guesses.index == 1
    assert found.blinding_broken and found.as_body()["bang"]["broken"]
    none = analyse_trial(plan, ARMS, entries, make_sessions(plan))
    assert (none.active_guesses, none.blinding_broken) == (None, False)


def test_the_figures_are_json_and_the_same_each_time() -> None:
    body = sides(-3).as_body()
    assert json.loads(canonical_json(body)) == body
    assert body == sides(-3).as_body()
    open_ended = sides(-3, periods=4).as_body()  # p is at least 1/3: no effect is excluded
    assert (open_ended["low"], open_ended["high"]) == (None, None)


def test_a_sample_of_allocations_has_the_drawn_one_in_it() -> None:
    """24 periods have 2.7 million allocations: 20,000 and the drawn one are compared."""
    plan = make_rules(SIDES, 24)
    arms = [1, 0] * 12
    entries = make_entries(plan, lambda p, _d: (1.0, 9.0) if arms[p] else (9.0, 1.0))
    found = analyse_trial(plan, arms, entries, make_sessions(plan))
    assert found.effect is not None
    assert (found.effect.p, found.effect.exact) == (1 / 20_001, False)
    assert {one.p for one in found.sensitivity if one.p is not None} == {1 / 20_001}
    quick = analyse_trial(plan, arms, entries, make_sessions(plan), looks=False)
    assert (quick.sensitivity, quick.effect) == ((), found.effect)


def test_an_allocation_of_another_length_is_refused() -> None:
    plan = make_rules(SIDES, 4)
    with pytest.raises(ValueError, match="2 arms for 4 periods"):
        analyse_trial(plan, [1, 0], [], [])


@pytest.mark.parametrize("design,periods", [(SIDES, 8), (PERIODS, 8), (PAIRS, 12)])
def test_the_interval_ends_where_the_test_begins_to_reject(design: str, periods: int) -> None:
    """With gaps too: the quick search by shares against the test on values without the effect."""
    rng = np.random.default_rng(5)
    every = list_allocations(design, periods)
    for _ in range(10):
        values = rng.normal(size=periods)
        values[rng.integers(0, periods)] = np.nan
        arm = [int(a) for a in every[rng.integers(len(every))]]
        try:
            found: Effect = estimate_effect([float(v) for v in values], arm, design)
        except ValueError:
            continue
        on = np.array(arm, float)
        share = 2 * on - 1 if design == SIDES else on
        for end, step in ((found.low, -1e-6), (found.high, 1e-6)):
            if math.isfinite(end):
                inside = compute_p(values - (end - step) * share, arm, every, design)
                outside = compute_p(values - (end + step) * share, arm, every, design)
                assert inside > 0.05 >= outside


# ---- the plan


def test_the_plan_is_read_as_it_was_frozen_and_its_hash_covers_all_of_it() -> None:
    plan = make_frozen()
    body = json.loads(canonical_json(plan.as_body()))
    assert read_plan(body) == plan
    sha = hash_plan(body)
    changes = {
        "washout": 1,
        "matters": 1.0,
        "sessions": 2,
        "start": START + timedelta(days=1),
        "aim": "more",
        "others": (),
        "confirmatory": False,
    }
    for name, value in changes.items():
        assert hash_plan(replace(plan, **{name: value}).as_body()) != sha, name
    assert hash_plan(body | {"analysis": {**body["analysis"], "missing": "none"}}) != sha


def test_a_plan_with_another_analysis_is_not_read() -> None:
    body = make_frozen().as_body()
    with pytest.raises(ValueError, match="another analysis"):
        read_plan(body | {"analysis": {**body["analysis"], "rules": 2}})
    with pytest.raises(ValueError, match="schema"):
        read_plan(body | {"schema": 9})


@pytest.mark.parametrize(
    "changes",
    [
        {"periods": 54},
        {"periods": 7},
        {"periods": 0},
        {"washout": 7},
        {"washout": -1},
        {"days": 10**9},
        {"sessions": 0},
        {"matters": 0},
        {"design": "squares"},
        {"design": PAIRS},
    ],
)
def test_a_plan_that_no_wrap_takes_is_not_read(changes: dict[str, object]) -> None:
    assert plan_module.MOST_PERIODS == wrap_trial.MOST_PERIODS
    with pytest.raises(ValueError, match="cannot be"):
        read_plan(make_frozen().as_body() | changes)


def test_the_plan_answers_every_item_of_spent() -> None:
    items = list_spent_items(make_frozen())
    numbers = {int("".join(c for c in name.split()[0] if c.isdigit())) for name, _ in items}
    assert numbers == set(range(1, 34))
    assert all(answer.strip() for _, answer in items)
    assert "my daughter looks at the skin" in dict(items)["10 eligibility"]


def test_the_calendar_of_a_plan() -> None:
    plan = make_frozen()
    assert plan.waited and not replace(plan, start=START - timedelta(days=1)).waited
    days = (-1, 0, 6, 7, 83, 84, 200)
    found = [plan.planned_period(START + timedelta(days=n)) for n in days]
    assert found == [-1, 0, 0, 1, 11, 12, 12]
    assert plan.end == START + timedelta(days=84)
