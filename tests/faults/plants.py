"""The worlds of the campaign: named plants, whose figures are drawn from ranges by the seed.

Rule of exclusion: a plant that, run in the dark from where the case begins, takes its skin above
SKIN_MAX_C by itself proves nothing about light, and its cases are not run. `dark_peak_c` computes
it.
"""

from __future__ import annotations

import copy
import functools
import random
from dataclasses import dataclass
from types import SimpleNamespace

from pbmwrap.facts import board_facts
from pbmwrap.twin.plant import Plant, PlantParams

SKIN_MAX_C = 43.0
DARK_S = 1200
_WARM_FROM_C = 38.5  # below where derating begins, so that a session may start
_WARM_MOST_S = 1500
_FULL_PPM = 830_000  # what SUPPLY_MA leaves of full duty


@dataclass(frozen=True)
class World:
    """Ranges to draw from. `warm`: an earlier session has just warmed pad and skin."""

    ambient_c: tuple[float, float]
    covered: bool = False
    blood_flow: tuple[float, float] = (0.8, 1.2)
    contact: tuple[float, float] = (0.95, 1.0)
    led: tuple[float, float] = (1.0, 1.0)  # power of each channel against its facts
    warm: bool = False


WORLDS = {
    "room": World((20.0, 27.0)),
    "cold": World((5.0, 12.0)),
    "hot": World((36.0, 40.0)),
    "covered": World((20.0, 27.0), covered=True, warm=True),
    "hot-covered": World((33.0, 40.0), covered=True, warm=True),
    "bloodless": World((30.0, 40.0), covered=True, blood_flow=(0.0, 0.1), warm=True),
    "loose": World((20.0, 27.0), contact=(0.2, 0.6)),
    "led-strong": World((25.0, 35.0), led=(1.1, 1.2), warm=True),
    "led-mismatch": World((20.0, 30.0), led=(0.7, 1.2)),
}


@dataclass(frozen=True)
class Figures:
    """What was drawn; kept in the results."""

    ambient_c: float
    covered: bool
    blood_flow: float
    contact: float
    led_red: float
    led_nir: float
    warm: bool


def draw(name: str, seed: int) -> Figures:
    """The figures of plant `name` for `seed`: the same in every case."""
    world, rng = WORLDS[name], random.Random(f"plant/{name}/{seed}")
    ambient, blood, contact, red, nir = (
        round(rng.uniform(*span), 3)
        for span in (world.ambient_c, world.blood_flow, world.contact, world.led, world.led)
    )
    return Figures(ambient, world.covered, blood, contact, red, nir, world.warm)


def _facts(figures: Figures) -> SimpleNamespace:
    facts = SimpleNamespace(**vars(board_facts()))
    gains = (figures.led_red, figures.led_nir)
    facts.CHANNELS = tuple(
        (*c[:3], c[3] * gain, *c[4:]) for c, gain in zip(facts.CHANNELS, gains, strict=True)
    )
    return facts


@functools.lru_cache(maxsize=256)
def _settled(figures: Figures) -> Plant:
    params = PlantParams(
        ambient_c=figures.ambient_c,
        covered=figures.covered,
        blood_flow=figures.blood_flow,
        contact=figures.contact,
    )
    plant = Plant(_facts(figures), params)
    for _ in range(_WARM_MOST_S if figures.warm else 0):
        if plant.skin_c >= _WARM_FROM_C:
            break
        plant.step(1000, [_FULL_PPM] * 2)
    return plant


def make(figures: Figures) -> Plant:
    """A plant of its own, where a case begins."""
    return copy.deepcopy(_settled(figures))


def dark_peak_c(plant: Plant, seconds: int = DARK_S) -> float:
    """The hottest that the skin gets in the dark from here on; the plant itself stays."""
    plant = copy.deepcopy(plant)
    peak = plant.skin_c
    for _ in range(seconds):
        plant.step(1000, (0, 0))
        peak = max(peak, plant.skin_c)
        if plant.board_c < plant.skin_c and plant.skin_c < peak:
            break
    return peak


def lit_peak_c(plant: Plant, ppm: list[int], seconds: int) -> float:
    """The hottest that the skin gets with so much light from here on; the plant itself stays."""
    plant = copy.deepcopy(plant)
    peak = plant.skin_c
    for _ in range(seconds):
        plant.step(1000, ppm)
        peak = max(peak, plant.skin_c)
    return peak


@functools.lru_cache(maxsize=256)
def excluded(figures: Figures) -> bool:
    """Whether the rule above leaves this plant out."""
    return dark_peak_c(_settled(figures)) > SKIN_MAX_C
