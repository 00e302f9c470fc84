"""Light of the whole wrap in any 24 h, whatever the sites are called. Owns no clock and no file.

Times are ages, as in `site_sessions`. A session's light is taken as one stretch without pauses that
ended when the session did, and stops to count a day after that stretch began. Light of a new
session comes no faster than that of the old one leaves the window, so no stretch of 24 h holds more
than what is allowed.
"""

from wrap.compat import const
from wrap.rules import limits

DAY_S = const(86400)
ENTRIES_MOST = const(12)  # more are added up, the oldest first


class Light:
    """Light of a session: `light_s` seconds from the age `age_s` on; unix_s: UTC then (0: not
    known); open: the session has not ended, light_s is the most it can give."""

    def __init__(self, age_s, unix_s, light_s, open_):
        self.age_s = age_s
        self.unix_s = unix_s
        self.light_s = light_s
        self.open = open_
        self.here = False  # see wrap.session.site_sessions.Entry

    def until_s(self):
        """The age from which on it does not count any more."""
        return self.age_s + DAY_S


def _light(kept, age_s):
    """An entry as stored. Raises ValueError or TypeError for anything else."""
    began, unix_s, light_s, open_ = kept
    for number in kept:
        if not isinstance(number, int):
            raise ValueError
    if not (began <= age_s and unix_s >= 0 and 0 < light_s <= DAY_S):
        raise ValueError
    if open_:  # power went in this session: it ended at this boot at the latest
        began, unix_s = age_s - light_s, 0
    return Light(began, unix_s, light_s, 0)


class DailyLight:
    """entries: in the order of their sessions."""

    def __init__(self, kept, age_s):
        self.entries = [_light(one, age_s) for one in kept]

    def kept(self):
        """What to store."""
        return [[e.age_s, e.unix_s, e.light_s, e.open] for e in self.entries]

    def up(self, age_s):
        """Forget what is too old to count."""
        self.entries = [e for e in self.entries if age_s < e.until_s()]

    def used_s(self):
        """Seconds of light that count now."""
        return sum([e.light_s for e in self.entries])

    def next_s(self, age_s, need_s, most_s):  # H-54
        """Seconds until `need_s` of light fit below `most_s`; 0: now."""
        over_s = self.used_s() + need_s - most_s
        wait_s = 0
        for until_s, light_s in sorted([(e.until_s(), e.light_s) for e in self.entries]):
            if over_s <= 0:
                break
            over_s -= light_s
            wait_s = until_s - age_s
        return wait_s

    def begin(self, age_s, light_s):
        """A session begins that may give `light_s`; it counts until `end` says otherwise."""
        if len(self.entries) >= ENTRIES_MOST:
            oldest = self.entries.pop(0)
            self.entries[0].light_s += oldest.light_s
        e = Light(age_s, 0, light_s, 1)
        self.entries.append(e)
        return e

    def drop(self, e):
        """`e` gave no light, or never began."""
        self.entries.remove(e)

    def end(self, e, age_s, light_s):
        """`e` ended just now and gave `light_s`."""
        if not light_s:
            self.drop(e)
            return
        later_s = max(0, age_s - light_s - e.age_s)
        e.age_s += later_s
        if e.unix_s:
            e.unix_s += later_s
        e.light_s = light_s
        e.open = 0

    def forget(self, age_s):
        """What was given is not known: as if it were all that is allowed, until now."""
        self.entries.append(Light(age_s, 0, limits.LIGHT_DAY_S, 0))
