"""How well the person was blinded: Bang's index of the guesses after each period.

Bang, Ni and Davis, Control Clin Trials 25 (2004) 143-156. For each arm, 1 means that every guess
was right, 0 that guesses were as good as chance, -1 that every guess named the other arm. Its
variance is that of a difference of two shares of one multinomial sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_Z = 1.959964  # 95 %
SUSPICIOUS = 0.2  # an arm whose index is above was recognised, unless chance explains the guesses
_LEAST_CHANCE = 0.025  # of as many right guesses by chance, one-sided


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
    them; right: of them; said: all but "do not know"."""

    index: float
    low: float
    high: float
    n: int
    right: int
    said: int


def was_recognised(indices: Iterable[BangIndex]) -> bool:
    """Return whether the arms were recognised more often than chance explains. indices: of both
    arms.

    The guesses of both together are compared with tosses of a coin, exactly: with the six guesses
    of an arm, the interval's formula (of large samples) excludes chance in one trial of four where
    nothing was recognised.
    """
    known = list(indices)
    said, right = sum(one.said for one in known), sum(one.right for one in known)
    chance = sum(math.comb(said, k) for k in range(right, said + 1)) / 2**said
    return any(one.index > SUSPICIOUS for one in known) and chance <= _LEAST_CHANCE


def compute_index(guesses: Sequence[Guess], active: bool) -> BangIndex | None:
    """Compute the index of one arm, or None without a guess of it."""
    of_arm = [g for g in guesses if g.active == active]
    n = len(of_arm)
    if not n:
        return None
    hits = sum(g.said is active for g in of_arm)
    said = sum(g.said is not None for g in of_arm)
    right, wrong = hits / n, (said - hits) / n
    index = right - wrong
    variance = (right * (1 - right) + wrong * (1 - wrong) + 2 * right * wrong) / n
    reach = _Z * math.sqrt(variance)
    return BangIndex(index, max(-1.0, index - reach), min(1.0, index + reach), n, hits, said)
