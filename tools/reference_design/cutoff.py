"""S1, the thermal cut-off: where it opens by its parts, and how hot skin gets while only S1 acts.

`python -m tools.reference_design.cutoff` runs the whole grid of cases (two minutes) and prints the
worst of each rating. The guide's tables use WORST, the cases that this grid found.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pbmwrap.twin.plant import FULL_PPM, LOADED, ZONES, CutOff, Plant, PlantParams
from tools.reference_design import design, parts
from tools.reference_design.parts import Facts

HOURS = 3
SKIN_MAX_C = 43.0
_FALLEN_K = 0.1  # below its peak, in the dark: no more heat comes
_KELVIN = 273.15


# Where S1 opens


@dataclass(frozen=True)
class Tolerances:
    """Share of each tolerance that is used up: -1 to 1; +1 opens too late."""

    r25: float = 0.0
    beta: float = 0.0
    resistors: float = 0.0
    offset: float = 0.0
    currents: float = 0.0  # of the comparators' inputs and of the diodes
    heat: float = 0.0  # of the bead by its own current: 1 is a bead without any


ALL_EARLY = Tolerances(-1, -1, -1, -1, -1, -1)
ALL_LATE = Tolerances(1, 1, 1, 1, 1, 1)


def supply_v() -> float:
    """S1's own supply, at the lowest 12 V: there the offset counts most."""
    lowest = parts.SUPPLY_V * (1 - parts.SUPPLY_TOLERANCE)
    return lowest - parts.S1_FEED_OHM * parts.S1_DRAW_A


def opens_c(used: Tolerances = Tolerances()) -> float:
    """Skin temperature at which a bead of S1 opens the feed, in C, when heat is slow."""
    supply = supply_v()
    spread = parts.S1_RESISTOR_TOLERANCE * used.resistors
    low = _parallel_ohm(parts.S1_LOW_OHM * (1 - spread), parts.S1_TRIM_OHM)
    share = low / (low + parts.S1_TOP_OHM * (1 + spread))
    node_v = supply * share - used.offset * parts.S1_OFFSET_V - _currents_v(used, supply * share)
    ntc_ohm = parts.S1_TOP_OHM * (1 - spread) * node_v / (supply - node_v)
    r25 = parts.S1_R25_OHM * (1 + used.r25 * parts.S1_R25_TOLERANCE)
    # Of two NTCs with the same R25, that of the smaller B is the hotter one at a resistance.
    beta = parts.S1_BETA_K * (1 - used.beta * parts.S1_BETA_TOLERANCE)
    bead_c = 1 / (1 / 298.15 + math.log(ntc_ohm / r25) / beta) - _KELVIN
    return bead_c - self_heat_k() * (1 - used.heat) / 2


def _currents_v(used: Tolerances, trip_v: float) -> float:
    """What the comparators' input currents and a diode make a bead's voltage read too high.

    One input hangs on a bead's node, three on TRIP's.
    """
    node_ohm = _parallel_ohm(parts.S1_LOW_OHM, parts.S1_TOP_OHM)
    if used.currents > 0:
        return used.currents * parts.S1_BIAS_A * node_ohm
    diode_a = (trip_v - parts.S1_DIODE_V) / parts.S1_ANY_OHM
    return used.currents * (len(ZONES) * parts.S1_BIAS_A + diode_a) * node_ohm


def _parallel_ohm(one: float, other: float) -> float:
    return one * other / (one + other)


def self_heat_k() -> float:
    """Bead above its surroundings by its own current, at most."""
    amps = parts.SUPPLY_V * (1 + parts.SUPPLY_TOLERANCE) / (parts.S1_TOP_OHM + parts.S1_LOW_OHM)
    return 1000 * amps * amps * parts.S1_LOW_OHM / parts.S1_BEAD_MW_PER_K


def list_contributions_k() -> dict[str, float]:
    """K by which each tolerance alone moves the point, either way."""
    names = ("r25", "beta", "resistors", "offset", "currents", "heat")
    return {
        name: max(abs(opens_c(Tolerances(**{name: way})) - opens_c()) for way in (-1.0, 1.0))
        for name in names
    }


def open_bead_share() -> float:
    """Of S1's supply: a bead above it counts as open."""
    top, low = parts.S1_OPEN_OHM
    return low / (top + low)


def seconds_on_bag(bag_c: float, from_c: float, lag_s: float = parts.CUTOFF_LAG_S) -> float:
    """Until the latest S1 opens on a surface of `bag_c` that it is laid on."""
    return lag_s * math.log((bag_c - from_c) / (bag_c - parts.CUTOFF_LATEST_C))


# What S1 lets happen


@dataclass(frozen=True)
class Case:
    """Lamps that nobody can switch off, in the corner of most current; a wearer and a room."""

    lamps: int
    duty: float
    room_c: float
    covered: bool
    blood_flow: float
    lain_on: bool

    def __str__(self) -> str:
        lamps = "both lamps" if self.lamps == 2 else "one lamp"
        words = [f"{lamps} at {100 * self.duty:.0f} %", f"{self.room_c:g} C"]
        words += ["blanket"] * self.covered + ["no blood flow"] * (not self.blood_flow)
        return ", ".join(words + ["lain on"] * self.lain_on)


@dataclass(frozen=True)
class Rating:
    """A cut-off that opens at `latest_c` at the latest."""

    latest_c: float
    place: Literal["skin", "board"] = "skin"
    lag_s: float = parts.CUTOFF_LAG_S


@dataclass(frozen=True)
class Peak:
    """The hottest skin of a rating, when it was, and in which case. `opened_s`: None is never."""

    skin_c: float
    opened_s: int | None
    case: Case


CHOSEN = Rating(parts.CUTOFF_LATEST_C)


def most_power(facts: Facts) -> float:
    """All lamps' power in the corner of most current, over what the board's facts say."""
    most = sum(design.channel_ma(parts.STRINGS, design.MOST)) * design.MOST.supply_v
    return most / (sum(c[3] for c in facts.CHANNELS) * parts.SUPPLY_V)


def plant_of(facts: Facts, case: Case, area_cm2: float) -> Plant:
    """A pad of `area_cm2` with lamps in the corner of most current."""
    scale = parts.REFERENCE_CM2 / area_cm2 * most_power(facts)
    channels = tuple((*c[:3], c[3] * scale, c[4]) for c in facts.CHANNELS)
    strong = Facts(**{**vars(facts), "CHANNELS": channels})
    lain_on = {"loaded_loss": 0.1, "loaded_blood_flow": 0.0, "loaded_thickness": 0.5}
    return Plant(
        strong,
        PlantParams(
            ambient_c=case.room_c,
            covered=case.covered,
            blood_flow=case.blood_flow,
            **(lain_on if case.lain_on else {}),
        ),
    )


def simulate_peaks(
    facts: Facts, case: Case, ratings: Sequence[Rating], area_cm2: float = parts.REFERENCE_CM2
) -> dict[Rating, Peak]:
    """Hottest skin of each rating: one run with the lamps on, and one in the dark for each."""
    plant = plant_of(facts, case, area_cm2)
    lit = [round(FULL_PPM * case.duty) * (n < case.lamps) for n in range(len(facts.CHANNELS))]
    waiting = {rating: _make_beads(rating) for rating in ratings}
    found: dict[Rating, Peak] = {}
    peak_c = plant.skin_c
    for second in range(HOURS * 3600):
        plant.step(1000, lit)
        peak_c = max(peak_c, plant.skin_c)
        skins, board_c = plant.skin_zones_c, plant.board_c
        for rating, beads in list(waiting.items()):
            for bead in beads:
                bead.step(1.0, skins[bead.zone], board_c)  # the loaded zone's board is the hottest
            if not all(bead.closed for bead in beads):
                hottest = max(peak_c, _peak_in_the_dark(plant))
                found[rating] = Peak(hottest, second, case)
                del waiting[rating]
        if not waiting:
            break
    return found | {rating: Peak(peak_c, None, case) for rating in waiting}


def _make_beads(rating: Rating) -> list[CutOff]:
    zones = range(len(ZONES)) if rating.place == "skin" else (LOADED,)
    return [CutOff(rating.latest_c, rating.place, zone, rating.lag_s) for zone in zones]


def _peak_in_the_dark(lit: Plant) -> float:
    plant = copy.deepcopy(lit)
    peak_c = plant.skin_c
    while plant.skin_c > peak_c - _FALLEN_K:
        plant.step(1000, ())
        peak_c = max(peak_c, plant.skin_c)
        if plant.board_c < plant.skin_c < peak_c:
            break
    return peak_c


def find_worst_case(
    facts: Facts,
    cases: Iterable[Case],
    ratings: Sequence[Rating],
    area_cm2: float = parts.REFERENCE_CM2,
) -> dict[Rating, Peak]:
    """The hottest of all cases, for each rating."""
    runs = [simulate_peaks(facts, case, ratings, area_cm2) for case in cases]
    return {r: max((run[r] for run in runs), key=lambda p: p.skin_c) for r in ratings}


RATINGS = (
    CHOSEN,
    Rating(parts.CUTOFF_LATEST_C, lag_s=60.0),
    Rating(43.0),
    Rating(50.0),
    Rating(41.0, "board", 30.0),
    Rating(45.8, "board", 30.0),
    Rating(50.0, "board", 30.0),
    Rating(55.0, "board", 30.0),
    Rating(60.0, "board", 30.0),
)
# The worst case of each of RATINGS over the whole grid, as this module's `main` finds it, and (the
# last) of CHOSEN on small pads.
WORST = (
    Case(2, 1.0, 38.0, True, 0.0, False),
    Case(2, 1.0, 38.0, True, 0.0, True),
    Case(2, 1.0, 20.0, False, 0.0, False),
    Case(1, 1.0, 25.0, False, 0.0, False),
    Case(1, 0.25, 35.0, True, 1.0, True),
    Case(1, 0.5, 35.0, True, 1.0, True),
    Case(1, 0.6, 38.0, True, 0.0, True),
    Case(2, 1.0, 20.0, True, 0.0, False),
)
FULL_POWER = tuple(case for case in WORST if case.lamps == 2)
DUTIES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0)
ROOMS_C = (20.0, 25.0, 30.0, 35.0, 38.0)


def list_cases() -> list[Case]:
    """Every case of the whole grid."""
    sets = itertools.product((1, 2), DUTIES, ROOMS_C, (False, True), (0.0, 1.0), (False, True))
    return [Case(*one) for one in sets]


def main() -> None:
    """Print the worst case of each rating over the whole grid."""
    facts = parts.facts_of("PBMWRAP_RP2040")
    for rating, peak in find_worst_case(facts, list_cases(), RATINGS).items():
        print(f"{rating}: {peak.skin_c:.2f} C after {peak.opened_s} s, {peak.case}")


if __name__ == "__main__":
    main()
