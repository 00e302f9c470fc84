"""Judges the temperatures: the limits in every step; once a second the sensors' behaviour, the
pad's heat balance and the derating. Decides nothing about light."""

from wrap.compat import const, small
from wrap.rules import faults, limits
from wrap.safety.derate import Derate
from wrap.safety.heat_balance import HeatBalance
from wrap.safety.power_limit import reads_worn
from wrap.safety.sensor_check import SensorCheck
from wrap.safety.temp_limits import TempLimits
from wrap.safety.thermistor import OPEN, SHORT, Thermistor
from wrap.safety.trend import Trend
from wrap.safety.violation import Violation

_SECOND_MS = const(1000)
_SEATED_S = const(5)  # a pad that was put on with the light settles so long
# Default pad constants (docs/decisions/0003).
_SUPPLY_MV = const(12000)
_HEAT_PM = const(810)  # of the electric power: what the LEDs do not emit, and what skin sends back
_PAD_J_PER_K = const(450)
_PAD_SKIN_MW_PER_K = const(1200)
_PAD_AIR_MW_PER_K = const(700)

WARNINGS = ("covered", "no-heat")
WARNING_TEXTS = (
    "the pad cannot lose its heat: it is covered, or the room is hot",
    "the pad warms less than it should: lamps may be weak or out, and doses too high",
)


class ThermalChecks:
    """facts: the board's facts. news: the pending warning, or ""; moved: a sensor jumped as light
    began, so the pad is being put on or the sensor is faulty."""

    def __init__(self, facts):
        curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)
        roles = [s[1] for s in facts.SENSORS]
        self.temp_limits = TempLimits(roles, curve)
        self._skin = tuple([r == "skin" for r in roles])
        self._trends = [Trend() for _ in roles]
        self._last = [0] * len(roles)
        self._skin_mc = self._board_mc = 0  # means of the sensors of a role, of the last second
        joule = small(getattr(facts, "PAD_J_PER_K", _PAD_J_PER_K))
        self.sensor_check = SensorCheck(roles, self._trends, joule)
        self.heat_balance = None
        if "skin" in roles and "board" in roles:
            self.heat_balance = HeatBalance(
                joule,
                small(getattr(facts, "PAD_SKIN_MW_PER_K", _PAD_SKIN_MW_PER_K)),
                small(getattr(facts, "PAD_AIR_MW_PER_K", _PAD_AIR_MW_PER_K)),
            )
        mv = getattr(facts, "SUPPLY_MV", _SUPPLY_MV)
        heat = getattr(facts, "LAMP_HEAT_PM", _HEAT_PM)
        self._mw = tuple([small(c[3] * mv // 1000 * heat // 1000) for c in facts.CHANNELS])
        self._on_ms = [0] * len(facts.CHANNELS)
        self.derate = Derate()
        self._ms = 0
        self._lit_s = 0
        self._violation = Violation()
        self._behaviour = None  # the Violation of the last second's checks, or None
        self._limit_passed = False  # in the last step
        self._warned = [False] * len(WARNINGS)
        self.moved = False
        self.news = ""

    def start_session(self):
        """Maxima and warnings begin again."""
        self.temp_limits.start_session()
        self._warned = [False] * len(WARNINGS)
        self.moved = False
        self.news = ""
        self.sensor_check.start_session()
        if self.heat_balance:
            self.heat_balance.start_session()

    def referenced(self):
        """Whether the heat balance knows what the dark pad exchanges with the room."""
        return self.heat_balance is not None and self.heat_balance.referenced()

    def worn(self):
        """Whether every skin sensor reads skin under a wrap."""
        return reads_worn(self.temp_limits.coldest_mc, self.temp_limits.hottest_mc)

    def spread_mc(self):
        """How far the skin sensors are apart in this step."""
        return self.temp_limits.hottest_mc - self.temp_limits.coldest_mc

    def derate_now(self):
        """Begin the derating from what the skin is at this moment, and return its factor."""
        self.derate.fresh = True
        self._derate(self.temp_limits.hottest_mc)
        return self.derate.q

    def warnings(self):
        """Names of the warnings in force."""
        model = self.heat_balance
        if not model:
            return []
        return [n for n, on in zip(WARNINGS, (model.covered, model.weak)) if on]

    def pop_warning(self, session):
        """Return and clear the pending warning, as the content of a NOTE record."""
        name = self.news
        self.news = ""
        return {"warning": name, "text": WARNING_TEXTS[WARNINGS.index(name)], "session": session}

    def check(self, raws, dt_ms, meters):
        """The Violation that these readings show, or None. dt_ms: since the last call; meters: the
        channels' DoseMeters."""
        found = self.temp_limits.check(raws)
        self._ms += dt_ms
        if found is not None and not self._limit_passed:
            self._limit_passed = True  # H-02: nothing delays the step in which light goes out
            return found
        self._limit_passed = found is not None
        if self._ms >= _SECOND_MS:
            self._second(meters)
        return self._behaviour if found is None else found

    def second_in_ms(self):
        """Until the sensors' behaviour is judged again."""
        return _SECOND_MS - self._ms

    def add_elapsed(self, ms):
        """Add time whose readings `temp_limits` has already taken."""
        self._ms += ms

    def _second(self, meters):
        ms = self._ms
        self._ms = 0
        mcs = self.temp_limits.means()
        heat_mw = self._heat_mw(meters, ms)
        if OPEN in mcs or SHORT in mcs or ms >= 2 * _SECOND_MS:
            self._forget()
            return
        jump = self._jump(mcs, ms)
        if jump >= 0 and self._lit_s <= _SEATED_S:
            self._forget()
            self.moved = heat_mw > 0  # H-05
        self._lit_s = self._lit_s + 1 if heat_mw else 0
        self._derate(self._take(mcs))
        self._behaviour = self._judge(heat_mw)
        if jump >= 0 and self._lit_s > _SEATED_S:
            self._behaviour = self._violation.set(faults.RATE, jump)  # H-05
        self._note_warnings()

    def _forget(self):
        """Reset all history."""
        for trend in self._trends:
            trend.clear()
        self.sensor_check.clear()
        if self.heat_balance:
            self.heat_balance.clear()
        self._lit_s = 0
        self._behaviour = None
        self._derate(self.temp_limits.hottest_mc)
        self.derate.fresh = True

    def _derate(self, hottest_mc):
        self.derate.take(hottest_mc, self.temp_limits.trip_mc)

    def _heat_mw(self, meters, ms):
        """What the lamps put into the pad, from what was written to the pins."""
        heat = i = 0
        for meter in meters:
            on = meter.on_ms - self._on_ms[i]
            if on < 0:  # the meters of a new session
                on = meter.on_ms
            self._on_ms[i] = meter.on_ms
            heat += self._mw[i] * on // ms
            i += 1
        return heat

    def _jump(self, mcs, ms):
        """The sensor that changed faster than a worn pad can since the last second, or -1."""
        if self._trends[0].n:
            most = limits.RATE_MC_S * ms
            last = self._last
            for i in range(len(mcs)):
                if abs(mcs[i] - last[i]) * 1000 > most:
                    return i
        return -1

    def _take(self, mcs):
        """Keep the means of a second; returns the hottest skin sensor's."""
        hottest = limits.ROOM_MIN_MC
        skin = board = skins = 0
        for i in range(len(mcs)):
            mc = mcs[i]
            self._trends[i].take(mc)
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

    def _judge(self, heat_mw):
        skin = self._skin_mc
        board = self._board_mc
        found = self.sensor_check.second(skin, board, heat_mw, self._lit_s)
        if self.heat_balance:
            code = self.heat_balance.second(skin, board, heat_mw, self._lit_s)
            if code:
                found = self._violation.set(code)
        return found

    def _note_warnings(self):
        if self.heat_balance:
            self._note_warning(0, self.heat_balance.covered)
            self._note_warning(1, self.heat_balance.weak)

    def _note_warning(self, i, on):
        """A warning that comes in force is reported once a session, one at a time."""
        if on and not self.news and not self._warned[i]:
            self._warned[i] = True
            self.news = WARNINGS[i]
