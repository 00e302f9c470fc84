"""The world around a twin: a pad with its LED board, the skin under it, and the thermistors' codes.

Two lumped masses (LED board, skin layer) in plain floats, stepped in virtual time; the reasons for
the figures are in docs/decisions/0003-thermal-plant.md. It knows the board's facts, never the
firmware.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import ModuleType, SimpleNamespace
from typing import Any, Literal, Union, get_args

SensorFault = Literal["none", "open", "short", "stuck", "offset"]
# CHANNELS, SENSORS, PULLUP_OHM, NTC_R25_OHM, NTC_BETA_K. Not A | B: PyPy 3.9 runs this file too.
BoardFacts = Union[ModuleType, SimpleNamespace]  # noqa: UP007

CORE_C = 37.0
FULL_PPM = 1_000_000
CODE_MAX = 4095  # 12 bits; the firmware sees 16 times this
_SUBSTEP_S = 1.0  # a quarter of the fastest time constant that the ranges below allow
_SETTLE_S = 4 * 3600
_KELVIN = 273.15
_T25_K = 298.15


@dataclass(frozen=True)
class PlantParams:
    """The world's figures, for a flexible pad of about 600 cm2. C, W/K, J/K, V, shares of 1.

    `blood_flow` is relative: 1 is skin at rest, 0 none. `contact`: 1 lies flat on the skin, 0 hangs
    in air. Raises ValueError for a figure that is not finite or out of its range.
    """

    ambient_c: float = 25.0
    covered: bool = False
    covered_loss: float = 0.35  # share of the free loss left under a blanket of about 1 clo
    board_loss_w_per_k: float = 0.7  # 600 cm2 at 12 W/m2K: radiation 6, free convection 6
    skin_loss_w_per_k: float = 0.1  # the rim of skin beside the pad
    pad_w_per_k: float = 1.2  # 600 cm2 of 10 mm soft pad (0.2 W/mK): thin, yet no metal on skin
    contact: float = 1.0
    blood_flow: float = 1.0
    perfusion_w_per_k: float = 0.9  # Pennes: 0.0013 /s in 600 cm2 x 3 mm of skin, 3.8 MJ/m3K
    tissue_w_per_k: float = 0.3  # conduction to the core without blood: 0.2 W/mK over 40 mm
    dilation_per_k: float = 0.5  # local warming opens vessels: flow grows by this share per K
    dilation_from_c: float = 34.0
    dilation_max: float = 6.0  # of the flow at rest
    heat_fraction: float = 0.65  # of the electric power; the rest leaves the LEDs as light
    skin_absorbed: float = 0.55  # of the light; skin reflects 0.4 to 0.5 at 660-850 nm
    supply_v: float = 12.0
    board_j_per_k: float = 450.0  # 0.45 kg of board, silicone and cloth at about 1 kJ/kgK
    skin_j_per_k: float = 1050.0  # 600 cm2 x 5 mm, 3.5 kJ/kgK
    sensor_lag_s: float = 3.0  # glass bead NTC under cloth
    noise_codes: float = 0.0  # standard deviation of one 12-bit reading

    def __post_init__(self) -> None:
        for key, reason in figure_problems(vars(self)):
            raise ValueError(f"{key} {reason}")


def figure_problems(figures: Mapping[str, object]) -> list[tuple[str, str]]:
    """Every (key, reason) why `figures` cannot be PlantParams; empty when they can."""
    found = []
    for key, value in figures.items():
        low, high = _RANGES.get(key, (0.0, 0.0))
        if key not in {f.name for f in fields(PlantParams)}:
            found.append((key, "is no figure of the plant"))
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
    "dilation_per_k": (0.0, 10.0),
    "dilation_from_c": (0.0, 80.0),
    "dilation_max": (1.0, 10.0),
    "heat_fraction": (0.0, 1.0),
    "skin_absorbed": (0.0, 1.0),
    "supply_v": (0.0, 60.0),
    "board_j_per_k": (200.0, 100_000.0),
    "skin_j_per_k": (1000.0, 100_000.0),
    "sensor_lag_s": (0.0, 600.0),
    "noise_codes": (0.0, 1000.0),
}


class Plant:
    """Pad, skin and sensors. Starts at rest: settled, in the dark, at its parameters.

    The same seed, parameters and calls give the same codes.
    """

    def __init__(self, facts: BoardFacts, params: PlantParams | None = None, seed: int = 0) -> None:
        params = params or PlantParams()
        self.sensor_names = tuple(s[0] for s in facts.SENSORS)
        self._full_ma = tuple(c[3] for c in facts.CHANNELS)
        self._on_skin = tuple(s[1] == "skin" for s in facts.SENSORS)
        self._r25, self._beta, self._pullup = facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM
        self._random = random.Random(seed)
        self._faults: list[tuple[SensorFault, float]] = [("none", 0.0)] * len(self.sensor_names)
        self._codes: list[int | None] = [None] * len(self.sensor_names)
        self._skin = self._board = self._sense = params.ambient_c
        self.params = params
        self.settle()

    @property
    def params(self) -> PlantParams:
        """The figures in force; assign, or call `change`, while it runs."""
        return self._params

    @params.setter
    def params(self, params: PlantParams) -> None:
        self._params = p = params
        loss = p.covered_loss if p.covered else 1.0
        self._board_loss = p.board_loss_w_per_k * loss
        self._skin_loss = p.skin_loss_w_per_k * loss
        self._pad = p.pad_w_per_k * p.contact
        self._perfusion = p.perfusion_w_per_k * p.blood_flow
        absorbed = (1.0 - p.heat_fraction) * p.skin_absorbed * p.contact
        # Light that the skin does not take warms the board while they touch and leaves when not.
        kept = (1.0 - p.heat_fraction) * (1.0 - p.skin_absorbed) * p.contact
        watts = [ma * p.supply_v / 1000.0 / FULL_PPM for ma in self._full_ma]
        self._heat = tuple((w * (p.heat_fraction + kept), w * absorbed) for w in watts)

    def change(self, **figures: Any) -> None:
        """Replace single parameters. Raises TypeError for a wrong name, ValueError for a value."""
        self.params = replace(self._params, **figures)

    def reseed(self, seed: int) -> None:
        """Begin the noise again from `seed`."""
        self._random.seed(seed)

    @property
    def skin_c(self) -> float:
        """Temperature of the skin layer."""
        return self._skin

    @property
    def board_c(self) -> float:
        """Temperature of the LED board."""
        return self._board

    def sensor_c(self, sensor: int) -> float:
        """Temperature of one sensor's bead, whatever its fault makes the code say."""
        return self._sense if self._on_skin[sensor] else self._board

    def settle(self) -> None:
        """Go to the state after hours in the dark at the parameters in force."""
        self.step(_SETTLE_S * 1000, ())

    def step(self, dt_ms: int, on_ppm: Sequence[int]) -> None:
        """Let `dt_ms` pass with each channel lit for its share of it (0..1_000_000 ppm)."""
        to_board = to_skin = 0.0
        for (board_w, skin_w), ppm in zip(self._heat, on_ppm, strict=False):
            to_board += board_w * ppm
            to_skin += skin_w * ppm
        left_s = dt_ms / 1000.0
        while left_s > _SUBSTEP_S:
            self._substep(_SUBSTEP_S, to_board, to_skin)
            left_s -= _SUBSTEP_S
        self._substep(left_s, to_board, to_skin)
        for i in range(len(self._codes)):
            self._codes[i] = None

    def _substep(self, dt_s: float, to_board: float, to_skin: float) -> None:
        p = self._params
        skin, board = self._skin, self._board
        across = self._pad * (board - skin)
        warm_k = skin - p.dilation_from_c
        flow = self._perfusion
        if warm_k > 0.0:
            flow *= min(1.0 + p.dilation_per_k * warm_k, p.dilation_max)
        inward = (flow + p.tissue_w_per_k) * (CORE_C - skin)
        to_skin += across + inward - self._skin_loss * (skin - p.ambient_c)
        to_board -= across + self._board_loss * (board - p.ambient_c)
        self._skin = skin = skin + to_skin * dt_s / p.skin_j_per_k
        self._board = board = board + to_board * dt_s / p.board_j_per_k
        if dt_s > 0.0:
            seen = skin + (1.0 - p.contact) * ((board + p.ambient_c) / 2.0 - skin)
            self._sense += (seen - self._sense) * dt_s / (p.sensor_lag_s + dt_s)

    def set_fault(self, sensor: int | str, fault: SensorFault, offset_k: float = 0.0) -> None:
        """Break or mend one sensor, by number or name. `offset_k` counts for "offset" only.

        "stuck" holds the code of this moment. Raises ValueError for an unknown sensor or fault.
        """
        if fault not in get_args(SensorFault):
            raise ValueError(f"unknown sensor fault {fault!r}")
        index = self._index(sensor)
        self._faults[index] = ("none", 0.0) if fault == "stuck" else (fault, offset_k)
        self._codes[index] = None
        if fault == "stuck":
            self._faults[index] = (fault, float(self.raw12(index)))

    def _index(self, sensor: int | str) -> int:
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
            code = self._codes[sensor] = self._code(sensor)
        noise = self._params.noise_codes
        if noise and self._faults[sensor][0] in ("none", "offset"):
            return min(max(code + round(self._random.gauss(0.0, noise)), 0), CODE_MAX)
        return code

    def _code(self, sensor: int) -> int:
        fault, figure = self._faults[sensor]
        if fault == "open":
            return CODE_MAX
        if fault == "short":
            return 0
        if fault == "stuck":
            return int(figure)
        kelvin = max(self.sensor_c(sensor) + figure + _KELVIN, 1.0)
        # Beyond e^60 the divider is at its rail anyway; the bound keeps exp finite near 0 K.
        ohm = self._r25 * math.exp(min(self._beta * (1.0 / kelvin - 1.0 / _T25_K), 60.0))
        return round(CODE_MAX * ohm / (ohm + self._pullup))
