"""Measures the time from a sensor's reading over its gross limit to lamps and enable low, at the
emulated chip's pins. The moment is spread evenly over a step, over the step before the one that
does the second's work, and over the programming of a page of the log on a part as slow as any
known. A lit board is made once; each moment is tried in a copy of the process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

from pbmwrap.facts import board_facts
from tools.bench.copies import in_a_copy
from tools.bench.session import Day
from wrap.rules import limits
from wrap.safety.thermistor import Thermistor

TRIALS = 500
TRIALS_SECOND = 200
TRIALS_WRITTEN = 120
ERASE_MS, PAGE_MS = 400, 3  # the worst of any part's data sheet
_STEP_NS = 10_000_000
_WRITTEN_NS = 12_000_000  # a page and the step behind it
_SETTLED_MS = 300
_SECOND_MS = 1000
_AHEAD_MS = 12
_CONVERSIONS_NS = 100_000  # of all sensors, from the beginning of a step
_PATIENCE_MS = 400
_SLICE_MS = 5

Figures = dict[str, float]


def _gross_codes() -> list[int]:
    """A 12-bit reading just over the gross limit for each sensor."""
    facts = board_facts()
    curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)
    trips = [limits.SKIN_TRIP_MC if s[1] == "skin" else limits.BOARD_TRIP_MC for s in facts.SENSORS]
    return [curve.raw_at(trip + limits.GROSS_MARGIN_MC + 500) // 16 for trip in trips]


When = Callable[[Day, int, Callable[[], None]], None]


def _in_step(day: Day, after_ns: int, strike: Callable[[], None]) -> None:
    day.twin.chip.once(after_ns, strike)


def _in_page(day: Day, after_ns: int, strike: Callable[[], None]) -> None:
    """`after_ns` after the flash began to program a page, for a record that is asked for."""
    flash = day.twin.chip.flash_part
    was = flash.on_page

    def is_programming() -> None:
        flash.on_page = was
        day.twin.chip.once(after_ns, strike)

    day.twin.slow_flash(ERASE_MS, PAGE_MS)
    flash.on_page = is_programming
    day.client.call("clock.set", {"t": 1_800_000_000})


def _run_trial(day: Day, when: When, after_ns: int, struck: int, code: int) -> int:
    """Return the ns from sensor `struck` reading `code` to pins low; -1: never."""
    twin = day.twin
    caused: list[int] = []
    plain = twin.plant.raw12

    def strike() -> None:
        caused.append(twin.now_ns)
        twin.plant.raw12 = lambda sensor: code if sensor == struck else plain(sensor)  # type: ignore[method-assign]

    when(day, after_ns, strike)
    lines = [*(lamp.line for lamp in twin.pins.lamps), twin.pins.enable]
    for _ in range(_PATIENCE_MS // _SLICE_MS):
        if caused and not any(line.high for line in lines):
            return max(line.last_fall_ns or 0 for line in lines) - caused[0]
        twin.advance_ms(_SLICE_MS)
    return -1


def _run_trials(day: Day, when: When, begin_ns: int, spread_ns: int, trials: int) -> list[float]:
    """ms to pins low, sorted, over `trials` moments, the sensors in turn."""
    codes = _gross_codes()
    seen = [
        int(
            in_a_copy(
                lambda n=n: str(
                    _run_trial(
                        day,
                        when,
                        begin_ns + spread_ns * n // trials,
                        n % len(codes),
                        codes[n % len(codes)],
                    )
                )
            )
        )
        / 1e6
        for n in range(trials)
    ]
    assert min(seen) >= 0, "light stayed on"
    return sorted(seen)


def _before_second(day: Day) -> int:
    """Let time pass until shortly before the step that does the second's work, the longest of a
    second; returns the nanoseconds left to the beginning of the step before it."""
    day.clock.steps.clear()
    day.twin.advance_ms(_SECOND_MS)
    began_ns = max(day.clock.steps, key=lambda step: step[1] - step[0])[0]
    due_ns = began_ns + _SECOND_MS * 1_000_000 - _STEP_NS
    day.twin.advance_ms((due_ns - day.twin.now_ns) // 1_000_000 - _AHEAD_MS)
    return due_ns - day.twin.now_ns


def _start_lit_day(image: Path) -> Day:
    day = Day(image)
    day.start_session(120)
    day.twin.advance_ms(_SETTLED_MS)
    return day


def measure_longest(image: Path, trials: int) -> float:
    """The worst of `trials` moments, ms, in which a reading changes while the step before the
    second's work converts: behind its own conversion it waits for a whole step."""
    day = _start_lit_day(image)
    seen = _run_trials(day, _in_step, _before_second(day), _CONVERSIONS_NS, trials)
    day.close()
    return seen[-1]


def measure_latency(
    image: Path,
    trials: int = TRIALS,
    written: int = TRIALS_WRITTEN,
    in_second: int = TRIALS_SECOND,
) -> Figures:
    """ms, over `trials` moments of a step, `in_second` of the one before the second's work and
    `written` of a page."""
    day = _start_lit_day(image)
    seen = _run_trials(day, _in_step, _STEP_NS, _STEP_NS, trials)
    second = _run_trials(day, _in_step, _before_second(day), _STEP_NS, in_second)
    while_written = _run_trials(day, _in_page, 0, _WRITTEN_NS, written)
    day.close()
    return {
        "gross_to_low_ms_p50": median(seen),
        "gross_to_low_ms_p99": seen[trials * 99 // 100],
        "gross_to_low_ms_worst": seen[-1],
        "gross_to_low_trials": trials,
        "gross_to_low_second_ms_p50": median(second),
        "gross_to_low_second_ms_worst": second[-1],
        "gross_to_low_second_trials": in_second,
        "gross_to_low_written_ms_p50": median(while_written),
        "gross_to_low_written_ms_worst": while_written[-1],
        "gross_to_low_written_trials": written,
    }
