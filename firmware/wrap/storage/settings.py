"""Settings and calibration: what a person may change, and only towards the strict side."""

from wrap.link.codes import BAD_PARAM, Refused
from wrap.safety import limits
from wrap.storage.store import Store

# key: (lowest, highest = default); numbers only, and never beyond the default limit
BOUNDS = {
    "trip_mc": (limits.SKIN_TRIP_MIN_MC, limits.SKIN_TRIP_MC),
    "cap_mj": (1000, limits.DOSE_CAP_MJ),
    "time_s": (60, limits.SESSION_MAX_S),
    "wake_s": (limits.WAKE_MIN_S, limits.WAKE_S),
    "answer_s": (limits.WAKE_MIN_S, limits.WAKE_ANSWER_S),
    "site_week": (1, limits.SITE_WEEK),
}
CAL_MOST_UW = 200000
CAL_MOST_UNC_PM = 500


def _usable(cal):
    """Whether a stored calibration can be one: its numbers bound the dose."""
    if not isinstance(cal, dict):
        return False
    uw = cal.get("uw")
    unc = cal.get("unc_pm")
    if not (isinstance(uw, int) and isinstance(unc, int)):
        return False
    return 0 < uw <= CAL_MOST_UW and 0 <= unc <= CAL_MOST_UNC_PM


class Settings:
    """channels: the board's. damaged: a stored file was broken, the strict defaults are in
    force."""

    def __init__(self, files, channels):
        self._kept = Store(files, "settings")
        self._cal = Store(files, "cal")
        self._channels = channels
        self.damaged = self._kept.damaged or self._cal.damaged

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
            raise Refused(BAD_PARAM, "k must be one of " + ", ".join(sorted(BOUNDS)))
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
        cals = [self._cal.value.get(c[0]) for c in self._channels]
        return [cal if _usable(cal) else None for cal in cals]

    def calibrate(self, name, uw, unc_pm, date, how):
        """Store a channel's irradiance at full duty, or remove it with `uw` 0. Raises Refused or
        OSError."""
        if name not in [c[0] for c in self._channels]:
            raise Refused(
                BAD_PARAM, "ch must be one of " + ", ".join([c[0] for c in self._channels])
            )
        kept = dict(self._cal.value)
        if uw:
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
