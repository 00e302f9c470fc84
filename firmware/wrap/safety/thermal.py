"""Runs the temperature checks: limits in every step; sensor behaviour, heat balance and derating
once a second. Decides nothing about light."""

from wrap.build_info import THERMISTOR
from wrap.compat import const, small_int
from wrap.hal import list_outputs
from wrap.rules import faults, limits
from wrap.safety.derate import Derate
from wrap.safety.heat_balance import HeatBalance
from wrap.safety.power_limit import reads_worn
from wrap.safety.sensor_check import SensorCheck
from wrap.safety.temp_limits import TempLimits
from wrap.safety.thermistor import OPEN, SHORT, Thermistor
from wrap.safety.trend import Trend
from wrap.safety.violation import Violation

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from array import array

    from wrap.control.dose import DoseMeter
    from wrap.hal.contract import BoardFacts

_SECOND_MS = const(1000)
_SEATED_S = const(5)  # a pad that is put on as light begins takes this long to settle
# Default pad constants (docs/decisions/0003).
_SUPPLY_MV = const(12000)
_HEAT_PM = const(810)  # share of the electric power that heats the pad: losses, reflected light
_PAD_J_PER_K = const(450)
_PAD_SKIN_MW_PER_K = const(1200)
_PAD_AIR_MW_PER_K = const(700)

WARNINGS = ("covered", "no-heat")
_COVERED = ("covered",)
_NO_HEAT = ("no-heat",)
WARNING_TEXTS = (
    "the pad cannot lose its heat: it is covered, or the room is hot",
    "the pad warms less than it should: lamps may be weak or out, and doses too high",
)


class ThermalChecks:
    """Runs the thermal checks. pending_warning: name of a warning that was not recorded yet, or "";
    moved: a sensor jumped as light began, so the pad is being put on or the sensor is faulty."""

    def __init__(self, facts: "BoardFacts") -> None:
        curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM, THERMISTOR)
        roles = [s[1] for s in facts.SENSORS]
        self.temp_limits = TempLimits(roles, curve)
        self._skin = tuple([r == "skin" for r in roles])
        self._boards = tuple([i for i in range(len(roles)) if roles[i] == "board"])
        self._trends = [Trend() for _ in roles]
        self._last = [0] * len(roles)  # means of the last second, mC
        self._skin_mc = self._board_mc = 0  # means of the sensors of a role, of the last second
        joule = small_int(getattr(facts, "PAD_J_PER_K", _PAD_J_PER_K))
        self.sensor_check = SensorCheck(roles, self._trends, joule)
        self.heat_balance = None
        if "skin" in roles and "board" in roles:
            self.heat_balance = HeatBalance(
                joule,
                small_int(getattr(facts, "PAD_SKIN_MW_PER_K", _PAD_SKIN_MW_PER_K)),
                small_int(getattr(facts, "PAD_AIR_MW_PER_K", _PAD_AIR_MW_PER_K)),
            )
        mv = getattr(facts, "SUPPLY_MV", _SUPPLY_MV)
        heat = getattr(facts, "LAMP_HEAT_PM", _HEAT_PM)
        # A warmer (its wavelength is 0) leaves all of its power in the pad. H-65
        self._mw = tuple(
            [
                small_int(c[3] * mv // 1000 * (heat if c[1] else 1000) // 1000)
                for c in list_outputs(facts)
            ]
        )
        self._on_ms = [0] * len(self._mw)  # of the meters, a second ago
        self.derate = Derate()
        self._ms = 0  # since the last second's checks
        self._lit_s = 0  # seconds since light began or the pad was moved; 0 in the dark
        self._violation = Violation()
        self._behaviour = None  # the Violation of the last second's checks, or None
        self._limit_passed = False  # a limit was passed in the last step
        self._warned = [False] * len(WARNINGS)
        self.moved = False
        self.pending_warning = ""

    def start_session(self) -> None:
        """Reset maxima and warnings."""
        self.temp_limits.start_session()
        self._warned = [False] * len(WARNINGS)
        self.moved = False
        self.pending_warning = ""
        self.sensor_check.start_session()
        if self.heat_balance:
            self.heat_balance.start_session()

    def referenced(self) -> bool:
        """Return whether the heat balance has a dark reference. False without a heat balance."""
        return self.heat_balance is not None and self.heat_balance.has_reference()

    def worn(self) -> bool:
        """Return whether all skin sensors can be on skin under a wrap."""
        return reads_worn(self.temp_limits.coldest_mc, self.temp_limits.hottest_mc)

    def may_be_worn(self) -> bool:  # H-62
        """Return whether a person may be in the wrap, by the readings of a dark pad: a skin sensor
        is as warm as worn skin, or heat comes from the side of the skin. Stricter than `worn`,
        which needs all sensors."""
        if self.temp_limits.hottest_mc >= limits.WORN_MIN_MC:
            return True
        return self.heated_from_skin(limits.CAL_DARK_GAP_MC)

    def heated_from_skin(self, most_mc: int) -> bool:  # H-62
        """Return whether a skin sensor is warmer than the coldest board sensor by more than
        `most_mc`. The lamps heat the board first, a person the skin sensors. False without a board
        sensor."""
        temps_mc = self.temp_limits.temps_mc
        least_mc = self.temp_limits.hottest_mc - most_mc
        for i in self._boards:
            if temps_mc[i] < least_mc:
                return True
        return False

    def spread_mc(self) -> int:
        """Return the difference between the hottest and the coldest skin sensor in this step,
        mC."""
        return self.temp_limits.hottest_mc - self.temp_limits.coldest_mc

    def derate_now(self) -> int:
        """Restart the derating from the present skin temperature. Returns its share, 0..4096."""
        self.derate.fresh = True
        self._update_derating(self.temp_limits.hottest_mc)
        return self.derate.q

    def warnings(self) -> "tuple[str, ...]":
        """Return the names of the warnings in force. Allocates nothing."""
        balance = self.heat_balance
        if not balance:
            return ()
        if balance.covered:
            return WARNINGS if balance.weak else _COVERED
        return _NO_HEAT if balance.weak else ()

    def pop_warning(self, session: int) -> dict:
        """Return and clear the pending warning, as the content of a NOTE record. session: its
        number, 0 outside sessions."""
        name = self.pending_warning
        self.pending_warning = ""
        return {"warning": name, "text": WARNING_TEXTS[WARNINGS.index(name)], "session": session}

    def check(
        self, raws: "array[int]", dt_ms: int, meters: "list[DoseMeter]"
    ) -> "Violation | None":
        """Return the Violation of this step's readings, or None. raws: begins with one reading per
        sensor; dt_ms: since the last call; meters: one per channel."""
        found = self.temp_limits.check(raws)
        self._ms += dt_ms
        if found is not None and not self._limit_passed:
            self._limit_passed = True  # H-02: nothing delays the step in which light goes out
            return found
        self._limit_passed = found is not None
        if self._ms >= _SECOND_MS:
            self._check_second(meters)
        return self._behaviour if found is None else found

    def second_in_ms(self) -> int:
        """Return the milliseconds until the checks of a second are due."""
        return _SECOND_MS - self._ms

    def add_elapsed(self, ms: int) -> None:
        """Add time whose readings `temp_limits` has already processed."""
        self._ms += ms

    def _check_second(self, meters: "list[DoseMeter]") -> None:
        """Run the checks of a second, and keep their Violation for the steps of the next one."""
        ms = self._ms
        self._ms = 0
        mcs = self.temp_limits.take_means()
        heat_mw = self._heat_mw(meters, ms)
        if OPEN in mcs or SHORT in mcs or ms >= 2 * _SECOND_MS:
            # A mean is missing, or seconds are: what was kept does not belong to what follows.
            self._reset_history()
            return
        # Before `_add_means`, which replaces the means that a jump is measured from.
        jump = self._find_jump(mcs, ms)
        if jump >= 0 and self._lit_s <= _SEATED_S:
            self._reset_history()
            self.moved = heat_mw > 0  # H-05
        # By the heat and not by the session's state: in a pause the pad is dark too.
        self._lit_s = self._lit_s + 1 if heat_mw else 0
        self._update_derating(self._add_means(mcs))
        self._behaviour = self._check_behaviour(heat_mw)
        # Last, so that a jump counts before what the other checks of this second make of
        # it.
        if jump >= 0 and self._lit_s > _SEATED_S:
            self._behaviour = self._violation.set(faults.RATE, jump)  # H-05
        self._note_warnings()

    def _reset_history(self) -> None:
        """Reset all history. The derating follows the present temperature without smoothing."""
        for trend in self._trends:
            trend.clear()
        self.sensor_check.clear()
        if self.heat_balance:
            self.heat_balance.clear()
        self._lit_s = 0
        self._behaviour = None
        self._update_derating(self.temp_limits.hottest_mc)
        # `update` has cleared it. The next second's mean is another start as well.
        self.derate.fresh = True

    def _update_derating(self, hottest_mc: int) -> None:
        self.derate.update(hottest_mc, self.temp_limits.trip_mc)

    def _heat_mw(self, meters: "list[DoseMeter]", ms: int) -> int:
        """Return the mean heat of the last `ms`, mW, from the on-times of the meters."""
        heat = i = 0
        for meter in meters:
            on = meter.on_ms - self._on_ms[i]
            if on < 0:  # cleared for a new session
                on = meter.on_ms
            self._on_ms[i] = meter.on_ms
            heat += self._mw[i] * on // ms
            i += 1
        return heat

    def _find_jump(self, mcs: "list[int]", ms: int) -> int:
        """Return the index of a sensor whose mean changed faster than that of a worn pad can since
        the last second, or -1. mcs: means over `ms`."""
        if self._trends[0].n:
            most = limits.RATE_MC_S * ms
            last = self._last
            for i in range(len(mcs)):
                if abs(mcs[i] - last[i]) * 1000 > most:
                    return i
        return -1

    def _add_means(self, mcs: "list[int]") -> int:
        """Add the means of a second to the trends and the roles' means. Returns the hottest skin
        sensor's, mC."""
        hottest = limits.ROOM_MIN_MC
        skin = board = skins = 0
        for i in range(len(mcs)):
            mc = mcs[i]
            self._trends[i].add(mc)
            self._last[i] = mc
            if self._skin[i]:
                skin += mc
                skins += 1
                if mc > hottest:
                    hottest = mc
            else:
                board += mc
        boards = len(mcs) - skins
        self._skin_mc = skin // skins if skins else 0
        self._board_mc = board // boards if boards else 0
        return hottest

    def _check_behaviour(self, heat_mw: int) -> "Violation | None":
        """Return the Violation of the last second, or None. A fault of the heat balance counts
        first: it means heat, the others a wrong sensor."""
        skin = self._skin_mc
        board = self._board_mc
        found = self.sensor_check.check_second(skin, board, heat_mw, self._lit_s)
        if self.heat_balance:
            code = self.heat_balance.check_second(skin, board, heat_mw, self._lit_s)
            if code:
                found = self._violation.set(code)
        return found

    def _note_warnings(self) -> None:
        if self.heat_balance:
            self._note_warning(0, self.heat_balance.covered)
            self._note_warning(1, self.heat_balance.weak)

    def _note_warning(self, i: int, on: bool) -> None:
        """Make a warning in force pending, each once a session and one at a time."""
        if on and not self.pending_warning and not self._warned[i]:
            self._warned[i] = True
            self.pending_warning = WARNINGS[i]
