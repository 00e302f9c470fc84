"""Checks the limits against each other: no default exceeds its hard limit, and limits that depend
on each other are in order. Runs at boot (a violation is a fault that cannot be acknowledged) and in
the build."""

# (lower, higher, why): the value of the first may not exceed that of the second.
ORDER = (
    ("SKIN_TRIP_MC", "SKIN_TRIP_HARD_MC", ""),
    ("BOARD_TRIP_MC", "BOARD_TRIP_HARD_MC", ""),
    ("SESSION_MAX_S", "SESSION_HARD_S", ""),
    ("DOSE_CAP_MJ", "DOSE_CAP_HARD_MJ", ""),
    ("SITE_DAY", "SITE_DAY_HARD", ""),
    ("SITE_WEEK", "SITE_WEEK_HARD", ""),
    ("LIGHT_DAY_S", "LIGHT_DAY_HARD_S", ""),
    ("WAKE_S", "WAKE_HARD_S", ""),
    ("WATCHDOG_MS", "WATCHDOG_HARD_MS", ""),
    ("DEADMAN_MS", "DEADMAN_HARD_MS", ""),
    ("PLAUSIBLE_MIN_MC", "SKIN_TRIP_MIN_MC", "no setting may trip a wrap in a cold room"),
    ("SKIN_TRIP_MIN_MC", "SKIN_DERATE_MC", ""),
    ("SKIN_DERATE_MC", "SKIN_TRIP_MC", "light dims before it trips"),
    ("SKIN_TRIP_MC", "BOARD_TRIP_MC", "the LEDs are hotter than the skin"),
    ("HEAT_TEST_LEAST_MC", "HEAT_TEST_MOST_MC", ""),
    ("HEAT_TEST_MOST_MC", "SKIN_TRIP_HARD_MC", ""),
    ("CAL_UNC_LEAST_PM", "CAL_UNC_MOST_PM", ""),
    ("CAL_PEAK_LEAST_PM", "CAL_PEAK_MOST_PM", ""),
    ("CAL_MOST_UW", "CAL_UPPER_MOST_UW", ""),
    ("CAL_DARK_GAP_MC", "CAL_LIT_GAP_MC", ""),
    ("CAL_LIGHT_S", "CAL_LIGHT_HOUR_S", ""),
    ("CAL_LIGHT_S", "SESSION_MAX_S", "no light is longer than a session"),
    ("CAL_LIGHT_HOUR_S", "LIGHT_DAY_S", "calibration light counts in the light of the day"),
    ("RAMP_UP_MIN_MS", "RAMP_UP_MS", ""),
    ("PULSE_MIN_HZ", "PULSE_MAX_HZ", ""),
    ("FLICKER_MIN_HZ", "FLICKER_MAX_HZ", ""),
    ("FILTER_COUNT", "FILTER_OF", ""),
    ("SITE_DAY", "SITE_WEEK", ""),
    ("SESSION_MAX_S", "LIGHT_DAY_S", "the longest session fits into a day"),
    ("WAKE_MIN_S", "WAKE_ANSWER_S", ""),
    ("WAKE_ANSWER_S", "WAKE_S", ""),
    ("LEASE_MS", "LEASE_MAX_MS", ""),
    ("STEP_MS", "HEARTBEAT_MS", ""),
    ("HEARTBEAT_MS", "DEADMAN_MS", "the timer acts before the enable falls"),
    ("DEADMAN_MS", "DEADMAN_FLASH_MS", ""),
    ("DEADMAN_FLASH_MS", "STEP_LATE_MS", "a step that the dead-man ended is a late one"),
    ("DEADMAN_FLASH_MS", "DEADMAN_HARD_MS", ""),
    ("STEP_LATE_MS", "WATCHDOG_MS", "a late step is judged, not restarted"),
)
# Below 1 these would switch a protection off.
POSITIVE = (
    "FILTER_COUNT",
    "GROSS_MARGIN_MC",
    "DERATE_BAND_MC",
    "RESETS_MOST",
    "CAL_LEAST_PM",
    "HOLDS_MOST",
)


def find_problem(limits: object) -> str:  # H-55
    """Return the first violation as text, or "" without one. limits: a module or object with the
    names of wrap.rules.limits."""
    for low, high, why in ORDER:
        for name in (low, high):
            text = _check_int(limits, name)
            if text:
                return text
        if getattr(limits, low) > getattr(limits, high):
            text = "%s is %d, beyond %s %d" % (
                low,
                getattr(limits, low),
                high,
                getattr(limits, high),
            )
            return text + (": " + why if why else "")
    for name in POSITIVE:
        text = _check_int(limits, name)
        if text:
            return text
        if getattr(limits, name) < 1:
            return "%s is %d, below 1" % (name, getattr(limits, name))
    return ""


def _check_int(limits: object, name: str) -> str:
    """Return "" when the limit is an int, else what is wrong. A bool is an int to Python only."""
    value = getattr(limits, name, None)
    if isinstance(value, int) and not isinstance(value, bool):
        return ""
    return "%s is no whole number" % name
