"""Judges sensors by how they change and against each other, once a second, while light is on.

Dark, a wrap may be put on, taken off and carried about: nothing here means a fault then.
"""

from wrap.compat import const
from wrap.rules import faults, limits
from wrap.safety.violation import Violation

_SLIP_S = const(40)  # the bead left the skin within the older half of this
_SETTLE = const(8)  # in 256 s: about as slowly as a pad does
_WARMING_MC = const(600)  # in BALANCE_S: a cold pad that was just put on


class SensorCheck:
    """roles: "skin" or "board" per sensor; trends: their Trends; joule: J that warm the pad by
    1 K."""

    def __init__(self, roles, trends, joule):
        self._n = len(roles)
        self._skin = tuple([r == "skin" for r in roles])
        self._skins = tuple([i for i in range(self._n) if self._skin[i]])
        self._boards = tuple([i for i in range(self._n) if not self._skin[i]])
        self._both = "skin" in roles and "board" in roles
        self._trends = trends
        self._joule = joule
        self._ref = [0] * self._n  # where the sensor was when it last moved
        self._ref_other = [0] * self._n  # and the other role's sensors then
        self._heat_mj = [0] * self._n  # heat since then that the pad had not yet settled to
        self._still_s = [0] * self._n
        self._start_mc = [0] * self._n  # as the session's light began
        self._spread_mc = limits.SPREAD_MC  # what skin sensors may differ by that have not warmed
        self._starting = True
        self._far = 0  # the sensor that disagrees
        self._violation = Violation()
        self.clear()

    def clear(self):
        """Sensors were put elsewhere: begin again."""
        for i in range(self._n):
            self._still_s[i] = -1
        self._apart_s = 0
        self._settled = 0  # heat in mW that the pad has settled to, in 1/256

    def start_session(self):
        """The next second of light is the first of a session: rises are measured from there."""
        self._starting = True

    def second(self, skin_mc, board_mc, heat_mw, lit_s):
        """The Violation of this second, or None. skin_mc, board_mc: means of both roles; heat_mw:
        written to the pad; lit_s: for how long light has been on."""
        found = None
        new_mw = heat_mw - (self._settled >> _SETTLE)
        self._settled += new_mw
        for i in range(self._n):
            skin = self._skin[i]
            if self._stuck(i, board_mc if skin else skin_mc, new_mw) and lit_s:
                found = self._violation.set(faults.STUCK, i)  # H-06
            elif skin and lit_s > _SLIP_S and self._slipped(self._trends[i]):
                found = self._violation.set(faults.SLIPPED, i)  # H-08
        if lit_s and self._starting:
            self._starting = False
            self._keep_start()
        if lit_s and self._apart(skin_mc, board_mc):
            self._apart_s += 1
            if self._apart_s >= limits.PAIR_S:
                found = self._violation.set(faults.PAIR, self._far)  # H-07
        else:
            self._apart_s = 0
        return found

    def _keep_start(self):
        """Keep the temperatures as light begins. A wearer who moves parts skin sensors that were
        nearly SPREAD_MC apart by a little more: that is no lie."""
        for i in range(self._n):
            self._start_mc[i] = self._trends[i].now
        skins = [self._start_mc[i] for i in self._skins]
        if skins:
            apart_mc = min(max(skins) - min(skins), limits.SPREAD_MC)
            self._spread_mc = max(limits.SPREAD_MC, apart_mc + limits.SPREAD_MORE_MC)

    def _stuck(self, i, other, new_mw):
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

    def _slipped(self, trend):
        before = trend.ago(_SLIP_S) - limits.SLIP_MC
        return trend.now < before and trend.ago(_SLIP_S // 2) < before

    def _apart(self, skin_mc, board_mc):
        """Skin sensors further apart than unequal heating explains, board sensors that disagree, or
        the skin above a board that does not warm by more than a cold room explains."""
        if self._spread(self._skins) or self._spread(self._boards):
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

    def _spread(self, members):
        """Whether sensors `members`, all of one role, disagree; `_far` is the one furthest from the
        others."""
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

    def _allowed_spread_mc(self, high):
        """Zones of a pad warm unequally: where the body presses blood out, skin warms most. The
        colder sensors must have followed by a share of that; one that lies in air has not."""
        if not self._skin[high]:
            return limits.PAIR_MC
        rise_mc = max(0, self._trends[high].now - self._start_mc[high])  # H-42
        return self._spread_mc + rise_mc * limits.SPREAD_RISE_PM // 1000
