"""The sensors' curve. It is made in floats, single ones on MicroPython: so its knots may differ a
little, and whatever is compared number by number is done on the knots of one of both sides."""

from tests.fuzz import kit
from wrap.safety.thermistor import Thermistor


def facts():
    """(raw_min, raw_max, knots) as they are made here."""
    f = kit.board_facts
    made = Thermistor(f.NTC_R25_OHM, f.NTC_BETA_K, f.PULLUP_OHM)
    return made.raw_min, made.raw_max, list(made.knots)


def use(raw_min, raw_max, knots):
    """These from now on."""
    curve = kit._CURVE
    curve.raw_min, curve.raw_max = raw_min, raw_max
    for i in range(len(knots)):
        curve.knots[i] = knots[i]
    kit.COOL = curve.raw_at(33000)


def readings(rng, out, count):
    """Temperatures of any readings, readings of any temperatures."""
    curve = kit._CURVE
    for _ in range(count):
        out.add(curve.mc(rng.below(65536)), curve.raw_at(rng.below(140000) - 20000))
