"""Two faults that meet in one life: drawn pairs of plausible ones, judged by heat alone.

A pair is two kinds of `CANDIDATES` of different groups, or two sensors that lie; the first is there
before the press, the second comes before it or in the session. Limits are those of the double-fault
case: skin at most 43.5 C, CEM43 at most 5 minutes, with S1 in place.
"""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from tests.faults import plants
from tests.faults.case import Row
from tests.faults.kinds import Kind, table
from tests.faults.run import Run

# What can befall a wrap without anybody noticing, so that another fault meets it.
CANDIDATES = (
    "skin-in-air",
    "skin-lifted",
    "skin-creeping",
    "skin-offset",
    "skin-other-part",
    "skin-slow",
    "skin-stuck",
    "board-offset",
    "board-creeping",
    "board-stuck",
    "ground-shared-one",
    "leak-skin",
    "contact-skin",
    "contact-ground",
    "select-stuck",
    "lain-on-now",
    "covered-now",
    "blood-stops",
    "slipped",
    "lamp-strong",
    "lamp-half-stuck",
)
# Pairs that pass the limits and are listed by name in README.md; each with the reason.
LISTED: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Pair:
    """`id` joins the kinds, the plant and the seed."""

    first: str
    second: str
    plant: str
    seed: int

    @property
    def id(self) -> str:
        return f"{self.first}+{self.second}/{self.plant}/{self.seed}"

    @classmethod
    def from_id(cls, name: str) -> Pair:
        """Return the pair of an id. Raises ValueError for text of another form."""
        kinds, plant, seed = name.split("/")
        first, second = kinds.split("+")
        return cls(first, second, plant, int(seed))


def draw_pairs(count: int) -> list[Pair]:
    """Return `count` different pairs, the same on every machine."""
    rng = random.Random("pairs")
    both = list(combinations(CANDIDATES, 2))
    worlds = list(plants.WORLDS)
    found: dict[str, Pair] = {}
    for n in range(count):
        first, second = both[n % len(both)]
        pair = Pair(first, second, rng.choice(worlds), n // len(both))
        found[pair.id] = pair
    return list(found.values())


def run_pairs(names: Sequence[str]) -> list[Row]:
    """Run the pairs of these ids; return their rows."""
    return [run_pair(Pair.from_id(name)) for name in names]


def run_pair(pair: Pair) -> Row:
    """Play both faults to the session's end. Returns the row: peak_c, cem43_min (thermal dose in
    minutes at 43 C), the fault latched or "", and the verdict "pass", "listed" or "FAIL"."""
    figures = plants.draw(pair.plant, pair.seed)
    row: Row = {"id": pair.id, "kind": f"{pair.first}+{pair.second}", "plant": pair.plant}
    rng = random.Random(pair.id)
    one = Run(plants.make(figures), "pressed", rng)
    plants.add_cut_offs(one.plant)
    first, second = table()[pair.first], table()[pair.second]
    try:
        one.prepare()
        _inject_both(one, first, second, later=rng.random() < 0.5)
        one.begin_broken()
        one.watch_heat()
        one.cool()
        heat = one.heat
        over = heat.peak_c > plants.PAIR_MAX_C or heat.cem43_min > plants.PAIR_CEM43_MAX_MIN
        listed = tuple(sorted((pair.first, pair.second))) in LISTED
        verdict = ("listed" if listed else "FAIL") if over else "pass"
        reason = f"skin {heat.peak_c:.2f} C, CEM43 {heat.cem43_min:.2f} min" if over else ""
    finally:
        one.close()
    return row | {
        "peak_c": round(heat.peak_c, 3),
        "zone": heat.zone,
        "cem43_min": round(heat.cem43_min, 3),
        "fault": one.fault,
        "verdict": verdict,
        "reason": reason,
    }


def _inject_both(one: Run, first: Kind, second: Kind, later: bool) -> None:
    first.inject(one)
    if not later:
        second.inject(one)
        return
    due = [one.now_ms + one.rng.randrange(20_000, 600_000)]

    def act(now: int) -> None:
        if due and now >= due[0]:
            due.clear()
            second.inject(one)

    one.every.append(act)


def match_ids(count: int, pattern: str) -> Iterator[str]:
    """Yield the ids of the drawn pairs that match a shell pattern."""
    return (pair.id for pair in draw_pairs(count) if fnmatch.fnmatch(pair.id, pattern))
