"""How often a site may have light: rules over the sessions it had. Owns no clock and no file.

Time is `age_s`, which only grows while the wrap has power, so it never runs ahead of true time. A
session is kept by the age it began at and, when a host had set the clock in that boot, by UTC. What
passed without power is added only as the difference of two clock times, a session at a time: its
age moves back. A session from a boot without a clock counts as made at the end of the unknown time.

Clocks are wrong at times. In one boot sessions are kept by the latest clock told and credited by
the earliest. A clock behind what is known to have passed is not believed, and no difference beyond
CLOCK_MOST_S counts. What is left: a session may look older by as much as one clock leads another.
"""

from wrap.compat import const
from wrap.rules import limits
from wrap.session.daily_light import DAY_S, DailyLight

FULL_PM = const(1000)  # a session that counts
ANY = "*"  # a session on every site: what lost history is taken for
SITES_MOST = 16
WEEK_S = const(604800)


def part_pm(active_ms, total_ms, upper_uj, target_uj):
    """How much of what makes a session count it had, permille: a minute of light, a tenth of the
    protocol's time, or a tenth of its dose (by the upper bound), whichever is most."""
    part = max(active_ms // limits.COUNTS_S, active_ms * 10 // (total_ms // 1000))  # H-28
    return max(part, upper_uj * 10 // (target_uj // 1000)) if target_uj else part


def span(seconds):
    """`seconds` for people, rounded up."""
    minutes = (seconds + 59) // 60
    if minutes < 60:
        return "%d min" % minutes
    if minutes < 2880:
        return "%d h %d min" % (minutes // 60, minutes % 60)
    hours = (minutes + 59) // 60
    return "%d d %d h" % (hours // 24, hours % 24)


class Entry:
    """A session: the age it began at, UTC then (0: not known), its part in permille."""

    def __init__(self, age_s, unix_s, part):
        self.age_s = age_s
        self.unix_s = unix_s
        self.part_pm = part
        self.here = False  # its UTC was told in this boot, and may yet turn out to be later


def _whole(value):
    """`value`, a whole number. Raises ValueError."""
    if not isinstance(value, int):
        raise ValueError
    return value


def _entry(kept, age_s):
    began, unix_s, part = [_whole(number) for number in kept]
    if not (began <= age_s and unix_s >= 0 and 0 < part <= FULL_PM):
        raise ValueError
    return Entry(began, unix_s, part)


class Course:
    """kept: what `kept` gave, or {}. Raises ValueError or TypeError or KeyError for anything else.

    sites: {site: [Entry, ...]}. light: a LightDay.
    """

    def __init__(self, kept):
        self.age_s = _whole(kept.get("age", 0))
        self._boot_age_s = self.age_s
        self._line = kept.get("line")  # UTC - age of the last clock believed, or None
        self._low = self._high = None  # of the clocks believed in this boot
        self.sites = {}
        for site, entries in kept.get("sites", {}).items():
            self.sites[site] = [_entry(e, self.age_s) for e in entries]
        if self._line is not None:
            _whole(self._line)
        light = kept.get("light")
        self.light = DailyLight(self._strict() if light is None else light, self.age_s)

    def _strict(self):
        """Light of the last day by a firmware that did not count it: as much as there can have
        been."""
        entries = []
        for site, es in self.sites.items():
            most_s = limits.LIGHT_DAY_S if site == ANY else limits.SESSION_MAX_S
            entries += [[e.age_s, e.unix_s, most_s, 0] for e in es if self.age_s - e.age_s < DAY_S]
        return sorted(entries)

    def kept(self):
        """What to store: plain lists and numbers."""
        sites = {s: [[e.age_s, e.unix_s, e.part_pm] for e in es] for s, es in self.sites.items()}
        return {"age": self.age_s, "line": self._line, "sites": sites, "light": self.light.kept()}

    def matters(self):
        """Whether there is anything to remember."""
        return bool(self.sites or self.light.entries)

    def up(self, up_s):
        """It is `up_s` seconds since the boot; what is too old to matter is dropped."""
        self.age_s = self._boot_age_s + up_s
        for site in list(self.sites):
            self.sites[site] = [e for e in self.sites[site] if not self._past(e)]
            if not self.sites[site]:
                self.sites.pop(site)
        self.light.up(self.age_s)

    def _past(self, e):
        return self.age_s - e.age_s >= (WEEK_S if e.part_pm >= FULL_PM else DAY_S)

    def since(self, site):
        """Seconds known to have passed since each session of `site` that counts, last one first."""
        found = []
        entries = self.sites.get(ANY, [])
        if site != ANY:
            entries = self.sites.get(site, []) + entries
        for e in entries:
            if e.part_pm >= FULL_PM:
                found.append(self.age_s - e.age_s)
        return sorted(found)

    def next_s(self, site, week, day=limits.SITE_DAY, gap_s=limits.SITE_GAP_S):
        """Seconds of known time until a session may begin on `site`; 0: now."""
        ages = self.since(site)
        waits = [0, gap_s - ages[0] if ages else 0]
        for most, window_s in ((day, DAY_S), (week, WEEK_S)):
            if len(ages) >= most:  # H-27
                waits.append(window_s - ages[most - 1])
        if self.crowded(site):
            waits.append(min([self._empty_s(es) for es in self.sites.values()]))
        return max(waits)

    def crowded(self, site):
        """No place for one more site."""
        return site not in self.sites and len(self.sites) >= SITES_MOST

    def lost(self):
        """Every site waits, because the history was lost less than a day ago."""
        ages = self.since(ANY)
        return bool(ages) and ages[0] < DAY_S

    def _empty_s(self, entries):
        return WEEK_S - min([self.age_s - e.age_s for e in entries])

    def begin(self, site):
        """A session on `site` begins now; it counts until `end` says otherwise."""
        e = Entry(self.age_s, 0, FULL_PM)
        if self._high is not None:
            self._anchor(e)
        self.sites[site] = self.sites.get(site, []) + [e]
        return e

    def begin_light(self, light_s):
        """The session that begins now may give `light_s` of light."""
        e = self.light.begin(self.age_s, light_s)
        if self._high is not None:
            self._anchor(e)
        return e

    def drop(self, site, e):
        """`e` gave no light, or never began."""
        self.sites[site].remove(e)
        if not self.sites[site]:
            self.sites.pop(site)

    def end(self, site, e, part):
        """`e` gave `part` permille of what counts. Parts of a site add up to a session."""
        if not part:
            self.drop(site, e)
            return
        for other in self.sites[site]:
            if other.part_pm < FULL_PM:
                part += other.part_pm
                self.sites[site].remove(other)
                break
        e.part_pm = min(part, FULL_PM)

    def forget(self):
        """The history is lost, or part of it: as if a session had just begun on every site."""
        self.begin(ANY)
        self.light.forget(self.age_s)

    def clock(self, unix_s):
        """A host says it is `unix_s`. False when that is not believed."""
        line = unix_s - self.age_s
        if self._line is not None and self.matters():
            behind = self._line - line
            if limits.CLOCK_DRIFT_S < behind <= limits.CLOCK_MOST_S:  # H-30
                return False
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

    def _credit(self, e):
        if e.here or not e.unix_s:
            self._anchor(e)
        gain_s = self._low + e.age_s - e.unix_s
        if 0 < gain_s <= limits.CLOCK_MOST_S:
            e.age_s -= gain_s

    def _anchor(self, e):
        e.here = True
        e.unix_s = self._high + max(e.age_s, self._boot_age_s)  # type: ignore
