"""A trial as the page receives it. Numbers and codes: the page has the words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pbmwrap.programme.trial_run import Progress
from pbmwrap.programme.trial_steps import (
    describe_progress,
    describe_reveal,
    describe_trial,
    list_guess_words,
)
from pbmwrap.programme.trials import Trial, TrialEntry, TrialGuess
from pbmwrap.trial.bundle import Evidence, Outcome
from pbmwrap.trial.plan import TrialPlan
from pbmwrap.trial.report import list_cautions
from pbmwrap.trial.verdict import Verdict
from pbmwrap.web.programme_rows import describe_measure

_CODES = {
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.NO_DIFFERENCE: "same",
    Verdict.CANNOT_TELL: "unknown",
}


def describe_short(trial: Trial) -> dict[str, Any]:
    """Return what a list of trials shows."""
    plan = trial.plan
    return {
        "id": plan.id,
        "aim": plan.aim,
        "start": plan.start.isoformat(),
        "state": trial.state,
    }


def describe_plan(plan: TrialPlan) -> dict[str, Any]:
    """Return the frozen plan."""
    first = plan.sites[0]
    return {
        "aim": plan.aim,
        "minutes": first.minutes,
        "near_infrared_pm": first.near_infrared_pm,
        "design": plan.design,
        "days": plan.days,
        "washout": plan.washout,
        "measure": describe_measure(plan.measure),
        "matters": plan.matters,
        "others": list(plan.others),
        "enrolled": plan.enrolled.day.isoformat(),
    }


def describe_draft(plan: TrialPlan) -> dict[str, Any]:
    """Return a plan that is not frozen yet, as `describe_state` has that of a trial."""
    trial = Trial(plan, {}, "", plan.enrolled)
    return describe_trial(trial) | {"plan": describe_plan(plan)}


def describe_state(
    progress: Progress, entries: Sequence[TrialEntry], guesses: Sequence[TrialGuess]
) -> dict[str, Any]:
    """Return how far a trial is. Nothing in it depends on the arms before the reveal."""
    trial = progress.trial
    words = {said: word for word, said in list_guess_words(trial).items()}
    today = [entry for entry in entries if entry.day == progress.today]
    return {
        **describe_progress(progress),
        "plan": describe_plan(trial.plan),
        "values": list(today[-1].values) if today else None,
        "guess_words": list(list_guess_words(trial)),
        "guesses": [
            {
                "period": one.guess.period,
                "word": words[one.guess.said],
                "confidence": one.guess.confidence,
                "why": one.guess.why,
                "day": one.written.day.isoformat(),
            }
            for one in guesses
        ],
        "over": list(progress.over),
    }


def describe_result(evidence: Evidence, outcome: Outcome, alt: str) -> dict[str, Any]:
    """Return the result of a revealed trial. alt: the words of its picture."""
    trial, analysis = evidence.trial, outcome.analysis
    found = describe_reveal(trial, outcome)
    return {
        "verdict": _CODES[analysis.verdict],
        "analysis": analysis.as_body(),
        "arms": found["arms"],
        "sessions": len(found["truths"]),
        "wrong": found["wrong"],
        "complete": found["complete"],
        "cautions": list_cautions(evidence, outcome),
        "alt": alt,
    }
