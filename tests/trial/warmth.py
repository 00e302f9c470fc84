"""How far the warmth of the arms of a trial is apart, with and without a warmer, on the thermal
plant (docs/decisions/0003), without any dimming.

    python -m tests.trial.warmth
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from pbmwrap.twin.plant import FULL_PPM, Plant, PlantParams
from tests.warmed import warmed_facts

CONDITIONS: dict[str, dict[str, Any]] = {
    "bare": {},
    "blanket": {"covered": True},
    "cold feet": {"ambient_c": 18.0, "core_c": 31.0, "blood_flow": 0.4, "edge_core_k": 1.0},
    "hot room": {"ambient_c": 34.0},
    "pressed on": {"loaded_loss": 0.12, "loaded_blood_flow": 0.05, "loaded_thickness": 0.5},
    "loose": {"contact": 0.6},
}
LEVELS = (0.25, 0.5, 1.0)
LENGTH_S = 1200
AFTER_S = 600  # the pad stays warm after the light


def play_skin(conditions: dict[str, Any], on_ppm: Sequence[int], facts: Any) -> list[list[float]]:
    """Return the skin of each zone, C, in each second of a session and after it."""
    plant = Plant(facts, PlantParams(**conditions))
    found = []
    for second in range(LENGTH_S + AFTER_S):
        plant.step(1000, on_ppm if second < LENGTH_S else [0, 0, 0])
        found.append(list(plant.skin_zones_c))
    return found


def largest_gap_k(one: list[list[float]], other: list[list[float]]) -> float:
    """Return the largest difference at equal times in any zone, with its sign: `one` - `other`."""
    gaps = [a - b for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True)]
    return max(gaps, key=abs)


def compare_arms(
    conditions: dict[str, Any], level: float, facts: Any | None = None
) -> tuple[float, float]:
    """Return the largest difference of skin between the active arm and a sham: (without a warmer,
    with one), K. level: of near infrared, 1 at full duty."""
    facts = facts or warmed_facts()
    ppm = int(FULL_PPM * level)
    active = play_skin(conditions, [0, ppm, 0], facts)
    dark = play_skin(conditions, [0, 0, 0], facts)
    warmed = play_skin(conditions, [0, 0, ppm], facts)
    return largest_gap_k(active, dark), largest_gap_k(active, warmed)


def make_rows() -> list[str]:
    """Return the table of docs/trial.md."""
    heads = [f"{100 * level:.0f} %: sham dark / warmed" for level in LEVELS]
    rows = ["| " + " | ".join(["skin", *heads]) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, conditions in CONDITIONS.items():
        cells = [compare_arms(conditions, level) for level in LEVELS]
        rows.append(
            "| "
            + " | ".join([name, *(f"{dark:.2f} / {warm:.2f} K" for dark, warm in cells)])
            + " |"
        )
    return rows


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    argparse.ArgumentParser(prog="python -m tests.trial.warmth").parse_args(argv)
    print("\n".join(make_rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
