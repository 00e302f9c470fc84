"""The four verdicts of a trial. Which one is decided by rules that were frozen with the plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbmwrap.portable import exact_test
from pbmwrap.trial.randomisation import Effect


class Verdict(StrEnum):
    """What a finished trial says."""

    BETTER = exact_test.BETTER
    WORSE = exact_test.WORSE
    NO_DIFFERENCE = exact_test.NO_DIFFERENCE
    CANNOT_TELL = exact_test.CANNOT_TELL


@dataclass(frozen=True)
class Rules:
    """matters: the change that matters to the person, above 0, in the unit of the entries; less:
    whether a lower entry is better."""

    matters: float
    less: bool = True


def judge(effect: Effect | None, rules: Rules, *, complete: bool = True) -> Verdict:
    """Judge the primary analysis. effect: None when too few periods have entries; complete: False
    after an early unblinding, which leaves no confirmatory part.

    Worse is tested as better is. "No difference" needs an interval that holds no change as large
    as the one that matters: a wide interval around 0 is "cannot tell".
    """
    if effect is None or not complete:
        return Verdict.CANNOT_TELL
    return Verdict(
        exact_test.judge_figures(
            effect.estimate, effect.p, effect.low, effect.high, rules.matters, rules.less
        )
    )
