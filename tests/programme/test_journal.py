"""The journal: one number a day, corrections beside what they correct, late entries with both
times."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from pbmwrap.errors import UsageError
from pbmwrap.programme import journal, mnsi
from pbmwrap.programme.days import find_values, select_current
from pbmwrap.programme.model import Person
from pbmwrap.programme.people import add_person
from pbmwrap.programme.store import Store


def test_an_entry_has_the_day_where_the_person_is(store: Store, ada: Person, clock) -> None:
    entry = journal.add_entry(store, ada, clock.at(2026, 3, 28, 23, 30), 5)
    assert entry.day == date(2026, 3, 29)  # Berlin is an hour ahead
    assert str(entry.written) == "2026-03-29 00:30 +01:00"
    assert entry.at == entry.written
    assert not entry.late


def test_a_traveller_writes_where_they_are_until_they_are_elsewhere(
    store: Store, ada: Person, clock
) -> None:
    utc = clock.at(2026, 3, 28, 16)
    assert journal.add_entry(store, ada, utc, 5, zone="Asia/Tokyo").day == date(2026, 3, 29)
    utc = clock.at(2026, 3, 29, 16)
    assert journal.add_entry(store, ada, utc, 5).day == date(2026, 3, 30)  # still there
    utc = clock.at(2026, 3, 31, 16)
    assert journal.add_entry(store, ada, utc, 5, zone="Europe/Berlin").day == date(2026, 3, 31)


@pytest.mark.parametrize("utc", [(2026, 3, 29, 0, 59), (2026, 3, 29, 1, 1), (2026, 10, 25, 1, 1)])
def test_daylight_saving_moves_no_day(store: Store, ada: Person, clock, utc) -> None:
    entry = journal.add_entry(store, ada, clock.at(*utc), 5)
    assert entry.day == date(*utc[:3])


def test_a_late_entry_keeps_both_times(store: Store, ada: Person, clock) -> None:
    yesterday = date(2026, 1, 4)
    at = datetime(2026, 1, 4, 8, 30)
    entry = journal.add_entry(store, ada, clock.ms, 4, day=yesterday, at=at, way="paper")
    assert entry.late
    assert str(entry.at) == "2026-01-04 08:30 +01:00"
    assert str(entry.written) == "2026-01-05 08:00 +01:00"
    without = journal.add_entry(store, ada, clock.ms, 4, day=yesterday - timedelta(days=1))
    assert (without.late, without.at) == (True, None)  # only the day is known


def test_a_correction_is_a_new_row_that_names_the_old(store: Store, ada: Person, clock) -> None:
    first = journal.add_entry(store, ada, clock.ms, 5, skin="fine", sleep=7, changed="new pills")
    second = journal.add_entry(store, ada, clock.days(1), 4, corrects=first.id)
    assert (second.day, second.value, second.sleep, second.changed) == (
        first.day,
        4,
        7,
        "new pills",
    )
    history = journal.list_history(store, ada)
    assert history == [first, second]
    assert select_current(history) == [second]
    third = journal.add_entry(store, ada, clock.ms, 3, corrects=second.id)
    assert journal.list_entries(store, ada) == [third]
    with pytest.raises(UsageError, match=f"corrected by entry {second.id}"):
        journal.add_entry(store, ada, clock.ms, 2, corrects=first.id)
    with pytest.raises(UsageError, match="no entry 99"):
        journal.add_entry(store, ada, clock.ms, 2, corrects=99)


def test_a_second_number_for_a_day_is_refused_with_the_way_on(
    store: Store, ada: Person, clock
) -> None:
    first = journal.add_entry(store, ada, clock.ms, 5)
    with pytest.raises(UsageError, match=f"journal correct {first.id} --value 6"):
        journal.add_entry(store, ada, clock.ms, 6)
    journal.add_entry(store, ada, clock.ms, changed="fell")  # without a number: as often as wanted
    moved = journal.add_entry(store, ada, clock.ms, day=date(2026, 1, 2), corrects=first.id)
    assert (moved.value, moved.day) == (5, date(2026, 1, 2))
    journal.add_entry(store, ada, clock.ms, 6)  # that day is free again
    with pytest.raises(UsageError, match="has the number"):
        journal.add_entry(store, ada, clock.ms, day=date(2026, 1, 5), corrects=moved.id)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"value": 11}, "outside 0 to 10"),
        ({"value": -1}, "outside 0 to 10"),
        ({"value": 64}, "--scale 100"),
        ({"value": 5.5}, "between two steps"),
        ({}, "entry is empty"),
        ({"value": 5, "day": date(2026, 1, 6)}, "in the future"),
        ({"value": 5, "day": date(1989, 1, 6)}, "before 1990"),
        ({"value": 5, "at": datetime(2026, 1, 5, 23, 0)}, "in the future"),
        ({"value": 5, "at": datetime(2026, 1, 4, 23, 0)}, "not on 2026-01-05"),
        ({"value": 5, "sleep": 11}, "sleep 11"),
        ({"value": 5, "skin": "green"}, "skin 'green'"),
        ({"value": 5, "flags": ["x"]}, "not a red flag"),
        ({"value": 5, "changed": "x" * 501}, "500 characters"),
        ({"value": 5, "zone": "Atlantis"}, "not a time zone"),
    ],
)
def test_what_cannot_be_true_is_refused_and_nothing_is_stored(
    store: Store, ada: Person, clock, given: dict, why: str
) -> None:
    before = store.count_events()
    with pytest.raises(UsageError, match=why):
        journal.add_entry(store, ada, clock.ms, **given)
    assert store.count_events() == before


def test_nobody_sees_the_journal_of_another(store: Store, ada: Person, clock) -> None:
    bert = add_person(store, "Bert", "UTC", clock.ms)
    entry = journal.add_entry(store, ada, clock.ms, 5, flags=("fever",))
    journal.add_entry(store, bert, clock.ms, 1)
    assert [e.value for e in journal.list_entries(store, bert)] == [1]
    with pytest.raises(UsageError, match=f"no entry {entry.id}"):
        journal.add_entry(store, bert, clock.ms, 1, corrects=entry.id)


def test_of_two_numbers_of_a_day_the_one_written_first_counts(
    store: Store, ada: Person, clock
) -> None:
    """Two machines may write at the same time, and be joined later."""
    first = journal.add_entry(store, ada, clock.ms, 5)
    store.append("entry", ada.tag, first.as_body() | {"value": 6}, clock.ms)
    assert find_values(journal.list_entries(store, ada), "pain") == {first.day: 5}


def test_totals_of_questionnaires(store: Store, ada: Person, clock) -> None:
    kept = journal.add_total(store, ada, "PROMIS", 55, 20, 80, "baseline", clock.ms)
    assert journal.list_totals(store, ada) == [kept]
    for wrong in (
        ("", 5, 0, 10, ""),
        ("X", 11, 0, 10, ""),
        ("X", 5, 9, 1, ""),
        ("X", 5, 0, 9, "y"),
    ):
        with pytest.raises(UsageError):
            journal.add_total(store, ada, *wrong, clock.ms)


def test_the_score_of_the_mnsi() -> None:
    yes, no = [True] * 15, [False] * 15
    assert mnsi.score_answers(yes) == 11  # 15 less items 4, 10 (not scored), 7 and 13
    assert mnsi.score_answers(no) == 2  # only items 7 and 13
    worst = [n not in (7, 13) for n in range(1, 16)]
    assert mnsi.score_answers(worst) == mnsi.HIGH
    best = [n in (4, 7, 10, 13) for n in range(1, 16)]
    assert mnsi.score_answers(best) == 0
    with pytest.raises(UsageError, match="14 answers"):
        mnsi.score_answers(yes[1:])
