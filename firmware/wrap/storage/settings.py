"""Settings, calibration and heat test: what a person may change, and only towards the strict side.

Each is kept in a DoubleStore. While one of them is `unconfirmed`, no light is allowed (see
wrap.session.confirmation).
"""

from wrap.compat import const
from wrap.errors import BAD_PARAM, Refused
from wrap.rules import limits
from wrap.storage.double_store import DoubleStore

# key: (lowest, highest = default); numbers only, and never beyond the default limit
BOUNDS = {
    "trip_mc": (limits.SKIN_TRIP_MIN_MC, limits.SKIN_TRIP_MC),
    "cap_mj": (1000, limits.DOSE_CAP_MJ),
    "time_s": (60, limits.SESSION_MAX_S),
    "wake_s": (limits.WAKE_MIN_S, limits.WAKE_S),
    "answer_s": (limits.WAKE_MIN_S, limits.WAKE_ANSWER_S),
    "site_week": (1, limits.SITE_WEEK),
    "light_day_s": (60, limits.LIGHT_DAY_S),
}
FULL_PM = 1000
DATE_LEAST = 20000101  # yyyymmdd
DATE_MOST = 21001231
STORES = ("settings", "cal", "heat")
_REPAIR_AGAIN_MS = const(60000)  # flash that failed


def _whole(value, low, high):
    return isinstance(value, int) and low <= value <= high


def _least_uw(channel):
    """The least irradiance at full duty that is believed of a channel of the board."""
    return channel[4] * limits.CAL_LEAST_PM // 1000


def _usable(cal, least_uw):
    """Whether a stored calibration can be one: its numbers bound the dose."""
    return (
        isinstance(cal, dict)
        and _whole(cal.get("uw"), least_uw, limits.CAL_MOST_UW)  # H-53
        and _whole(cal.get("unc_pm"), limits.CAL_UNC_LEAST_PM, limits.CAL_UNC_MOST_PM)
    )


def _usable_heat(kept):
    """Whether a stored heat test allows what it says."""
    return (
        _whole(kept.get("pm"), 1, FULL_PM)
        and _whole(kept.get("date"), DATE_LEAST, DATE_MOST)
        and _whole(kept.get("max_mc"), limits.HEAT_TEST_LEAST_MC, limits.HEAT_TEST_MOST_MC)
    )


def _check_calibration(channel, uw, unc_pm):
    """Raises Refused with the bounds, and what they come from."""
    low, high = _least_uw(channel), limits.CAL_MOST_UW
    if not low <= uw <= high:
        raise Refused(
            BAD_PARAM,
            "uw must be from %d to %d (the board's stated worst case for %s is %d), or 0 to remove"
            % (low, high, channel[0], channel[4]),
        )
    low, high = limits.CAL_UNC_LEAST_PM, limits.CAL_UNC_MOST_PM
    if not low <= unc_pm <= high:
        raise Refused(BAD_PARAM, "unc_pm must be a whole number from %d to %d" % (low, high))


class Settings:
    """channels: the board's."""

    def __init__(self, files, channels):
        self._kept, self._cal, self._heat = [DoubleStore(files, name) for name in STORES]
        self._stores = (self._kept, self._cal, self._heat)
        self._damaged = None  # not asked yet
        self._judged = None  # the stored calibrations that `_cals` and `_void` are of
        self._channels = channels
        self._repair_ms = 0

    def damaged(self):
        """Names of the stores of which a copy was broken at boot."""
        if self._damaged is None:
            self._damaged = [name for name, s in zip(STORES, self._stores) if s.damaged]
        return self._damaged

    def unconfirmed(self):
        """Names of the stores whose newest value may be lost."""
        return [name for name, s in zip(STORES, self._stores) if s.unconfirmed]

    def confirm(self):
        """A person has seen what is in force; returns the names this concerned. Raises OSError."""
        names = self.unconfirmed()
        for store in self._stores:
            if store.unconfirmed:
                store.confirm()
        return names

    def repair(self, dt_ms):
        """Repair one store, if one needs it; only in the dark. Flash that fails is tried again."""
        self._repair_ms -= dt_ms
        if self._repair_ms > 0:
            return
        self._repair_ms = 0
        for store in self._stores:
            if store.due:
                try:
                    store.repair()
                except OSError:
                    self._repair_ms = _REPAIR_AGAIN_MS
                return

    def get(self, key):
        """The value in force. A stored one that breaks its bounds counts as the default."""
        low, high = BOUNDS[key]
        value = self._kept.value.get(key, high)
        return value if isinstance(value, int) and low <= value <= high else high  # H-39

    def all(self):
        """{key: value in force}"""
        return {key: self.get(key) for key in BOUNDS}

    def set(self, key, value):
        """Store one. Raises Refused or OSError."""
        if key not in BOUNDS:
            raise Refused(BAD_PARAM, "the setting must be one of " + ", ".join(sorted(BOUNDS)))
        low, high = BOUNDS[key]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Refused(BAD_PARAM, "%s must be a whole number from %d to %d" % (key, low, high))
        kept = dict(self._kept.value)
        kept[key] = value
        self._kept.put(kept)
        return {key: value}

    def calibrations(self):
        """Per channel None or {"uw", "unc_pm", "date", "how"}. A stored one that breaks its bounds
        counts as none."""
        self._judge()
        return self._cals

    def void(self):
        """Names of channels whose stored calibration breaks its bounds."""
        self._judge()
        return self._void

    def _judge(self):
        """Hold the stored calibrations against their bounds, once for each stored value: a host
        asks for the result with every status."""
        stored = self._cal.value
        if stored is self._judged:
            return
        self._judged = stored
        self._cals = []
        self._void = []
        for c in self._channels:
            cal = stored.get(c[0])
            usable = _usable(cal, _least_uw(c))
            self._cals.append(cal if usable else None)
            if not usable and c[0] in stored:
                self._void.append(c[0])

    def calibrate(self, name, uw, unc_pm, date, how):
        """Store a channel's irradiance at full duty, or remove it with `uw` 0. Raises Refused or
        OSError."""
        channels = [c for c in self._channels if c[0] == name]
        if not channels:
            raise Refused(
                BAD_PARAM, "the channel must be one of " + ", ".join([c[0] for c in self._channels])
            )
        kept = dict(self._cal.value)
        if uw:
            _check_calibration(channels[0], uw, unc_pm)
            kept[name] = {"uw": uw, "unc_pm": unc_pm, "date": date, "how": how}
        else:
            kept.pop(name, None)
        self._cal.put(kept)

    def irradiance(self):
        """(nominal, upper bound) uW/cm2 at full duty per channel; the stated worst case when not
        calibrated."""
        out = []
        for c, cal in zip(self._channels, self.calibrations()):
            if cal:
                out.append((cal["uw"], cal["uw"] * (1000 + cal["unc_pm"]) // 1000))
            else:
                out.append((c[4], c[4]))  # H-32
        return out

    def calibrated(self):
        """Every channel has a calibration."""
        return None not in self.calibrations()

    def heat_test(self):
        """Permille of full power that the maker's recorded heat test allows; 0 without one, or
        while the record is unconfirmed."""
        if self._heat.unconfirmed or not _usable_heat(self._heat.value):
            return 0
        return self._heat.value["pm"]

    def heat_record(self):
        """None or {"pm", "date", "max_mc", "how"}: the heat test as recorded."""
        return dict(self._heat.value) if _usable_heat(self._heat.value) else None

    def set_heat_test(self, pm, date, max_mc, how):
        """Record a heat test, or remove it with `pm` 0. Raises OSError."""
        kept = {"pm": pm, "date": date, "max_mc": max_mc, "how": how} if pm else {}
        self._heat.put(kept)
