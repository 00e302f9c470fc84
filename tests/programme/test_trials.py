"""Trials in the household's file: frozen once, entries and guesses that cannot be changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pbmwrap.errors import InvalidFile, Refused, UsageError
from pbmwrap.programme import trials
from pbmwrap.programme.model import Kind, Stamp
from pbmwrap.programme.people import add_person, forget_person
from pbmwrap.programme.store import check_chain
from pbmwrap.trial.analysis import PeriodGuess
from pbmwrap.trial.plan import Asked, hash_plan
from tests.trial.trial_maker import make_frozen


@pytest.fixture
def plan(ada, clock):
    return make_frozen(
        id=f"{ada.tag}-t1",
        person=ada.tag,
        enrolled=Stamp(clock.ms, 60),
        start=clock.today + timedelta(days=21),
    )


@pytest.fixture
def trial(store, ada, clock, plan):
    made = trials.freeze_trial(store, ada, plan, clock.ms)
    return trials.note_trial(
        store, ada, made, trials.ARMED, clock.ms, uid="w1", commitment="c" * 64
    )


def test_a_trial_is_frozen_once_and_read_as_it_was(store, ada, clock, plan) -> None:
    made = trials.freeze_trial(store, ada, plan, clock.ms)
    assert made.sha == hash_plan(plan.as_body())
    (found,) = trials.list_trials(store, ada)
    assert (found, found.state) == (made, "frozen")
    assert trials.is_frozen_plan_whole(found)
    with pytest.raises(Refused, match="is not over"):
        trials.freeze_trial(store, ada, replace(plan, id=f"{ada.tag}-t2"), clock.ms)
    assert trials.make_trial_id(store, ada) == f"{ada.tag}-t2"


@pytest.mark.parametrize(
    "asked,words",
    [
        (Asked(True, False), "needs treatment now"),
        (Asked(False, True), "without a person who looks at the skin"),
        (Asked(False, True, "  "), "without a person who looks at the skin"),
    ],
)
def test_for_whom_a_trial_is_not_made(store, ada, clock, plan, asked, words) -> None:
    with pytest.raises(Refused, match=words):
        trials.freeze_trial(store, ada, replace(plan, asked=asked), clock.ms)
    assert trials.list_trials(store, ada) == []


def test_what_was_asked_is_kept_with_the_plan(store, ada, trial) -> None:
    assert trials.find_trial(store, ada).plan.asked == Asked(False, True, "my daughter")


def test_a_day_has_a_number_for_each_site_and_keeps_every_writing(store, ada, clock, trial) -> None:
    first = trials.add_trial_entry(store, ada, trial, [5, 6], clock.ms)
    clock.ms += 1000
    trials.add_trial_entry(store, ada, trial, [4, 6], clock.ms)
    found = trials.list_trial_entries(store, ada, trial)
    assert [one.values for one in found] == [(5, 6), (4, 6)]
    assert found[0] == first and not first.late
    assert found[1].for_analysis().written_ms == clock.ms


def test_an_entry_of_an_earlier_day_is_late(store, ada, clock, trial) -> None:
    clock.days(3)
    day = clock.today - timedelta(days=1)
    entry = trials.add_trial_entry(store, ada, trial, [5, 6], clock.ms, day=day)
    assert entry.late and entry.for_analysis().late


@pytest.mark.parametrize(
    "values,days,words",
    [
        ([5], 0, "1 numbers for foot-left and foot-right"),
        ([5, 11], 0, "outside 0 to 10"),
        ([5, 5.5], 0, "between two steps"),
        ([5, 5], 1, "in the future"),
        ([5, 5], -1, "before the trial was made"),
    ],
)
def test_entries_that_cannot_be(store, ada, clock, trial, values, days, words) -> None:
    day = clock.today + timedelta(days=days)
    with pytest.raises(UsageError, match=words):
        trials.add_trial_entry(store, ada, trial, values, clock.ms, day=day)


def test_a_guess_is_made_once_a_period(store, ada, clock, trial) -> None:
    trials.add_guess(store, ada, trial, PeriodGuess(0, True, 7, "  it was  warm"), clock.ms)
    with pytest.raises(Refused, match="period 1 has a guess already"):
        trials.add_guess(store, ada, trial, PeriodGuess(0, None), clock.ms)
    for wrong, words in (
        (PeriodGuess(12, True), "no period 13"),
        (PeriodGuess(1, True, 11), "outside 0 to 10"),
        (PeriodGuess(1, True, 1, "x" * 501), "more than 500"),
    ):
        with pytest.raises(UsageError, match=words):
            trials.add_guess(store, ada, trial, wrong, clock.ms)
    (kept,) = trials.list_guesses(store, ada, trial)
    assert kept.guess == PeriodGuess(0, True, 7, "it was warm")


@pytest.mark.parametrize("what", [trials.REVEALED, trials.UNBLINDED, trials.ENDED])
def test_nothing_is_written_after_the_end(store, ada, clock, trial, what) -> None:
    over = trials.note_trial(store, ada, trial, what, clock.ms, secret="5" * 64, reason="worse")
    assert (over.state, over.complete) == (what, what == trials.REVEALED)
    with pytest.raises(Refused, match="is over"):
        trials.add_trial_entry(store, ada, over, [5, 6], clock.ms)
    with pytest.raises(Refused, match="is over"):
        trials.add_guess(store, ada, over, PeriodGuess(0, True), clock.ms)
    # The first end counts; a later event changes nothing.
    again = trials.note_trial(store, ada, over, trials.REVEALED, clock.ms, secret="6" * 64)
    assert again == over
    assert trials.find_open(store, ada) is None


def test_periods_that_were_closed_early(store, ada, clock, trial) -> None:
    found = trials.note_trial(store, ada, trial, trials.CLOSED, clock.ms, period=3)
    assert (found.closed, found.state) == ((3,), "running")


def test_trials_are_found_by_number_and_belong_to_one_person(store, ada, clock, trial) -> None:
    assert trials.find_trial(store, ada, "1") == trials.find_trial(store, ada, trial.plan.id)
    with pytest.raises(UsageError, match="no trial 2"):
        trials.find_trial(store, ada, "2")
    bert = add_person(store, "Bert", "UTC", clock.ms)
    with pytest.raises(UsageError, match="Bert has no trial"):
        trials.find_trial(store, bert)


def test_a_plan_of_a_newer_program_is_said(store, ada, clock, plan) -> None:
    body = plan.as_body() | {"schema": 9}
    at = Stamp(clock.ms, 60).as_body()
    store.append(Kind.TRIAL, ada.tag, {"plan": body, "sha": "", "at": at}, clock.ms)
    with pytest.raises(InvalidFile, match="schema 9 is not known here"):
        trials.list_trials(store, ada)


def test_the_chain_covers_a_trial_and_forgetting_deletes_it(store, ada, clock, trial) -> None:
    trials.add_trial_entry(store, ada, trial, [5, 6], clock.ms)
    rows = store.read_chain()
    assert check_chain(rows) == [] and store.verify().problems == ()
    changed = [
        replace(r, body=r.body.replace("[5,6]", "[2,6]")) if r.kind == Kind.TRIAL_ENTRY else r
        for r in rows
        if r.body
    ]
    assert [p for p in check_chain(changed) if "text" in p]
    assert "missing" in " ".join(check_chain(rows[:1] + rows[2:]))
    forget_person(store, ada, clock.ms)
    assert trials.list_trials(store, ada) == []
