"""What runs on the emulated board for test_bench_peers.py: `bench_step`, the step in C, against the
firmware's own classes on random readings. A difference raises AssertionError."""

import random
from array import array

import bench_rig
import bench_step

import board_facts
from wrap.control.dose import DoseMeter
from wrap.rules import faults, limits, states
from wrap.safety.temp_limits import TempLimits

UW = (60000, 80000)
UPPER = (71234, 299999)
LINE = bench_rig.make_thermistor()
MOST = 60
CALM = (40000, 40000, 40000, 30000)  # three on skin, one on the board


def reading(last, calm, edges):
    """A calm reading, at times one about a limit, seldom any; a part of them stay for a while."""
    kind = random.randint(0, 255)
    if kind == 0:
        raw = random.randint(0, 65520)
    elif kind < 24:
        raw = random.choice(edges)
    else:
        raw = last if kind < 96 else calm
    return min(max(raw + random.choice((-16, -1, 0, 0, 0, 1, 16)), 0), 65520)


def expected(state, code, sensor, active_ms, checks, meters):
    """Return the words of `s` in bench_step.c, from the firmware's objects."""
    # Private: `_over`, `_cold`, `_sums`, `_cold_raw` and `_trip_raw`, since the whole state is
    # compared: two steps that agree on their verdict may differ in a filter for minutes.
    out = [state, code, sensor, active_ms, checks.hottest_mc, checks.warn, checks.cold]
    for name in ("on_ms", "_on_rest", "uj", "_nj", "upper_uj", "_upper_nj"):
        out += [getattr(meter, name) for meter in meters]
    return out + checks.temps_mc + checks.max_mc + checks._over + checks._cold + checks._sums


def session(total_ms=1 << 29, cap_uj=limits.DOSE_CAP_MJ * 1000, wild=True):
    """Run both through a session of at most MOST steps; return (steps, state, fault) at its end."""
    duties = [32768, 52429]
    if wild:
        duties = [random.choice((0, 1, 65535, random.randint(0, 65535))) for _ in UW]
    words = bench_rig.pack_config(LINE, UW, UPPER, duties, total_ms=total_ms, cap_uj=cap_uj)
    bench_step.init(words, LINE.knots)
    checks = TempLimits([s[1] for s in board_facts.SENSORS], LINE)
    meters = [DoseMeter(UW[i], UPPER[i]) for i in range(2)]
    edges = [(trip, trip, checks._cold_raw) for trip in checks._trip_raw]
    raws = list(CALM)
    active_ms = steps = sensor = 0
    state, code = states.RUNNING, faults.NONE
    while state == states.RUNNING and steps < MOST:
        if wild:
            raws = [reading(raws[i], CALM[i], edges[i]) for i in range(4)]
        dt = random.choice((10, 10, 10, 11, 25, 100, 300))
        if wild and random.randint(0, 63) == 0:
            dt = 301
        for i in range(2):
            meters[i].add(duties[i], dt)
        violation = checks.check(raws)
        code = faults.NONE
        if violation:
            code, sensor = violation.code, violation.sensor
        elif checks.cold:
            code = faults.COLD
        elif dt > limits.STEP_LATE_MS:
            code = faults.STEP_LATE
        if code:
            state = states.FAULT
        else:
            active_ms += dt
            upper_uj = sum([m.upper_uj for m in meters])
            if active_ms >= total_ms or upper_uj >= cap_uj:
                state = states.RAMP_DOWN
        found = bench_step.compute(array("i", raws), dt)
        theirs = list(array("i", bench_step.memory()))
        ours = expected(state, code, sensor, active_ms, checks, meters)
        assert found == state + 16 * code, (found, state, code)
        assert theirs == ours, (raws, dt, ours, theirs)
        steps += 1
    return steps, state, code
