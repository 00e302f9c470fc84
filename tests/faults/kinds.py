"""What a kind of fault is, and the table of all.

Expectations:
  off     light goes out within the kind's limit and one of `faults` is latched (in the phases
          `seen`; in the others the fault cannot be seen and nothing is promised but what always is)
  stop    as `off`, softly and without a fault
  reset   as `off`: the wrap restarts or is without power
  ride    the session goes on, nothing is latched
  heat    light may go on while the skin stays below 43 C; what is latched is recorded
  either  light may go on or not
Always: skin at most 43 C and CEM43 at most 2 minutes in every zone, nothing resumed, records whole,
dark once a fault is latched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.plants import CEM43_MAX_MIN, SKIN_MAX_C
from tests.faults.run import EARLY, PHASES, Run

LIT = ("ramp-up", "running", "ramp-down")
LONG = ("ramp-up", "running")  # where there is light for heat to come from
HEATED = LONG + EARLY
EVERY = PHASES + EARLY
DARK = ("idle", "self-test", "paused")
Inject = Callable[[Run], None]


@dataclass(frozen=True)
class Kind:
    """inject: breaks it; then: what must hold besides at the end ("" or what does not).

    heat: in the phases HEATED it is watched until nothing can get too hot any more (`watch_s`
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
    proven: bool = True  # the maker has recorded a heat test, so full power may be allowed
    warmer: bool = False  # the board has a warmer
    sham: bool = False  # and the session is a trial's, in which it stands in for near infrared
    beyond: bool = False  # no firmware can put these lamps out
    outside: bool = False  # heat from outside, which darkness does not cool: dark in time
    most_c: float = SKIN_MAX_C
    most_cem43_min: float = CEM43_MAX_MIN

    @property
    def physical(self) -> bool:
        """Acts by heat, light or readings: played at full power and in every world."""
        return self.group in ("sensor", "wiring", "heat", "output", "world", "pair")


def table() -> dict[str, Kind]:
    """Every kind by its name."""
    from tests.faults import (
        kinds_code,
        kinds_heat,
        kinds_memory,
        kinds_outputs,
        kinds_sensors,
        kinds_warmer,
        kinds_wires,
        kinds_world,
    )

    modules = (
        kinds_sensors,
        kinds_wires,
        kinds_heat,
        kinds_outputs,
        kinds_code,
        kinds_memory,
        kinds_world,
        kinds_warmer,
    )
    found = [kind for module in modules for kind in module.KINDS]
    kinds = {kind.name: kind for kind in found}
    assert len(kinds) == len(found), "two kinds have one name"
    return kinds
