"""The warmer of a trial's sham arm goes wrong: stuck on, open, too strong, driven by a wrong duty,
alone and together with the lamps."""

from __future__ import annotations

import functools
from collections.abc import Callable

from tests.faults import plants
from tests.faults.hardware import FULL, OFF, Bend
from tests.faults.kinds import DARK, EVERY, LIT, LONG, Kind
from tests.faults.run import Run
from wrap.rules import states

HEAT = 2  # the warmer's number, behind red and near infrared


def _bent(bend: Callable[[Run], Bend]) -> Callable[[Run], None]:
    """The resistor gives something else than its pin says."""

    def inject(run: Run) -> None:
        run.struck()
        run.board.broken.leds[HEAT] = bend(run)
        if run.board.hal is not None:
            run.board.hal.refresh()

    return inject


def _constant(run: Run) -> Bend:
    """Its switch conducts, wholly or in part."""
    duty = int(FULL * run.rng.uniform(0.1, 1.0))
    return lambda _: duty


def _gain(low: float, high: float) -> Callable[[Run], Bend]:
    def bend(run: Run) -> Bend:
        gain = run.rng.uniform(low, high)
        return lambda duty: min(FULL, int(duty * gain))

    return bend


def _pad_high(run: Run) -> None:
    run.struck()
    run.board.broken.pads[HEAT] = lambda duty: FULL
    run.board.hal.refresh()


def _lost(run: Run) -> None:
    """Its compare register changes by itself."""
    run.struck()
    if run.board.hal.mode[HEAT] != OFF:
        run.board.hal.lose_register(HEAT, run.rng.randrange(FULL))


def _beyond(run: Run) -> None:
    """Its switch and the enable conduct by themselves: nothing but S1 can end this. With a lamp's
    switch as well it is three parts at once, see docs/safety.md."""
    run.struck()
    plants.add_cut_offs(run.plant)
    duty = int(FULL * run.rng.uniform(0.1, 1.0))
    run.board.broken.leds[HEAT] = lambda _: duty
    run.board.broken.enable_shorted = True
    if run.board.hal is not None:
        run.board.hal.refresh()


def _not_lit_by_wrap(run: Run) -> str:
    return "the wrap lights as well" if run.state == states.RUNNING and run.fault else ""


_kind = functools.partial(Kind, group="heat", expect="heat", phases=EVERY, heat=True)
KINDS = (
    # With both lamps at all that the supply gives.
    _kind("warmer-stuck", inject=_bent(_constant), warmer=True),
    _kind("warmer-stuck-sham", inject=_bent(_constant), sham=True),
    _kind("warmer-strong", inject=_bent(_gain(1.2, 2.0)), sham=True),
    _kind("warmer-open", inject=_bent(lambda _: lambda duty: 0), sham=True),
    _kind("warmer-pad-high", inject=_pad_high, phases=LIT, seen=LONG, sham=True),
    _kind(
        "warmer-pad-high-dark",
        inject=_pad_high,
        expect="off",
        phases=DARK,
        faults=("readback", "self-test"),
        heat=False,
        warmer=True,
    ),
    _kind("warmer-register-lost", inject=_lost, phases=LONG, sham=True),
    _kind(
        "warmer-beyond-control",
        inject=_beyond,
        then=_not_lit_by_wrap,
        warmer=True,
        beyond=True,
        most_cem43_min=plants.PAIR_CEM43_MAX_MIN,
    ),
)
