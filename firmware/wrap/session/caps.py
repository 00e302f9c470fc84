"""Limits sessions over days: how often per site, and the light of the whole wrap in 24 h."""

from wrap.compat import const
from wrap.session.site_history import part_pm

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.rules.protocol import Plan
    from wrap.session.site_history import SiteHistory
    from wrap.session.state_machine import Session
    from wrap.storage.settings import Settings
    from wrap.uptime import Uptime

_FRESH_S = const(600)  # time until `next_s` is computed anew, if nothing else changes


class SessionCaps:
    """Applies the settings `site_week` and `light_day_s` to the stored history."""

    def __init__(self, history: "SiteHistory", settings: "Settings", uptime: "Uptime") -> None:
        self.history = history
        self._settings = settings
        self._uptime = uptime
        # What `_next_s` was computed from; the uptime last.
        self._site: "str | None" = None
        self._need_s = self._week = self._light_day_s = self._changes = 0
        self._computed_s = 0
        self._next_s = 0

    def refusal(self, plan: "Plan") -> "str | None":
        """Return the text that refuses a session of `plan` now, or None when it may begin."""
        get = self._settings.get
        need_s = plan.total_ms // 1000
        week, day_s = get("site_week"), get("light_day_s")
        return self.history.refusal(plan.course_key, need_s, week, day_s, self._uptime.s)

    def begin_session(self, plan: "Plan") -> None:
        """Book all of the session in flash before its first light, so that a power cut cannot hide
        it. Raises OSError; then nothing is booked."""
        self.history.begin(plan.course_key, plan.total_ms // 1000, self._uptime.s)

    def calibration_refusal(self, plan: "Plan") -> "str | None":
        """Return the text that refuses the calibration light of `plan` now, or None."""
        need_s = plan.total_ms // 1000
        most_s = self._settings.get("light_day_s")
        return self.history.calibration_refusal(need_s, most_s, self._uptime.s)

    def begin_calibration(self, plan: "Plan") -> None:
        """Book the light of `plan`, as `begin_session` does, but for no site."""
        self.history.begin(None, plan.total_ms // 1000, self._uptime.s)

    def cancel_session(self) -> None:
        """Remove the booking of a session that does not begin."""
        self.history.end(0, 0, self._uptime.s)

    def end_session(self, session: "Session", upper_uj: int) -> None:
        """Reduce the booking to the light that the session gave. upper_uj: upper bound of its dose,
        uJ/cm2."""
        plan = session.plan
        part = part_pm(session.active_ms, plan.total_ms, upper_uj, plan.dose_uj)
        light_ms = min(session.active_ms, plan.total_ms)
        # Rounded up: no light is missing from the day.
        self.history.end(part, (light_ms + 999) // 1000, self._uptime.s)

    def next_s(self, site: str, need_s: int = 0) -> int:
        """Return the seconds until a session of `need_s` of light may begin on `site`, a course
        key; 0: now. With `need_s` 0, only the limits of the site count."""
        get, up_s = self._settings.get, self._uptime.s
        week, light_day_s = get("site_week"), get("light_day_s")
        history = self.history
        passed_s = up_s - self._computed_s
        # Each status contains it. It gets shorter with the time, so it is computed anew only now
        # and then; earlier than that it can only be shorter than it is said to be.
        if (
            passed_s < _FRESH_S
            and site == self._site
            and need_s == self._need_s
            and week == self._week
            and light_day_s == self._light_day_s
            and history.changes == self._changes
        ):
            return max(0, self._next_s - passed_s)
        wait_s = history.next_s(site, week, up_s)
        self._next_s = max(wait_s, history.light_next_s(need_s, light_day_s, up_s))
        self._site, self._need_s, self._computed_s = site, need_s, up_s
        self._week, self._light_day_s, self._changes = week, light_day_s, history.changes
        return self._next_s

    def light_day(self, need_s: int) -> dict:
        """Return answer fields: light of the last 24 h, its cap, and the time until `need_s` more
        are allowed, all in seconds."""
        most_s = self._settings.get("light_day_s")
        return {
            "day_s": self.history.sessions.light.used_s(),
            "most_s": most_s,
            "next_s": self.history.light_next_s(need_s, most_s, self._uptime.s),
        }
