"""Balances the heat of the pad once a second, in integers of mC, mW and J/K:

    room = heat written - joule * rise - skin conductance * (board - skin)

`room` is the heat that the surrounding air takes. The heat written is computed from the duties; the
rest is measured. Air that is not warmer than the pad cannot heat it, so a negative `room` means
heat that was not written (a lamp that stays on). A `room` larger than before the light by nearly
all of the heat written means that this heat never came (a lamp that failed). The constants are the
board's facts, or those of a pad of about 600 cm2 (docs/decisions/0003).
"""

from wrap.compat import const
from wrap.rules import faults, limits
from wrap.safety.trend import Trend

# Weak lamps are judged only in this part of a session: before it the smoothed values still follow
# the ramp, after it the room may have changed since the dark reference.
_WEAK_FROM_S = const(45)
_WEAK_UNTIL_S = const(80)
_UNKNOWN = const(1 << 29)


class HeatBalance:
    """Compares the warming of the pad with the power written. joule: heat capacity of the pad, J/K;
    skin_mw, air_mw: conductance from it to the skin and to the air, mW/K.

    covered, weak: warnings in force. room_mw: heat that the air takes now, mW.
    """

    def __init__(self, joule: int, skin_mw: int, air_mw: int) -> None:
        self._joule = joule
        self._to_skin = skin_mw
        self._to_air = air_mw
        self._board = Trend()
        self._gap = Trend()
        self._heat = Trend()
        self.room_mw = 0
        self.clear()
        self.start_session()

    def clear(self) -> None:
        """Reset all history: the pad was moved, or seconds are missing."""
        for trend in (self._board, self._gap, self._heat):
            trend.clear()
        self._sum_mw = 0
        self._dark_mw = _UNKNOWN  # room_mw of the dark pad, before light
        self._hot_s = self._weak_s = self._cover_s = 0
        self._most_mw = self._level_mw = self._settled_s = 0
        self.covered = False

    def has_reference(self) -> bool:
        """Return whether the balance of the dark pad was measured since the last `clear`."""
        return self._dark_mw != _UNKNOWN

    def start_session(self) -> None:
        """Clear the warnings and the maxima that they compare with. Keeps the dark reference."""
        self.weak = False
        self._most_mw = self._level_mw = self._settled_s = 0
        self._cover_s = 0
        self.covered = False

    def check_second(self, skin_mc: int, board_mc: int, heat_mw: int, lit_s: int) -> int:
        """Add one second and return its fault, or faults.NONE. skin_mc, board_mc: means of the
        sensors of both roles; heat_mw: heat written; lit_s: seconds since light began, 0 in the
        dark."""
        self._board.add(board_mc)
        self._gap.add(board_mc - skin_mc)
        heat = self._heat
        heat.add(heat_mw)
        # A running sum: a second costs the same however long the window is.
        self._sum_mw += heat.now
        if heat.n <= limits.BALANCE_S:
            return faults.NONE
        self._sum_mw -= heat.ago(limits.BALANCE_S)
        written = self._sum_mw // limits.BALANCE_S
        board = self._board
        warming = self._joule * (board.now - board.ago(limits.BALANCE_S)) // limits.BALANCE_S
        # The mean of the window's ends stands for the window, as `warming` is their
        # difference.
        gap = (self._gap.now + self._gap.ago(limits.BALANCE_S)) // 2
        self.room_mw = written - warming - self._to_skin * gap // 1000
        if not lit_s:
            # The smoothed heat of the last session must have left the window as well.
            if written == 0:
                self._dark_mw = self.room_mw
                self._dark_board = board.now
                self._dark_gap = gap
        else:
            self._update_warnings(written, gap, lit_s)
        return self._check_unwritten_heat(written, warming, gap, lit_s)

    def _check_unwritten_heat(self, written: int, warming: int, gap: int, lit_s: int) -> int:
        """Return the fault of a pad that warms faster than the heat written, the air and the skin
        explain together for limits.HEAT_HOLD_S, or faults.NONE."""
        most = written + written * limits.HEAT_SPARE_PM // 1000 + limits.HEAT_SPARE_MW  # H-12
        most += self._max_from_air_mw(lit_s)
        # The conductance to the skin depends on the contact: a quarter more is allowed for where
        # skin heats the pad, half of it counted where the pad heats the skin.
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

    def _max_from_air_mw(self, lit_s: int) -> int:
        """Return the most heat that the air can give to the pad, mW. With a dark reference, what it
        gave then and limits.ROOM_SHIFT_MW more; otherwise as in the warmest room allowed."""
        most = max(0, self._to_air * (limits.ROOM_MAX_MC - self._board.now) // 1000)
        if lit_s and self._dark_mw != _UNKNOWN:
            return min(most, max(0, -self._dark_mw) + limits.ROOM_SHIFT_MW)
        return most

    def _update_warnings(self, written: int, gap: int, lit_s: int) -> None:
        if self._dark_mw != _UNKNOWN and _WEAK_FROM_S <= lit_s <= _WEAK_UNTIL_S:
            self._check_weak(written, gap)
        self._track_power(written)
        if lit_s > _WEAK_FROM_S:
            self._check_covered(written)

    def _check_weak(self, written: int, gap: int) -> None:
        """Set `weak` when limits.WEAK_PM of the heat written is missing."""
        missing = self.room_mw - self._dark_mw
        # A warmer board loses more to the air: that heat came.
        missing -= self._to_air * (self._board.now - self._dark_board) // 1000
        # / 2500 and not / 1000: two fifths of what the skin takes more or less are allowed,
        # since the conductance depends on the contact.
        spare = self._to_skin * abs(gap - self._dark_gap) // 2500 + limits.HEAT_SPARE_MW // 2
        if written < limits.WEAK_LEAST_MW:
            return
        if missing > written * limits.WEAK_PM // 1000 + spare:
            self._weak_s += 1
            self.weak = self.weak or self._weak_s >= limits.HEAT_HOLD_S  # H-11
        else:
            self._weak_s = 0

    def _track_power(self, written: int) -> None:
        """Follow the power written. The pad takes minutes to warm up after a rise, and until then
        the air takes little of the heat: a rise of more than a quarter starts the wait again."""
        if written * 4 > self._level_mw * 5:
            self._level_mw = written
            self._settled_s = 0
            self._most_mw = 0
        else:
            self._level_mw = min(self._level_mw, written)
            self._settled_s += 1

    def _check_covered(self, written: int) -> None:
        """Set `covered` while the air takes too little heat. A drop also counts only against the
        power written now: after a plan's step down the pad cools, and the air takes less than
        before without any cover."""
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
