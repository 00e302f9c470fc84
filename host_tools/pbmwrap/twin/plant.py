"""The thermal plant of a twin: a pad in three zones, the skin under it, and the thermistors.

Each zone (loaded, free, edge; a third of the pad each) has an LED board, a skin surface and the
skin below it. Plain floats, stepped in virtual time; the reasons for the figures are in
docs/decisions/0003-thermal-plant.md. The plant knows the board's facts, never the firmware.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import ModuleType, SimpleNamespace
from typing import Any, Literal, Union, get_args

SensorFault = Literal["none", "open", "short", "stuck", "offset"]
# CHANNELS, SENSORS, PULLUP_OHM, NTC_R25_OHM, NTC_BETA_K, and WARMER where there is one. Not A | B:
# PyPy 3.9 runs this file too.
BoardFacts = Union[ModuleType, SimpleNamespace]  # noqa: UP007

ZONES = ("loaded", "free", "edge")
LOADED, FREE, EDGE = range(3)
CORE_C = 37.0
FULL_PPM = 1_000_000
CODE_MAX = 4095  # 12 bits; the firmware sees 16 times this
ADC_VOLT = 3.3
SURFACE_SHARE = 0.2  # of the skin's heat capacity: the outer 1 mm of 5 mm
SURFACE_LIGHT = 0.4  # of the light that skin absorbs; the rest is absorbed below it
# A dummy limb: a bottle of some litres of water, as warm as the room, in two layers of a towel,
# which stand in for skin. It warms as a limb at rest does (docs/trial.md).
BOTTLE: dict[str, Any] = {
    "ambient_c": 21.0,
    "core_c": 21.0,
    "blood_flow": 0.0,
    "contact": 1.0,
    "tissue_w_per_k": 0.6,
}
_AREA = 1.0 / len(ZONES)
_SUBSTEP_S = 1.0  # a quarter of the fastest time constant that the ranges below allow
_SETTLE_SUBSTEP_S = 4.0
_SETTLE_SUBSTEPS = 3600  # 4 h
_SETTLE_PART = 100
_KELVIN = 273.15
_T25_K = 298.15


@dataclass(frozen=True)
class PlantParams:
    """Parameters of the plant, for a flexible pad of about 600 cm2. C, W/K, J/K, V, shares of 1.

    Figures are those of the whole pad; `loaded_*` and `edge_*` multiply them in one zone.
    `blood_flow` is relative: 1 is skin at rest, 0 none. `contact`: 1 lies flat on the skin, 0 hangs
    in air. Raises ValueError for a figure that is not finite or out of its range.
    """

    ambient_c: float = 25.0
    covered: bool = False
    covered_loss: float = 0.35  # share of the free loss left under a blanket of about 1 clo
    board_loss_w_per_k: float = 0.7  # 600 cm2 at 12 W/m2K (textile back); 7-8 for a bare one
    skin_loss_w_per_k: float = 0.1  # the rim of skin beside the pad
    pad_w_per_k: float = 1.2  # 600 cm2 of 10 mm soft pad (0.2 W/mK): thin, yet no metal on skin
    contact: float = 1.0
    blood_flow: float = 1.0
    perfusion_w_per_k: float = 0.9  # Pennes: 0.0013 /s in 600 cm2 x 3 mm of skin, 3.8 MJ/m3K
    tissue_w_per_k: float = 0.3  # conduction to the core without blood: 0.2 W/mK over 40 mm
    depth_w_per_k: float = 8.9  # surface to depth: 0.37 W/mK over 2.5 mm
    core_c: float = CORE_C  # arterial blood and deep tissue; a cold foot has less
    dilation_per_k: float = 0.5  # local warming opens vessels: flow grows by this share per K
    dilation_from_c: float = 34.0
    dilation_max: float = 6.0  # of the flow at rest; below 1 (and per_k below 0) it falls so far
    heat_fraction: float = 0.65  # of the electric power; the rest leaves the LEDs as light
    skin_absorbed: float = 0.55  # of the light; skin reflects 0.4 to 0.5 at 660-850 nm
    supply_v: float = 12.0
    board_j_per_k: float = 450.0  # 0.45 kg of board, silicone and cloth at about 1 kJ/kgK
    skin_j_per_k: float = 1050.0  # 600 cm2 x 5 mm, 3.5 kJ/kgK
    lateral_w_per_k: float = 0.016  # between boards of neighbouring zones, docs/decisions/0003
    outside_w: float = 0.0  # heat from outside onto the whole back: sun, hot-water bottle
    loaded_loss: float = 1.0  # 0.1: the wearer lies on it
    loaded_blood_flow: float = 1.0  # 0: pressed shut
    loaded_thickness: float = 1.0  # of the pad: 0.5 when pressed to half
    edge_loss: float = 1.0
    edge_contact: float = 1.0
    edge_core_k: float = 0.0  # how much colder the tissue under the edge is (toes)
    ntc_beta_ratio: float = 1.0  # the parts that were built in, against the board's facts
    ntc_r25_ratio: float = 1.0
    pullup_ratio: float = 1.0
    sensor_lag_s: float = 3.0  # glass bead NTC under cloth
    noise_codes: float = 0.0  # standard deviation of one 12-bit reading

    def __post_init__(self) -> None:
        for key, reason in figure_problems(vars(self)):
            raise ValueError(f"{key} {reason}")


@dataclass
class Wire:
    """Faults of a sensor's wiring. All zero (or infinite): none.

    `contact_ohm`: a corroding contact in series. `leak_ohm`: from the 12 V feed onto the signal,
    while the feed is on. `shared_ohm`: ground wire shared with the lamps' return.
    """

    contact_ohm: float = 0.0
    leak_ohm: float = math.inf
    shared_ohm: float = 0.0


@dataclass
class CutOff:
    """A thermal cut-off S1 in the feed: once open, it stays open until `closed` is set again.

    `opens_c`: the temperature at which this one opens (rating with its tolerance); `place`: on the
    skin side or on the LED board of `zone`; `lag_s`: its thermal time constant there.
    """

    opens_c: float
    place: Literal["skin", "board"] = "board"
    zone: int = LOADED
    lag_s: float = 30.0
    closed: bool = True
    sensed_c: float | None = None

    def step(self, dt_s: float, skin_c: float, board_c: float) -> None:
        """Follow the place's temperature for `dt_s`; open when it is too hot."""
        seen = skin_c if self.place == "skin" else board_c
        if self.sensed_c is None:
            self.sensed_c = seen
        self.sensed_c += (seen - self.sensed_c) * dt_s / (self.lag_s + dt_s)
        if self.sensed_c >= self.opens_c:
            self.closed = False


def figure_problems(figures: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return (key, reason) for every figure that PlantParams refuses."""
    found = []
    for key, value in figures.items():
        low, high = _RANGES.get(key, (0.0, 0.0))
        if key not in {f.name for f in fields(PlantParams)}:
            found.append((key, "is not a property of the simulated pad"))
        elif key == "covered":
            if not isinstance(value, bool):
                found.append((key, f"is {value!r}; it must be true or false"))
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            found.append((key, f"is {value!r}; it must be a number"))
        elif not low <= value <= high:  # refuses NaN too
            found.append((key, f"is {value}; it must be {low:g} to {high:g}"))
    return found


_RANGES: dict[str, tuple[float, float]] = {
    "ambient_c": (-40.0, 80.0),
    "covered_loss": (0.0, 1.0),
    "board_loss_w_per_k": (0.0, 10.0),
    "skin_loss_w_per_k": (0.0, 10.0),
    "pad_w_per_k": (0.0, 10.0),
    "contact": (0.0, 1.0),
    "blood_flow": (0.0, 5.0),
    "perfusion_w_per_k": (0.0, 5.0),
    "tissue_w_per_k": (0.0, 10.0),
    "depth_w_per_k": (1.0, 30.0),
    "core_c": (10.0, 42.0),
    "dilation_per_k": (-1.0, 10.0),
    "dilation_from_c": (0.0, 80.0),
    "dilation_max": (0.0, 10.0),
    "heat_fraction": (0.0, 1.0),
    "skin_absorbed": (0.0, 1.0),
    "supply_v": (0.0, 60.0),
    "board_j_per_k": (200.0, 100_000.0),
    "skin_j_per_k": (1000.0, 100_000.0),
    "lateral_w_per_k": (0.0, 1.0),
    "outside_w": (0.0, 100.0),
    "loaded_loss": (0.0, 2.0),
    "loaded_blood_flow": (0.0, 2.0),
    "loaded_thickness": (0.25, 2.0),
    "edge_loss": (0.0, 3.0),
    "edge_contact": (0.0, 1.0),
    "edge_core_k": (0.0, 15.0),
    "ntc_beta_ratio": (0.5, 1.5),
    "ntc_r25_ratio": (0.5, 1.5),
    "pullup_ratio": (0.5, 1.5),
    "sensor_lag_s": (0.0, 600.0),
    "noise_codes": (0.0, 1000.0),
}


class Plant:
    """Pad, skin and sensors. Starts at rest: settled, in the dark, at its parameters.

    Skin sensors sit in the zones in the order of ZONES (a fourth and later ones in the last);
    board sensors sit on the loaded zone, the hottest place of the board. The same seed, parameters
    and calls give the same codes. `wires`: one Wire a sensor; `cut_offs`: in series with the feed.
    """

    def __init__(
        self,
        facts: BoardFacts,
        params: PlantParams | None = None,
        seed: int = 0,
        settled: bool = True,
    ) -> None:
        """settled: False when the caller calls `settle_part`."""
        params = params or PlantParams()
        self.sensor_names = tuple(s[0] for s in facts.SENSORS)
        self.sensor_roles = tuple(s[1] for s in facts.SENSORS)
        self._full_ma = tuple(c[3] for c in facts.CHANNELS)
        # Behind the channels. Its resistors are spread over the LED board as the LEDs are, on the
        # back: all of its power heats the board.
        warmer = getattr(facts, "WARMER", None)
        self._warmer_ma = warmer[3] if warmer else 0
        self._on_skin = tuple(s[1] == "skin" for s in facts.SENSORS)
        self.sensor_zones = _zones_of(self._on_skin)
        self._r25, self._beta, self._pullup = facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM
        self._random = random.Random(seed)
        n = len(self.sensor_names)
        self._faults: list[tuple[SensorFault, float]] = [("none", 0.0)] * n
        self._codes: list[int | None] = [None] * n
        self.wires = [Wire() for _ in range(n)]
        self.cut_offs: list[CutOff] = []
        self.cem43_min = [0.0] * len(ZONES)  # at the skin surface, since it was made
        self._surface = [params.ambient_c] * len(ZONES)
        self._depth = list(self._surface)
        self._board = list(self._surface)
        self._sense = list(self._surface)
        self._lamp_a = 0.0
        self.params = params
        self._unsettled = _SETTLE_SUBSTEPS
        if settled:
            self.settle()

    @property
    def params(self) -> PlantParams:
        """The present parameters. Assign, or call `change`, at any time."""
        return self._params

    @params.setter
    def params(self, params: PlantParams) -> None:
        self._params = p = params
        loss = p.board_loss_w_per_k * (p.covered_loss if p.covered else 1.0) * _AREA
        self._board_loss = (loss * p.loaded_loss, loss, loss * p.edge_loss)
        self._contact = (p.contact, p.contact, p.contact * p.edge_contact)
        pad = p.pad_w_per_k * _AREA
        self._pad = (
            pad * p.contact / p.loaded_thickness,
            pad * p.contact,
            pad * p.contact * p.edge_contact,
        )
        flow = p.perfusion_w_per_k * p.blood_flow * _AREA
        self._perfusion = (flow * p.loaded_blood_flow, flow, flow)
        self._core = (p.core_c, p.core_c, p.core_c - p.edge_core_k)
        self._skin_loss = p.skin_loss_w_per_k * (p.covered_loss if p.covered else 1.0) * _AREA
        a_ma = p.supply_v / 1000.0 / FULL_PPM * _AREA
        watts = [ma * a_ma for ma in self._full_ma]
        self._warmer_watts = self._warmer_ma * a_ma
        light = 1.0 - p.heat_fraction
        # Light that the skin does not take warms the board while they touch and leaves when not.
        self._board_share = tuple(
            p.heat_fraction + light * (1.0 - p.skin_absorbed) * c for c in self._contact
        )
        self._skin_share = tuple(light * p.skin_absorbed * c for c in self._contact)
        self._watts = watts

    def change(self, **figures: Any) -> None:
        """Replace single parameters. Raises TypeError for a wrong name, ValueError for a value."""
        self.params = replace(self._params, **figures)

    def reseed(self, seed: int) -> None:
        """Restart the noise from `seed`."""
        self._random.seed(seed)

    @property
    def skin_c(self) -> float:
        """Temperature of the skin surface in the hottest zone."""
        return max(self._surface)

    @property
    def board_c(self) -> float:
        """Temperature of the LED board in the hottest zone."""
        return max(self._board)

    @property
    def skin_zones_c(self) -> tuple[float, ...]:
        """Temperature of the skin surface by zone, in the order of ZONES."""
        return tuple(self._surface)

    def sensor_c(self, sensor: int) -> float:
        """Temperature of one sensor's bead, whatever its fault makes the code say."""
        zone = self.sensor_zones[sensor]
        return self._sense[zone] if self._on_skin[sensor] else self._board[zone]

    def settle(self) -> None:
        """Set the state after hours in the dark with the present parameters."""
        self._unsettled = _SETTLE_SUBSTEPS
        while not self.settle_part():
            pass

    def settle_part(self) -> bool:
        """Do a part of what `settle` does. Returns True behind the last one."""
        # At rest nothing heats from outside: sun and hot-water bottle begin with the
        # simulation.
        outside, self._params = self._params, replace(self._params, outside_w=0.0)
        for _ in range(_SETTLE_PART):
            self._substep(_SETTLE_SUBSTEP_S, 0.0)
        self._params = outside
        self._unsettled -= _SETTLE_PART
        self.cem43_min = [0.0] * len(ZONES)
        self._codes = [None] * len(self._codes)
        return self._unsettled <= 0

    def step(self, dt_ms: int, on_ppm: Sequence[int]) -> None:
        """Let `dt_ms` pass with each channel, and behind them the warmer, on for its share of it
        (0..1_000_000 ppm)."""
        watts = amps = warmth = 0.0
        if all(cut_off.closed for cut_off in self.cut_offs):
            for watt, ma, ppm in zip(self._watts, self._full_ma, on_ppm, strict=False):
                watts += watt * ppm
                amps += ma * ppm
            if self._warmer_ma and len(on_ppm) > len(self._watts):
                warmth = self._warmer_watts * on_ppm[-1]
                amps += self._warmer_ma * on_ppm[-1]
        self._lamp_a = amps / 1000.0 / FULL_PPM
        left_s = dt_ms / 1000.0
        while left_s > _SUBSTEP_S:
            self._substep(_SUBSTEP_S, watts, warmth)
            left_s -= _SUBSTEP_S
        self._substep(left_s, watts, warmth)
        # A sensor's code is computed at its first reading after a step, and kept until the next.
        for i in range(len(self._codes)):
            self._codes[i] = None

    def _substep(self, dt_s: float, watts: float, warmth: float = 0.0) -> None:
        """`watts`: electric power of the lamps in one zone; `warmth`: of the warmer."""
        p = self._params
        surfaces, depths, boards = self._surface, self._depth, self._board
        across_depth = p.depth_w_per_k * _AREA
        tissue = p.tissue_w_per_k * _AREA
        outside = p.outside_w * _AREA
        surface_rate = dt_s / (p.skin_j_per_k * SURFACE_SHARE * _AREA)
        depth_rate = dt_s / (p.skin_j_per_k * (1.0 - SURFACE_SHARE) * _AREA)
        board_rate = dt_s / (p.board_j_per_k * _AREA)
        middle = boards[FREE]
        ambient = p.ambient_c
        along = (
            p.lateral_w_per_k * (middle - boards[LOADED]),
            p.lateral_w_per_k * (boards[LOADED] + boards[EDGE] - 2.0 * middle),
            p.lateral_w_per_k * (middle - boards[EDGE]),
        )
        for z in range(len(ZONES)):
            surface, depth, board = surfaces[z], depths[z], boards[z]
            across = self._pad[z] * (board - surface)
            inward = across_depth * (surface - depth)
            flow = self._perfusion[z]
            warm_k = depth - p.dilation_from_c
            if warm_k > 0.0:
                factor = 1.0 + p.dilation_per_k * warm_k
                flow *= (
                    min(factor, p.dilation_max)
                    if p.dilation_per_k > 0.0
                    else max(factor, min(p.dilation_max, 1.0))
                )
            absorbed = watts * self._skin_share[z]
            rim = self._skin_loss * (surface - ambient)
            surfaces[z] = (
                surface + (across - inward - rim + SURFACE_LIGHT * absorbed) * surface_rate
            )
            core = (flow + tissue) * (self._core[z] - depth)
            depths[z] = depth + (inward + core + (1.0 - SURFACE_LIGHT) * absorbed) * depth_rate
            heat = watts * self._board_share[z] + warmth + outside + along[z] - across
            boards[z] = board + (heat - self._board_loss[z] * (board - ambient)) * board_rate
            if dt_s > 0.0:
                off = 1.0 - self._contact[z]
                air = (boards[z] + ambient) / 2.0
                seen = surfaces[z] + off * (air - surfaces[z])
                self._sense[z] += (seen - self._sense[z]) * dt_s / (p.sensor_lag_s + dt_s)
                if surfaces[z] > 39.0:
                    base = 0.5 if surfaces[z] >= 43.0 else 0.25
                    self.cem43_min[z] += dt_s / 60.0 * base ** (43.0 - surfaces[z])
        for cut_off in self.cut_offs:
            cut_off.step(dt_s, surfaces[cut_off.zone], boards[cut_off.zone])

    def set_fault(self, sensor: int | str, fault: SensorFault, offset_k: float = 0.0) -> None:
        """Break or repair one sensor, by number or name. `offset_k` counts for "offset" only.

        "stuck" holds the code of this moment. Raises ValueError for an unknown sensor or fault.
        """
        if fault not in get_args(SensorFault):
            raise ValueError(f"unknown sensor fault {fault!r}")
        index = self._sensor_index(sensor)
        self._faults[index] = ("none", 0.0) if fault == "stuck" else (fault, offset_k)
        self._codes[index] = None
        if fault == "stuck":
            self._faults[index] = (fault, float(self.raw12(index)))

    def _sensor_index(self, sensor: int | str) -> int:
        if isinstance(sensor, str):
            if sensor not in self.sensor_names:
                known = ", ".join(self.sensor_names)
                raise ValueError(f"there is no sensor {sensor!r}; the board has {known}")
            return self.sensor_names.index(sensor)
        if not 0 <= sensor < len(self.sensor_names):
            raise ValueError(f"there is no sensor {sensor}; the board has {len(self.sensor_names)}")
        return sensor

    def raw12(self, sensor: int) -> int:
        """The converter's code for one sensor, 0..4095: a cold NTC reads high, a hot one low."""
        code = self._codes[sensor]
        if code is None:
            code = self._codes[sensor] = self._reading_code(sensor)
        noise = self._params.noise_codes
        if noise and self._faults[sensor][0] in ("none", "offset"):
            return min(max(code + round(self._random.gauss(0.0, noise)), 0), CODE_MAX)
        return code

    def _reading_code(self, sensor: int) -> int:
        fault, figure = self._faults[sensor]
        if fault == "open":
            return CODE_MAX
        if fault == "short":
            return 0
        if fault == "stuck":
            return int(figure)
        share = self.input_share(sensor, self.sensor_c(sensor) + figure, self._lamp_a)
        return min(max(round(CODE_MAX * share), 0), CODE_MAX)

    def input_share(self, sensor: int, bead_c: float, lamp_a: float, feed_on: bool = True) -> float:
        """The converter's input as a share of its reference, with a bead at `bead_c`, the wire's
        faults and `lamp_a` ampere flowing through the lamps. Below 0 or above 1 at the rails.

        Kirchhoff at the input: pull-up to the reference, NTC and contact to the wire's ground
        (raised by the shared return), leak from the 12 V feed.
        """
        p, wire = self._params, self.wires[sensor]
        kelvin = max(bead_c + _KELVIN, 1.0)
        beta = self._beta * p.ntc_beta_ratio
        # Beyond e^60 the divider is at its rail anyway; the bound keeps exp finite near 0 K.
        ohm = (
            self._r25 * p.ntc_r25_ratio * math.exp(min(beta * (1.0 / kelvin - 1.0 / _T25_K), 60.0))
        )
        ohm += wire.contact_ohm
        pullup = self._pullup * p.pullup_ratio
        ground = lamp_a * wire.shared_ohm / ADC_VOLT
        leak = 1.0 / wire.leak_ohm if feed_on else 0.0
        feed = p.supply_v / ADC_VOLT
        return (1.0 / pullup + ground / ohm + feed * leak) / (1.0 / pullup + 1.0 / ohm + leak)


def _zones_of(on_skin: Sequence[bool]) -> tuple[int, ...]:
    """The zone of each sensor: skin sensors one after the other, board sensors in the first."""
    zones, next_zone = [], 0
    for skin in on_skin:
        zones.append(min(next_zone, EDGE) if skin else LOADED)
        next_zone += skin
    return tuple(zones)
