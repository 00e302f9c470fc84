"""What a kind of fault is, and the table of all.

Expectations:
  off     light goes out within the kind's limit and one of `faults` is latched (in the phases
          `seen`; in the others the fault cannot be seen and nothing is promised but what always is)
  stop    as `off`, softly and without a fault
  reset   as `off`: the wrap restarts or is without power
  ride    the session goes on, nothing is latched
  heat    light may go on while the skin stays below 43 C; what is latched is recorded
  either  light may go on or not
Always: skin at most 43 C, nothing resumed, records whole, dark once a fault is latched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.run import PHASES, Run

LIT = ("ramp-up", "running", "ramp-down")
LONG = ("ramp-up", "running")  # where there is light for heat to come from
DARK = ("idle", "self-test", "paused")
Inject = Callable[[Run], None]


@dataclass(frozen=True)
class Kind:
    """inject: breaks it; then: what must hold besides at the end ("" or what does not).

    heat: in the phases LONG it is watched until nothing can get too hot any more (`watch_s`
    elsewhere).
    """

    name: str
    group: str
    expect: str
    inject: Inject
    faults: tuple[str, ...] = ()
    seen: tuple[str, ...] = PHASES
    phases: tuple[str, ...] = PHASES
    watch_s: int = 5
    heat: bool = False
    tethered: bool = False
    sense: bool = False  # the board has a sense input
    at_wrap: bool = False  # the millisecond counter wraps where the fault would come
    then: Callable[[Run], str] | None = None


def table() -> dict[str, Kind]:
    """Every kind by its name."""
    from tests.faults import kinds_code, kinds_memory, kinds_outputs, kinds_sensors, kinds_world

    rooms = (kinds_sensors, kinds_outputs, kinds_code, kinds_memory, kinds_world)
    found = [kind for room in rooms for kind in room.KINDS]
    kinds = {kind.name: kind for kind in found}
    assert len(kinds) == len(found), "two kinds have one name"
    return kinds
