"""Heat of the reference pad at other areas, by the stand-in of docs/decisions/0003. No I/O.

Its figures are all per area, so a smaller pad is the same pad with more power. Times are those of
lamps at the supply's limit that nobody dims.
"""

from __future__ import annotations

from collections.abc import Callable

from pbmwrap.twin.plant import FULL_PPM, ZONES, CutOff, Plant, PlantParams
from tools.reference_design import parts
from tools.reference_design.design import supply_share
from tools.reference_design.parts import Facts
from wrap.rules import limits

SESSION_S = limits.SESSION_MAX_S
_COARSE_S = 10


def plant_of(facts: Facts, area_cm2: float, **figures: float | bool) -> Plant:
    """Return the plant of a pad of `area_cm2` on skin."""
    scale = parts.REFERENCE_CM2 / area_cm2
    channels = tuple((*c[:3], c[3] * scale, c[4]) for c in facts.CHANNELS)
    scaled = Facts(**{**vars(facts), "CHANNELS": channels})
    return Plant(scaled, PlantParams(**figures))  # type: ignore[arg-type]


def skin_c(facts: Facts, plant: Plant) -> float:
    """Return the skin temperature that the firmware's derating uses, C."""
    return max(plant.sensor_c(i) for i, s in enumerate(facts.SENSORS) if s[1] == "skin")


def find_dimming(facts: Facts, plant: Plant) -> bool:
    return skin_c(facts, plant) * 1000 >= limits.SKIN_DERATE_MC


def seconds_until(
    facts: Facts, area_cm2: float, reached: Callable[[Facts, Plant], bool], **figures: float | bool
) -> int | None:
    """Return the seconds until `reached` first holds in a session, or None."""
    plant = plant_of(facts, area_cm2, **figures)
    duty = [int(FULL_PPM * supply_share(facts))] * len(facts.CHANNELS)
    for second in range(SESSION_S):
        if reached(facts, plant):
            return second
        plant.step(1000, duty)
    return None


def seconds_to_dim(facts: Facts, area_cm2: float, **figures: float | bool) -> int | None:
    """Return the seconds until the firmware begins to dim."""
    return seconds_until(facts, area_cm2, find_dimming, **figures)


def seconds_to_open(
    facts: Facts, area_cm2: float, opens_c: float, **figures: float | bool
) -> int | None:
    """When S1 opens that opens at `opens_c` on the skin side."""

    def find_opening(_: Facts, plant: Plant) -> bool:
        if not plant.cut_offs:
            lag_s = parts.CUTOFF_LAG_S
            plant.cut_offs = [CutOff(opens_c, "skin", z, lag_s) for z in range(len(ZONES))]
        return not all(cut_off.closed for cut_off in plant.cut_offs)

    return seconds_until(facts, area_cm2, find_opening, **figures)


def area_of(facts: Facts, power_mw_cm2: float) -> float:
    """The area, cm2, on which the lamps at the supply's limit are so much power."""
    return facts.SUPPLY_MA * parts.SUPPLY_V / power_mw_cm2


def quiet_permille(facts: Facts, area_cm2: float, **figures: float | bool) -> int:
    """The highest duty of all channels at which a session does not dim. S1 opens later than
    dimming begins, the lowest one too."""
    low, high = 0, int(1000 * supply_share(facts)) + 1
    while high - low > 1:
        duty = (low + high) // 2
        plant = plant_of(facts, area_cm2, **figures)
        for _ in range(SESSION_S // _COARSE_S):
            plant.step(1000 * _COARSE_S, [duty * 1000] * len(facts.CHANNELS))
        if find_dimming(facts, plant):
            high = duty
        else:
            low = duty
    return low
