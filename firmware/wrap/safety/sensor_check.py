"""Checks once a second, while light is on, how the sensors change and whether they agree.

In the dark a wrap may be put on, taken off and carried, so nothing here is a fault then.
"""

from wrap.compat import const
from wrap.rules import faults, limits
from wrap.safety.violation import Violation

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.safety.trend import Trend

# A slip is a fall within the older half of this time that lasts through the newer half.
_SLIP_S = const(40)
# Shift of the low-pass of the heat: 256 s, about the time constant of a pad.
_SETTLE = const(8)
_WARMING_MC = const(600)  # in limits.BALANCE_S: a cold pad that was just put on


class SensorCheck:
    """Checks the behaviour of the sensors once a second. roles: "skin" or "board" per sensor;
    trends: their Trends, which the caller fills; joule: heat capacity of the pad, J/K."""

    def __init__(self, roles: "list[str]", trends: "list[Trend]", joule: int) -> None:
        self._n = len(roles)
        self._skin = tuple([r == "skin" for r in roles])
        self._skins = tuple([i for i in range(self._n) if self._skin[i]])
        self._boards = tuple([i for i in range(self._n) if not self._skin[i]])
        self._both = "skin" in roles and "board" in roles
        self._trends = trends
        self._joule = joule
        self._ref = [0] * self._n  # reading of the sensor when it last moved, mC
        self._ref_other = [0] * self._n  # mean of the other role then, mC
        self._heat_mj = [0] * self._n  # heat since then, beyond what the pad had settled to
        self._still_s = [0] * self._n  # seconds since then; -1: no reading yet
        self._start_mc = [0] * self._n  # as the session's light began
        self._spread_mc = limits.SPREAD_MC  # allowed difference of skin sensors before they warm
        self._starting = True
        self._far = 0  # index of the sensor that disagrees
        self._violation = Violation()
        self.clear()

    def clear(self) -> None:
        """Reset all history: the pad was moved, or seconds are missing."""
        for i in range(self._n):
            self._still_s[i] = -1
        self._apart_s = 0
        self._settled = 0  # power that the pad has settled to, 1/256 mW

    def start_session(self) -> None:
        """Measure rises from the next second of light on: it is the first of a session."""
        self._starting = True

    def check_second(
        self, skin_mc: int, board_mc: int, heat_mw: int, lit_s: int
    ) -> "Violation | None":
        """Add one second and return its Violation, or None. skin_mc, board_mc: means of the sensors
        of both roles; heat_mw: heat written; lit_s: seconds since light began, 0 in the dark.

        Of several violations the last one counts: PAIR, then the sensor with the highest index."""
        found = None
        # A low-pass of 2^_SETTLE seconds. Constant light that the pad has warmed to moves
        # no sensor, so only what is new is counted against a sensor that stands still.
        new_mw = heat_mw - (self._settled >> _SETTLE)
        self._settled += new_mw
        for i in range(self._n):
            skin = self._skin[i]
            # Also in the dark, where it keeps its references but reports nothing.
            if self._is_stuck(i, board_mc if skin else skin_mc, new_mw) and lit_s:
                found = self._violation.set(faults.STUCK, i)  # H-06
            elif skin and lit_s > _SLIP_S and self._has_slipped(self._trends[i]):
                found = self._violation.set(faults.SLIPPED, i)  # H-08
        if lit_s and self._starting:
            self._starting = False
            self._keep_start()
        if lit_s and self._are_apart(skin_mc, board_mc):
            self._apart_s += 1
            if self._apart_s >= limits.PAIR_S:
                found = self._violation.set(faults.PAIR, self._far)  # H-07
        else:
            self._apart_s = 0
        return found

    def _keep_start(self) -> None:
        """Keep the temperatures as light begins. Skin sensors that are nearly SPREAD_MC apart then
        differ by a little more when the wearer moves, so they get SPREAD_MORE_MC on top."""
        for i in range(self._n):
            self._start_mc[i] = self._trends[i].now
        skins = [self._start_mc[i] for i in self._skins]
        if skins:
            apart_mc = min(max(skins) - min(skins), limits.SPREAD_MC)
            self._spread_mc = max(limits.SPREAD_MC, apart_mc + limits.SPREAD_MORE_MC)

    def _is_stuck(self, i: int, other: int, new_mw: int) -> bool:
        """Return whether sensor `i` has not moved for limits.STUCK_S although the other role's mean
        `other` (mC) moved and enough heat came. new_mw: power beyond the settled one."""
        now = self._trends[i].now
        still = limits.STUCK_SKIN_STILL_MC if self._skin[i] else limits.STUCK_MC
        if self._still_s[i] < 0 or abs(now - self._ref[i]) >= still:
            self._ref[i] = now
            self._ref_other[i] = other
            self._heat_mj[i] = 0
            self._still_s[i] = 0
            return False
        self._still_s[i] += 1
        self._heat_mj[i] += new_mw
        if self._still_s[i] < limits.STUCK_S:
            return False
        moved = abs(other - self._ref_other[i])
        heat = abs(self._heat_mj[i]) // self._joule
        if self._skin[i]:
            return moved >= limits.STUCK_SKIN_MC and heat >= limits.STUCK_SKIN_MC
        return moved >= limits.STUCK_MOVED_MC and heat >= limits.STUCK_BOARD_MC

    def _has_slipped(self, trend: "Trend") -> bool:
        """Return whether a reading fell by limits.SLIP_MC and stayed there for half of _SLIP_S: its
        bead has left the skin. A shorter fall is a wearer who moves."""
        before = trend.ago(_SLIP_S) - limits.SLIP_MC
        return trend.now < before and trend.ago(_SLIP_S // 2) < before

    def _are_apart(self, skin_mc: int, board_mc: int) -> bool:
        """Return whether sensors disagree, and set `_far`: skin sensors further apart than unequal
        heating explains, board sensors apart, or skin warmer than a board that does not warm by
        more than a cold room explains."""
        if self._are_spread(self._skins) or self._are_spread(self._boards):
            return True
        if (
            not self._both
            or skin_mc - board_mc <= limits.PAIR_MC + (skin_mc - limits.ROOM_MIN_MC) // 2
        ):
            return False
        for i in range(self._n):
            trend = self._trends[i]
            if not self._skin[i] and trend.n > limits.BALANCE_S:
                self._far = i
                return trend.now - trend.ago(limits.BALANCE_S) < _WARMING_MC
        return False  # no board sensor has been watched for long enough

    def _are_spread(self, members: "tuple[int, ...]") -> bool:
        """Return whether the sensors `members`, all of one role, disagree, and set `_far` to the
        one furthest from their mean."""
        if len(members) < 2:
            return False
        trends = self._trends
        low = high = members[0]
        low_mc = high_mc = trends[low].now
        total = 0
        for i in members:
            mc = trends[i].now
            total += mc
            if mc < low_mc:
                low, low_mc = i, mc
            elif mc > high_mc:
                high, high_mc = i, mc
        if high_mc - low_mc <= self._allowed_spread_mc(high):
            return False
        self._far = (
            low if total // len(members) - low_mc > high_mc - total // len(members) else high
        )
        return True

    def _allowed_spread_mc(self, high: int) -> int:
        """Return by how much sensors of one role may differ, mC. high: index of the hottest.

        Zones of a pad warm unequally: where the body presses blood out, skin warms most. The colder
        sensors must have followed by a share of that rise; a sensor in air has not."""
        if not self._skin[high]:
            return limits.PAIR_MC
        rise_mc = max(0, self._trends[high].now - self._start_mc[high])  # H-42
        return self._spread_mc + rise_mc * limits.SPREAD_RISE_PM // 1000
