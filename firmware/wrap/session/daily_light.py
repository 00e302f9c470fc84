"""Limits the light of the whole wrap in any 24 h, for all sites together. Reads no clock and no
file.

Times are ages, as in `site_history`. The light of a session counts as one stretch without pauses
that ended with the session, and expires a day after that stretch began. New light is never given
faster than old light leaves the window, so no stretch of 24 h holds more than the limit.
"""

from wrap.compat import const
from wrap.rules import limits

DAY_S = const(86400)
HOUR_S = const(3600)
ENTRIES_MOST = const(12)  # further entries are merged, the oldest ones first


class Light:
    """Describes the light of one session: `light_s` seconds from the age `age_s` on.

    unix_s: UTC at that age, 0 when it is not known. open: 1 while the session has not ended; then
    light_s is the most it can give."""

    def __init__(self, age_s: int, unix_s: int, light_s: int, open_: int) -> None:
        self.age_s = age_s
        self.unix_s = unix_s
        self.light_s = light_s
        self.open = open_
        self.this_boot = False  # see wrap.session.site_history.Entry

    def expires_s(self, window_s: int = DAY_S) -> int:
        """Return the age from which on this light does not count any more in `window_s`."""
        return self.age_s + window_s


def _load(stored: "list[int]", age_s: int) -> Light:
    """Return an entry from its stored form. Raises ValueError or TypeError for anything else."""
    began, unix_s, light_s, open_ = stored
    for number in stored:
        if not isinstance(number, int):
            raise ValueError
    if not (began <= age_s and unix_s >= 0 and 0 < light_s <= DAY_S):
        raise ValueError
    if open_:  # a power cut in this session: it ended at this boot at the latest
        began, unix_s = age_s - light_s, 0
    return Light(began, unix_s, light_s, 0)


class DailyLight:
    """Sums the light of the last day. entries: `Light` objects in the order of their sessions.
    stored: from `to_stored`. Raises ValueError or TypeError for another form."""

    def __init__(self, stored: list, age_s: int) -> None:
        self.entries = [_load(one, age_s) for one in stored]

    def to_stored(self) -> "list[list[int]]":
        """Return the entries as plain lists."""
        return [[e.age_s, e.unix_s, e.light_s, e.open] for e in self.entries]

    def drop_expired(self, age_s: int) -> None:
        """Drop the entries that do not count any more."""
        self.entries = [e for e in self.entries if age_s < e.expires_s()]

    def used_s(self) -> int:
        """Return the seconds of light that count now."""
        return sum([e.light_s for e in self.entries])

    def next_s(
        self, age_s: int, need_s: int, most_s: int, window_s: int = DAY_S
    ) -> int:  # H-54, H-62
        """Return the seconds until `need_s` more seconds of light stay within `most_s` in
        `window_s`, which is at most a day; 0: now."""
        # In the order in which light expires, which need not be that of the sessions.
        counted = sorted([(e.expires_s(window_s), e.light_s) for e in self.entries])
        counted = [c for c in counted if c[0] > age_s]
        over_s = sum([c[1] for c in counted]) + need_s - most_s
        wait_s = 0
        for expires_s, light_s in counted:
            if over_s <= 0:
                break
            over_s -= light_s
            wait_s = expires_s - age_s
        return wait_s

    def begin(self, age_s: int, light_s: int) -> Light:
        """Add a session that begins and may give `light_s`. All of it counts until `end`."""
        if len(self.entries) >= ENTRIES_MOST:
            # The merged light expires with the newer of the two, so it counts rather too long.
            oldest = self.entries.pop(0)
            self.entries[0].light_s += oldest.light_s
        e = Light(age_s, 0, light_s, 1)
        self.entries.append(e)
        return e

    def drop(self, e: Light) -> None:
        """Remove `e`: it gave no light, or never began."""
        self.entries.remove(e)

    def end(self, e: Light, age_s: int, light_s: int) -> None:
        """Set that `e` ended at `age_s` and gave `light_s`."""
        if not light_s:
            self.drop(e)
            return
        # As one stretch that ended now: pauses move its beginning to a later time, never earlier.
        later_s = max(0, age_s - light_s - e.age_s)
        e.age_s += later_s
        if e.unix_s:
            e.unix_s += later_s
        e.light_s = light_s
        e.open = 0

    def assume_most(self, age_s: int) -> None:
        """Count as much light as a day may have, up to now: the true amount is lost."""
        self.entries.append(Light(age_s, 0, limits.LIGHT_DAY_S, 0))
