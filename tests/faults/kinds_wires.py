"""Wiring that makes a reading follow the electricity: shared ground, leaks, corrosion, multiplexer.

Readings come from the plant's network (`Plant.input_share`), at the lamps' current of the moment:
of the mean, or of the lit phase of the carrier, with which sampling may be locked.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable

from tests.faults.kinds import EVERY, Kind
from tests.faults.kinds_sensors import BOARD, FULL, SKIN, SKINS, drawn, raw_of
from tests.faults.run import EARLY, Run

ALL = (*SKINS, BOARD)
_NTC = ("powered",)
_CORRODED_S = 600.0


def lamp_a(run: Run, locked: bool) -> float:
    """Current of the lamps, A; locked: sampled in the carrier's lit phase."""
    hal = run.board.hal
    if hal is None or not hal.enabled:
        return 0.0
    amps = [c[3] / 1000 for c in run.board.facts.CHANNELS]
    if locked:
        return sum(a for a, duty in zip(amps, hal.duty, strict=True) if duty > 0)
    return sum(a * duty / 65535 for a, duty in zip(amps, hal.duty, strict=True))


def wire(run: Run, sensors: Iterable[int]) -> None:
    """Let readings of `sensors` come from the network with the plant's wires."""
    locked = run.rng.random() < 0.5

    def read(_: int, ms: int, i: int) -> int:
        hal = run.board.hal
        feed = hal is not None and hal.enabled
        share = run.plant.input_share(i, run.plant.sensor_c(i), lamp_a(run, locked), feed)
        return round(FULL * min(1.0, max(0.0, share)))

    for i in sensors:
        run.board.broken.sensors[i] = functools.partial(read, i=i)


def _ground(sensors: tuple[int, ...]) -> Callable[[Run], None]:
    """10 to 150 mV of ground shift at full current, 1.8 A."""

    def inject(run: Run) -> None:
        run.struck()
        which = [drawn(run, s) for s in sensors]
        ohm = 10 ** run.rng.uniform(-2.0, -0.82) / 1.8
        for i in which:
            run.plant.wires[i].shared_ohm = ohm
        wire(run, which)

    return inject


def _leak(sensors: tuple[int, ...]) -> Callable[[Run], None]:
    """150 k to 5 M from the 12 V feed."""

    def inject(run: Run) -> None:
        run.struck()
        which = [drawn(run, s) for s in sensors]
        for i in which:
            run.plant.wires[i].leak_ohm = 10 ** run.rng.uniform(math.log10(150e3), math.log10(5e6))
        wire(run, which)

    return inject


def _corroding(sensors: tuple[int, ...]) -> Callable[[Run], None]:
    """A contact in one sensor's wire, or in the ground of all, that grows to 1 k at most."""

    def inject(run: Run) -> None:
        run.struck()
        which = [drawn(run, s) for s in sensors]
        most, began = run.rng.uniform(100.0, 1000.0), run.now_ms
        shared = len(which) > 1

        def grow(ms: int) -> None:
            ohm = most * min(1.0, (ms - began) / 1000 / _CORRODED_S)
            for i in which:
                # In the ground of all, the current of each raises the others.
                run.plant.wires[i].contact_ohm = ohm * (len(ALL) + 1 if shared else 1)
            # The pad's reference hangs on the same ground: docs/decisions/0020.
            if shared and run.board.hal is not None and ohm * (len(ALL) + 1) > 60.0:
                run.board.hal.mux_wrong = 8

        run.every.append(grow)
        wire(run, which)

    return inject


def _parts(run: Run) -> None:
    """The wrong reel: B, R25 and pull-up of every sensor are others than the facts say."""
    run.struck()
    run.plant.change(
        ntc_beta_ratio=run.rng.choice((3435 / 3950, 3380 / 3950, 1.0)),
        ntc_r25_ratio=run.rng.uniform(1.0, 1.05),
        pullup_ratio=run.rng.uniform(0.95, 1.0),
    )
    wire(run, ALL)


def _select(run: Run) -> None:
    """A select line that is stuck: the multiplexed sensors read each other or a reference."""
    run.struck()
    line, level = run.rng.randrange(3), run.rng.randrange(2)

    def channel(wanted: int) -> int:
        return wanted | 1 << line if level else wanted & ~(1 << line)

    def read(_: int, ms: int, wanted: int) -> int:
        got = channel(wanted)
        sensors = {1: 2, 2: BOARD}
        if got in sensors:
            return raw_of(run.plant.sensor_c(sensors[got]))
        return {0: 0, 7: raw_of(41.0)}.get(got, FULL)

    def references(_: int) -> None:
        if run.board.hal is not None:
            run.board.hal.mux_wrong = next((c + 1 for c in (0, 7) if channel(c) != c), 0)

    run.board.broken.sensors[2] = functools.partial(read, wanted=1)
    run.board.broken.sensors[BOARD] = functools.partial(read, wanted=2)
    run.every.append(references)
    references(0)


_kind = functools.partial(Kind, group="wiring", expect="heat", phases=EVERY, heat=True)
KINDS = (
    _kind("ground-shared-one", inject=_ground((SKIN,))),
    _kind("ground-shared-board", inject=_ground((BOARD,))),
    _kind("ground-shared-all", inject=_ground(ALL)),
    _kind("leak-skin", inject=_leak((SKIN,))),
    _kind("leak-board", inject=_leak((BOARD,))),
    _kind("leak-all", inject=_leak(ALL)),
    _kind("contact-skin", inject=_corroding((SKIN,))),
    _kind("contact-board", inject=_corroding((BOARD,))),
    _kind("contact-ground", inject=_corroding(ALL)),
    _kind("parts-all", inject=_parts, phases=EARLY, proven=False),
    _kind("select-stuck", inject=_select),
)
