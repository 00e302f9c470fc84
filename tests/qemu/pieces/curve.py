"""Compares the sensors' curve. Its table is made in floats, single ones on MicroPython, so its
knots may differ a little; the readings are compared on the knots of one side."""

import board_facts
from wrap.safety.thermistor import Thermistor

CURVE = Thermistor(board_facts.NTC_R25_OHM, board_facts.NTC_BETA_K, board_facts.PULLUP_OHM)


def facts():
    """Return (raw_min, raw_max, knots) as they are made here."""
    made = Thermistor(board_facts.NTC_R25_OHM, board_facts.NTC_BETA_K, board_facts.PULLUP_OHM)
    return made.raw_min, made.raw_max, list(made.knots)


def use(raw_min, raw_max, knots):
    """Replace the table of CURVE."""
    CURVE.raw_min, CURVE.raw_max = raw_min, raw_max
    for i in range(len(knots)):
        CURVE.knots[i] = knots[i]


def readings(rng, out, count):
    """Add the temperatures of any readings and the readings of any temperatures."""
    for _ in range(count):
        out.add(CURVE.mc(rng.below(65536)), CURVE.raw_at(rng.below(140000) - 20000))
