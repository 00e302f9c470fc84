"""The goals of the control loop, one row each, and their table for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Goal:
    """A figure `key` that should be at most `limit`, or at least, when `least`."""

    text: str
    key: str
    limit: float
    unit: str
    part: str
    least: bool = False
    digits: int = 1

    def is_met(self, figures: Figures) -> bool | None:
        """Return whether the goal is met, None when the figure has not been measured."""
        if self.key not in figures:
            return None
        return figures[self.key] >= self.limit if self.least else figures[self.key] <= self.limit

    def format_value(self, value: float) -> str:
        number = f"{value:,.{self.digits}f}"
        return f"{number} {self.unit}".strip()


GOALS = (
    Goal("step, running, median", "wrap_us_median", 120, "us", "peers"),
    Goal("times faster than the plain version", "times_faster_than_plain", 6, "", "peers", True),
    Goal("ratio to the C version", "ratio_to_c", 2.0, "", "peers", digits=2),
    Goal("bytes allocated per step", "wrap_bytes", 0, "B", "peers", digits=0),
    Goal(
        "bytes allocated in a running session without a host, so collections: none",
        "garbage_calm_bytes_per_s",
        0,
        "B/s",
        "garbage",
        digits=0,
    ),
    Goal(
        "start of a step off the 10 ms grid, 20 min without a host, worst",
        "session_jitter_us_worst",
        1000,
        "us",
        "session",
    ),
    Goal(
        "the same, 5 min of telemetry, pulls and floods",
        "loaded_jitter_us_worst",
        1000,
        "us",
        "loaded",
    ),
    Goal("steps lost, then", "loaded_steps_missing", 0, "", "loaded", digits=0),
    Goal(
        "sensor over the gross limit to pins low, worst",
        "gross_to_low_ms_worst",
        12,
        "ms",
        "latency",
        digits=2,
    ),
    Goal(
        "the same in the step that does the second's work, worst",
        "gross_to_low_second_ms_worst",
        12,
        "ms",
        "latency",
        digits=2,
    ),
    Goal(
        "the same while a page of the log is written, an erase 400 ms and a page 3 ms, worst",
        "gross_to_low_written_ms_worst",
        300,
        "ms",
        "latency",
        digits=2,
    ),
    Goal(
        "pulse frequency off, 10 Hz to 5 kHz, worst", "pulse_frequency_off_ppm", 1000, "ppm", "pins"
    ),
    Goal("pulse edge jitter", "pulse_edge_jitter_cycles", 0, "cycles", "pins", digits=0),
    Goal(
        "slices with a divider that makes edges wander",
        "pulse_dividers_with_fraction",
        0,
        "",
        "pins",
        digits=0,
    ),
    Goal(
        "intensity off, 0.1 to 99.9 %, worst", "linearity_off_counts", 1, "counts", "pins", digits=2
    ),
    Goal(
        "pulses that nobody asked for, in random changes",
        "change_pulses_not_asked_for",
        0,
        "",
        "pins",
        digits=0,
    ),
    Goal(
        "dose against the pins' on-time, 20 min",
        "session_dose_off_percent",
        0.1,
        "%",
        "session",
        digits=4,
    ),
    Goal("session time, 20 min", "session_time_off_ms", 1, "ms", "session", digits=3),
    Goal("session time across the tick wrap", "ticks_time_off_ms", 1, "ms", "ticks", digits=3),
    Goal(
        "random states on the chip that ended otherwise than the plain version",
        "states_wrong",
        0,
        "",
        "states",
        digits=0,
    ),
    Goal("heap in use, running", "heap_running_bytes", 65536, "B", "sizes", digits=0),
    Goal(
        "heap growth over 24 simulated hours", "heap_growth_bytes_24_h", 0, "B", "growth", digits=0
    ),
    Goal("power-on to outputs safe", "outputs_safe_ms", 50, "ms", "boot", digits=2),
    Goal("power-on to ready", "boot_to_ready_ms", 300, "ms", "boot", digits=0),
    Goal("the same, the first boot of all", "first_boot_to_ready_ms", 400, "ms", "boot", digits=0),
    Goal("the same, with a full log", "full_log_boot_to_ready_ms", 300, "ms", "boot", digits=0),
    Goal(
        "20 minutes on the simulator, every step run, wall", "sim_20_min_s", 1, "s", "sim", digits=2
    ),
)


def derive_figures(figures: Figures) -> dict[str, float]:
    """Return the figures that follow from others, where those are present."""
    out: dict[str, float] = {}
    for name, above, below in (
        ("times_faster_than_plain", "plain_us_median", "wrap_us_median"),
        ("ratio_to_c", "wrap_us_median", "c_us_median"),
    ):
        if above in figures and below in figures:
            out[name] = figures[above] / figures[below]
    return out


def format_table(figures: Figures) -> str:
    """Return the goals with their figures as a Markdown table."""
    lines = ["| figure | goal | measured | |", "|---|---|---|---|"]
    for goal in GOALS:
        met = goal.is_met(figures)
        value = "not measured" if met is None else goal.format_value(figures[goal.key])
        word = {None: "", True: "met", False: "**missed**"}[met]
        sense = "" if not goal.limit else "at least" if goal.least else "at most"
        limit = f"{sense} {goal.limit:,g} {goal.unit}".strip()
        lines.append(f"| {goal.text} | {limit} | {value} | {word} |")
    return "\n".join(lines) + "\n"
