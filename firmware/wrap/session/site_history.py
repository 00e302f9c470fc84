"""Limits how often a site may have light: a history of sessions per site that survives power loss.

A site here is that of one person: `wrap.rules.protocol.course_key` makes its name, so that two
people who share a wrap never count for each other. Only the light of the day counts for all.

`SiteSessions` holds the rules and reads neither clock nor file. `SiteHistory` keeps it in flash:
before first light, after the end of a session, and every hour of power. A power cut leaves what was
written last, which never allows more: a session that began counts.

Time is `age_s`, the seconds with power. It never runs ahead of true time. A session is stored with
the age at which it began and, when a host had set the clock in that boot, with UTC. Time without
power is added only as the difference of two clock readings, one session at a time: the session's
age moves back. A session of a boot without a clock counts as made at the end of the unknown time.

Clocks can be wrong. Within one boot, sessions are stored by the latest clock that was set and
credited by the earliest. A clock behind the time that is known to have passed is rejected, and a
difference above limits.CLOCK_MOST_S is ignored. The remaining error: a session may look older by as
much as one clock is ahead of another.
"""

from wrap.compat import const
from wrap.errors import WRITE_ERRORS
from wrap.rules import limits
from wrap.session.daily_light import DAY_S, HOUR_S, DailyLight

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.session.daily_light import Light
    from wrap.storage.atomic_store import Store

FULL_PM = const(1000)  # a session that counts
ANY = "*"  # a session on every site: assumed when the history was lost
SITES_MOST = 16
WEEK_S = const(604800)
_SAVE_S = const(3600)
_RETRY_S = const(60)


def part_pm(active_ms: int, total_ms: int, upper_uj: int, target_uj: int) -> int:
    """Return the part of a counted session that this one was, in permille (1000 or more: counted).

    A session counts from a minute of light, a tenth of the protocol's time or a tenth of its dose
    (judged by the upper bound) on, whichever comes first. target_uj: 0 without a dose."""
    part = max(active_ms // limits.COUNTS_S, active_ms * 10 // (total_ms // 1000))  # H-28
    return max(part, upper_uj * 10 // (target_uj // 1000)) if target_uj else part


def span(seconds: int) -> str:
    """Return a duration as text for people, rounded up."""
    minutes = (seconds + 59) // 60
    if minutes < 60:
        return "%d min" % minutes
    if minutes < 2880:
        return "%d h %d min" % (minutes // 60, minutes % 60)
    hours = (minutes + 59) // 60
    return "%d d %d h" % (hours // 24, hours % 24)


class Entry:
    """Describes a session: the age at which it began, UTC then (0: not known), its part in
    permille."""

    def __init__(self, age_s: int, unix_s: int, part: int) -> None:
        self.age_s = age_s
        self.unix_s = unix_s
        self.part_pm = part
        self.this_boot = False  # its UTC is of this boot, so a later clock may still raise it


def _check_int(value: object) -> int:
    """Return `value` if it is an int. Raises ValueError."""
    if not isinstance(value, int):
        raise ValueError
    return value


def _load(stored: "list[int]", age_s: int) -> Entry:
    """Return an entry from its stored form. Raises ValueError or TypeError."""
    began, unix_s, part = [_check_int(number) for number in stored]
    if not (began <= age_s and unix_s >= 0 and 0 < part <= FULL_PM):
        raise ValueError
    return Entry(began, unix_s, part)


class SiteSessions:
    """Keeps the sessions of the last week per site, and the light of the last day.

    stored: from `to_stored`, or {}. Raises ValueError, TypeError, KeyError or AttributeError for
    another form. sites: {site: [Entry, ...]}. light: a DailyLight.
    """

    def __init__(self, stored: dict) -> None:
        self.age_s = _check_int(stored.get("age", 0))
        self._boot_age_s = self.age_s
        self._line = stored.get("line")  # UTC - age of the last accepted clock, or None
        self._low = self._high = None  # lowest and highest line of this boot
        self.sites = {}
        for site, entries in stored.get("sites", {}).items():
            self.sites[site] = [_load(e, self.age_s) for e in entries]
        if self._line is not None:
            _check_int(self._line)
        light = stored.get("light")
        self.light = DailyLight(self._light_of_sites() if light is None else light, self.age_s)

    def _light_of_sites(self) -> "list[list[int]]":
        """Return the most light that the last day's sessions can have given, for a history that was
        stored by a firmware without a daily limit."""
        entries = []
        for site, es in self.sites.items():
            most_s = limits.LIGHT_DAY_S if site == ANY else limits.SESSION_MAX_S
            entries += [[e.age_s, e.unix_s, most_s, 0] for e in es if self.age_s - e.age_s < DAY_S]
        return sorted(entries)

    def to_stored(self) -> dict:
        """Return plain lists and numbers for the file. Its keys are part of the flash format."""
        sites = {s: [[e.age_s, e.unix_s, e.part_pm] for e in es] for s, es in self.sites.items()}
        light = self.light.to_stored()
        return {"age": self.age_s, "line": self._line, "sites": sites, "light": light}

    def has_entries(self) -> bool:
        """Return whether there is anything to remember."""
        return bool(self.sites or self.light.entries)

    def set_uptime(self, up_s: int) -> None:
        """Set the seconds since boot, and drop what is too old to count."""
        self.age_s = self._boot_age_s + up_s
        for site in list(self.sites):
            self.sites[site] = [e for e in self.sites[site] if not self._is_old(e)]
            if not self.sites[site]:
                self.sites.pop(site)
        self.light.drop_expired(self.age_s)

    def _is_old(self, e: Entry) -> bool:
        return self.age_s - e.age_s >= (WEEK_S if e.part_pm >= FULL_PM else DAY_S)

    def ages_s(self, site: str) -> "list[int]":
        """Return the seconds known to have passed since each counted session of `site`, last one
        first."""
        found = []
        entries = self.sites.get(ANY, [])
        if site != ANY:
            # ANY: a lost history counts as a session on every site.
            entries = self.sites.get(site, []) + entries
        for e in entries:
            if e.part_pm >= FULL_PM:
                found.append(self.age_s - e.age_s)
        return sorted(found)

    def next_s(
        self,
        site: str,
        week: int,
        day: int = limits.SITE_DAY,
        gap_s: int = limits.SITE_GAP_S,
    ) -> int:
        """Return the seconds of known time until a session may begin on `site`; 0: now. week, day:
        the most sessions in those times; gap_s: the least time between two."""
        ages = self.ages_s(site)
        waits = [0, gap_s - ages[0] if ages else 0]
        for most, window_s in ((day, DAY_S), (week, WEEK_S)):
            if len(ages) >= most:  # H-27
                waits.append(window_s - ages[most - 1])
        if self.is_full(site):
            waits.append(min([self._empty_s(es) for es in self.sites.values()]))
        return max(waits)

    def is_full(self, site: str) -> bool:
        """Return whether `site` is new and there is no place for another site."""
        return site not in self.sites and len(self.sites) >= SITES_MOST

    def is_lost(self) -> bool:
        """Return whether the history was lost less than a day ago, so that every site waits."""
        ages = self.ages_s(ANY)
        return bool(ages) and ages[0] < DAY_S

    def _empty_s(self, entries: "list[Entry]") -> int:
        """Return the seconds until the last of a site's entries is dropped."""
        return WEEK_S - min([self.age_s - e.age_s for e in entries])

    def begin(self, site: str) -> Entry:
        """Add a session that begins now on `site`. It counts until `end` says otherwise."""
        e = Entry(self.age_s, 0, FULL_PM)
        if self._high is not None:
            self._set_utc(e)
        self.sites[site] = self.sites.get(site, []) + [e]
        return e

    def begin_light(self, light_s: int) -> "Light":
        """Add and return up to `light_s` of light that begins now."""
        e = self.light.begin(self.age_s, light_s)
        if self._high is not None:
            self._set_utc(e)
        return e

    def drop(self, site: str, e: Entry) -> None:
        """Remove `e`: it gave no light, or never began."""
        self.sites[site].remove(e)
        if not self.sites[site]:
            self.sites.pop(site)

    def end(self, site: str, e: Entry, part: int) -> None:
        """Set that `e` had `part` permille of a counted session. Parts of a site add up to one."""
        if not part:
            self.drop(site, e)
            return
        for other in self.sites[site]:
            if other.part_pm < FULL_PM:
                part += other.part_pm
                self.sites[site].remove(other)
                break
        e.part_pm = min(part, FULL_PM)

    def assume_lost(self) -> None:
        """Count a session on every site and a day's light now: the history, or part of it, is
        lost."""
        self.begin(ANY)
        self.light.assume_most(self.age_s)

    def set_clock(self, unix_s: int) -> bool:
        """Set UTC as a host states it. Returns False when it is rejected."""
        line = unix_s - self.age_s
        if self._line is not None and self.has_entries():
            behind = self._line - line
            if limits.CLOCK_DRIFT_S < behind <= limits.CLOCK_MOST_S:  # H-30
                return False
            # Clocks of two hosts differ a little. Time that is known to have passed
            # must not shrink.
            if 0 < behind <= limits.CLOCK_DRIFT_S:
                line = self._line
        self._line = line
        self._low = line if self._low is None else min(self._low, line)
        self._high = line if self._high is None else max(self._high, line)
        for entries in self.sites.values():
            for e in entries:
                self._credit(e)
        for e in self.light.entries:
            self._credit(e)
        return True

    def _credit(self, e: "Entry | Light") -> None:
        """Move an entry's age back by the time without power that two clocks prove."""
        if e.this_boot or not e.unix_s:
            self._set_utc(e)
        gain_s = self._low + e.age_s - e.unix_s  # type: ignore - a clock was set
        if 0 < gain_s <= limits.CLOCK_MOST_S:
            e.age_s -= gain_s

    def _set_utc(self, e: "Entry | Light") -> None:
        """Set an entry's UTC by the latest clock of this boot."""
        e.this_boot = True
        e.unix_s = self._high + max(e.age_s, self._boot_age_s)  # type: ignore


class SiteHistory:
    """Keeps a `SiteSessions` in flash. `up_s`: seconds since boot.

    store: an `atomic_store.Store`. session_count: number of sessions according to another file,
    which shows that a history is missing. changes: incremented whenever an answer may change other
    than by time. save_at_s: uptime at which `save` is due.
    """

    def __init__(self, store: "Store", session_count: int) -> None:
        self._store = store
        lost = store.damaged or (session_count > 0 and not store.value)
        try:
            self.sessions = SiteSessions(store.value)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.sessions = SiteSessions({})
            lost = True
        self._now = None  # (site, Entry, Light) of the light under way, see `begin`
        self.changes = 0
        self.save_at_s = _SAVE_S
        if lost:
            self.sessions.assume_lost()  # H-29
            self.save_at_s = 0

    def next_s(self, site: str, week: int, up_s: int) -> int:
        """Return the seconds until a session may begin on `site`; 0: now. week: the most sessions
        in a week."""
        self.sessions.set_uptime(up_s)
        return self.sessions.next_s(site, week)

    def light_next_s(self, need_s: int, most_s: int, up_s: int) -> int:
        """Return the seconds until the wrap may give `need_s` of light; 0: now, or need_s is 0.
        most_s: the most light in 24 h."""
        if not need_s:
            return 0
        self.sessions.set_uptime(up_s)
        return self.sessions.light.next_s(self.sessions.age_s, need_s, most_s)

    def refusal(self, site: str, need_s: int, week: int, most_s: int, up_s: int) -> "str | None":
        """Return the text that refuses a session of `need_s` on `site` now, or None when it may
        begin."""
        wait_s = self.next_s(site, week, up_s)
        light_s = self.light_next_s(need_s, most_s, up_s)
        # Both limits have to be met, so the longer wait is the one to state.
        if light_s > wait_s:
            return self.light_refusal(need_s, most_s, light_s)
        return self.site_refusal(site, wait_s) if wait_s else None

    def calibration_refusal(self, need_s: int, most_s: int, up_s: int) -> "str | None":
        """Return the text that refuses `need_s` of calibration light now, or None. most_s: the most
        light in 24 h, of which it takes its share."""
        day_s = self.light_next_s(need_s, most_s, up_s)
        sessions = self.sessions
        hour_s = sessions.light.next_s(  # H-62
            sessions.age_s, need_s, limits.CAL_LIGHT_HOUR_S, HOUR_S
        )
        if not day_s and not hour_s:
            return None
        if day_s >= hour_s:
            window = "24 h"
        else:
            window, most_s = "60 min", limits.CAL_LIGHT_HOUR_S
        text = "with calibration light this wrap may give %d min of light in %s: possible in %s"
        return text % (most_s // 60, window, span(max(day_s, hour_s)))

    def light_refusal(self, need_s: int, most_s: int, wait_s: int) -> str:
        """Return the text of a refusal by the light of the day."""
        left_s = max(0, most_s - self.sessions.light.used_s())
        return (
            "this wrap may give %d min of light in 24 h, %d min are left and the protocol takes %s:"
            " next session possible in %s"
        ) % (most_s // 60, left_s // 60, span(need_s), span(wait_s))

    def site_refusal(self, site: str, wait_s: int) -> str:
        """Return the text of a refusal by the sessions of the site."""
        if self.sessions.is_lost():
            reason = "the session history was damaged, so every site waits a day"
        elif self.sessions.is_full(site):
            reason = "%d sites are stored already" % SITES_MOST
        else:
            person, _, name = site.rpartition("/")
            reason = "site %s%s has reached its session limit" % (
                name,
                " of person " + person if person else "",
            )
        return reason + ": next session possible in " + span(wait_s)

    def begin(self, site: "str | None", light_s: int, up_s: int) -> None:
        """Write to flash that light begins which may last `light_s`. site: None for calibration
        light, which counts for no site. Raises OSError; then it has not begun."""
        self.changes += 1
        sessions = self.sessions
        sessions.set_uptime(up_s)
        e = None if site is None else sessions.begin(site)  # H-27
        light = sessions.begin_light(light_s)
        try:
            self._write()
        except WRITE_ERRORS:
            if e:
                sessions.drop(site, e)  # type: ignore - with an entry there is a site
            sessions.light.drop(light)
            raise
        self._now = (site, e, light)

    def end(self, part_pm: int, light_s: int, up_s: int) -> None:
        """Replace what `begin` assumed by what the session had. `save` writes it later."""
        self.changes += 1
        if self._now:
            site, e, light = self._now
            self._now = None
            self.sessions.set_uptime(up_s)
            if e:
                self.sessions.end(site, e, part_pm)  # type: ignore - with an entry there is a site
            self.sessions.light.end(light, self.sessions.age_s, light_s)
            self.save_at_s = up_s

    def set_clock(self, unix_s: int, up_s: int) -> None:
        """Set UTC as a host states it."""
        self.changes += 1
        self.sessions.set_uptime(up_s)
        if self.sessions.set_clock(unix_s) and self.sessions.has_entries() and not self._now:
            self.save_at_s = up_s

    def save(self, up_s: int) -> None:
        """Write what is due, not while a session runs. A failed write is repeated after a minute;
        until then flash holds the stricter state."""
        if self._now:
            return
        self.save_at_s = up_s + _SAVE_S
        self.sessions.set_uptime(up_s)
        stored = self._store.value
        if not (self.sessions.has_entries() or stored.get("sites") or stored.get("light")):
            return
        try:
            self._write()
            if self._store.damaged:  # either file may be the broken one: write both
                self._write()
                self._store.damaged = False
        except WRITE_ERRORS:
            self.save_at_s = up_s + _RETRY_S

    def _write(self) -> None:
        self._store.put(self.sessions.to_stored())
