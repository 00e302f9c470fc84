"""Settings, calibration, heat test and holds. A person may change the first three only to values
that are stricter than the defaults, or within the bounds of wrap.rules.limits; holds
(wrap.session.holds) only take light away.

Each is stored in a DoubleStore. While one of them is `unconfirmed`, no light is allowed (see
wrap.session.confirmation).
"""

from wrap.compat import const
from wrap.errors import BAD_PARAM, WRITE_ERRORS, Refused
from wrap.rules import limits
from wrap.storage.double_store import DoubleStore

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.files import AnyFiles

    Channel = tuple[str, int, int, int, int]  # see BoardFacts.CHANNELS

# key: (lowest, highest); the highest is the default, so no setting exceeds its limit
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
STORES = ("settings", "cal", "heat", "hold")
_NO_NAMES = []  # what is not to be changed
_REPAIR_AGAIN_MS = const(60000)  # after flash has failed


def _is_int(value: object, low: int, high: int) -> bool:
    """Return whether a stored value is a whole number from `low` to `high`."""
    return isinstance(value, int) and low <= value <= high


def _least_uw(channel: "Channel") -> int:
    """Return the least plausible irradiance of a board's channel at full duty, uW/cm2."""
    return channel[4] * limits.CAL_LEAST_PM // 1000


def _usable(cal: object, least_uw: int) -> bool:
    """Return whether a stored calibration is within its bounds: the dose depends on it."""
    return (
        isinstance(cal, dict)
        and _is_int(cal.get("uw"), least_uw, limits.CAL_MOST_UW)  # H-53
        and _is_int(cal.get("unc_pm"), limits.CAL_UNC_LEAST_PM, limits.CAL_UNC_MOST_PM)
        and _is_int(_peak_pm(cal), limits.CAL_PEAK_LEAST_PM, limits.CAL_PEAK_MOST_PM)
        and upper_uw(cal) <= limits.CAL_UPPER_MOST_UW
    )


def _peak_pm(cal: dict) -> int:
    """Return the peak of a calibration by its mean, permille. One without a peak was stored by an
    older firmware or host, which took the mean for the whole pad."""
    return cal.get("peak_pm", limits.CAL_PEAK_LEAST_PM)


def upper_uw(cal: dict) -> int:
    """Return the upper bound of a calibration at the brightest place of the pad, uW/cm2."""
    return cal["uw"] * (1000 + cal["unc_pm"]) * _peak_pm(cal) // 1000000  # H-64


def _usable_heat(kept: dict) -> bool:
    """Return whether a stored heat test is within its bounds: the power depends on it."""
    return (
        _is_int(kept.get("pm"), 1, FULL_PM)
        and _is_int(kept.get("date"), DATE_LEAST, DATE_MOST)
        and _is_int(kept.get("max_mc"), limits.HEAT_TEST_LEAST_MC, limits.HEAT_TEST_MOST_MC)
    )


def _check_calibration(channel: "Channel", cal: dict) -> None:
    """Raise Refused with the bounds and their origin when a value is outside."""
    uw, unc_pm, peak_pm = cal["uw"], cal["unc_pm"], _peak_pm(cal)
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
    low, high = limits.CAL_PEAK_LEAST_PM, limits.CAL_PEAK_MOST_PM
    if not low <= peak_pm <= high:
        raise Refused(BAD_PARAM, "peak_pm must be a whole number from %d to %d" % (low, high))
    if upper_uw(cal) > limits.CAL_UPPER_MOST_UW:
        raise Refused(
            BAD_PARAM,
            "uw with its uncertainty and peak is %d, at most %d is possible"
            % (upper_uw(cal), limits.CAL_UPPER_MOST_UW),
        )


class Settings:
    """Reads and stores the values. channels: CHANNELS of the board's facts. hold_store: the store
    of wrap.session.holds, confirmed and repaired with the others."""

    def __init__(self, files: "AnyFiles", channels: "tuple[Channel, ...]") -> None:
        self._stores = tuple([DoubleStore(files, name) for name in STORES])
        self._kept, self._cal, self._heat, self.hold_store = self._stores
        self._damaged = None  # list of names, made at the first request
        self._judged = None  # the stored calibrations that `_cals` and `_void` are derived from
        self._channels = channels
        self._repair_ms = 0

    def damaged(self) -> "list[str]":
        """Return the names of the stores of which a copy was damaged at boot."""
        if self._damaged is None:
            self._damaged = [name for name, s in zip(STORES, self._stores) if s.damaged]
        return self._damaged

    def unconfirmed(self) -> "list[str]":
        """Return the names of the stores whose newest value may be lost. Allocates nothing when
        there are none: every status request asks."""
        for store in self._stores:
            if store.unconfirmed:
                return [name for name, s in zip(STORES, self._stores) if s.unconfirmed]
        return _NO_NAMES

    def confirm(self) -> "list[str]":
        """Record that a person has confirmed the values in force. Returns the names of the stores
        that were unconfirmed. Raises OSError."""
        names = self.unconfirmed()
        for store in self._stores:
            if store.unconfirmed:
                store.confirm()
        return names

    def repair(self, dt_ms: int) -> bool:
        """Repair one store if one needs it; only while nothing is lit. Returns whether it did.
        dt_ms: time since the last call. After a failure the next attempt is a minute later."""
        self._repair_ms -= dt_ms
        if self._repair_ms > 0:
            return False
        self._repair_ms = 0
        for store in self._stores:
            if store.due:
                # One store a call: a repair writes up to three files.
                try:
                    store.repair()
                    return True
                except WRITE_ERRORS:
                    self._repair_ms = _REPAIR_AGAIN_MS
                    return False
        return False

    def get(self, key: str) -> int:
        """Return the value in force: the default when the stored one is outside its bounds."""
        low, high = BOUNDS[key]
        value = self._kept.value.get(key, high)
        return value if isinstance(value, int) and low <= value <= high else high  # H-39

    def all(self) -> "dict[str, int]":
        """Return {key: value in force}."""
        return {key: self.get(key) for key in BOUNDS}

    def set(self, key: str, value: object) -> "dict[str, int]":
        """Store a setting. Returns {key: value}. Raises Refused or OSError."""
        if key not in BOUNDS:
            raise Refused(BAD_PARAM, "the setting must be one of " + ", ".join(sorted(BOUNDS)))
        low, high = BOUNDS[key]
        # JSON's `true` is an int in Python.
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Refused(BAD_PARAM, "%s must be a whole number from %d to %d" % (key, low, high))
        kept = dict(self._kept.value)
        kept[key] = value
        self._kept.put(kept)
        return {key: value}

    def calibrations(self) -> list:
        """Return per channel {"uw", "unc_pm", "date", "how"} and what else it was stored with (see
        `calibrate`), or None without a calibration within its bounds."""
        self._judge()
        return self._cals

    def void(self) -> "list[str]":
        """Return the names of channels whose stored calibration is outside its bounds."""
        self._judge()
        return self._void

    def _judge(self) -> None:
        """Compare the stored calibrations with their bounds, once for each stored value: every
        status request needs the result."""
        stored = self._cal.value
        # The same object is the same value: `put` replaces the dictionary and never changes
        # it.
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

    def calibrate(
        self, name: str, uw: int, unc_pm: int, date: int, how: str, more: "dict | None" = None
    ) -> None:
        """Store a channel's mean irradiance at full duty in uW/cm2 and its uncertainty in permille,
        or remove it with `uw` 0. more: may hold "peak_pm" (peak by mean), "instrument" and "sha"
        (SHA-256 of the host's full record, hex). Raises Refused or OSError."""
        channels = [c for c in self._channels if c[0] == name]
        if not channels:
            raise Refused(
                BAD_PARAM, "the channel must be one of " + ", ".join([c[0] for c in self._channels])
            )
        kept = dict(self._cal.value)
        if uw:
            cal = {"uw": uw, "unc_pm": unc_pm, "date": date, "how": how}
            cal.update(more or {})
            _check_calibration(channels[0], cal)
            kept[name] = cal
        else:
            kept.pop(name, None)
        self._cal.put(kept)

    def irradiance(self) -> "list[tuple[int, int]]":
        """Return (mean, upper bound at the brightest place) in uW/cm2 at full duty per channel; the
        worst case of the board's facts for a channel that is not calibrated."""
        out = []
        for c, cal in zip(self._channels, self.calibrations()):
            if cal:
                out.append((cal["uw"], upper_uw(cal)))
            else:
                out.append((c[4], c[4]))  # H-32
        return out

    def worst_uw(self) -> "list[int]":
        """Return the board's stated worst case in uW/cm2 at full duty per channel."""
        return [c[4] for c in self._channels]

    def calibrated(self) -> bool:
        """Return whether every channel has a calibration."""
        return None not in self.calibrations()

    def heat_test(self) -> int:
        """Return the permille of full power that the recorded heat test allows; 0 without one, or
        while the record is unconfirmed."""
        if self._heat.unconfirmed or not _usable_heat(self._heat.value):
            return 0
        return self._heat.value["pm"]

    def heat_record(self) -> "dict | None":
        """Return the recorded heat test as {"pm", "date", "max_mc", "how"}, or None."""
        return dict(self._heat.value) if _usable_heat(self._heat.value) else None

    def set_heat_test(self, pm: int, date: int, max_mc: int, how: str) -> None:
        """Record a heat test, or remove it with `pm` 0. date: yyyymmdd; max_mc: the highest
        temperature measured. Raises OSError."""
        kept = {"pm": pm, "date": date, "max_mc": max_mc, "how": how} if pm else {}
        self._heat.put(kept)
