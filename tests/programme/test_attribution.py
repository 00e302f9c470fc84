"""Whose session is it: by the protocol's tag, by what a person said, and never by a guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pbmwrap.errors import UsageError
from pbmwrap.logs.archive import Archive
from pbmwrap.programme import attribution, journal
from pbmwrap.programme.attribution import SessionBook, list_unattributed, list_uses
from pbmwrap.programme.model import Person
from pbmwrap.programme.people import add_person, forget_person
from pbmwrap.programme.store import Store
from tests.host.log_maker import LogMaker
from tests.host.log_store import HELLO
from tests.programme.builders import make_logged

DAY = date(2026, 1, 5)


def book(*sessions) -> SessionBook:
    return SessionBook(sessions)


def keys(found) -> list[str]:
    return [one.key for one in found]


def test_a_session_without_a_tag_belongs_to_nobody_until_someone_says_so(
    store: Store, ada: Person, clock
) -> None:
    one, two = make_logged(1, DAY), make_logged(2, DAY, tag=ada.tag)
    found = book(one, two)
    assert keys(list_unattributed(store, found)) == [one.key]  # also with one person only
    assert keys(list_uses(store, ada, found)) == [two.key]
    attribution.claim_sessions(store, [one.key], ada, clock.ms)
    assert list_unattributed(store, found) == []
    assert [use.by for use in list_uses(store, ada, found)] == ["claim", "tag"]


def test_what_a_person_said_last_counts_also_against_the_tag(
    store: Store, ada: Person, clock
) -> None:
    bert = add_person(store, "Bert", "UTC", clock.ms)
    found = book(make_logged(1, DAY, tag=ada.tag))
    for person, hers, his in ((bert, 0, 1), (ada, 1, 0), (None, 0, 0)):
        attribution.claim_sessions(store, [found.sessions[0].key], person, clock.ms)
        assert len(list_uses(store, ada, found)) == hers
        assert len(list_uses(store, bert, found)) == his
        assert list_unattributed(store, found) == []


def test_only_sessions_with_light_that_have_ended_are_asked_about(
    store: Store, ada: Person
) -> None:
    dark = make_logged(1, DAY, active_ms=0, reason="moved")
    running = make_logged(2, DAY, reason="still running")
    foreign = make_logged(3, DAY, tag="zz9")
    assert keys(list_unattributed(store, book(dark, running, foreign))) == [foreign.key]
    mine = replace(running, tag=ada.tag)
    assert list_uses(store, ada, book(mine)) == []


def test_nobody_is_asked_about_the_sessions_of_a_person_who_was_forgotten(
    store: Store, ada: Person, clock
) -> None:
    bert = add_person(store, "Bert", "UTC", clock.ms)
    tagged, claimed = make_logged(1, DAY, tag=ada.tag), make_logged(2, DAY)
    attribution.claim_sessions(store, [claimed.key], ada, clock.ms)
    forget_person(store, ada, clock.ms)
    assert list_unattributed(store, book(tagged, claimed)) == []
    assert list_uses(store, bert, book(tagged, claimed)) == []


def test_the_day_of_a_session_is_where_the_person_was(store: Store, ada: Person, clock) -> None:
    late = make_logged(1, DAY, tag=ada.tag)  # 18:00 UTC: 19:00 in Berlin, 03:00 in Tokyo
    assert [use.day for use in list_uses(store, ada, book(late))] == [DAY]
    assert late.unix_ms is not None
    journal.add_entry(store, ada, late.unix_ms - 1000, 5, zone="Asia/Tokyo")
    history = journal.list_history(store, ada)
    assert [use.day for use in list_uses(store, ada, book(late), history)] == [date(2026, 1, 6)]


def keep(root: Path, log: LogMaker, uid: str = "u1") -> Archive:
    archive = Archive(root)
    kept = archive.wrap(uid)
    kept.append(kept.next_offset, log.raw[kept.next_offset :])
    kept.add_about(HELLO)
    return archive


def test_sessions_are_read_from_the_archive_and_again_when_it_grows(folder: Path) -> None:
    log = LogMaker()
    log.power_on()
    log.clock(1_790_000_000)
    log.session(1)
    archive = keep(folder / "data" / "logs", log)
    (one,) = attribution.read_sessions(archive).sessions
    assert one.key.startswith("u1:1:1:")
    assert (one.number, one.active_ms, one.reason) == (1, 600_000, "time")
    assert one.dose_uj is None  # one of two channels is not calibrated
    assert attribution.read_sessions(archive).sessions == (one,)  # as it was kept
    log.session(2)
    keep(folder / "data" / "logs", log)
    assert [s.number for s in attribution.read_sessions().sessions] == [1, 2]
    summary = folder / "data" / "logs" / "u1" / attribution.SUMMARY
    assert summary.stat().st_mode & 0o777 == 0o600
    summary.write_text("{")  # a damaged one is made again
    assert [s.number for s in attribution.read_sessions().sessions] == [1, 2]


def test_the_same_session_in_two_copies_counts_once(folder: Path) -> None:
    log = LogMaker()
    log.power_on()
    log.clock(1_790_000_000)
    log.session(1)
    keep(folder / "data" / "logs", log)
    keep(folder / "data" / "logs", log, "u1.old-1")
    keep(folder / "data" / "logs", log, "u2")  # another wrap
    assert sorted(s.uid for s in attribution.read_sessions().sessions) == ["u1", "u2"]


def test_a_claim_neither_passes_to_another_session_nor_is_lost(
    folder: Path, store: Store, ada: Person, clock
) -> None:
    """After `logs pull --anew` the erased wrap begins again with boot 1 and session 1."""
    first = LogMaker()
    first.power_on()
    first.clock(1_790_000_000)
    first.session(1)
    archive = keep(folder / "data" / "logs", first)
    (one,) = attribution.read_sessions(archive).sessions
    attribution.claim_sessions(store, [one.key], ada, clock.ms)
    archive.wrap("u1").retire_copy()
    second = LogMaker()
    second.power_on()
    second.clock(1_791_000_000)
    second.up_ms += 700
    second.session(1)
    found = attribution.read_sessions(keep(folder / "data" / "logs", second))
    assert [s.uid for s in found.sessions] == ["u1.old-1", "u1"]
    assert keys(list_uses(store, ada, found)) == [one.key]
    assert [s.uid for s in list_unattributed(store, found)] == ["u1"]


def test_a_log_that_cannot_be_read_is_a_note(folder: Path) -> None:
    log = LogMaker()
    log.power_on()
    log.session(1)
    keep(folder / "data" / "logs", log)
    broken = folder / "data" / "logs" / "u2" / "log.jsonl"
    broken.parent.mkdir()
    broken.mkdir()
    found = attribution.read_sessions()
    assert [s.uid for s in found.sessions] == ["u1"]
    assert any("u2" in line for line in found.notes)


def test_sessions_are_found_by_number_or_key() -> None:
    found = book(make_logged(1, DAY), make_logged(1, DAY, key="w2:1:1"), make_logged(2, DAY))
    assert attribution.find_session(found, "2").number == 2
    assert attribution.find_session(found, "w2:1:1").key == "w2:1:1"
    with pytest.raises(UsageError, match="w1:1:1, w2:1:1"):
        attribution.find_session(found, "1")
    with pytest.raises(UsageError, match="no session 9"):
        attribution.find_session(found, "9")
