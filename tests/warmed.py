"""A board with a warmer, for tests: the default one's facts and a resistor of the same current."""

from types import SimpleNamespace

import board_facts

WARMER = ("warmer", "heat", 6, 900)  # as docs/build-a-wrap.md builds it


def warmed_facts(facts=board_facts, **changes):
    """The facts of `facts` with a warmer. changes: of facts, WARMER included."""
    named = {k: v for k, v in vars(facts).items() if k.isupper()}
    return SimpleNamespace(**{**named, "WARMER": WARMER, **changes})
