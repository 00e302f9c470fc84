"""A case: its name says all, so it can be run alone and gives the same row again."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass

from tests.faults import plants
from tests.faults.kinds import HEATED, Kind, table
from tests.faults.run import EARLY, Run
from tests.faults.verdict import judge

TICK_WRAP_MS = 1 << 30
Row = dict[str, object]


@dataclass(frozen=True)
class Case:
    """One kind, phase, plant and seed; `id` joins them by slashes."""

    kind: str
    phase: str
    plant: str
    seed: int

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.phase}/{self.plant}/{self.seed}"

    @classmethod
    def from_id(cls, name: str) -> Case:
        """Return the case of an id. Raises ValueError when there is no such case."""
        kind, phase, plant, seed = name.split("/")
        case = cls(kind, phase, plant, int(seed))
        if kind not in table() or plant not in plants.WORLDS or phase not in table()[kind].phases:
            raise ValueError(f"there is no case {name}")
        return case


def list_cases(seeds: int) -> list[Case]:
    """Return the whole campaign: `seeds` cases of each kind, phase and plant, in a fixed order that
    spreads long cases evenly."""
    cases = [
        Case(kind.name, phase, plant, seed)
        for seed in range(seeds)
        for kind in table().values()
        for phase in kind.phases
        for plant in (plants.WORLDS if kind.physical else plants.ELECTRICAL)
    ]
    random.Random(0).shuffle(cases)
    return cases


def run_case(case: Case) -> Row:
    """Run a case to its end; return its row of the results (results.COLUMNS)."""
    began = time.process_time()
    figures = plants.draw(case.plant, case.seed)
    row: Row = {"id": case.id, **asdict(case), **asdict(figures)}
    if plants.excluded(figures):
        row |= {"verdict": "excluded", "reason": "this plant passes 43 C in the dark"}
    else:
        row |= _played(case, table()[case.kind], figures)
    return row | {"cpu_ms": round((time.process_time() - began) * 1000, 1)}


def _played(case: Case, kind: Kind, figures: plants.Figures) -> Row:
    one = _prepared(case, kind, figures)
    try:
        kind.inject(one)
        if case.phase in EARLY:
            one.begin_broken()
        if case.phase in EARLY or (kind.heat and case.phase in HEATED):
            one.watch_heat()
        else:
            one.watch(kind.watch_s * 1000)
        one.cool()
        return judge(kind, one, case.plant in plants.MEETING)
    finally:
        one.close()


def _prepared(case: Case, kind: Kind, figures: plants.Figures) -> Run:
    one = _to_phase(case, kind, figures, 0)
    if kind.at_wrap:
        one.close()
        one = _to_phase(case, kind, figures, TICK_WRAP_MS - one.now_ms - 500)
    return one


def _to_phase(case: Case, kind: Kind, figures: plants.Figures, start_ms: int) -> Run:
    rng = random.Random(case.id)
    plant = plants.make(figures, kind.warmer or kind.sham)
    if case.plant in plants.MEETING:
        plants.add_cut_offs(plant)
    how = (kind.tethered, start_ms, kind.sense, kind.proven and kind.physical, kind.physical)
    one = Run(plant, case.phase, rng, *how, warmer=kind.warmer, sham=kind.sham)
    one.prepare()
    return one
