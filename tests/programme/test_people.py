"""People of a household: names, the chosen one, and nobody by accident."""

from __future__ import annotations

import pytest

from pbmwrap.errors import UsageError
from pbmwrap.programme import people
from pbmwrap.programme.model import TAG, Person
from pbmwrap.programme.store import Store


def test_a_tag_says_nothing_and_is_never_used_again(store: Store, ada: Person, clock) -> None:
    assert TAG.fullmatch(ada.tag) and "ada" not in ada.tag
    people.forget_person(store, ada, clock.ms)
    again = people.add_person(store, "Ada", "UTC", clock.ms)
    assert again.tag != ada.tag
    assert [p.name for p in people.list_people(store)] == ["Ada"]


@pytest.mark.parametrize("name", ["", " ", "-x", "a" * 41, "a\x1b[31m", "ADA"])
def test_impossible_names_are_refused(store: Store, ada: Person, clock, name: str) -> None:
    with pytest.raises(UsageError):
        people.add_person(store, name, "UTC", clock.ms)


def test_a_zone_that_does_not_exist_is_refused_with_one_that_does(store: Store, clock) -> None:
    with pytest.raises(UsageError, match="Europe/Berlin"):
        people.add_person(store, "Ada", "Berlin", clock.ms)
    assert people.list_people(store) == []


def test_the_only_person_is_meant_and_of_several_none(store: Store, ada: Person, clock) -> None:
    assert people.choose_person(store, None) == ada
    bert = people.add_person(store, "Bert", "UTC", clock.ms)
    with pytest.raises(UsageError, match="several people"):
        people.choose_person(store, None)
    people.use_person(store, bert)
    assert people.choose_person(store, None) == bert
    assert people.choose_person(store, "ad") == ada
    assert people.choose_person(store, ada.tag) == ada
    people.forget_person(store, bert, clock.ms)
    assert people.choose_person(store, None) == ada


def test_a_beginning_that_can_mean_two_is_refused(store: Store, ada: Person, clock) -> None:
    people.add_person(store, "Adam", "UTC", clock.ms)
    with pytest.raises(UsageError, match="Adam"):
        people.choose_person(store, "a")
    assert people.choose_person(store, "ada") == ada
    with pytest.raises(UsageError, match="nobody's name"):
        people.choose_person(store, "x")


def test_nobody_is_said_with_the_way_on(store: Store) -> None:
    with pytest.raises(UsageError, match="person add"):
        people.choose_person(store, None)


def test_a_changed_person_keeps_the_tag(store: Store, ada: Person, clock) -> None:
    changed = people.change_person(store, ada, "Ada L.", "Asia/Tokyo", clock.days(1))
    assert (changed.tag, changed.added) == (ada.tag, ada.added)
    assert people.list_people(store) == [changed]
