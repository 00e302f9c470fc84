"""False trips: sessions in ordinary use, with noise, spikes and a person who moves.

One unit of work is a session of 20 minutes at full power and the minute after it, of one of five
people in turn: awake in a chair, asleep in bed, restless, awake in bed with weight on the pad, and
with cold feet. Per step and
sensor: noise of 6 counts (of 65,520; 16 conversions of 1.5 counts each, summed). Every 10 s on
average one conversion of the 16 is off by up to +-1,000 codes, which moves the reading by up to
2.9 K. In every fourth round of the five people near infrared pulses, so that the wire check
compares more readings. Every 15 s on average the person moves: contact 0.85 to 1, at times a
blanket for a while.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.case import Row
from tests.faults.plants import Figures, make
from tests.faults.run import Run
from wrap.rules import faults

SESSION_H = 1200 / 3600


@dataclass(frozen=True)
class Person:
    """Ranges of the world, and how the person behaves."""

    ambient_c: tuple[float, float] = (16.0, 28.0)
    blood_flow: tuple[float, float] = (0.7, 1.4)
    contact: tuple[float, float] = (0.85, 1.0)
    covered: bool = False
    blanket: float = 0.15  # how often a blanket lies on it for a while
    moves_ms: float = 15_000
    answers: bool = True
    more: tuple[tuple[str, float, float], ...] = ()


WEIGHT = (
    ("loaded_loss", 0.3, 0.8),
    ("loaded_blood_flow", 0.4, 1.0),
    ("loaded_thickness", 0.6, 1.0),
)
PEOPLE = {
    "awake": Person(),
    "asleep": Person((15.0, 24.0), covered=True, moves_ms=120_000, answers=False),
    "restless": Person(contact=(0.7, 1.0), moves_ms=5_000, more=WEIGHT[:1]),
    "in-bed": Person((15.0, 24.0), covered=True, moves_ms=60_000, more=WEIGHT),
    "cold-feet": Person(
        (15.0, 20.0), (0.2, 0.6), more=(("core_c", 30.0, 33.0), ("edge_core_k", 0.0, 1.0))
    ),
}
NOISE_COUNTS = 6.0
SPIKE_CODES = 1000
SPIKE_EVERY_STEPS = 1000
PULSES_HZ = (10, 37, 50, 100)
_TABLE = 1 << 16


def make_noise(rng: random.Random) -> list[int]:
    """What a step's reading is off by: noise, and rarely a spike."""
    table = [round(rng.gauss(0.0, NOISE_COUNTS)) for _ in range(_TABLE)]
    for i in range(0, _TABLE, SPIKE_EVERY_STEPS):
        at = i + rng.randrange(min(SPIKE_EVERY_STEPS, _TABLE - i))
        table[at] += rng.randint(-SPIKE_CODES, SPIKE_CODES)
    return table


def _disturb(run: Run, sensor: int) -> None:
    table, at = make_noise(run.rng), [0]

    def read(raw: int, ms: int) -> int:
        at[0] = at[0] + 1 & _TABLE - 1
        return raw + table[at[0]]

    run.board.broken.sensors[sensor] = read


def _move(run: Run, person: Person) -> None:
    covered = person.covered or run.rng.random() < person.blanket
    run.plant.change(contact=run.rng.uniform(*person.contact), covered=covered)


def play_session(seed: int) -> Row:
    """Play one session. Returns its row: the light's hours, what tripped ("" when nothing did), the
    highest skin reading in mC."""
    rng = random.Random(f"nominal/{seed}")
    name = list(PEOPLE)[seed % len(PEOPLE)]
    person = PEOPLE[name]
    ambient, blood = (round(rng.uniform(*r), 2) for r in (person.ambient_c, person.blood_flow))
    more = tuple((key, round(rng.uniform(low, high), 3)) for key, low, high in person.more)
    world = Figures(ambient, person.covered, blood, 1.0, 1.0, 1.0, False, more)
    lap = seed // len(PEOPLE)
    pulse_hz = PULSES_HZ[lap // 4 % len(PULSES_HZ)] if lap % 4 == 3 else 0
    run = Run(make(world), "pressed", rng, pulse_hz=pulse_hz)
    for sensor in range(len(run.board.facts.SENSORS)):
        _disturb(run, sensor)
    run.prepare()
    run.begin_broken()
    while run.now_ms < 1_300_000:
        run.wait(min(round(rng.expovariate(1 / person.moves_ms)) + 10, 30_000))
        _move(run, person)
        if person.answers:
            run.answer()
    app = run.board.app
    row: Row = {
        "seed": seed,
        "person": name,
        "pulse_hz": pulse_hz,
        "power": app.light.power_limit.why or "full",
        "hours": app.session.active_ms / 3_600_000,
        "trip": faults.NAMES[app.fault_latch.code] if app.fault_latch.code else "",
        "end": app.session.end_reason,
        "max_mc": max(app.temp_limits.max_mc[:3]),
    }
    run.close()
    return row


def play_sessions(names: Sequence[str]) -> list[Row]:
    """Play the sessions of these seeds (decimal text); return their rows."""
    return [play_session(int(name)) for name in names]


def list_seeds(hours: float) -> list[str]:
    """Return the seeds of enough sessions for so many hours of light."""
    return [str(i) for i in range(round(hours / SESSION_H))]
