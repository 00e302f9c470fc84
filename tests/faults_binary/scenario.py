"""Describes a scenario: what breaks, where, meanwhile, and what is promised.

Expectations:
  off     pins low within the limit and one of `faults` latched
  stop    pins low within the limit, nothing latched
  dark    nothing was lit when it came and nothing is lit after; one of `faults` latched, if any
  ride    the session goes on, nothing latched
Always: light does not begin again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.limits import STEP
from tests.faults_binary import causes as c
from tests.faults_binary.causes import Cause
from tests.faults_binary.lab import MS, Lab
from wrap.rules.limits import STEP_MS

STEP_NS = STEP_MS * MS
Base = Callable[[Lab], None]
When = Callable[[Lab, Cause, int], None]


def after(lab: Lab, cause: Cause, ns: int) -> None:
    """Strike `ns` from now, between two instructions of the firmware."""
    lab.strike_after(ns, cause)


def outside(lab: Lab, cause: Cause, ns: int) -> None:
    """Strike after whole milliseconds, with what ends or restarts the chip."""
    lab.advance(ns // MS)
    lab.strike(cause)


def in_page(lab: Lab, cause: Cause, ns: int) -> None:
    """Strike `ns` after the program of a page of the log began: records are asked for until one
    comes."""

    def programming() -> None:
        lab.flooding = False
        lab.strike_after(ns, cause)

    lab.twin.chip.flash_part.on_page = programming
    lab.flood(lab.new_clock)


def idle(lab: Lab) -> None:
    """Leave the wrap as it booted."""


def seated(lab: Lab) -> None:
    """Keep light on until a sensor that jumps no longer means a pad that is being put on."""
    lab.session()
    lab.advance(6000)


@dataclass(frozen=True)
class Scenario:
    """Describes what breaks and what is promised. offsets: how many causes, spread over `spread_ns`
    from a step on; late: the sensor after whose reading one more comes. after: done before the wrap
    is asked what it has latched; ask: whether it can be asked at all."""

    name: str
    cause: Cause
    faults: tuple[str, ...] = ()
    expect: str = "off"
    limit_ms: int = STEP
    base: Base = Lab.session
    load: Cause = c.nothing
    when: When = after
    offsets: int = 1
    spread_ns: int = STEP_NS
    late: str = ""
    slow_ms: float = 0  # an erase takes
    page_ms: float = 0.4  # a page takes, when erases are slow
    watch_ms: int = 0  # 0: the limit and a little
    after: Cause = c.nothing
    ask: bool = True

    def delay_ns(self, number: int) -> int:
        return number * self.spread_ns // self.offsets
