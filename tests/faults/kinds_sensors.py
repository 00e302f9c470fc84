"""Sensors that are wrong: open, shorted, frozen, drifting, noisy, slow, swapped, slipped."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from pbmwrap.facts import board_facts
from tests.faults.kinds import EVERY, LIT, LONG, Kind
from tests.faults.run import Run
from wrap.rules import limits

FULL = 65520
SKIN = -1  # one of the skin sensors, drawn by the case
BOARD = 3
SKINS = (0, 1, 2)
SENSORS = {"skin": 0, "board": BOARD}
GROSS_K = limits.GROSS_MARGIN_MC / 1000
HOT = {SKIN: ("skin-hot", "gross-hot"), BOARD: ("board-hot", "gross-hot")}


def trip_c(sensor: int) -> float:
    """The trip of a sensor."""
    return (limits.BOARD_TRIP_MC if sensor == BOARD else limits.SKIN_TRIP_MC) / 1000


def drawn(run: Run, sensor: int) -> int:
    """`sensor`, or for SKIN one of the skin sensors."""
    return run.rng.choice(SKINS) if sensor == SKIN else sensor


@functools.cache
def _divider() -> tuple[float, float, float]:
    facts = board_facts()
    return facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM


def raw_of(celsius: float) -> int:
    """The reading (16 conversions summed) of a sensor at `celsius`."""
    r25, beta, pullup = _divider()
    ohm = r25 * math.exp(beta * (1.0 / (celsius + 273.15) - 1.0 / 298.15))
    return round(FULL * ohm / (ohm + pullup))


Shape = Callable[[Run, int], Callable[[int, int], int]]


def _bent(sensor: int, shape: Shape, at_once: bool = True) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        if at_once:
            run.struck()
        which = drawn(run, sensor)
        run.board.broken.sensors[which] = shape(run, which)

    return inject


def _later(sensor: int, shape: Shape) -> Callable[[Run], None]:
    """When light has been on for long enough that nobody is still putting the pad on."""

    def inject(run: Run) -> None:
        due = [run.now_ms + run.rng.randrange(5_000, 15_000)]

        def act(now: int) -> None:
            if due and now >= due[0]:
                due.clear()
                _bent(sensor, shape)(run)

        run.every.append(act)

    return inject


def _fixed(raw: int) -> Shape:
    return lambda run, sensor: lambda _, ms: raw


def _stuck(run: Run, sensor: int) -> Callable[[int, int], int]:
    held = raw_of(run.plant.sensor_c(sensor))
    return lambda _, ms: held


def _drift(sign: int) -> Shape:
    """0.02 to 0.8 K/s: below what the rate check may call impossible. Upwards, the cause is the
    moment that the reading passes the trip."""

    def shape(run: Run, sensor: int) -> Callable[[int, int], int]:
        rate, began = sign * 10 ** run.rng.uniform(-1.7, -0.1), run.now_ms

        def read(_: int, ms: int) -> int:
            shown = run.plant.sensor_c(sensor) + rate * (ms - began) / 1000
            if shown > trip_c(sensor) + 0.05:
                run.struck()
            return raw_of(max(shown, -15.0 if sensor == BOARD else 12.0))

        return read

    return shape


def _shifted(low_k: float, high_k: float) -> Shape:
    def shape(run: Run, sensor: int) -> Callable[[int, int], int]:
        shift = run.rng.uniform(low_k, high_k)
        return lambda _, ms: raw_of(run.plant.sensor_c(sensor) + shift)

    return shape


def _shown(over_trip_low_k: float, over_trip_high_k: float) -> Shape:
    """A reading at so many K above its trip, whatever the truth is."""

    def shape(run: Run, sensor: int) -> Callable[[int, int], int]:
        shown = trip_c(sensor) + run.rng.uniform(over_trip_low_k, over_trip_high_k)
        return lambda _, ms: raw_of(shown)

    return shape


def _once(shape: Shape) -> Shape:
    """Only the first reading."""

    def once(run: Run, sensor: int) -> Callable[[int, int], int]:
        bent, left = shape(run, sensor), [1]

        def read(raw: int, ms: int) -> int:
            left[0] -= 1
            return bent(raw, ms) if left[0] == 0 else raw

        return read

    return once


def _noisy(run: Run, sensor: int) -> Callable[[int, int], int]:
    sigma = run.rng.uniform(0.5, 4.0)
    return lambda _, ms: raw_of(run.plant.sensor_c(sensor) + run.rng.gauss(0.0, sigma))


def _flaky(run: Run, sensor: int) -> Callable[[int, int], int]:
    """A loose contact: open for single readings."""
    share = run.rng.uniform(0.05, 0.6)
    first = [True]

    def read(raw: int, ms: int) -> int:
        open_now = first[0] or run.rng.random() < share
        first[0] = False
        return FULL if open_now else raw

    return read


def _slow(run: Run, sensor: int) -> Callable[[int, int], int]:
    tau_ms = run.rng.uniform(60_000, 600_000)
    shown, then = [run.plant.sensor_c(sensor)], [run.now_ms]

    def read(_: int, ms: int) -> int:
        shown[0] += (run.plant.sensor_c(sensor) - shown[0]) * (ms - then[0]) / tau_ms
        then[0] = ms
        return raw_of(shown[0])

    return read


def _swapped(run: Run) -> None:
    run.struck()
    pair = (drawn(run, SKIN), BOARD)
    run.board.broken.sensors = {
        i: lambda _, ms, i=i: raw_of(run.plant.sensor_c(sum(pair) - i)) for i in pair
    }


def _cold(run: Run, sensor: int) -> Callable[[int, int], int]:
    shown = run.rng.uniform(-15.0, 4.5)
    return lambda _, ms: raw_of(shown)


def _slipped(run: Run) -> None:
    run.struck()
    run.plant.change(contact=run.rng.uniform(0.0, 0.3))


def _covered(run: Run) -> None:
    run.struck()
    run.plant.change(covered=True)


def _bloodless(run: Run) -> None:
    run.struck()
    run.plant.change(blood_flow=0.0)


def _of(name: str, i: int) -> tuple[Kind, ...]:
    """The kinds of one sensor."""
    kind = functools.partial(Kind, group="sensor", phases=EVERY)
    warm, gross = HOT[i]
    return (
        kind(f"{name}-open", expect="off", inject=_bent(i, _fixed(FULL)), faults=("sensor-open",)),
        kind(f"{name}-short", expect="off", inject=_bent(i, _fixed(0)), faults=("sensor-short",)),
        kind(f"{name}-loose", expect="off", inject=_bent(i, _flaky), faults=("sensor-open",)),
        kind(
            f"{name}-open-once",
            expect="off",
            inject=_bent(i, _once(_fixed(FULL))),
            faults=("sensor-open",),
        ),
        kind(
            f"{name}-short-once",
            expect="off",
            inject=_bent(i, _once(_fixed(0))),
            faults=("sensor-short",),
        ),
        kind(
            f"{name}-gross",
            expect="off",
            inject=_bent(i, _shown(GROSS_K + 0.5, 30.0)),
            faults=(gross,),
        ),
        kind(
            f"{name}-spike-gross",
            expect="off",
            inject=_bent(i, _once(_shown(GROSS_K + 0.5, 30.0))),
            faults=(gross,),
        ),
        kind(
            f"{name}-over-trip",
            expect="off",
            inject=_bent(i, _shown(0.2, GROSS_K - 0.5)),
            faults=(warm,),
        ),
        kind(
            f"{name}-spike-warm",
            expect="ride",
            inject=_bent(i, _once(_shown(0.2, GROSS_K - 0.5))),
        ),
        kind(f"{name}-spike-cold", expect="ride", inject=_bent(i, _once(_cold))),
        kind(
            f"{name}-cold",
            expect="off",
            inject=_bent(i, _cold),
            faults=("cold",),
            seen=LIT,
        ),
        kind(
            f"{name}-jump-down",
            expect="off",
            inject=_later(i, _shifted(-10.0, -4.0)),
            faults=("rate",),
            phases=("running",),
            watch_s=25,
        ),
        kind(
            f"{name}-drift-down",
            expect="heat",
            inject=_bent(i, _drift(-1)),
            seen=LONG,
            heat=True,
        ),
        kind(
            f"{name}-offset-down",
            expect="heat",
            inject=_bent(i, _shifted(-10.0, -4.0)),
            seen=LONG,
            heat=True,
        ),
        kind(
            f"{name}-offset-small", expect="heat", inject=_bent(i, _shifted(-1.0, 1.5)), heat=True
        ),
        kind(f"{name}-noise", expect="heat", inject=_bent(i, _noisy), heat=True),
        kind(f"{name}-stuck", expect="heat", inject=_bent(i, _stuck), seen=LONG, heat=True),
        kind(f"{name}-slow", expect="heat", inject=_bent(i, _slow), seen=LONG, heat=True),
    )


def _in_air(run: Run, sensor: int) -> Callable[[int, int], int]:
    """A bead that has come off: it reads the room's air, which moves by some hundredths."""
    air = run.rng
    shown = [0.0]

    def read(_: int, ms: int) -> int:
        shown[0] += air.gauss(0.0, 0.005) - 0.01 * shown[0]
        return raw_of(run.plant.params.ambient_c + max(-0.05, min(0.05, shown[0])))

    return read


def _lifted(run: Run, sensor: int) -> Callable[[int, int], int]:
    """A bead of which a part lies on the skin and the rest in the room's air."""
    share = run.rng.uniform(0.3, 0.8)

    def read(_: int, ms: int) -> int:
        true_c = run.plant.sensor_c(sensor)
        return raw_of(share * true_c + (1.0 - share) * run.plant.params.ambient_c)

    return read


def _creeping(run: Run, sensor: int) -> Callable[[int, int], int]:
    """Down by 0.001 to 0.02 K/s: slower than anything that is judged as a rate."""
    rate, began = 10 ** run.rng.uniform(-3.0, -1.7), run.now_ms
    return lambda _, ms: raw_of(
        max(12.0, run.plant.sensor_c(sensor) - rate * max(0, ms - began) / 1000)
    )


def _other_part(run: Run, sensor: int) -> Callable[[int, int], int]:
    """One NTC of another B, R25 or pull-up than the board's facts say."""
    r25, beta, pullup = _divider()
    b = beta * run.rng.choice((3435 / 3950, 3380 / 3950, 1.0, 4050 / 3950))
    r = r25 * run.rng.uniform(0.95, 1.05)
    up = pullup * run.rng.uniform(0.95, 1.05)

    def read(_: int, ms: int) -> int:
        ohm = r * math.exp(b * (1.0 / (run.plant.sensor_c(sensor) + 273.15) - 1.0 / 298.15))
        return round(FULL * ohm / (ohm + up))

    return read


def _neighbour(run: Run, sensor: int) -> Callable[[int, int], int]:
    """A floating input keeps what was converted before it, with a leak."""
    other, leak = (sensor + 1) % 4, 10 ** run.rng.uniform(-3.0, 0.0)
    held = [float(raw_of(run.plant.sensor_c(sensor)))]

    def read(_: int, ms: int) -> int:
        held[0] += (raw_of(run.plant.sensor_c(other)) - held[0]) * leak
        return int(held[0])

    return read


def _lies(name: str, i: int) -> tuple[Kind, ...]:
    """What a sensor may say that is wrong and looks right."""
    kind = functools.partial(
        Kind, group="sensor", expect="heat", phases=EVERY, seen=LONG, heat=True
    )
    return (
        kind(f"{name}-in-air", inject=_bent(i, _in_air)),
        kind(f"{name}-lifted", inject=_bent(i, _lifted)),
        kind(f"{name}-creeping", inject=_bent(i, _creeping)),
        kind(f"{name}-offset", inject=_bent(i, _shifted(-4.0, 4.0))),
        kind(f"{name}-other-part", inject=_bent(i, _other_part)),
        kind(f"{name}-mirrors", inject=_bent(i, _neighbour)),
    )


_UP = functools.partial(Kind, group="sensor", phases=LONG, heat=True)
KINDS = (
    _UP(
        "skin-drift-up",
        expect="off",
        inject=_bent(SKIN, _drift(1), False),
        faults=(*HOT[SKIN], "pair"),  # it leaves the other skin sensors before it reaches its trip
    ),
    _UP("board-drift-up", expect="heat", inject=_bent(BOARD, _drift(1))),
    *_of("skin", SKIN),
    *_of("board", BOARD),
    *_lies("skin", SKIN),
    *_lies("board", BOARD),
    Kind("swapped", "sensor", "heat", _swapped, phases=EVERY, heat=True),
    Kind("slipped", "sensor", "heat", _slipped, seen=LONG, heat=True),
    Kind("covered-now", "world", "heat", _covered, heat=True),
    Kind("blood-stops", "world", "heat", _bloodless, heat=True),
)
