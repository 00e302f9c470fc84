"""The thermal checks on the thermal plant, without the rest of a wrap."""

from array import array
from types import SimpleNamespace

import board_facts
from pbmwrap.twin.plant import Plant, PlantParams
from tests.verdicts import code_of
from wrap.rules import faults
from wrap.safety.derate import FULL_Q
from wrap.safety.thermal import ThermalChecks

STEP_MS = 100
FULL = (833, 833)  # what the supply leaves of full duty, in permille


class Pad:
    """levels: permille written per channel while lit; wrong(ch, ppm): what a broken lamp makes of
    it; mismatch: how much brighter than its facts each channel is."""

    def __init__(self, seed=0, mismatch=(1.0, 1.0), **plant):
        self.plant = Plant(board_facts, PlantParams(**plant), seed)
        self.thermal = ThermalChecks(board_facts)
        self.meters = [SimpleNamespace(on_ms=0), SimpleNamespace(on_ms=0)]
        self.raws = array("i", [0] * len(board_facts.SENSORS))
        self.levels = FULL
        self.mismatch = mismatch
        self.wrong = lambda ch, ppm: ppm
        self.fault = faults.NONE
        self.sensor = None  # that shows the fault
        self.fault_s = 0.0
        self.now_s = 0.0
        self.news = []  # (second, warning)
        self.q = []  # derating of every lit second
        self.hottest_c = 0.0
        self._rest = [0, 0]

    @property
    def name(self):
        return faults.NAMES[self.fault]

    def begin(self):
        for meter in self.meters:
            meter.on_ms = 0
        self.thermal.start_session()

    def run(self, seconds, lit):
        """Until the end or a fault, in which the lamps are dark."""
        for _ in range(int(seconds * 1000 / STEP_MS)):
            if self.fault:
                break
            self._step(lit)

    def _step(self, lit):
        q = self.thermal.derate.q
        ppms = []
        for ch, level in enumerate(self.levels):
            ppm = level * 1000 * q // FULL_Q if lit else 0
            self._rest[ch] += ppm * STEP_MS
            self.meters[ch].on_ms += self._rest[ch] // 1_000_000
            self._rest[ch] %= 1_000_000
            ppms.append(self.wrong(ch, ppm) * self.mismatch[ch])
        self.plant.step(STEP_MS, ppms)
        self.now_s = round(self.now_s + STEP_MS / 1000, 3)
        for i in range(len(self.raws)):
            self.raws[i] = self.plant.raw12(i) * 16
        found = self.thermal.check(self.raws, STEP_MS, self.meters)
        self.fault = code_of(found)
        self.sensor = None if found is None else found.sensor
        self.hottest_c = max(self.hottest_c, self.plant.skin_c)
        if lit and self.now_s % 1 == 0:
            self.q.append(q)
        if self.fault:
            self.fault_s = self.now_s
        if self.thermal.pending_warning:
            self.news.append((self.now_s, self.thermal.pop_warning(1)["warning"]))

    def session(self, minutes=20, before_s=40, after_s=120):
        """Dark, lit, dark."""
        self.run(before_s, False)
        self.begin()
        self.run(minutes * 60, True)
        self.run(after_s, False)


def swing(q, last_s=300):
    """Peak to peak of the derating over the last seconds, less its straight trend, in percent."""
    tail = q[-last_s:]
    n = len(tail)
    slope = (sum(tail[-n // 4 :]) - sum(tail[: n // 4])) / (n // 4) / (n * 3 / 4)
    rest = [v - slope * i for i, v in enumerate(tail)]
    return 100 * (max(rest) - min(rest)) / FULL_Q
