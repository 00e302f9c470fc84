"""Heat that the wrap did not ask for: bodies on the pad, sun, bottles, blankets, lamps stuck on."""

from __future__ import annotations

import functools
from collections.abc import Callable

from tests.faults import plants
from tests.faults.hardware import FULL
from tests.faults.kinds import EVERY, HEATED, Kind
from tests.faults.run import Run
from wrap.rules import states


def change(run: Run, **ranges: tuple[float, float]) -> None:
    """Figures of the plant, drawn from ranges, from now on."""
    run.struck()
    run.plant.change(**{key: run.rng.uniform(*span) for key, span in ranges.items()})


def lain_on(run: Run) -> None:
    """The wearer lies on a third of the pad."""
    change(run, **{name: (low, high) for name, low, high in plants.LAIN_ON})


def _outside(low_w: float, high_w: float) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        change(run, outside_w=(low_w, high_w))

    return inject


def _dark(run: Run) -> str:
    """Hot skin in the dark is reported as a fault, which sounds the buzzer."""
    run.watch(5000)
    over = run.plant.skin_c > 41.5
    return "" if run.fault or not over else f"skin at {run.plant.skin_c:.1f} C and no fault"


def _stuck_lamps(run: Run) -> None:
    """Lamp and enable conduct by themselves: nothing but S1 can end this. One lamp or both, at any
    duty (a driver that half conducts)."""
    run.struck()
    plants.add_cut_offs(run.plant)
    duty = int(FULL * run.rng.uniform(0.1, 1.0))
    for ch in run.rng.choice(((0,), (1,), (0, 1))):
        run.board.broken.leds[ch] = lambda _: duty
    run.board.broken.enable_shorted = True
    if run.board.hal is not None:
        run.board.hal.refresh()


def _stuck_lamp(run: Run) -> None:
    """One lamp conducts at any duty; the enable still ends it."""
    run.struck()
    duty = int(FULL * run.rng.uniform(0.1, 1.0))
    run.board.broken.leds[run.rng.randrange(2)] = lambda _: duty
    if run.board.hal is not None:
        run.board.hal.refresh()


def _not_lit_by_wrap(run: Run) -> str:
    return "the wrap lights as well" if run.state == states.RUNNING and run.fault else ""


_kind = functools.partial(Kind, group="heat", expect="heat", phases=EVERY, heat=True)
_outer = functools.partial(_kind, outside=True, then=_dark, phases=HEATED)
KINDS = (
    _kind("lain-on-now", inject=lain_on),
    _outer("sun", inject=_outside(15.0, 34.0)),
    _outer("hot-water-bottle", inject=_outside(10.0, 40.0)),
    _outer("electric-blanket", inject=_outside(4.0, 10.0)),
    _kind("lamp-half-stuck", inject=_stuck_lamp),
    _kind(
        "lamps-beyond-control",
        inject=_stuck_lamps,
        then=_not_lit_by_wrap,
        beyond=True,
        most_c=plants.SKIN_MAX_C,
        most_cem43_min=plants.PAIR_CEM43_MAX_MIN,
    ),
)
