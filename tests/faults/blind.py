"""From where on each check sees a sensor's lie: python -m tests.faults.blind (docs/safety.md).

One skin sensor lies, from before the press, by an amount that grows from row to row: the middle
one, under the wearer's weight. Two worlds: a room of 35 C, covered, no blood flow; and a wearer who
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
from tests.faults.kinds_wires import wire
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
    """One kind of lie and the amounts to try."""

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


def play(figures: Figures, lie: Lie, amount: float, s1: bool) -> tuple[str, plants.Heat]:
    """(what found it or "", the skin's heat); s1: the thermal cut-off is there."""
    run = Run(plants.make(figures), "pressed", random.Random("blind"))
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
    said = table()
    print(said)
    if parser.parse_args().docs:
        summary.into_docs(ROOT / "docs" / "safety.md", said, BEGIN, END)


if __name__ == "__main__":
    main()
