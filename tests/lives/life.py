"""Each life: what a made-up person does for 15 weeks, day by day, with the real commands and pages.

A life writes down the truth itself (`Truth`): what was done, when, where, and the light at the
lamp pins. Nothing of it comes from the programme.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.lives.pages import Pages
from tests.lives.world import World, Wrap

WAIT_DAYS = 21  # a week, and a baseline of two
WEEKS = 12
RULE_WEEK = 8
SITE = "foot-left"
PROTOCOL_ID = "life"
BERLIN, TOKYO, NEW_YORK = "Europe/Berlin", "Asia/Tokyo", "America/New_York"
_BEGUN_STATES = ("self-test", "ramp-up", "running", "paused", "ramp-down")
_DONE_STATES = ("done", "idle")
_DAY_MS = 86_400_000
_LONG_MS = 365 * _DAY_MS
_PATIENCE_S = 3600  # a person waits so long for a wrap that refuses
_ATTEMPTS = 3
_REFUSED_MS = 3000  # a wrap that has not begun after this time has refused
_BY_PAGE = 0.4  # of what can be done by a page or by a command
_SLIPS, _WOUNDS = 0.06, 0.015  # of days: a number corrected, a red flag
_RESTARTS = 4  # of the server, on days of the course
_DEAD_CLOCK = datetime(2000, 1, 1, tzinfo=ZoneInfo("UTC"))


@dataclass(frozen=True)
class Kind:
    """A kind of life. Shares are of days, of planned sessions or of sessions.

    second: on the second wrap; charger: without the computer, so without a date; early: ended
    by the button; forgets: days without a number; late: numbers written the day after; notes:
    days with one; untagged: sessions with a protocol of nobody; hour: of the session, local
    time, 24 is after midnight.
    """

    name: str
    people: int = 1
    enrolled: date = date(2026, 5, 4)
    zone: str = BERLIN
    misses: float = 0.05
    forgets: float = 0.05
    late: float = 0.03
    notes: float = 0.08
    early: float = 0.08
    second: float = 0.25
    charger: float = 0.0
    untagged: float = 0.0
    hour: float = 18.0
    wrong_clock: bool = False
    lost_log: bool = False
    medicine: bool = False
    travels: bool = False
    rule_week: int = RULE_WEEK
    effect: float | None = None  # change of the mean with the course; None: by chance


KINDS = (
    Kind("steady"),
    Kind("forgetful", misses=0.35, forgets=0.4, late=0.25, charger=0.15),
    Kind("two devices", second=0.5, charger=0.1),
    Kind("wrong clock", wrong_clock=True),
    Kind("lost log", lost_log=True),
    Kind("changed medicine", medicine=True, misses=0.15),
    Kind("traveller", travels=True, hour=22.5),
    Kind("daylight saving", enrolled=date(2026, 2, 9), hour=23.9, misses=0.1),
    Kind("shared wrap", people=2, untagged=0.2, forgets=0.15),
)
# How often each kind; a shared wrap has two people, so that there are 50.
LIVES = (5, 7, 6, 6, 6, 5, 5, 4, 3)


@dataclass
class Done:
    """A session as it was. known: whether a log that has it was pulled, or can be still."""

    wrap: str
    at_ms: int
    day: date
    full: bool
    light_mj: float
    tagged: bool
    dated: bool
    claimed: bool
    pulled: bool = False
    lost: bool = False


@dataclass
class Truth:
    """All of one person: what they did, and the numbers that they wrote."""

    name: str
    tag: str
    per_week: int
    start: date
    sessions: list[Done] = field(default_factory=list)
    numbers: dict[date, int] = field(default_factory=dict)
    notes: list[tuple[date, str]] = field(default_factory=list)
    late: int = 0
    refused: int = 0
    flags: int = 0
    claimed_key: str = ""


class _Health:
    """The number of a person, day by day: AR(1) around a mean that may change with the course."""

    def __init__(self, source: random.Random, effect: float | None) -> None:
        self._source = source
        self._mean = source.uniform(4.0, 7.0)
        by_chance = source.choice((-4.0, -3.0, -2.0, -1.0, 0.0, 0.0, 1.0, 3.5))
        self._effect = by_chance if effect is None else effect
        self._noise = source.gauss(0, 1.5)
        self.shift = 0.0

    def next_number(self, course_day: int) -> int:
        self._noise = 0.5 * self._noise + self._source.gauss(0, 1.5 * 0.75**0.5)
        part = min(1.0, max(0.0, course_day / 30))
        wanted = self._mean + self._effect * part + self.shift + self._noise
        return min(10, max(0, round(wanted)))


class Life:
    """One household: `live` lets its days pass. people: a `Truth` each."""

    def __init__(self, kind: Kind, seed: int, folder: Path) -> None:
        self.kind, self.seed = kind, seed
        self.random = random.Random(f"{kind.name} {seed}")
        self.zone = kind.zone
        morning = datetime.combine(kind.enrolled, time(9), ZoneInfo(kind.zone))
        self.world = World(folder, morning, f"world {kind.name} {seed}")
        self.pages = Pages(self.world, f"pages {kind.name} {seed}")
        self.people: list[Truth] = []
        self.start = kind.enrolled + timedelta(days=WAIT_DAYS)
        self.end = self.start + timedelta(weeks=WEEKS)
        self._health: dict[str, _Health] = {}
        self._slots: dict[tuple[str, str], int] = {}
        self._open: list[tuple[Done, int]] = []  # sessions to be dated, with their numbers
        self._before_mj = 0.0
        self._zone_due: set[str] = set()
        self._wrong_days = self._choose_days(5) if kind.wrong_clock else set()
        self._erase_day = self.start + timedelta(days=self.random.randrange(20, 60))
        days = self.pages.random.sample(range(7 * WEEKS), _RESTARTS)
        self._restart_days = {self.start + timedelta(days=day) for day in days}
        self._paper: list[tuple[Truth, date, int]] = []
        self.unclaimed = 0
        self._begin()

    def _choose_days(self, number: int) -> set[date]:
        days = self.random.sample(range(7 * WEEKS), number)
        return {self.start + timedelta(days=day) for day in days}

    def _begin(self) -> None:
        run = self.world.run_command
        for name in ("Ada", "Bert")[: self.kind.people]:
            tag = run("person", "add", name, "--zone", self.zone)["tag"]
            per_week = self.random.choice((3, 4, 5))
            self.people.append(Truth(name, tag, per_week, self.start))
            self.pages.tags[name] = tag
            self._health[name] = _Health(self.random, self.kind.effect)
        protocol = self.world.write_protocol(PROTOCOL_ID, SITE)
        for who in self.people:
            self._make_course(who, protocol)
        for name in self.world.wraps:
            self._set_up(name)

    def _by_page(self) -> bool:
        """Choose between the page and the command."""
        return self.pages.random.random() < _BY_PAGE

    def _make_course(self, who: Truth, protocol: Path) -> None:
        if self._by_page():
            plan = {"sites": [protocol.read_text()], "aim": "less pain", "weeks": WEEKS}
            plan |= {"stop_week": self.kind.rule_week, "sessions": who.per_week}
            self.pages.post(who.name, "/api/course", {**plan, "points": 2, "percent": 30})
            return
        self.world.run_command(
            "course", "new", str(protocol), "--aim", "less pain", "--weeks", str(WEEKS),
            "--stop-week", str(self.kind.rule_week),
            "--sessions", str(who.per_week), "--person", who.name, "--yes",
        )  # fmt: skip

    def _freeze_course(self, who: Truth) -> None:
        if self._by_page():
            course = self.pages.get(who.name, "/api/course")["courses"][-1]["id"]
            self.pages.post(who.name, "/api/course/freeze", {"id": course})
        else:
            self.world.run_command("course", "freeze", "--yes", "--person", who.name)

    def _set_up(self, wrap: str) -> None:
        """Store calibrations and protocols on a wrap: for each person, and the one of nobody."""
        untagged = [None] if self.kind.untagged else []
        tags: list[str | None] = [*untagged, *(who.tag for who in self.people)]
        self.world.set_up(wrap, tags, self.world.folder / f"{PROTOCOL_ID}.toml")
        self._slots |= {(wrap, tag or ""): slot for slot, tag in enumerate(tags)}

    def live_day(self, day: date) -> None:
        self._meet_events(day)
        if day == self.start:
            for who in self.people:
                self.world.wait_until(datetime.combine(day, time(8), ZoneInfo(self.zone)))
                self._freeze_course(who)
        hour = self.kind.hour + self.random.uniform(-0.4, 0.4)
        evening = datetime.combine(day, time(0)) + timedelta(hours=hour)
        for number, who in enumerate(self.people):
            moment = (evening + timedelta(hours=number)).replace(tzinfo=ZoneInfo(self.zone))
            self.world.wait_until(moment)
            self._write_number(who)
            if day < self.start or not self._wants_session(who, day):
                continue
            if self.random.random() < self.kind.charger:
                self._use_charger(who, moment + timedelta(days=1))
            else:
                self._use_wrap(who)
        self._mend_dates()

    def _wants_session(self, who: Truth, day: date) -> bool:
        planned = {3: (0, 2, 4), 4: (0, 1, 3, 5), 5: (0, 1, 2, 3, 4)}[who.per_week]
        return day.weekday() in planned and self.random.random() >= self.kind.misses

    def _meet_events(self, day: date) -> None:
        """Let happen what the kind of life has in store for this day."""
        kind, in_course = self.kind, (day - self.start).days
        if kind.travels and in_course in (-10, -3, 17, 31, 52, 60):
            away = {-10: NEW_YORK, 17: TOKYO, 52: NEW_YORK}
            self.zone = away.get(in_course, kind.zone)
            self._zone_due = {who.name for who in self.people}
        if kind.medicine and in_course == 20:
            for who in self.people:
                self._health[who.name].shift = self.random.choice((-1.5, 1.0))
        if day in self._restart_days:
            self.pages.restart()
        self._set_clock(day)
        if kind.lost_log and day == self._erase_day:
            self._lose_log()

    def _set_clock(self, day: date) -> None:
        """Set the computer's clock wrong, or right again and write what is on paper."""
        if day in self._wrong_days:
            dead_ms = round(_DEAD_CLOCK.timestamp() * 1000) - self.world.true_ms
            wrong = (dead_ms, -3 * 86_400_000, -2 * 3_600_000, 26 * 3_600_000)
            self.world.clock_error_ms = wrong[len(self._wrong_days) % 4]
            self._wrong_days.discard(day)
        elif self.world.clock_error_ms:
            self.world.clock_error_ms = 0
            for who, its, number in self._paper:
                who.numbers[its] = number
                who.late += self.world.local_time(self.zone).date() > its
                self._add("journal", "add", str(number), "--day", str(its), "--paper", who=who)
            self._paper = []

    def _lose_log(self) -> None:
        """Lose the log of one wrap (an odd seed), or the computer's archive (an even one)."""
        if self.seed % 2:
            self.world.erase("wrap-1")
            for who in self.people:
                for done in who.sessions:
                    done.lost |= done.wrap == "wrap-1" and not done.pulled
            self._slots = {key: slot for key, slot in self._slots.items() if key[0] != "wrap-1"}
            self._set_up("wrap-1")
            with self.world.plugged("wrap-1"):
                code, _ = self.world.try_command("logs", "pull")
                assert code == 10, f"a log that was erased was pulled into the old one: {code}"
                self.world.run_command("logs", "pull", "--anew")
            return
        for folder in (self.world.folder / "data").iterdir():
            if folder.is_dir() and folder.name != "programme":
                shutil.rmtree(folder)
        for wrap in self.world.wraps:
            with self.world.plugged(wrap):
                self.world.run_command("logs", "pull")

    def _add(self, *words: str, who: Truth) -> int:
        """Write an entry by the command; read the red flags that it raises. Returns its number."""
        said = self.world.run_command(*words, "--person", who.name)
        if said["raised"]:
            who.flags += len(said["raised"])
            self._read_flags(who)
        return said["id"]

    def _post(self, who: Truth, entry: dict[str, Any]) -> int:
        """Write an entry by the page; read the red flags that it raises. Returns its number."""
        said = self.pages.post(who.name, "/api/journal", entry)
        if said["raised"]:
            who.flags += said["raised"]
            self._read_flags(who)
        return said["stored"]["id"]

    def _read_flags(self, who: Truth) -> None:
        if self._by_page():
            unread = [flag["id"] for flag in self.pages.get(who.name, "/api/journal")["flags"]]
            left = self.pages.post(who.name, "/api/journal/read", {"flags": unread})["flags"]
            assert not left, left
        else:
            self.world.run_command("journal", "flags", "--yes", "--person", who.name)

    def _write_entry(
        self, who: Truth, number: int, day: date, late: bool, words: list[str]
    ) -> None:
        """Write a number by the page or the command; sometimes a wrong one first."""
        slips = self.pages.random.random() < _SLIPS
        first = (number + 4) % 11 if slips else number
        by_page = self._by_page() and not words
        if by_page:
            entry = self._post(who, {"value": first, "day": day.isoformat() if late else ""})
        else:
            when = ["--day", "yesterday"] if late else []
            entry = self._add("journal", "add", str(first), *when, *words, who=who)
        if slips and self._by_page():
            self._post(who, {"value": number, "corrects": entry})
        elif slips:
            self._add("journal", "correct", str(entry), "--value", str(number), who=who)
        if self.pages.random.random() < self.kind.notes:
            self._write_note(who, number, day, not by_page)

    def _write_note(self, who: Truth, number: int, day: date, by_page: bool) -> None:
        """Write a note by the other way than the number of that day, and no second number."""
        text = f"note {len(who.notes) + 1} of {who.name}"
        day_text = day.isoformat()
        if by_page:
            entry = {"value": number, "day": day_text}
            assert self.pages.refuse(who.name, "/api/journal", entry) == "usage"
            self._post(who, {"changed": text, "day": day_text})
        else:
            words = ("journal", "add", str(number), "--day", day_text, "--person", who.name)
            code, _ = self.world.try_command(*words)
            assert code == 2, f"a second number of {day} was answered with {code}"
            self._add("journal", "add", "--changed", text, "--day", day_text, who=who)
        who.notes.append((day, text))
        who.late += self.world.local_time(self.zone).date() > day

    def _have_wound(self, who: Truth) -> None:
        """Raise a red flag with the wrap at the computer: no light until it was read."""
        flag = "wound"
        with self.world.plugged("wrap-1") as wrap:
            if self.kind.people > 1:
                self.world.run_command("protocol", "activate", str(self._slots["wrap-1", who.tag]))
            if self._by_page():
                said = self.pages.post(who.name, "/api/journal", {"flags": [flag]})
                assert (said["raised"], said["wrap"]) == (1, "sent"), said
                assert self.pages.refuse(who.name, "/api/session", {"do": "start"})
            else:
                words = ("journal", "add", "--flag", flag, "--person", who.name)
                assert self.world.run_command(*words)["raised"]
            held = self.world.run_command("hold", "show")["holds"]
            assert held == [{"person": who.tag, "reason": "red-flag"}], held
            assert not self._start(wrap), "light began with a red flag that nobody had read"
            if self.pages.random.random() < 0.3:
                self.pages.restart()
            self._read_flags(who)
            assert self.world.run_command("hold", "show")["holds"] == []
        who.flags += 1

    def _write_number(self, who: Truth) -> None:
        today = self.world.local_time(self.zone).date()
        course_day = (today - self.start).days
        number = self._health[who.name].next_number(course_day)
        if self.world.clock_error_ms:
            if today not in who.numbers:
                self._paper.append((who, today, number))
            if self.world.clock_error_ms < -_LONG_MS:
                code, _ = self.world.try_command("journal", "add", "5", "--person", who.name)
                assert code == 2, f"a clock of the last century wrote an entry: {code}"
                assert self.pages.refuse(who.name, "/api/journal", {"value": 5}) == "usage"
            return
        words: list[str] = []
        if who.name in self._zone_due:
            self._zone_due.discard(who.name)
            words += ["--zone", self.zone]
        elif self.random.random() < self.kind.forgets:
            return
        late = self.random.random() < self.kind.late and not words
        if late:
            today -= timedelta(days=1)
        if today in who.numbers:
            return
        if self.kind.medicine and course_day == 20:
            words += ["--changed", "other tablets since today"]
        who.late += late
        who.numbers[today] = number
        if self.random.random() < 0.3:
            with self.world.plugged("wrap-1"):  # a red flag reaches this wrap at once
                self._write_entry(who, number, today, late, words)
        else:
            self._write_entry(who, number, today, late, words)
        if self.pages.random.random() < _WOUNDS and not late:
            self._have_wound(who)

    def _use_wrap(self, who: Truth) -> None:
        """Have one session, with the computer."""
        name = self._choose_wrap()
        tagged = self.random.random() >= self.kind.untagged
        done, asked = None, 0
        for _ in range(_ATTEMPTS):
            with self.world.plugged(name) as wrap:
                if self.kind.people > 1:
                    slot = self._slots[name, who.tag if tagged else ""]
                    self.world.run_command("protocol", "activate", str(slot))
                self.world.try_command("clock", "set")  # a clock that cannot be true is refused
                if self._start(wrap):
                    done = self._light(who, wrap, tagged)
                # Clears the hold when a red flag was read, if that was why it refused.
                asked = self._pull(who)
                wait_s = 0 if done else self.world.run_command("status")["status"]["next_s"]
            self._mark_pulled(name)
            who.refused += done is None
            if done is not None or wait_s > _PATIENCE_S:
                break
            self.world.wait_s(wait_s + 1)
        if done is not None and not tagged:
            self._answer_question(who, done, asked)

    def _pull(self, who: Truth) -> int:
        """Pull the log of the wrap that is plugged in; returns how many sessions are nobody's."""
        if self._by_page():
            return self.pages.post(who.name, "/api/sessions/pull")["open_sessions"]
        return self.world.run_command("logs", "pull")["unattributed"]

    def _choose_wrap(self) -> str:
        return "wrap-2" if self.random.random() < self.kind.second else "wrap-1"

    def _use_charger(self, who: Truth, moment: datetime) -> None:
        """Have one session at a charger, where the wrap has been for a day: without a clock it
        knows only that a day has passed."""
        name = self._choose_wrap()
        with self.world.plugged(name) as wrap:
            there_ms = self.world.true_ms
            until_ms = max(round(moment.timestamp() * 1000), there_ms + _DAY_MS + 600_000)
            wrap.twin.skip_ms(until_ms - there_ms)
            if self._start(wrap):
                self._light(who, wrap, True, dated=False)
            else:
                who.refused += 1

    def _light(self, who: Truth, wrap: Wrap, tagged: bool, dated: bool = True) -> Done:
        """Let the session that has just begun end by its time, or early by the button."""
        at_ms = self.world.true_ms
        full = self.random.random() >= self.kind.early
        if not full:
            wrap.twin.advance_ms(self.random.randrange(2500, 8000))
            if self._by_page():
                self.pages.post(who.name, "/api/session", {"do": "stop"})
            else:
                self.world.press(wrap, 1500)
        self.world.advance_to(wrap, _DONE_STATES)
        day = self.world.local_time(self.zone, at_ms).date()
        dated &= not self.world.clock_error_ms
        light_mj = wrap.read_light_mj() - self._before_mj
        done = Done(wrap.name, at_ms, day, full, light_mj, tagged, dated, tagged)
        who.sessions.append(done)
        if not dated:
            self._open.append((done, wrap.read_session_number()))
        return done

    def _start(self, wrap: Wrap) -> bool:
        """Press the button; returns whether a session began."""
        self._before_mj = wrap.read_light_mj()
        self.world.press(wrap)
        for _ in range(_REFUSED_MS // 100):
            if wrap.state in _BEGUN_STATES:
                return True
            wrap.twin.advance_ms(100)
        return False

    def _answer_question(self, who: Truth, done: Done, asked: int) -> None:
        """Say whose a session without a tag was; now and then nobody answers."""
        assert asked == self.unclaimed + 1, f"asked about {asked}, not {self.unclaimed + 1}"
        if self.random.random() < 0.2:
            self.unclaimed += 1
            return
        by_page = self._by_page()
        if by_page:
            rows = self.pages.get(who.name, "/api/people/sessions")["sessions"]
        else:
            rows = self.world.run_command("person", "sessions")["sessions"]
        newest = max(rows, key=lambda row: row["unix_ms"] or 0)
        if by_page:
            claim = {"keys": [newest["key"]], "tag": who.tag}
            left = self.pages.post(who.name, "/api/people/sessions", claim)["sessions"]
            assert len(left) == self.unclaimed
        else:
            self.world.run_command("person", "assign", who.name, newest["key"])
        done.claimed = True
        who.claimed_key = newest["key"]

    def _mend_dates(self) -> None:
        """Give the sessions without a date, or with a wrong one, the right one: on Sundays."""
        moment = self.world.local_time(self.zone)
        if not self._open or self.world.clock_error_ms or moment.weekday() != 6:
            return
        self._mend_all()

    def settle(self) -> None:
        """Bring computer and archive up to date: clock, what is on paper, dates, last sessions."""
        self._set_clock(date.min)
        self._mend_all()
        for wrap in self.world.wraps:
            with self.world.plugged(wrap):
                self.world.run_command("logs", "pull")
            self._mark_pulled(wrap)

    def close(self) -> None:
        self.pages.close()
        self.world.close()

    def _mark_pulled(self, wrap: str) -> None:
        for person in self.people:
            for its in person.sessions:
                its.pulled |= its.wrap == wrap and not its.lost

    def _mend_all(self) -> None:
        """Pull both wraps, and date all sessions that have no right date yet."""
        for wrap in sorted({done.wrap for done, _ in self._open}):
            with self.world.plugged(wrap):
                folder = self.world.run_command("logs", "pull")["log"]
            self._mark_pulled(wrap)
            for done, number in self._open:
                if done.wrap == wrap:
                    when = datetime.fromtimestamp(done.at_ms / 1000, ZoneInfo("UTC")).isoformat()
                    self.world.run_command("logs", "date", str(number), when, "--wrap", folder)
                    done.dated = True
        self._open = []
