"""False trips: sessions in ordinary use, with noise, spikes and a person who moves.

One unit of work is a session of 20 minutes at full power and the minute after it. Per step and
sensor: noise of 6 counts (of 65,520; 16 conversions of 1.5 counts each, summed). Every 10 s on
average one conversion of the 16 is off by up to +-1,000 codes, which moves the reading by up to
2.9 K. Every 15 s on average the person moves: contact 0.85 to 1, at times a blanket for a while.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.faults.case import Row
from tests.faults.plants import Figures, make
from tests.faults.run import Run
from wrap.safety import faults

SESSION_H = 1200 / 3600
NOISE_COUNTS = 6.0
SPIKE_CODES = 1000
SPIKE_EVERY_STEPS = 1000
MOVE_EVERY_MS = 15_000
_TABLE = 1 << 16


def _noise(rng: random.Random) -> list[int]:
    """What a step's reading is off by: noise, and rarely a spike."""
    table = [round(rng.gauss(0.0, NOISE_COUNTS)) for _ in range(_TABLE)]
    for i in range(0, _TABLE, SPIKE_EVERY_STEPS):
        at = i + rng.randrange(min(SPIKE_EVERY_STEPS, _TABLE - i))
        table[at] += rng.randint(-SPIKE_CODES, SPIKE_CODES)
    return table


def _disturb(run: Run, sensor: int) -> None:
    table, at = _noise(run.rng), [0]

    def read(raw: int, ms: int) -> int:
        at[0] = at[0] + 1 & _TABLE - 1
        return raw + table[at[0]]

    run.board.broken.sensors[sensor] = read


def _move(run: Run) -> None:
    covered = run.rng.random() < 0.15
    run.plant.change(contact=run.rng.uniform(0.85, 1.0), covered=covered)


def session(seed: int) -> Row:
    """One session: the light's hours, and what tripped ("" when nothing did)."""
    rng = random.Random(f"nominal/{seed}")
    ambient = round(rng.uniform(16.0, 28.0), 2)
    world = Figures(ambient, False, round(rng.uniform(0.7, 1.4), 2), 1.0, 1.0, 1.0, False)
    run = Run(make(world), "running", rng)
    for sensor in (0, 1):
        _disturb(run, sensor)
    run.prepare()
    while run.now_ms < 1_265_000:
        run.wait(round(rng.expovariate(1 / MOVE_EVERY_MS)) + 10)
        _move(run)
        run.answer()
    app = run.board.app
    row: Row = {
        "seed": seed,
        "hours": app.session.active_ms / 3_600_000,
        "trip": faults.NAMES[app.latch.code] if app.latch.code else "",
        "end": app.session.end_reason,
        "max_mc": max(app.monitor.max_mc[:1]),
    }
    run.close()
    return row


def work(names: Sequence[str]) -> list[Row]:
    """Sessions by their seeds."""
    return [session(int(name)) for name in names]


def seeds(hours: float) -> list[str]:
    """Enough sessions for so many hours of light."""
    return [str(i) for i in range(round(hours / SESSION_H))]
