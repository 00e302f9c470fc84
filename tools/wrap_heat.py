"""Heat of the reference pad at other areas, by the stand-in of docs/decisions/0003. No I/O.

Its figures are all per area, so a smaller pad is the same pad with more power. Times are those of
lamps at the supply's limit that nobody dims.
"""

from __future__ import annotations

from collections.abc import Callable

from pbmwrap.twin.plant import FULL_PPM, Plant, PlantParams
from tools import wrap_parts as parts
from tools.wrap_design import supply_share
from tools.wrap_parts import Facts
from wrap.safety import limits

SESSION_S = limits.SESSION_MAX_S
_ROOMS_C = (30.0, 40.0)  # tests/host/test_plant.py
_COARSE_S = 10


def plant_of(facts: Facts, area_cm2: float, **figures: float | bool) -> Plant:
    """The plant of a pad of `area_cm2` on skin."""
    scale = parts.REFERENCE_CM2 / area_cm2
    channels = tuple((*c[:3], c[3] * scale, c[4]) for c in facts.CHANNELS)
    scaled = Facts(**{**vars(facts), "CHANNELS": channels})
    return Plant(scaled, PlantParams(**figures))  # type: ignore[arg-type]


def skin_c(facts: Facts, plant: Plant) -> float:
    """What the firmware dims by."""
    return max(plant.sensor_c(i) for i, s in enumerate(facts.SENSORS) if s[1] == "skin")


def dims(facts: Facts, plant: Plant) -> bool:
    return skin_c(facts, plant) * 1000 >= limits.SKIN_DERATE_MC


def seconds_until(
    facts: Facts, area_cm2: float, reached: Callable[[Facts, Plant], bool], **figures: float | bool
) -> int | None:
    """When `reached` first holds in a session, or None."""
    plant = plant_of(facts, area_cm2, **figures)
    duty = [int(FULL_PPM * supply_share(facts))] * len(facts.CHANNELS)
    for second in range(SESSION_S):
        if reached(facts, plant):
            return second
        plant.step(1000, duty)
    return None


def seconds_to_dim(facts: Facts, area_cm2: float, **figures: float | bool) -> int | None:
    """When the firmware begins to dim."""
    return seconds_until(facts, area_cm2, dims, **figures)


def seconds_to_open(
    facts: Facts, area_cm2: float, opens_c: float, **figures: float | bool
) -> int | None:
    """When S1 opens that opens at `opens_c`."""
    return seconds_until(facts, area_cm2, lambda _, plant: plant.board_c >= opens_c, **figures)


def seconds_to_end(facts: Facts, power_mw_cm2: float) -> int | None:
    """In free air, lamps of so much power: when the first of both, dimming or the middle S1."""
    area_cm2 = facts.SUPPLY_MA * parts.SUPPLY_V / power_mw_cm2

    def ended(facts: Facts, plant: Plant) -> bool:
        return dims(facts, plant) or plant.board_c >= parts.CUTOFF_MIDDLE_C

    return seconds_until(facts, area_cm2, ended)


def quiet_permille(facts: Facts, area_cm2: float, **figures: float | bool) -> int:
    """The highest duty of all channels at which a session neither dims nor opens the lowest S1."""
    low, high = 0, int(1000 * supply_share(facts)) + 1
    while high - low > 1:
        duty = (low + high) // 2
        plant = plant_of(facts, area_cm2, **figures)
        for _ in range(SESSION_S // _COARSE_S):
            plant.step(1000 * _COARSE_S, [duty * 1000] * len(facts.CHANNELS))
        if dims(facts, plant) or plant.board_c >= parts.CUTOFF_LOW_C:
            high = duty
        else:
            low = duty
    return low


def cut_off_peak_c(facts: Facts, area_cm2: float, cut_c: float) -> float:
    """Hottest skin when nothing but the cut-off can end light: covered, no blood flow, full duty;
    the worse of two rooms."""
    return max(_peak_c(facts, area_cm2, cut_c, room) for room in _ROOMS_C)


def _peak_c(facts: Facts, area_cm2: float, cut_c: float, room_c: float) -> float:
    plant = plant_of(facts, area_cm2, ambient_c=room_c, covered=True, blood_flow=0.0)
    lit, dark = [FULL_PPM] * len(facts.CHANNELS), [0] * len(facts.CHANNELS)
    duty, peak = lit, plant.skin_c
    for _ in range(4 * 3600):
        if plant.board_c >= cut_c:
            duty = dark
        plant.step(1000, duty)
        peak = max(peak, plant.skin_c)
    return peak
