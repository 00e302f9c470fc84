"""Limits the lamps' power. Full power needs conditions in which the checks find a wrong sensor.

Below limits.BLIND_POWER_MW_CM2 the skin stays below 43 C in 20 minutes whatever the sensors read
(docs/safety.md, "The blind power"). More needs all of: a recorded heat test of this wrap, three
skin sensors, a dark reference for the heat balance, and skin sensors that read worn skin.
"""

from wrap.compat import const, small_int
from wrap.rules import limits

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import BoardFacts

_SKIN_SENSORS = const(3)  # with three, the one that disagrees is known
_PAD_CM2 = const(600)  # default of a board's facts (docs/decisions/0003)
_SUPPLY_MV = const(12000)

# Values of `why`, which a host shows.
FULL = ""
NO_HEAT_TEST = "no heat test is recorded"
FEW_SENSORS = "fewer than three skin sensors"
NO_REFERENCE = "the heat check needs 30 s with the light off first"
NOT_WORN = "a skin sensor reads outside 28 to 38 C"


class PowerLimit:
    """Computes the power that is allowed. why: what limits the power, one of the texts above, as of
    the last `allowed_ma`."""

    def __init__(self, facts: "BoardFacts") -> None:
        supply_mv = small_int(getattr(facts, "SUPPLY_MV", _SUPPLY_MV))
        area_cm2 = small_int(getattr(facts, "PAD_CM2", _PAD_CM2))
        self._full_ma = sum([small_int(c[3]) for c in facts.CHANNELS])
        self._supply_ma = small_int(facts.SUPPLY_MA)
        self._few = len([s for s in facts.SENSORS if s[1] == "skin"]) < _SKIN_SENSORS
        # mW/cm2 * cm2 * 1000 / mV = mA
        self._blind_ma = limits.BLIND_POWER_MW_CM2 * area_cm2 * 1000 // supply_mv
        self.why = NO_HEAT_TEST

    def allowed_ma(self, heat_test_pm: int, referenced: bool, worn: bool) -> int:
        """Return the current that all lamps together may draw, mA, and set `why`. heat_test_pm:
        permille of full power that the recorded heat test allows, 0 without one; referenced:
        `HeatBalance.has_reference`; worn: `reads_worn`."""
        blind_ma = min(self._blind_ma, self._supply_ma)  # H-43, H-44
        tested_ma = min(self._full_ma * heat_test_pm // 1000, self._supply_ma)
        if blind_ma == self._supply_ma:
            self.why = FULL
        elif self._few:
            self.why = FEW_SENSORS
        elif tested_ma <= blind_ma:
            self.why = NO_HEAT_TEST
        elif not referenced:
            self.why = NO_REFERENCE
        elif not worn:
            self.why = NOT_WORN
        else:
            self.why = FULL
            return tested_ma
        return blind_ma

    def lacks_reference_only(self, heat_test_pm: int, referenced: bool, worn: bool) -> bool:
        """Return whether the heat balance's dark reference alone would allow more power."""
        if referenced:
            return False
        return self.allowed_ma(heat_test_pm, True, worn) > self.allowed_ma(
            heat_test_pm, False, worn
        )

    def full_ma(self) -> int:
        """Return the current of all lamps at full duty, mA."""
        return self._full_ma


def reads_worn(lowest_mc: int, highest_mc: int) -> bool:
    """Return whether all skin sensors can be on skin under a wrap. Arguments: mC."""
    return limits.WORN_MIN_MC <= lowest_mc and highest_mc <= limits.WORN_MAX_MC
