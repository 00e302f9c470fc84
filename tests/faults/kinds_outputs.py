"""Outputs that do not follow: pads, LEDs, MOSFETs, the enable, registers, the button."""

from __future__ import annotations

import functools
from collections.abc import Callable

from tests.faults.hardware import FULL, OFF, Bend
from tests.faults.kinds import DARK, LIT, LONG, Kind
from tests.faults.limits import STEP
from tests.faults.run import Run


def _pad_high(run: Run) -> None:
    run.struck()
    run.board.broken.pads[_channel(run)] = lambda duty: FULL
    run.board.hal.refresh()


def _channel(run: Run) -> int:
    return run.rng.randrange(len(run.board.facts.CHANNELS))


def _leds(bend: Callable[[Run], Bend]) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        run.struck()
        run.board.broken.leds[_channel(run)] = bend(run)
        run.board.hal.refresh()

    return inject


def _gain(low: float, high: float) -> Callable[[Run], Bend]:
    def bend(run: Run) -> Bend:
        gain = run.rng.uniform(low, high)
        return lambda duty: int(duty * gain)

    return bend


def _enable(level: bool) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        run.struck()
        run.board.broken.enable = level
        run.board.hal.refresh()

    return inject


def _lost(run: Run) -> None:
    """A register that lost its value; `every` notes for how long it stays wrong and lit."""
    run.struck()
    ch = _channel(run)
    if run.board.hal.mode[ch] == OFF:
        return
    run.board.hal.lose_register(ch, run.rng.randrange(FULL))
    began = run.now_ms
    run.lasting["wrong_ms"] = 0

    def look(ms: int) -> None:
        hal = run.board.hal
        if hal and run.board.light.lit and hal.reg[ch] != hal.held[ch]:
            run.lasting["wrong_ms"] = ms - began

    run.every.append(look)


def _mended(run: Run) -> str:
    wrong_ms = run.lasting.get("wrong_ms", 0)
    return f"a wrong register held light for {wrong_ms} ms" if wrong_ms > STEP else ""


def _press_sensed(broken: Callable[[Run], None]) -> Callable[[Run], None]:
    """A MOSFET that conducts without its gate, then a press: the cause is the first light."""

    def inject(run: Run) -> None:
        broken(run)
        run.board.hal.refresh()
        run.every.append(lambda now: run.struck() if run.board.light.lit else None)
        run.begin()

    return inject


def _short_lamp(run: Run) -> None:
    run.board.broken.leds[_channel(run)] = lambda duty: FULL


def _short_enable(run: Run) -> None:
    run.board.broken.enable_shorted = True


def _button(run: Run) -> None:
    run.struck()
    run.twin.press(True)


_kind = functools.partial(Kind, group="output")
KINDS = (
    _kind("lamp-stuck", expect="heat", inject=_pad_high, phases=LIT, seen=LONG, heat=True),
    _kind(
        "lamp-stuck-dark",
        expect="off",
        inject=_pad_high,
        phases=DARK,
        faults=("readback", "self-test"),
    ),
    _kind(
        "lamp-shorted", expect="heat", inject=_leds(lambda _: lambda d: FULL), seen=LONG, heat=True
    ),
    _kind("lamp-weak", expect="either", inject=_leds(_gain(0.2, 0.8))),
    _kind("lamp-dead", expect="either", inject=_leds(_gain(0.0, 0.0))),
    _kind("lamp-strong", expect="heat", inject=_leds(_gain(1.2, 2.0)), heat=True),
    _kind(
        "enable-stuck",
        expect="off",
        inject=_enable(True),
        faults=("readback", "self-test"),
        seen=DARK,
    ),
    _kind(
        "enable-dead",
        expect="off",
        inject=_enable(False),
        faults=("dead-man", "readback"),
        seen=LIT,
    ),
    _kind("register-lost", expect="either", inject=_lost, phases=LIT, then=_mended),
    *(
        _kind(
            f"{name}-sensed",
            expect="off",
            inject=_press_sensed(broken),
            phases=("idle",),
            faults=("self-test",),
            sense=True,
        )
        for name, broken in (("lamp-shorted", _short_lamp), ("enable-shorted", _short_enable))
    ),
    _kind("button-stuck", expect="stop", inject=_button, seen=LIT),
)
