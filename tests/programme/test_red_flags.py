"""Red flags: raised by words, by the skin check and by the number; no light until one was read."""

from __future__ import annotations

from datetime import date

import pytest

from pbmwrap.errors import DeviceError, Refused
from pbmwrap.programme import courses, holds, journal, red_flags
from pbmwrap.programme.model import PAIN, WALK, Person
from pbmwrap.programme.people import add_person, forget_person
from pbmwrap.programme.store import Store
from tests.programme.builders import FOOT


def codes(store: Store, person: Person) -> list[str]:
    return [flag.code for flag in red_flags.list_unread(store, person)]


def write(store: Store, person: Person, clock, numbers) -> None:
    for number in numbers:
        journal.add_entry(store, person, clock.days(1), number)


@pytest.mark.parametrize(
    ("given", "raised"),
    [
        ({"flags": ["wound", "fever", "wound"]}, ["wound", "fever"]),
        ({"skin": "blister"}, ["wound"]),
        ({"skin": "wound", "flags": ["wound"]}, ["wound"]),
        ({"skin": "burn"}, ["burn"]),
        ({"skin": "red"}, []),
        ({"value": 10}, []),
    ],
)
def test_what_an_entry_says(store: Store, ada: Person, clock, given, raised) -> None:
    journal.add_entry(store, ada, clock.ms, **given)
    assert codes(store, ada) == raised


def test_a_correction_raises_only_what_is_new(store: Store, ada: Person, clock) -> None:
    first = journal.add_entry(store, ada, clock.ms, 5, flags=("fever",))
    journal.add_entry(store, ada, clock.ms, 6, corrects=first.id)
    assert codes(store, ada) == ["fever"]


def test_three_points_for_a_week_is_a_flag_and_six_days_are_not(
    store: Store, ada: Person, clock
) -> None:
    write(store, ada, clock, [3] * 14 + [6] * 6)
    assert codes(store, ada) == []
    write(store, ada, clock, [6])
    assert codes(store, ada) == ["pain-rise"]
    write(store, ada, clock, [6] * 10)
    assert codes(store, ada) == ["pain-rise"]  # not again while it is unread


@pytest.mark.parametrize(
    "numbers",
    [
        [3] * 14 + [6, 6, 6, 5, 6, 6, 6],  # one day below
        [4] * 14 + [6] * 7,
        [3] * 4 + [9] * 7,  # nobody knows what is usual
        [9] * 14 + [6] * 7,
        list(range(10)) * 2,
    ],
)
def test_less_is_no_flag(store: Store, ada: Person, clock, numbers) -> None:
    write(store, ada, clock, numbers)
    assert codes(store, ada) == []


def test_a_slow_rise_is_seen_against_the_baseline_of_the_course(
    store: Store, ada: Person, clock
) -> None:
    course = courses.make_course(store, ada, aim="x", sites=[FOOT], measure=PAIN, unix_ms=clock.ms)
    courses.freeze_course(store, ada, course, clock.ms)
    slow = [3] * 24 + [4] * 14 + [5] * 14 + [6] * 7
    write(store, ada, clock, slow)
    assert codes(store, ada) == ["pain-rise"]


def test_missing_days_are_allowed_two_of_seven(store: Store, ada: Person, clock) -> None:
    write(store, ada, clock, [3] * 14)
    for wait in (1, 2, 1, 2):
        journal.add_entry(store, ada, clock.days(wait), 7)
    assert codes(store, ada) == []
    journal.add_entry(store, ada, clock.days(1), 7)
    assert codes(store, ada) == ["pain-rise"]


def test_a_longer_walk_is_no_rise_of_pain(store: Store, ada: Person, clock) -> None:
    courses.make_course(store, ada, aim="x", sites=[FOOT], measure=WALK, unix_ms=clock.ms)
    write(store, ada, clock, [100] * 14 + [150] * 7)
    assert codes(store, ada) == []


def test_light_is_refused_until_a_person_has_read_it(store: Store, ada: Person, clock) -> None:
    red_flags.refuse_light(store, None)
    journal.add_entry(store, ada, clock.ms, 5, flags=("burn",))
    for tag in (None, "", ada.tag):
        with pytest.raises(Refused, match="see a clinician"):
            red_flags.refuse_light(store, tag)
    red_flags.refuse_light(store, "other")
    red_flags.confirm_read(store, ada, red_flags.list_unread(store, ada), clock.days(1))
    red_flags.refuse_light(store, ada.tag)
    (flag,) = red_flags.list_flags(store, ada)
    assert flag.read is not None and flag.read.day == date(2026, 1, 6)


def test_the_words_are_see_a_clinician_for_each(store: Store) -> None:
    for kind in red_flags.FLAGS:
        assert "See a clinician" in red_flags.name_advice(kind.code)
    assert red_flags.name_advice("newer") == "newer. See a clinician."


class FakeWrap:
    """Answers hold.* and course.note as a firmware that knows them, or as an older one."""

    def __init__(self, old: bool = False) -> None:
        self.old = old
        self.pairs: list[tuple[str, str]] = []
        self.notes: list[dict] = []
        self.slots: list[dict | None] = [None] * 8
        self.state = "idle"
        self.person: str | None = None

    def call(self, method: str, params: dict | None = None, **_options) -> object:
        given = params or {}
        if method == "proto.list":
            return {"active": 0 if self.slots[0] else -1, "slots": self.slots}
        if method == "status":
            self.state = "done" if self.state == "ramp-down" else self.state
            return {"state": self.state, "person": self.person}
        if method == "session.stop":
            self.state = "ramp-down"
            return {"state": self.state}
        if self.old:
            raise DeviceError("unknown_method", "", method)
        if method == "course.note":
            self.notes.append(given)
            return given
        pair = given.get("person", ""), given.get("reason", "")
        if method == "hold.set":
            self.pairs.append(pair)
        elif method == "hold.clear":
            self.pairs.remove(pair)
        return {"holds": [{"person": p, "reason": r} for p, r in self.pairs]}


def test_a_wrap_is_held_for_the_person_with_the_flag_only(store: Store, ada: Person, clock) -> None:
    bert = add_person(store, "Bert", "UTC", clock.ms)
    wrap = FakeWrap()
    wrap.pairs = [("zz", holds.REASON), ("*", "repair"), (bert.tag, holds.REASON)]
    journal.add_entry(store, ada, clock.ms, 5, flags=("burn",))
    assert holds.sync_holds(wrap, store) == holds.HoldChange(1, 1)  # type: ignore[arg-type]
    others = [("zz", holds.REASON), ("*", "repair")]
    assert wrap.pairs == [*others, (ada.tag, holds.REASON)]
    assert holds.sync_holds(wrap, store) == holds.HoldChange()  # type: ignore[arg-type]
    red_flags.confirm_read(store, ada, red_flags.list_unread(store, ada), clock.ms)
    assert holds.sync_holds(wrap, store) == holds.HoldChange(0, 1)  # type: ignore[arg-type]
    assert wrap.pairs == others


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("whose,ends", [("ada", True), ("", True), ("zz", False)])
def test_a_session_that_may_be_of_the_person_with_the_flag_is_stopped(
    store: Store, ada: Person, clock, whose: str, ends: bool, old: bool
) -> None:
    wrap = FakeWrap(old)
    wrap.state, wrap.person = "running", ada.tag if whose == "ada" else whose or None
    journal.add_entry(store, ada, clock.ms, 5, flags=("burn",))
    assert holds.sync_holds(wrap, store).stopped is ends  # type: ignore[arg-type]
    assert wrap.state == ("done" if ends else "running")
    assert holds.sync_holds(wrap, store).stopped is False  # type: ignore[arg-type]


def test_no_session_is_stopped_without_an_unread_flag(store: Store, ada: Person) -> None:
    wrap = FakeWrap()
    wrap.state, wrap.person = "running", ada.tag
    holds.sync_holds(wrap, store)  # type: ignore[arg-type]
    assert wrap.state == "running"


def test_the_hold_of_a_person_who_was_forgotten_is_cleared(
    store: Store, ada: Person, clock
) -> None:
    wrap = FakeWrap()
    journal.add_entry(store, ada, clock.ms, 5, flags=("burn",))
    holds.sync_holds(wrap, store)  # type: ignore[arg-type]
    forget_person(store, ada, clock.ms)
    holds.sync_holds(wrap, store)  # type: ignore[arg-type]
    assert wrap.pairs == []


def test_an_older_firmware_is_said_only_when_it_matters(store: Store, ada: Person, clock) -> None:
    wrap = FakeWrap(old=True)
    assert holds.sync_holds(wrap, store) == holds.HoldChange()  # type: ignore[arg-type]
    journal.add_entry(store, ada, clock.ms, 5, flags=("burn",))
    assert holds.sync_holds(wrap, store).too_old  # type: ignore[arg-type]


def test_the_host_refuses_also_for_an_older_firmware(store: Store, ada: Person, clock) -> None:
    bert = add_person(store, "Bert", "UTC", clock.ms)
    wrap = FakeWrap(old=True)
    holds.refuse_held_start(wrap, store)  # type: ignore[arg-type]
    journal.add_entry(store, ada, clock.ms, 5, flags=("burn",))
    wrap.slots[0] = {"id": "x", "person": bert.tag}
    holds.refuse_held_start(wrap, store)  # type: ignore[arg-type]
    for slot in (None, {"id": "x"}, {"id": "x", "person": ada.tag}):
        wrap.slots[0] = slot
        with pytest.raises(Refused):
            holds.refuse_held_start(wrap, store)  # type: ignore[arg-type]


def test_the_hash_of_a_frozen_plan_goes_into_each_wrap_once(
    store: Store, ada: Person, clock
) -> None:
    course = courses.make_course(store, ada, aim="x", sites=[FOOT], measure=PAIN, unix_ms=clock.ms)
    assert holds.list_unnoted(store, ada, "w1") == []  # a draft
    frozen = courses.freeze_course(store, ada, course, clock.ms)
    assert holds.list_unnoted(store, ada, "w1") == [(frozen, "frozen")]
    assert not holds.note_plan(FakeWrap(old=True), "w1", store, frozen, "frozen", 1)  # type: ignore[arg-type]
    assert holds.list_unnoted(store, ada, "w1") == [(frozen, "frozen")]
    wrap = FakeWrap()
    assert holds.note_plan(wrap, "w1", store, frozen, "frozen", 1)  # type: ignore[arg-type]
    assert wrap.notes == [{"person": ada.tag, "sha": frozen.plan_sha, "what": "frozen"}]
    assert holds.list_unnoted(store, ada, "w1") == []
    assert holds.list_unnoted(store, ada, "w2") == [(frozen, "frozen")]
    closed = courses.close_course(store, ada, frozen, "x", clock.ms)
    assert holds.list_unnoted(store, ada, "w1") == [(closed, "closed")]


def test_a_refusal_of_the_wrap_is_not_taken_for_an_older_firmware(
    store: Store, ada: Person
) -> None:
    class Busy(FakeWrap):
        def call(self, method: str, params: dict | None = None, **_options) -> object:
            raise DeviceError("not_now", "not while running", method)

    with pytest.raises(DeviceError):
        holds.sync_holds(Busy(), store)  # type: ignore[arg-type]
