"""Dose, lamps and the monitor on random inputs."""

from pbmwrap.twin.fake_hal import FakeHal
from tests.fuzz import kit
from tests.verdicts import shown
from wrap.control.dose import DoseMeter
from wrap.control.lamps import Lamps
from wrap.safety.temp_limits import TempLimits

_CHANNELS = kit.board_facts.CHANNELS
_SUPPLY_MA = kit.board_facts.SUPPLY_MA
_HZ = (0, 0, 10, 40, 292, 4672)
_DT_MS = (10, 10, 10, 20, 11, 2999, 3000, 4000)


def dose(rng, out, count):
    """Two meters, one at the largest irradiance that a calibration may have."""
    meters = (DoseMeter(rng.below(200001), rng.below(300001)), DoseMeter(200000, 300000))
    for _ in range(count):
        duty = (0, 65535, rng.below(65536), 1)[rng.below(4)]
        dt_ms = rng.below(3001)
        for m in meters:
            m.add(duty, dt_ms)
            out.add(m.on_ms, m.uj, m.upper_uj, m._on_rest, m._nj, m._upper_nj)
        if rng.below(400) == 0:
            meters[rng.below(2)].clear()


def _spec(rng):
    return tuple([(rng.below(1001), _HZ[rng.below(6)], 1 + rng.below(1000)) for _ in _CHANNELS])


def lamps(rng, out, count):
    """Any order of what an app does to its lamps, at the pins of the fake HAL."""
    hal = FakeHal(len(_CHANNELS), 2)
    rates = [(rng.below(200001), rng.below(300001)) for _ in _CHANNELS]
    it = Lamps(hal, _CHANNELS, _SUPPLY_MA, rates)
    it.set_ramp(500)
    spec, fade, derate = _spec(rng), 4096, 4096
    for _ in range(count):
        kind = rng.below(12)
        if kind == 0:
            spec = _spec(rng)
        elif kind == 1:
            fade, derate = rng.below(4097), rng.below(4097)
        elif kind == 2:
            it.dark()
        elif kind == 3:
            it.set_ramp(500 + rng.below(9501))
        if kind > 2:
            it.apply(spec, fade, derate, rng.below(8) != 0)
            hal.enable(rng.below(16) != 0)
        dt_ms = _DT_MS[rng.below(8)]
        hal.now_ms += dt_ms
        it.meter(dt_ms)
        out.add(
            hal.duty, hal.mode, it.duties, it.is_steady(), it.rate_uw, it.dose_uj(), it.upper_uj()
        )
        out.add(it.dose_in_ms(rng.below(60000000), rng.below(1000000000)))


def _near(rng, monitor):
    """A reading, mostly at a limit of this moment."""
    curve = kit._CURVE
    kind = rng.below(8)
    if kind == 0:
        return rng.below(65521)
    if kind == 1:
        return (curve.raw_min, curve.raw_max, monitor.quiet_below - rng.below(2), 0, 65520)[
            rng.below(5)
        ]
    if kind < 4:
        return (
            (monitor._trip_raw, monitor._gross_raw)[rng.below(2)][rng.below(2)] + rng.below(3) - 1
        )
    return kit.COOL + rng.below(200)


def monitor(rng, out, count):
    """Readings at the limits, in and out of their order."""
    it = TempLimits(("skin", "board"), kit._CURVE)
    raws = [kit.COOL, kit.COOL]
    for _ in range(count):
        for i in (0, 1):
            if rng.below(3):
                raws[i] = _near(rng, it)
        out.add(shown(it.check(raws)), it.temps_mc, it.max_mc)
        out.add(it.hottest_mc, it.warn, it.cold, it.is_quiescent(), it.quiet_from)
        kind = rng.below(64)
        if kind == 0:
            it.set_skin_trip(35000 + rng.below(9000))
        elif kind == 1:
            it.start_session()
        elif kind == 2:
            out.add(it.means())
