"""How well the person was blinded: Bang's index of the guesses after each period.

Bang, Ni and Davis, Control Clin Trials 25 (2004) 143-156. For each arm, 1 means that every guess
was right, 0 that guesses were as good as chance, -1 that every guess named the other arm. Its
variance is that of a difference of two shares of one multinomial sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.959964  # 95 %
SUSPICIOUS = 0.2  # an arm whose index is above, with its interval above 0, was recognised


@dataclass(frozen=True)
class Guess:
    """active: whether the arm gave light; said: True for light, False for none, None for "do not
    know"; confidence: 0 to 10; why: the person's words."""

    active: bool
    said: bool | None
    confidence: int = 0
    why: str = ""


@dataclass(frozen=True)
class BangIndex:
    """index: -1 to 1; low, high: its 95 % interval; n: guesses of this arm, "do not know" among
    them."""

    index: float
    low: float
    high: float
    n: int

    @property
    def is_broken(self) -> bool:
        """Whether the arm was recognised more often than chance explains."""
        return self.index > SUSPICIOUS and self.low > 0


def compute_index(guesses: Sequence[Guess], active: bool) -> BangIndex | None:
    """Compute the index of one arm, or None without a guess of it."""
    of_arm = [g for g in guesses if g.active == active]
    n = len(of_arm)
    if not n:
        return None
    right = sum(g.said is active for g in of_arm) / n
    wrong = sum(g.said is (not active) for g in of_arm) / n
    index = right - wrong
    variance = (right * (1 - right) + wrong * (1 - wrong) + 2 * right * wrong) / n
    reach = _Z * math.sqrt(variance)
    return BangIndex(index, max(-1.0, index - reach), min(1.0, index + reach), n)
