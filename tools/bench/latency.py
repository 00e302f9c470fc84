"""From a sensor that reads over its gross limit to lamps and enable low, at the emulated chip's
pins, the moment spread evenly over a step. A lit board is made once; each moment is tried in a copy
of the process."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median

from pbmwrap.facts import board_facts
from tools.bench.session import Day
from wrap.safety import limits
from wrap.safety.thermistor import Thermistor

TRIALS = 500
_STEP_NS = 10_000_000
_SETTLED_MS = 300
_PATIENCE_MS = 400
_SLICE_MS = 5

Figures = dict[str, float]


def _gross_code() -> int:
    """A 12-bit reading of the skin's sensor just over its gross limit."""
    facts = board_facts()
    curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)
    return curve.raw_at(limits.SKIN_TRIP_MC + limits.GROSS_MARGIN_MC + 500) // 16


def _trial(day: Day, after_ns: float, code: int) -> int:
    """Nanoseconds to pins low; -1: never."""
    twin = day.twin
    caused: list[int] = []
    plain = twin.plant.raw12

    def strike() -> None:
        caused.append(twin.now_ns)
        twin.plant.raw12 = lambda sensor: plain(sensor) if sensor else code  # type: ignore[method-assign]

    twin.chip.once(after_ns, strike)
    lines = [*(lamp.line for lamp in twin.pins.lamps), twin.pins.enable]
    for _ in range(_PATIENCE_MS // _SLICE_MS):
        twin.advance_ms(_SLICE_MS)
        if caused and not any(line.high for line in lines):
            return max(line.last_fall_ns or 0 for line in lines) - caused[0]
    return -1


def latency(image: Path, trials: int = TRIALS) -> Figures:
    """ms, over `trials` moments."""
    day = Day(image)
    day.start(120)
    day.twin.advance_ms(_SETTLED_MS)
    code = _gross_code()
    seen = sorted(_forked(day, _STEP_NS * (1 + n / trials), code) / 1e6 for n in range(trials))
    day.close()
    assert seen[0] >= 0, "light stayed on"
    return {
        "gross_to_low_ms_p50": median(seen),
        "gross_to_low_ms_p99": seen[trials * 99 // 100],
        "gross_to_low_ms_worst": seen[-1],
        "gross_to_low_trials": trials,
    }


def _forked(day: Day, after_ns: float, code: int) -> int:
    """`_trial` in a copy of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(_trial(day, after_ns, code)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said, "the copy of the process died"
    return int(said)
