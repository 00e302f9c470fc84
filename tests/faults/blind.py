"""Finds the sensor error from which on each check reacts: python -m tests.faults.blind
(docs/safety.md).

The middle skin sensor, under the wearer's weight, reads wrong from before the press, by an amount
that grows from row to row. Two worlds: a room of 35 C, covered, no blood flow; and a wearer who
lies on a third of the pad in a room of 30 C, once with S1 and once without. Both at full power.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults import plants, summary
from tests.faults.kinds_sensors import FULL, raw_of
from tests.faults.kinds_wires import ALL, wire
from tests.faults.plants import Figures
from tests.faults.run import Run

BEGIN, END = "<!-- blind -->", "<!-- /blind -->"
ROOT = Path(__file__).parents[2]
HOT = Figures(35.0, True, 0.0, 1.0, 1.0, 1.0, False)
LAIN_ON = Figures(
    30.0,
    False,
    1.0,
    1.0,
    1.0,
    1.0,
    False,
    (("loaded_loss", 0.1), ("loaded_blood_flow", 0.0), ("loaded_thickness", 0.5)),
)
WORLDS = {"hot, covered, bloodless": HOT, "lain on, 30 C": LAIN_ON}
Lie = Callable[[Run, float], None]


def _reads(run: Run, shown_c: Callable[[float, int], float]) -> None:
    run.board.broken.sensors[0] = lambda _, ms: raw_of(shown_c(run.plant.sensor_c(0), ms))


def _offset(run: Run, kelvin: float) -> None:
    _reads(run, lambda true_c, ms: true_c + kelvin)


def _drift(run: Run, kelvin_per_s: float) -> None:
    began = run.now_ms
    _reads(run, lambda true_c, ms: max(12.0, true_c + kelvin_per_s * (ms - began) / 1000))


def _lag(run: Run, seconds: float) -> None:
    shown, then = [run.plant.sensor_c(0)], [run.now_ms]

    def read(true_c: float, ms: int) -> float:
        shown[0] += (true_c - shown[0]) * (ms - then[0]) / 1000 / seconds
        then[0] = ms
        return shown[0]

    _reads(run, read)


def _air(run: Run, share: float) -> None:
    _reads(run, lambda true_c, ms: true_c + share * (run.plant.params.ambient_c - true_c))


def _beta(run: Run, kelvin: float) -> None:
    facts = run.board.facts

    def read(_: int, ms: int) -> int:
        inverse = 1.0 / (run.plant.sensor_c(0) + 273.15) - 1.0 / 298.15
        ohm = facts.NTC_R25_OHM * math.exp(kelvin * inverse)
        return round(FULL * ohm / (ohm + facts.PULLUP_OHM))

    run.board.broken.sensors[0] = read


def _ground(run: Run, millivolt: float) -> None:
    run.plant.wires[0].shared_ohm = millivolt / 1800
    wire(run, (0,))


def _leak(run: Run, ohm: float) -> None:
    run.plant.wires[0].leak_ohm = ohm
    wire(run, (0,))


def _contact(run: Run, ohm: float) -> None:
    run.plant.wires[0].contact_ohm = ohm
    wire(run, (0,))


@dataclass(frozen=True)
class Sweep:
    """One kind of sensor error, and the amounts to try."""

    name: str
    unit: str
    lie: Lie
    amounts: tuple[float, ...]


SWEEPS = (
    Sweep("reads too cold by", "K", _offset, (-1.0, -1.5, -2.0, -2.5, -3.0, -4.0)),
    Sweep("drifts down by", "K/s", _drift, (-0.001, -0.002, -0.005, -0.01, -0.02)),
    Sweep("lags by", "s", _lag, (60.0, 300.0, 600.0, 1200.0)),
    Sweep("share in the room's air", "", _air, (0.2, 0.4, 0.6, 0.8, 1.0)),
    Sweep("has a B of", "K", _beta, (4100.0, 3800.0, 3600.0, 3435.0, 3380.0)),
    Sweep("shared ground at full current", "mV", _ground, (5.0, 10.0, 15.0, 50.0, 150.0)),
    Sweep("leak from 12 V", "ohm", _leak, (5e6, 2e6, 1e6, 5e5, 1.5e5)),
    Sweep("contact in series", "ohm", _contact, (50.0, 200.0, 400.0, 1000.0)),
)


def _honest(run: Run, _: float) -> None:
    """Read every sensor right."""


def _reel(run: Run, kelvin: float) -> None:
    run.plant.change(ntc_beta_ratio=kelvin / 3950, ntc_r25_ratio=1.05, pullup_ratio=0.95)
    wire(run, ALL)


def _stuck(channels: tuple[int, ...]) -> Lie:
    def lie(run: Run, share: float) -> None:
        duty = int(65535 * share)
        for ch in channels:
            run.board.broken.leds[ch] = lambda _: duty
        run.board.broken.enable_shorted = True
        run.board.hal.refresh()

    return lie


def _strong(run: Run, gain: float) -> None:
    for ch in (0, 1):
        run.board.broken.leds[ch] = lambda duty: int(duty * gain)
    run.board.hal.refresh()


BED = Figures(30.0, True, 0.2, 1.0, 1.0, 1.0, False)
# What a reviewer measured on the firmware with one skin sensor: (case, world, lie, amount, figures
# then, heat test recorded, cut-off there, the balance knows the dark pad).
CASES = (
    ("bead in air", HOT, _air, 1.0, "45.8 C", True, False, True),
    ("bead in air, bed", BED, _air, 1.0, "42.4 C", True, False, True),
    ("3 K too cold", HOT, _offset, -3.0, "43.6 C", True, False, True),
    ("4 K too cold", HOT, _offset, -4.0, "44.5 C", True, False, True),
    ("drifts by -0.005 K/s", HOT, _drift, -0.005, "45.8 C", True, False, True),
    ("bead half lifted", HOT, _air, 0.4, "44.0 C", True, False, True),
    ("B 3435, R25 +5 %, pull-up -5 %, all", HOT, _reel, 3435.0, "45.5 C", False, False, True),
    *(
        (
            f"lain on, honest, {room} C",
            Figures(room, False, 1.0, 1.0, 1.0, 1.0, False, LAIN_ON.more),
            _honest,
            0.0,
            then,
            True,
            False,
            True,
        )
        for room, then in ((20.0, "44.2 C"), (25.0, "45.6 C"), (30.0, "46.8 C"))
    ),
    ("one lamp beyond control, full", HOT, _stuck((0,)), 1.0, "47.3 C", True, True, True),
    ("both beyond control, 35 %", HOT, _stuck((0, 1)), 0.35, "48.0 C", True, True, True),
    ("lamps 1.85 times too strong, at once", HOT, _strong, 1.85, "41.4 C", True, False, False),
)


def cases() -> str:
    """The reviewer's cases as a table in Markdown."""
    lines = ["| case | then | hottest skin C | CEM43 min | found by |", "|---|---|---|---|---|"]
    for name, figures, lie, amount, then, proven, s1, settle in CASES:
        found, heat = play(figures, lie, amount, s1, proven, settle)
        row = f"| {name} | {then} | {heat.peak_c:.2f} | {heat.cem43_min:.2f} |"
        lines.append(f"{row} {found or '-'} |")
    return "\n".join(lines) + "\n"


def play(
    figures: Figures,
    lie: Lie,
    amount: float,
    s1: bool,
    proven: bool = True,
    settle: bool = True,
) -> tuple[str, plants.Heat]:
    """(what found it or "", the skin's heat); s1: the thermal cut-off is there; proven: a heat test
    is recorded; settle: the heat balance knows the dark pad at the press."""
    run = Run(
        plants.make(figures),
        "powered" if lie is _reel else "pressed",  # parts do not change on a pad that is worn
        random.Random("blind"),
        proven=proven,
        settle=settle,
    )
    if s1:
        plants.add_cut_offs(run.plant)
    try:
        run.prepare()
        run.struck()
        lie(run, amount)
        run.begin_broken()
        run.watch_heat()
        run.cool()
        refused = "refused" if run.board.app.session.end_reason.startswith("self-test") else ""
        return run.fault or refused, run.heat
    finally:
        run.close()


def table() -> str:
    """The sweeps as a table in Markdown."""
    head = "| one skin sensor | amount |"
    for world in WORLDS:
        head += f" {world}: found by | hottest skin C | CEM43 min |"
    lines = [head + " with S1: C | CEM43 min |", "|---" * 10 + "|"]
    for sweep in SWEEPS:
        for amount in sweep.amounts:
            row = f"| {sweep.name} | {amount:g} {sweep.unit} |"
            for figures in WORLDS.values():
                found, heat = play(figures, sweep.lie, amount, False)
                row += f" {found or '-'} | {heat.peak_c:.2f} | {heat.cem43_min:.2f} |"
            _, heat = play(LAIN_ON, sweep.lie, amount, True)
            lines.append(f"{row} {heat.peak_c:.2f} | {heat.cem43_min:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.blind", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="put the table into docs/safety.md")
    parser.add_argument("--cases", action="store_true", help="a reviewer's cases instead")
    options = parser.parse_args()
    if options.cases:
        print(cases())
        return
    said = table()
    print(said)
    if options.docs:
        summary.into_docs(ROOT / "docs" / "safety.md", said, BEGIN, END)


if __name__ == "__main__":
    main()
