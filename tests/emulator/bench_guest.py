"""What runs on the emulated board for test_bench_peers.py: `bench_step`, the step in C, against the
firmware's own classes on random inputs. A difference raises AssertionError."""

import random
from array import array

import bench_rig
import bench_step

import board_facts
from wrap.control.dose import DoseMeter
from wrap.control.lamps import Lamps
from wrap.rules import limits, states
from wrap.safety.derate import Derate
from wrap.safety.thermistor import OPEN, SHORT
from wrap.session.state_machine import Session

UW = (60000, 80000)
UPPER = (71234, 299999)


def same(what, ours, theirs):
    assert tuple(ours) == tuple(theirs), (what, ours, theirs)


def begin(steps, uw=UW, upper=UPPER, **figures):
    line = bench_rig.curve()
    bench_rig.kept.append(line)
    words = bench_rig.words(line, steps, **figures)
    for i in range(2):
        words[i], words[2 + i] = uw[i], upper[i]
    bench_step.init(words, line.knots)


def booked(meter):
    return meter.on_ms, meter._on_rest, meter.uj, meter._nj, meter.upper_uj, meter._upper_nj


def meters(n):
    begin([(60000, 500, 800)])
    pair = [DoseMeter(UW[i], UPPER[i]) for i in range(2)]
    for _ in range(n):
        duties = [random.choice((0, 1, 65535, random.randint(0, 65535))) for _ in pair]
        dt = random.choice((0, 10, 10, 11, 3000, random.randint(0, 3000)))
        bench_step.meter(duties[0], duties[1], dt)
        for i in range(2):
            pair[i].add(duties[i], dt)
        same((duties, dt), [booked(m) for m in pair], [tuple(m) for m in bench_step.state()[3:5]])


def reading(raw):
    """Mostly near the last, often about the trips and the table's ends."""
    edges = (26000, 14000, 11000, 45000, 2000, 62000, 0, 65520)
    if random.randint(0, 7) == 0:
        raw = random.choice(edges) if random.randint(0, 1) else random.randint(0, 65520)
    elif random.randint(0, 2) == 0:
        raw = random.choice(TRIPS)
    return min(max(raw + random.choice((-16, -1, 0, 0, 0, 1, 16)), 0), 65520)


TRIPS = ()


def judged(n):
    global TRIPS
    monitor = bench_rig.temp_limits()
    derate = Derate()
    begin([(60000, 500, 800)])
    TRIPS = monitor._trip_raw + monitor._gross_raw + [monitor._cold_raw]
    raws = [30000] * 4
    ms = 0
    for _ in range(n):
        raws = [reading(r) for r in raws]
        dt = random.choice((10, 10, 10, 100, 400, 1999, 2000))
        code = monitor.check(raws)
        ms += dt
        if ms >= 1000:
            mcs = list(monitor.means())
            broken = ms >= 2000 or OPEN in mcs or SHORT in mcs
            derate.take(
                monitor.hottest_mc if broken else max(limits.ROOM_MIN_MC, *mcs[:3]), monitor.trip_mc
            )
            derate.fresh = broken
            ms = 0
        found = bench_step.check(array("i", raws), dt)
        state = bench_step.state()
        same((raws, dt), (code, derate.q), (found, state[1][5]))
        if code:
            same(raws, (code, monitor.sensor), state[0][1:])
        same(raws, (monitor.hottest_mc, monitor.warn, monitor.cold), state[2])
        for i in range(4):
            kept = monitor.temps_mc[i], monitor.max_mc[i], monitor._over[i], monitor._cold[i]
            same((i, raws), kept + (monitor._sums[i],), state[5 + i])


class Plan:
    def __init__(self, steps, dose_uj, ramp_ms):
        self.durations_ms = tuple([s[0] for s in steps])
        self.lamps = tuple([((s[1], 0, 1000), (s[2], 0, 1000)) for s in steps])
        self.total_ms = sum(self.durations_ms)
        self.dose_uj = dose_uj
        self.ramp_ms = ramp_ms


class NoHal:
    """Takes what the lamps write."""

    def lamp_mode(self, ch, hz):
        return

    lamp_write = lamp_mode


def session(steps, dose_uj=0, ramp_ms=500, upper=UPPER):
    """A whole one; returns how often the derating changed and the state it ended in."""
    plan = Plan(steps, dose_uj, ramp_ms)
    lamps = Lamps(NoHal(), board_facts.CHANNELS, board_facts.SUPPLY_MA, list(zip(UW, upper)))
    lamps.set_ramp(ramp_ms)
    ours = Session(lambda old, new, reason: None)
    ours.begin(1, plan, "test", False)
    ours.passed("test")
    begin(steps, upper=upper, total_ms=plan.total_ms, dose_uj=dose_uj, ramp_ms=ramp_ms)
    line = bench_rig.curve()
    warm = line.raw_at(39000)
    hot = line.raw_at(40600)
    changes = last_q = 0
    while ours.lit_now:
        dt = random.choice((10, 10, 10, 25, 100))
        raw = random.randint(hot, warm)
        bench_step.check(array("i", [raw, 40000, 40000, 30000]), dt)
        q = bench_step.state()[1][5]
        changes += q != last_q
        last_q = q
        lamps.meter(dt)
        bench_step.meter(lamps.duties[0], lamps.duties[1], dt)
        dose = lamps.dose_uj() if dose_uj else -(1 << 29)
        ours.advance(dt, dose, lamps.rate_uw * (limits.RAMP_DOWN_MS // 2) // 1000 if dose_uj else 0)
        if lamps.upper_uj() >= limits.DOSE_CAP_MJ * 1000:
            ours.stop(states.BY_CAP)
        bench_step.advance(dt)
        if ours.lit_now:
            lamps.apply(ours.spec(), ours.fade, q, ours.state in (states.RUNNING, states.RAMP_UP))
        state = bench_step.state()
        same(dt, (ours.state,), state[0][:1])
        light = [ours.fade, ours.active_ms, ours.step, ours._step_ms, lamps.rate_uw, q]
        if ours.lit_now:
            same(dt, light + lamps.duties, state[1])
    return changes, ours.state, ours.end_reason
