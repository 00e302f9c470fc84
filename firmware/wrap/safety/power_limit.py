"""How much power the lamps may draw. Full power only where the checks can find a sensor that lies.

Below limits.BLIND_POWER_MW_CM2 the skin stays below 43 C in 20 minutes whatever the sensors read
(docs/safety.md, "The blind power"). More needs all of: a recorded heat test of this wrap, three
skin sensors, a dark reference for the heat balance, and skin sensors that read worn skin.
"""

from wrap.compat import const, small
from wrap.rules import limits

_SKIN_SENSORS = const(3)
_PAD_CM2 = const(600)  # of a pad that states nothing else; see docs/decisions/0003
_SUPPLY_MV = const(12000)
FULL = ""
NO_HEAT_TEST = "no heat test is recorded"
FEW_SENSORS = "fewer than three skin sensors"
NO_REFERENCE = "the heat check needs 30 s with the light off first"
NOT_WORN = "a skin sensor reads outside 28 to 38 C"


class PowerLimit:
    """facts: the board's facts. `why`: what holds the limit down, or FULL."""

    def __init__(self, facts):
        supply_mv = small(getattr(facts, "SUPPLY_MV", _SUPPLY_MV))
        area_cm2 = small(getattr(facts, "PAD_CM2", _PAD_CM2))
        self._full_ma = sum([small(c[3]) for c in facts.CHANNELS])
        self._supply_ma = small(facts.SUPPLY_MA)
        self._few = len([s for s in facts.SENSORS if s[1] == "skin"]) < _SKIN_SENSORS
        self._blind_ma = limits.BLIND_POWER_MW_CM2 * area_cm2 * 1000 // supply_mv
        self.why = NO_HEAT_TEST

    def allowed_ma(self, heat_test_pm, referenced, worn):
        """Current of all lamps together, mA. heat_test_pm: permille of full power that the recorded
        heat test allows; referenced: the balance knows the dark pad; worn: `reads_worn` holds."""
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

    def lacks_reference_only(self, heat_test_pm, referenced, worn):
        """Whether waiting for the balance's dark reference would allow more power."""
        if referenced:
            return False
        return self.allowed_ma(heat_test_pm, True, worn) > self.allowed_ma(
            heat_test_pm, False, worn
        )

    def full_ma(self):
        """What all lamps draw at full duty, mA."""
        return self._full_ma


def reads_worn(lowest_mc, highest_mc):
    """Whether skin sensors from `lowest_mc` to `highest_mc` can all lie on skin under a wrap."""
    return limits.WORN_MIN_MC <= lowest_mc and highest_mc <= limits.WORN_MAX_MC
