"""What the lamps' pins do, on the emulated RP2040: frequencies, edges, linearity, changes. Widths
and periods are exact there, in CPU cycles of 8 ns.

The wrap's own HAL drives the pins at the REPL of the benchmark's image; nothing is enabled, no
watchdog runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tools.bench.repl_board import ReplBoard
from wrap.control.lamps import duty_of_level

CYCLE_NS = 8
CLOCK_HZ = 125_000_000
SLOWEST_HZ, FASTEST_HZ = 10, 5000
SEEN_HZ = (10, 11, 37, 40, 73, 146, 292, 587, 1000, 1167, 2336, 3333, 4672, 5000)
_PERIODS = 12
_FULL = 65535
_TOP, _DIV = 3, 4  # a lamp's words in hal/rp2040/registers
_HAL = "import board_facts, time\nfrom wrap.hal import open_board\nhal = open_board(board_facts)"

Figures = dict[str, float]


class PinBench(ReplBoard):
    """The benchmark's image with the wrap's HAL open, channel 0 watched."""

    def __init__(self, uf2: Path) -> None:
        super().__init__(uf2)
        self.run_code(_HAL)

    def set_frequency(self, hz: int) -> tuple[int, int]:
        """Bring channel 0 to `hz` (0: carrier); its period and one count, in cycles."""
        top, div = self.run_code(
            f"hal.lamp_mode(0, {hz})\nfrom wrap.hal.rp2040.registers import HEAD\n"
            f"print(hal._regs[HEAD + {_TOP}], hal._regs[HEAD + {_DIV}])"
        ).split()
        assert int(div) % 16 == 0, "a divider with a fraction: edges wander by a cycle"
        return (int(top) + 1) * (int(div) // 16), int(div) // 16

    def read_pulses(self, ms: float) -> list[tuple[int, int]]:
        """(rise, fall) in cycles of the pulses that begin and end within `ms` from now."""
        self.twin.record_edges()
        self.twin.advance_ms(int(ms) + 1)
        return pair_edges(self.twin.edges(0))


def pair_edges(edges: Iterable[tuple[int, bool]]) -> list[tuple[int, int]]:
    """(rise, fall) of whole pulses, cycles, from edges in ns."""
    return [
        (rise // CYCLE_NS, fall // CYCLE_NS)
        for (rise, up), (fall, down) in pairwise(edges)
        if up and not down
    ]


def count_of(duty: int, top_counts: int) -> int:
    """The compare value for a duty, as machine.PWM rounds it."""
    return (duty * top_counts + _FULL // 2) // _FULL


def measure_frequencies(bench: PinBench, every: Sequence[int]) -> Figures:
    """How far the set frequencies are from those asked for, by the slice's own numbers."""
    said = bench.run_code(
        "from wrap.hal.rp2040.registers import HEAD\n"
        f"for hz in {tuple(every)}:\n"
        " hal.lamp_mode(0, hz)\n"
        f" print(hz, (hal._regs[HEAD + {_TOP}] + 1) * hal._regs[HEAD + {_DIV}])",
        20 * len(every),
    )
    pairs = [tuple(map(int, line.split())) for line in said.splitlines()]
    assert [hz for hz, _ in pairs] == list(every)
    return {
        "pulse_frequencies": len(pairs),
        "pulse_frequency_off_ppm": max(
            abs(16 * CLOCK_HZ / sixteenths / hz - 1) * 1e6 for hz, sixteenths in pairs
        ),
        "pulse_dividers_with_fraction": sum(n % 16 != 0 for _, n in pairs),
    }


def measure_edges(bench: PinBench, every: Sequence[int] = SEEN_HZ) -> Figures:
    """Periods and widths at the pin: how much they differ from one to the next, cycles."""
    jitter = off = 0
    for hz in every:
        period, one = bench.set_frequency(hz)
        bench.run_code(f"hal.lamp_write(0, {_FULL // 3})")
        bench.twin.advance_ms(2000 // hz + 1)
        seen = bench.read_pulses(_PERIODS * 1000 / hz)
        periods = [b - a for (a, _), (b, _) in pairwise(seen)]
        widths = [fall - rise for rise, fall in seen]
        assert len(periods) >= _PERIODS - 3, f"{len(periods)} periods at {hz} Hz"
        jitter = max(jitter, max(periods) - min(periods), max(widths) - min(widths))
        off = max(
            off,
            abs(periods[0] - period),
            abs(widths[0] // one - count_of(_FULL // 3, period // one)),
        )
    return {"pulse_edge_jitter_cycles": jitter, "pulse_width_off_counts": off}


def measure_linearity(bench: PinBench, hz: int, levels: Sequence[int]) -> Figures:
    """Largest distance of the width at the pin from what each level (permille, rising, below 1000)
    stands for, in counts; and whether full is light without a gap."""
    period, one = bench.set_frequency(hz)
    wait_us = 3 * period * CYCLE_NS // 1000
    duties = [duty_of_level(level) for level in levels]
    bench.twin.record_edges()
    bench.run_code(
        f"for duty in {tuple(duties)}:\n hal.lamp_write(0, duty)\n time.sleep_us({wait_us})",
        len(levels) * wait_us // 1000,
    )
    widths = [fall - rise for rise, fall in pair_edges(bench.twin.edges(0))]
    seen = [width for n, width in enumerate(widths) if n == 0 or width != widths[n - 1]]
    assert len(seen) == len(levels), f"{len(seen)} widths for {len(levels)} levels at {hz} Hz"
    off = max(
        abs(width - level * period / 1000) / one for width, level in zip(seen, levels, strict=True)
    )
    bench.run_code(f"hal.lamp_write(0, {_FULL})", wait_us // 1000)
    bench.twin.advance_ms(2 * wait_us // 1000 + 1)
    full_ms = 20 + 4 * wait_us // 1000
    bench.twin.record_edges()
    bench.twin.advance_ms(full_ms)
    gaps = len(bench.twin.edges(0)) + (not bench.twin.pins.lamps[0].line.high)
    return {"linearity_off_counts": off, "full_light_gaps": gaps}


def measure_changes(bench: PinBench, n: int, seed: int = 0) -> Figures:
    """`n` random changes of duty and mode at random moments. Counts the pulses of another width
    than was in force as they began, unless a change of mode cut them short."""
    random_ = random.Random(seed)
    steps = []
    for _ in range(n):
        hz = random_.choice((-1, -1, -1, 0, *SEEN_HZ))  # -1: the duty alone
        duty = random_.choice((0, 1, _FULL // 2, random_.randrange(60_000)))
        steps.append((hz, duty, random_.randrange(30_000)))
    bench.run_code(f"mark = bench_rig.make_marker()\nhal.lamp_mode(0, 0)\nsteps = {tuple(steps)}")
    marks = bench.marks_ns
    marks.clear()
    bench.twin.record_edges()
    said = bench.run_code(
        "from wrap.hal.rp2040.registers import HEAD\n"
        "for hz, duty, us in steps:\n"
        " mark()\n"
        " if hz >= 0:\n"
        "  hal.lamp_mode(0, hz)\n"
        " mark()\n"
        " hal.lamp_write(0, duty)\n"
        " mark()\n"
        f" print(hal._regs[HEAD + 2] * (hal._regs[HEAD + {_DIV}] // 16))\n"
        " time.sleep_us(us)\n"
        "hal.lamp_off(0)",
        sum(us for *_, us in steps) // 1000 + 20 * n,
    )
    asked = [int(line) for line in said.splitlines()]
    at = [int(ns) // CYCLE_NS for ns in marks]
    writes = [_Write(at[3 * k], at[3 * k + 1], at[3 * k + 2], asked[k]) for k in range(n)]
    seen = pair_edges(bench.twin.edges(0))
    strange = [pulse for pulse in seen if not _asked_for(pulse, writes)]
    return {"change_pulses": len(seen), "change_pulses_not_asked_for": len(strange)}


@dataclass(frozen=True)
class _Write:
    """A step of `measure_changes`, in cycles: mode between `begun` and `moded`, then duty until
    `written`."""

    begun: int
    moded: int
    written: int
    width: int


def _asked_for(pulse: tuple[int, int], writes: Sequence[_Write]) -> bool:
    rise, fall = pulse
    before = [w.width for w in writes if w.written <= rise][-1:]
    under_way = [w.width for w in writes if w.begun <= rise <= w.written]
    in_force = [*before, *under_way]
    cut = any(w.begun <= fall <= w.moded for w in writes[1:]) or fall > writes[-1].written
    return fall - rise in in_force or (cut and fall - rise < max(in_force, default=0))
