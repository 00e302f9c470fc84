"""Keeps the course over power loss: written before first light, corrected after the end, and every
hour of power, since power is what time is counted by. Uptime is handed in.

A power cut leaves what was written last, and that never allows more: a session that began counts.
"""

from wrap.mp import const
from wrap.session.course import SITES_MOST, Course, span

_EVERY_S = const(3600)
_AGAIN_S = const(60)


class History:
    """store: a wrap.storage.store.Store; sessions: how many there were, by another file."""

    def __init__(self, store, sessions):
        self._store = store
        lost = store.damaged or (sessions > 0 and not store.value)
        try:
            self.course = Course(store.value)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.course = Course({})
            lost = True
        self._now = None  # (site, Entry) of the session under way
        self.save_at_s = _EVERY_S
        if lost:
            self.course.forget()  # H-29
            self.save_at_s = 0

    def next_s(self, site, week, up_s):
        """Seconds until a session may begin on `site`; 0: now."""
        self.course.up(up_s)
        return self.course.next_s(site, week)

    def why(self, site, wait_s):
        """The refusal of a start, for people."""
        if self.course.lost():
            reason = "the history of sessions was damaged, so every site waits a day"
        elif self.course.crowded(site):
            reason = "%d sites are remembered already" % SITES_MOST
        else:
            reason = "site %s has had its sessions" % site
        return reason + ": next session possible in " + span(wait_s)

    def begin(self, site, up_s):
        """Write that a session begins. Raises OSError, and then it has not begun."""
        self.course.up(up_s)
        e = self.course.begin(site)  # H-27
        try:
            self._put()
        except OSError:
            self.course.drop(site, e)
            raise
        self._now = (site, e)

    def ended(self, part_pm, up_s):
        """Correct what `begin` wrote; flash follows in the slack."""
        if self._now:
            site, e = self._now
            self._now = None
            self.course.end(site, e, part_pm)
            self.save_at_s = up_s

    def clock(self, unix_s, up_s):
        """A host has set the clock."""
        self.course.up(up_s)
        if self.course.clock(unix_s) and self.course.sites and not self._now:
            self.save_at_s = up_s

    def save(self, up_s):
        """Store what is due; flash that fails is tried again, and meanwhile the stricter stands."""
        if self._now:
            return
        self.save_at_s = up_s + _EVERY_S
        self.course.up(up_s)
        if not self.course.sites and not self._store.value.get("sites"):
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
