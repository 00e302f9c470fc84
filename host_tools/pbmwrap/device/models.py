"""The answers of a wrap as dataclasses. Units are in the names (docs/link.md)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from wrap.rules.protocol import course_key

NoneBelowZero = Annotated[int | None, "a number below 0 stands for None"]

# Of `trial.get`: a trial whose secret the wrap keeps. `wrap.session.trial` has the same.
BLIND_STATES = ("armed", "running", "finished")


@dataclass(frozen=True)
class Answer:
    """Base of all answers, made by answers.parse_answer. Fields of a newer wrap are ignored."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON has them, with lists in place of tuples."""
        return json.loads(json.dumps(asdict(self)))


@dataclass(frozen=True)
class Hello(Answer):
    """The identity of a wrap. `program` is the image's SHA-256, or "files" for an installed wrap;
    `integrity` ("whole", "checking", "damaged", "unknown") is its flash's, `memory` the RAM test's;
    `sense`: the board can see its own light; `slot`: which of two installed firmwares this is,
    `fell`: why a newer one was given up; `worst_uw`: the board's stated worst case per channel;
    `warmer`: of a board with one its name, and per channel the permille of the channel's intensity
    at which it takes the same current."""

    product: str
    fw: str
    link: int
    board: str
    mpy: str
    uid: str
    max_request: int
    uptime_s: int
    boot: int
    cause: str
    state: str
    channels: list[tuple[str, int]]
    sensors: list[tuple[str, str]]
    slots: int
    frozen: bool
    program: str
    integrity: str = "unknown"
    memory: str = "unknown"
    sense: bool = False
    slot: str | None = None
    fell: str | None = None
    worst_uw: list[int] = field(default_factory=list)
    warmer: tuple[str, list[int]] | None = None

    @property
    def runs_on(self) -> str:
        """What runs the firmware: `mpy` is only a version when that is MicroPython."""
        return f"MicroPython {self.mpy}" if self.mpy[:1].isdigit() else self.mpy


@dataclass(frozen=True)
class FaultInfo(Answer):
    """A latched fault. `detail`: the readings behind it; `text`: for people; `sensor`: the sensor
    that it concerns."""

    code: int
    name: str = ""
    text: str = ""
    detail: Any = None
    sensor: str | None = None
    session: int | None = None
    uptime_s: int | None = None
    boot: int | None = None
    later: int = 0

    @property
    def called(self) -> str:
        """The fault's name, and its sensor."""
        return f"{self.name} at {self.sensor}" if self.sensor else self.name


@dataclass(frozen=True)
class Sample(Answer):
    """The fields of `status` that change. Temperatures are None without a valid reading."""

    state: str
    active_ms: int = 0
    temps_mc: list[int | None] = field(default_factory=list)
    duty_u16: list[int] = field(default_factory=list)
    dose_uj: list[int | None] | None = None
    dose_total_uj: int | None = None
    on_ms: list[int] = field(default_factory=list)
    derate_pm: int = 1000
    warn: Any = None
    warnings: list[str] = field(default_factory=list)
    wake_waiting: bool = False


@dataclass(frozen=True)
class Status(Sample):
    """The whole state of a wrap at one moment. `unconfirmed`: stores ("settings", "cal", "heat",
    "hold") that wait for `settings.confirm`; `person`: tag of the session's protocol,
    `next_person`: that of the active slot, None without one; `held`: reason of a hold that refuses
    the active slot; `cal_void`: channels whose stored calibration breaks its
    bounds; `slot`: the active one, if any; `next_s`: until its site may have a session;
    `trip_mc`: skin trip in force, None from older firmware;
    `wake_due_s`: of light until the next wake check, or left to answer it; `power_pm`: permille of
    full power that all lamps may draw, None from a wrap without a limit; `power_why`: what limits
    it."""

    session: int = 0
    end_reason: str = ""
    protocol: str | None = None
    next_protocol: str | None = None
    person: str | None = None
    next_person: str | None = None
    held: str | None = None
    slot: NoneBelowZero = None
    next_s: int | None = None
    wake_due_s: int | None = None
    site: str | None = None
    total_ms: int = 0
    dose_target_uj: int = 0
    trip_mc: int | None = None
    calibrated: bool = False
    fault: FaultInfo | None = None
    unix_s: int | None = None
    uptime_s: int = 0
    heap_used: int = 0
    heap_free: int = 0
    step_us_last: int = 0
    step_us_max: int = 0
    steps_late: int = 0
    log_end: int = 0
    log_failed: Any = None
    records_lost: int = 0
    settings_damaged: bool = False
    unconfirmed: list[str] = field(default_factory=list)
    cal_void: list[str] = field(default_factory=list)
    tethered: bool = False
    buzzer: bool | None = None  # None: the board has none
    power_pm: int | None = None
    power_why: str | None = None


@dataclass(frozen=True)
class StepCost(Answer):
    """Duration of a step's two hardware calls on this chip, us: means of `n` calls."""

    n: int
    inputs_us: int
    held_us: int


@dataclass(frozen=True)
class DeadManTest(Answer):
    """How the enable behaved with every lamp dark. rose: it was up while steps were verified;
    feed_us: longest verification; fell_ms: until it fell by itself without, None if it did not."""

    rose: bool
    feed_us: int
    fell_ms: int | None


@dataclass(frozen=True)
class Slot(Answer):
    """A stored protocol; `broken`: why it cannot run; `person`: the tag that it carries."""

    id: str = ""
    name: str = ""
    sha: str = ""
    size: int = 0
    broken: str | None = None
    person: str | None = None


@dataclass(frozen=True)
class Slots(Answer):
    """All protocol slots; `active` is None when none is active."""

    active: NoneBelowZero
    slots: list[Slot | None]

    def choose_slot(self, protocol_id: str, person: str = "") -> int | None:
        """Return the slot that holds this id for this person, else the first empty one, else None.

        person: a tag, "" for a protocol without one.
        """
        for n, slot in enumerate(self.slots):
            if slot and slot.id == protocol_id and (slot.person or "") == person:
                return n
        return next((n for n, slot in enumerate(self.slots) if slot is None), None)


@dataclass(frozen=True)
class Calibration(Answer):
    """A channel's mean irradiance at the skin at full duty, uW/cm2, and how it was measured.

    `peak_pm`: peak over the pad by the mean, permille; `sha`: SHA-256 of the host's full record;
    both and `instrument` are None where none was stored. `lit_s`: seconds at full duty since then,
    None when the wrap has lost them or is too old to count."""

    uw: int
    unc_pm: int = 0
    date: int = 0
    how: str = ""
    peak_pm: int | None = None
    instrument: str | None = None
    sha: str | None = None
    lit_s: int | None = None

    @property
    def upper_uw(self) -> float:
        """Upper bound at the brightest place, by which the wrap's caps count, uW/cm2."""
        return self.uw * (1000 + self.unc_pm) * (self.peak_pm or 1000) / 1e6


@dataclass(frozen=True)
class HeatTest(Answer):
    """The maker's recorded heat test: permille of full power that it allows, day, the hottest
    reading in mC, and how it was made."""

    pm: int
    date: int
    max_mc: int
    how: str = ""


@dataclass(frozen=True)
class Hold(Answer):
    """No light for `person`, or for everybody ("*"); `reason`: the code that it was set with."""

    person: str
    reason: str


@dataclass(frozen=True)
class Holds(Answer):
    """The holds in force."""

    holds: list[Hold]


@dataclass(frozen=True)
class SiteCourse(Answer):
    """The counted sessions of a site: seconds since the last, how many in 24 h and in 7 days, and
    seconds until the next may begin."""

    last_age_s: int | None = None
    day: int = 0
    week: int = 0
    next_s: int = 0


@dataclass(frozen=True)
class LightOfDay(Answer):
    """Light of the whole wrap: seconds in 24 h, the limit, and seconds until the next protocol
    fits."""

    day_s: int = 0
    most_s: int = 0
    next_s: int = 0


@dataclass(frozen=True)
class CourseInfo(Answer):
    """The sessions that still count, by site: "SITE", or "PERSON/SITE" where the protocol carried a
    person's tag (see `find_site`); "*" stands for every site."""

    age_s: int
    sites: dict[str, SiteCourse]
    light: LightOfDay | None = None

    def find_site(self, site: str, person: str | None = None) -> SiteCourse | None:
        """Return the sessions of a person's site, None without any; person: None for protocols
        without a tag."""
        return self.sites.get(course_key(person or "", site))


@dataclass(frozen=True)
class LogInfo(Answer):
    """Absolute offsets of the oldest byte kept and of the end; `seq`: the next record's."""

    first: int
    end: int
    seq: int
