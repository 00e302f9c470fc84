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
from pbmwrap.twin.plant import ZONES, CutOff, Plant, PlantParams
from tests.warmed import WARMER

SKIN_MAX_C = 43.0
CEM43_MAX_MIN = 2.0  # van Rhoon 2013, people whose thermoregulation is impaired
PAIR_MAX_C = 43.5  # two faults that meet, with S1 in place
PAIR_CEM43_MAX_MIN = 5.0
S1_OPENS_C = 41.8  # docs/build-a-wrap.md, section 8: 41 C +-0.8 K, a bead in each zone
S1_LAG_S = 20.0
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
    more: tuple[tuple[str, float, float], ...] = ()  # other figures of PlantParams: (name, range)


LAIN_ON = (
    ("loaded_loss", 0.08, 0.2),
    ("loaded_blood_flow", 0.0, 0.1),
    ("loaded_thickness", 0.45, 0.6),
)
# Vessels of neuropathic feet under local heat: flow fell to 68 % of rest (decisions/0003).
FALLING = (("dilation_per_k", -0.12, -0.06), ("dilation_max", 0.68, 0.68))
WEAK = (("dilation_per_k", 0.05, 0.15), ("dilation_max", 1.2, 2.0))
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
    "lain-on": World((20.0, 30.0), more=LAIN_ON),
    "lain-on-hot": World((30.0, 36.0), more=LAIN_ON),
    "neuropathic": World((20.0, 32.0), covered=True, blood_flow=(0.3, 0.8), more=FALLING),
    "weak-vessels": World((22.0, 34.0), covered=True, blood_flow=(0.4, 1.0), more=WEAK),
    "bare-back": World((20.0, 34.0), more=(("board_loss_w_per_k", 0.42, 0.48),)),
    "cold-foot": World(
        (14.0, 19.0), blood_flow=(0.2, 0.6), more=(("core_c", 30.0, 33.0), ("edge_core_k", 0, 1))
    ),
}

# A person who lies on the pad is a circumstance that meets a fault: S1 is there, limits of pairs.
MEETING = ("lain-on", "lain-on-hot")
ELECTRICAL = tuple(WORLDS)[:9]  # where faults are played that do not act by heat


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
    more: tuple[tuple[str, float], ...] = ()


def draw(name: str, seed: int) -> Figures:
    """The figures of plant `name` for `seed`: the same in every case."""
    world, rng = WORLDS[name], random.Random(f"plant/{name}/{seed}")
    ambient, blood, contact, red, nir = (
        round(rng.uniform(*span), 3)
        for span in (world.ambient_c, world.blood_flow, world.contact, world.led, world.led)
    )
    more = tuple((key, round(rng.uniform(low, high), 3)) for key, low, high in world.more)
    return Figures(ambient, world.covered, blood, contact, red, nir, world.warm, more)


def _facts(figures: Figures, warmer: bool) -> SimpleNamespace:
    facts = SimpleNamespace(**vars(board_facts()))
    facts.WARMER = WARMER if warmer else None
    gains = (figures.led_red, figures.led_nir)
    facts.CHANNELS = tuple(
        (*c[:3], c[3] * gain, *c[4:]) for c, gain in zip(facts.CHANNELS, gains, strict=True)
    )
    return facts


@functools.lru_cache(maxsize=256)
def _settled(figures: Figures, warmer: bool = False) -> Plant:
    params = PlantParams(
        ambient_c=figures.ambient_c,
        covered=figures.covered,
        blood_flow=figures.blood_flow,
        contact=figures.contact,
        **dict(figures.more),
    )
    plant = Plant(_facts(figures, warmer), params)
    for _ in range(_WARM_MOST_S if figures.warm else 0):
        if plant.skin_c >= _WARM_FROM_C:
            break
        plant.step(1000, [_FULL_PPM] * 2)
    return plant


def make(figures: Figures, warmer: bool = False) -> Plant:
    """A plant of its own, where a case begins; its pad may have a warmer."""
    return copy.deepcopy(_settled(figures, warmer))


@dataclass
class Heat:
    """The hottest skin surface so far, where, and the thermal dose of the worst zone."""

    peak_c: float
    zone: str = ZONES[0]
    cem43_min: float = 0.0

    def look(self, plant: Plant) -> None:
        """Take what `plant` is now."""
        zones_c = plant.skin_zones_c
        hottest_c = max(zones_c)
        if hottest_c > self.peak_c:
            self.peak_c, self.zone = hottest_c, ZONES[zones_c.index(hottest_c)]
        self.cem43_min = max(plant.cem43_min)


def play(plant: Plant, ppm: list[int], seconds: int, heat: Heat | None = None) -> Heat:
    """What the skin gets with so much light from here on; the plant itself stays."""
    plant = copy.deepcopy(plant)
    heat = heat or Heat(plant.skin_c)
    for _ in range(seconds):
        plant.step(1000, ppm)
        heat.look(plant)
        if not any(ppm) and plant.board_c < plant.skin_c < 39.0 and plant.skin_c < heat.peak_c:
            break  # no more heat comes, and none of this adds to the thermal dose
    return heat


def dark_peak_c(plant: Plant, seconds: int = DARK_S) -> float:
    """The hottest that the skin gets in the dark from here on; the plant itself stays."""
    return play(plant, [0, 0], seconds).peak_c


def add_cut_offs(plant: Plant) -> None:
    """S1 as the guide builds it, at the upper end of its tolerance: a bead in every zone."""
    plant.cut_offs = [CutOff(S1_OPENS_C, "skin", zone, S1_LAG_S) for zone in range(len(ZONES))]


@functools.lru_cache(maxsize=256)
def excluded(figures: Figures) -> bool:
    """Whether the rule above leaves this plant out."""
    return dark_peak_c(_settled(figures)) > SKIN_MAX_C
