"""Keeps the course over power loss: written before first light, corrected after the end, and every
hour of power, since power is what time is counted by. Uptime is handed in.

A power cut leaves what was written last, and that never allows more: a session that began counts.
"""

from wrap.compat import const
from wrap.session.site_sessions import SITES_MOST, Course, span

_EVERY_S = const(3600)
_AGAIN_S = const(60)


class SiteHistory:
    """store: an `atomic_store.Store`; sessions: their number according to another file; changes: a
    counter that grows with every change of an answer except by time."""

    def __init__(self, store, sessions):
        self._store = store
        lost = store.damaged or (sessions > 0 and not store.value)
        try:
            self.course = Course(store.value)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.course = Course({})
            lost = True
        self._now = None  # (site, Entry, Light) of the session under way
        self.changes = 0
        self.save_at_s = _EVERY_S
        if lost:
            self.course.forget()  # H-29
            self.save_at_s = 0

    def next_s(self, site, week, up_s):
        """Seconds until a session may begin on `site`; 0: now."""
        self.course.up(up_s)
        return self.course.next_s(site, week)

    def light_next_s(self, need_s, most_s, up_s):
        """Seconds until the wrap may give `need_s` of light; 0: now, or nothing is needed. most_s:
        in 24 h."""
        if not need_s:
            return 0
        self.course.up(up_s)
        return self.course.light.next_s(self.course.age_s, need_s, most_s)

    def refusal(self, site, need_s, week, most_s, up_s):
        """Why a session of `need_s` may not begin on `site` now, for people; None: it may."""
        wait_s = self.next_s(site, week, up_s)
        light_s = self.light_next_s(need_s, most_s, up_s)
        if light_s > wait_s:
            return self.why_light(need_s, most_s, light_s)
        return self.why(site, wait_s) if wait_s else None

    def why_light(self, need_s, most_s, wait_s):
        """The refusal of a start by the light of the day, for people."""
        left_s = max(0, most_s - self.course.light.used_s())
        return (
            "this wrap may give %d min of light in 24 h, %d min are left and the protocol takes %s:"
            " next session possible in %s"
        ) % (most_s // 60, left_s // 60, span(need_s), span(wait_s))

    def why(self, site, wait_s):
        """The refusal of a start by its site, for people."""
        if self.course.lost():
            reason = "the session history was damaged, so every site waits a day"
        elif self.course.crowded(site):
            reason = "%d sites are stored already" % SITES_MOST
        else:
            reason = "site %s has reached its session limit" % site
        return reason + ": next session possible in " + span(wait_s)

    def begin(self, site, light_s, up_s):
        """Write that a session begins which may give `light_s` of light. Raises OSError, and then
        it has not begun."""
        self.changes += 1
        course = self.course
        course.up(up_s)
        e = course.begin(site)  # H-27
        light = course.begin_light(light_s)
        try:
            self._put()
        except OSError:
            course.drop(site, e)
            course.light.drop(light)
            raise
        self._now = (site, e, light)

    def ended(self, part_pm, light_s, up_s):
        """Correct what `begin` wrote; flash follows in the background."""
        self.changes += 1
        if self._now:
            site, e, light = self._now
            self._now = None
            self.course.up(up_s)
            self.course.end(site, e, part_pm)
            self.course.light.end(light, self.course.age_s, light_s)
            self.save_at_s = up_s

    def clock(self, unix_s, up_s):
        """A host has set the clock."""
        self.changes += 1
        self.course.up(up_s)
        if self.course.clock(unix_s) and self.course.matters() and not self._now:
            self.save_at_s = up_s

    def save(self, up_s):
        """Store what is due; flash that fails is tried again, and meanwhile the stricter stands."""
        if self._now:
            return
        self.save_at_s = up_s + _EVERY_S
        self.course.up(up_s)
        stored = self._store.value
        if not (self.course.matters() or stored.get("sites") or stored.get("light")):
            return
        try:
            self._put()
            if self._store.damaged:  # the broken file may be either: write both
                self._put()
                self._store.damaged = False
        except OSError:
            self.save_at_s = up_s + _AGAIN_S

    def _put(self):
        self._store.put(self.course.kept())
