"""The pad's heat balance, once a second: what was written, less what warms the pad, less what the
skin takes, is what the room takes. Integers: mC, mW, J/K.

    room = heat written - joule * rise - skin conductance * (board - skin)

A pad cannot take heat from a room that is no warmer, so less than nothing means heat that was not
written; and more than before the light by nearly all that was written means that it never came.
Constants are the board's facts, or those of a pad of about 600 cm2 (docs/decisions/0003).
"""

from wrap.compat import const
from wrap.rules import faults, limits
from wrap.safety.trend import Trend

_WEAK_FROM_S = const(45)
_WEAK_UNTIL_S = const(80)
_UNKNOWN = const(1 << 29)


class HeatBalance:
    """joule: J/K of the pad; skin, air: mW/K from it to skin and to the room.

    `covered`, `weak`: warnings as things are. `room_mw`: what the room takes now.
    """

    def __init__(self, joule, skin_mw, air_mw):
        self._joule = joule
        self._to_skin = skin_mw
        self._to_air = air_mw
        self._board = Trend()
        self._gap = Trend()
        self._heat = Trend()
        self.room_mw = 0
        self.clear()
        self.start_session()

    def clear(self):
        """What was measured has nothing to do with what comes."""
        for trend in (self._board, self._gap, self._heat):
            trend.clear()
        self._sum_mw = 0
        self._dark_mw = _UNKNOWN  # what the room took before light
        self._hot_s = self._weak_s = self._cover_s = 0
        self._most_mw = self._level_mw = self._settled_s = 0
        self.covered = False

    def referenced(self):
        """Whether the pad has been seen dark and at peace since it was last moved."""
        return self._dark_mw != _UNKNOWN

    def start_session(self):
        """Warnings begin again."""
        self.weak = False
        self._most_mw = self._level_mw = self._settled_s = 0
        self._cover_s = 0
        self.covered = False

    def second(self, skin_mc, board_mc, heat_mw, lit_s):
        """The fault of this second. Means of both roles, the heat written to the pad, and for how
        long light has been on."""
        self._board.take(board_mc)
        self._gap.take(board_mc - skin_mc)
        heat = self._heat
        heat.take(heat_mw)
        self._sum_mw += heat.now
        if heat.n <= limits.BALANCE_S:
            return faults.NONE
        self._sum_mw -= heat.ago(limits.BALANCE_S)
        written = self._sum_mw // limits.BALANCE_S
        board = self._board
        warming = self._joule * (board.now - board.ago(limits.BALANCE_S)) // limits.BALANCE_S
        gap = (self._gap.now + self._gap.ago(limits.BALANCE_S)) // 2
        self.room_mw = written - warming - self._to_skin * gap // 1000
        if not lit_s:
            if written == 0:
                self._dark_mw = self.room_mw
                self._dark_board = board.now
                self._dark_gap = gap
        else:
            self._warn(written, gap, lit_s)
        return self._too_hot(written, warming, gap, lit_s)

    def _too_hot(self, written, warming, gap, lit_s):
        """Heat that was not written: more than the room and the skin can have given."""
        most = written + written * limits.HEAT_SPARE_PM // 1000 + limits.HEAT_SPARE_MW  # H-12
        most += self._from_room(lit_s)
        if gap < 0:
            most -= self._to_skin * gap // 800
        elif lit_s:
            most -= self._to_skin * gap // 2000
        if warming <= most:
            self._hot_s = 0
            return faults.NONE
        self._hot_s += 1
        if self._hot_s < limits.HEAT_HOLD_S:
            return faults.NONE
        return faults.LAMP_STUCK if lit_s else faults.HOT_OFF  # H-09

    def _from_room(self, lit_s):
        """The most that the room may give to the pad."""
        most = max(0, self._to_air * (limits.ROOM_MAX_MC - self._board.now) // 1000)
        if lit_s and self._dark_mw != _UNKNOWN:
            return min(most, max(0, -self._dark_mw) + limits.ROOM_SHIFT_MW)
        return most

    def _warn(self, written, gap, lit_s):
        if self._dark_mw != _UNKNOWN and _WEAK_FROM_S <= lit_s <= _WEAK_UNTIL_S:
            self._judge_weak(written, gap)
        self._settle(written)
        if lit_s > _WEAK_FROM_S:
            self._judge_covered(written)

    def _judge_weak(self, written, gap):
        missing = self.room_mw - self._dark_mw
        missing -= self._to_air * (self._board.now - self._dark_board) // 1000
        spare = self._to_skin * abs(gap - self._dark_gap) // 2500 + limits.HEAT_SPARE_MW // 2
        if written < limits.WEAK_LEAST_MW:
            return
        if missing > written * limits.WEAK_PM // 1000 + spare:
            self._weak_s += 1
            self.weak = self.weak or self._weak_s >= limits.HEAT_HOLD_S  # H-11
        else:
            self._weak_s = 0

    def _settle(self, written):
        """Follow the power written. The pad takes minutes to warm up after a rise, and until then
        the room takes little of what is written: a rise of more than a quarter begins anew."""
        if written * 4 > self._level_mw * 5:
            self._level_mw = written
            self._settled_s = 0
            self._most_mw = 0
        else:
            self._level_mw = min(self._level_mw, written)
            self._settled_s += 1

    def _judge_covered(self, written):
        """A drop is judged beside what is written now, too: after a plan's step down the pad cools,
        and the room takes less than before without any cover."""
        room = self.room_mw
        if room > self._most_mw:
            self._most_mw = room
        dropped = (
            self._most_mw > limits.WEAK_LEAST_MW
            and room < self._most_mw * limits.COVERED_PM // 1000
            and room < written * limits.COVERED_PM // 1000
        )
        steady = (
            self._settled_s > limits.COVERED_AFTER_S
            and written > limits.WEAK_LEAST_MW
            and room < written * limits.COVERED_STEADY_PM // 1000
        )
        if dropped or steady:
            self._cover_s += 1
            self.covered = self.covered or self._cover_s >= limits.HEAT_HOLD_S  # H-10
        else:
            self._cover_s = 0
            self.covered = False
