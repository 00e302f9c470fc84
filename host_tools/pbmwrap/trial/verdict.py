"""The four verdicts of a trial. Which one is decided by rules that were frozen with the plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbmwrap.trial.randomisation import ALPHA, Effect


class Verdict(StrEnum):
    """What a finished trial says."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference as large as the one that matters"
    CANNOT_TELL = "cannot tell"


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
    if effect.p <= ALPHA and effect.estimate:
        improved = (effect.estimate < 0) == rules.less
        return Verdict.BETTER if improved else Verdict.WORSE
    if -rules.matters < effect.low and effect.high < rules.matters:
        return Verdict.NO_DIFFERENCE
    return Verdict.CANNOT_TELL
