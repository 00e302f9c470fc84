"""The guard and what it is made of, on a pad that warms, cools, slides and lies."""

from tests.fuzz import kit
from tests.verdicts import shown
from wrap.control.dose import DoseMeter
from wrap.rules.limits import SKIN_TRIP_MC
from wrap.safety import thermal
from wrap.safety.derate import Derate, allowed
from wrap.safety.trend import Trend

_ROLES = (
    ("skin", "board"),
    ("skin", "board"),
    ("skin", "skin", "board"),
    ("skin", "board", "board"),
    ("skin", "skin"),
)


class _Facts:
    """A board with these sensors."""

    NTC_R25_OHM = NTC_BETA_K = PULLUP_OHM = 1  # the curve is the kit's
    CHANNELS = kit.board_facts.CHANNELS

    def __init__(self, roles, joule):
        self.PAD_J_PER_K = joule
        self.SENSORS = [(role, role) for role in roles]


class _Pad:
    """What the sensors feel, in mC; now and then something else begins to happen to them."""

    def __init__(self, rng, n):
        self._rng = rng
        self.mcs = [33000 + rng.below(2000) for _ in range(n)]
        self._drift = [0] * n
        self._noise = 20
        self.duties = [0, 0]

    def change(self):
        """Another minute begins."""
        rng = self._rng
        kind = rng.below(10)
        for i in range(len(self.mcs)):
            self._drift[i] = rng.below(41) - 20 if rng.below(3) else 0
            if kind == 0:
                self._drift[i] = rng.below(601) - 300
            elif kind == 1 and rng.below(2):
                self.mcs[i] += rng.below(9001) - 4500
            elif kind == 2:
                self.mcs[i] = (33000, 39500, 40400, 4500, 20000)[rng.below(5)]
        self._noise = 1 if rng.below(3) == 0 else 40
        if kind in (3, 4):  # one stands still while the pad warms
            self._drift = [70] * len(self.mcs)
            self._drift[(0, -1)[kind - 3]] = 0
            self._noise, self.duties = 1, [65535, 65535]
        elif rng.below(2):
            level = (0, 0, 10000, 65535, 65535)[rng.below(5)]
            self.duties = [level, level if rng.below(4) else 0]

    def second(self):
        """The next readings."""
        rng, curve = self._rng, kit._CURVE
        for i in range(len(self.mcs)):
            self.mcs[i] = max(-5000, min(70000, self.mcs[i] + self._drift[i]))
        raws = [curve.raw_at(mc + rng.below(self._noise)) for mc in self.mcs]
        if rng.below(2000) == 0:
            raws[0] = (0, 65520)[rng.below(2)]
        return raws


def _told(it):
    """All that a guard shows, and what it remembers."""
    m, w, model, d = it.temp_limits, it.sensor_check, it.heat_balance, it.derate
    told = (m.temps_mc, m.max_mc, m.warn, m.cold, d.q, d._fine, d.fresh)
    told += (w._still_s, w._heat_mj, w._apart_s, w._settled, it._lit_s, it._last)
    told += (it.moved, it.news, it.warnings(), it.second_in_ms(), [t.now for t in it._trends])
    if model:
        told += (model.room_mw, model.covered, model.weak)
        told += (model._hot_s, model._weak_s, model._cover_s)
    return told


def _day(rng, out, seconds):
    roles = _ROLES[rng.below(len(_ROLES))]
    it = thermal.ThermalChecks(_Facts(roles, (450, 100)[rng.below(2)]))
    pad = _Pad(rng, len(roles))
    meters = [DoseMeter(50000, 60000) for _ in kit.CHANNELS]
    until = 0
    for s in range(seconds):
        if s == until:
            until += 1 + rng.below(160)
            pad.change()
            kind = rng.below(12)
            if kind == 0:
                it.start_session()
            elif kind == 1:
                for meter in meters:
                    meter.clear()
            elif kind == 2:
                it.temp_limits.set_skin_trip(36000 + rng.below(6000))
            elif kind == 3:
                out.add(it.derate_now())
        dt_ms = (1000, 1000, 1000, 500, 1010, 2000)[rng.below(6)] if rng.below(16) == 0 else 1000
        for meter, duty in zip(meters, pad.duties):
            meter.add(duty, dt_ms)
        out.add(shown(it.check(pad.second(), dt_ms, meters)), _told(it))
        if it.news and rng.below(2):
            out.add(it.pop_warning(s))


def guards(rng, out, count):
    """So many pads, 600 seconds of each."""
    made = thermal.Thermistor
    thermal.Thermistor = kit._curve
    try:
        for _ in range(count):
            _day(rng, out, 600)
    finally:
        thermal.Thermistor = made


def trends(rng, out, count):
    """One value's minute, and the light that a temperature allows."""
    it, dim = Trend(), Derate()
    for _ in range(count):
        mc, trip = 36000 + rng.below(6000), SKIN_TRIP_MC - rng.below(3) * 1000
        it.take(mc if rng.below(2) else rng.below(130000) - 40000)
        out.add(it.n, it.now, it.ago(rng.below(min(it.n, 61))), allowed(mc, trip))
        dim.take(it.now, trip)
        out.add(dim.q, dim._fine)
        kind = rng.below(200)
        if kind == 0:
            it.clear()
        elif kind == 1:
            dim.fresh = True
