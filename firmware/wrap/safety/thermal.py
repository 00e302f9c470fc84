"""All that temperatures mean: the limits in every step, and once a second the sensors' behaviour,
the pad's heat balance and the derating. Decides nothing about light itself."""

from wrap.compat import const, small
from wrap.rules import faults, limits
from wrap.safety.derate import Derate
from wrap.safety.heat_balance import HeatBalance
from wrap.safety.power_limit import reads_worn
from wrap.safety.sensor_check import SensorCheck
from wrap.safety.temp_limits import TempLimits
from wrap.safety.thermistor import OPEN, SHORT, Thermistor
from wrap.safety.trend import Trend

_SECOND_MS = const(1000)
_SEATED_S = const(5)  # a pad that was put on with the light settles so long
# Of a pad that states nothing else; see docs/decisions/0003.
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
    """facts: the board's facts. `news`: a warning that is new in this session, or "". `moved`: a
    sensor jumped as light began: it is being put on, or it reads wrongly from now on."""

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
        self._code = faults.NONE
        self._passed = faults.NONE  # the limit that was passed in the last step
        self._told = [False] * len(WARNINGS)
        self.moved = False
        self.news = ""

    def start_session(self):
        """Maxima and warnings begin again."""
        self.temp_limits.start_session()
        self._told = [False] * len(WARNINGS)
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
        """What a NOTE record says of the news, which are none afterwards."""
        name = self.news
        self.news = ""
        return {"warning": name, "text": WARNING_TEXTS[WARNINGS.index(name)], "session": session}

    def check(self, raws, dt_ms, meters):
        """The fault that these readings mean, or faults.NONE. dt_ms: since the last; meters: the
        channels' DoseMeters."""
        code = self.temp_limits.check(raws)
        self._ms += dt_ms
        if code and not self._passed:  # H-02: nothing delays the step in which light goes out
            self._passed = code
            return code
        self._passed = code
        if self._ms >= _SECOND_MS:
            self._second(meters)
        return code or self._code

    def second_in_ms(self):
        """Until the sensors' behaviour is judged again."""
        return _SECOND_MS - self._ms

    def add_elapsed(self, ms):
        """`ms` whose readings the monitor has been told."""
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
        self._code = self._judge(heat_mw)
        if jump >= 0 and self._lit_s > _SEATED_S:
            self.sensor_check.sensor = jump
            self._code = faults.RATE  # H-05
        if self._code:
            self.temp_limits.sensor = self.sensor_check.sensor
        self._tell()

    def _forget(self):
        """What is measured now has nothing to do with what was."""
        for trend in self._trends:
            trend.clear()
        self.sensor_check.clear()
        if self.heat_balance:
            self.heat_balance.clear()
        self._lit_s = 0
        self._code = faults.NONE
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
        code = self.sensor_check.second(skin, board, heat_mw, self._lit_s)
        if self.heat_balance:
            code = self.heat_balance.second(skin, board, heat_mw, self._lit_s) or code
        return code

    def _tell(self):
        if self.heat_balance:
            self._tell_of(0, self.heat_balance.covered)
            self._tell_of(1, self.heat_balance.weak)

    def _tell_of(self, i, on):
        """A warning that comes in force is told once a session, one at a time."""
        if on and not self.news and not self._told[i]:
            self._told[i] = True
            self.news = WARNINGS[i]
