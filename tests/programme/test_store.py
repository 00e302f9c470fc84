"""The store: append-only, hash-chained, one transaction at a time, forgets and loses nothing."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from pbmwrap.errors import InvalidFile, VerifyFailed, WrapError
from pbmwrap.programme import store as stores
from pbmwrap.programme.model import Kind, Person
from pbmwrap.programme.people import add_person, forget_person
from pbmwrap.programme.store import Store, open_store


def raw(store: Store) -> sqlite3.Connection:
    """A connection of another program."""
    return sqlite3.connect(store.path, isolation_level=None)


def fill(store: Store, person: Person, number: int = 5) -> None:
    for n in range(number):
        store.append(Kind.ENTRY, person.tag, {"n": n, "text": f"secret {n} of {person.name}"}, n)


def reopen(path: Path) -> Store:
    found = open_store(path)
    assert found is not None
    return found


def test_only_the_owner_can_read_the_file(store: Store, ada: Person) -> None:
    for file in store.path.parent.glob("h.sqlite*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_each_commit_is_flushed(store: Store, tmp_path: Path, monkeypatch) -> None:
    """The tests flush nothing, see conftest.py; the program always does."""
    monkeypatch.undo()
    said = []

    class Listening(sqlite3.Connection):
        def execute(self, *args):  # type: ignore[override]
            said.append(args[0])
            return super().execute(*args)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, factory=Listening, **k))
    reopen(tmp_path / "flushed.sqlite").close()
    assert "PRAGMA synchronous = FULL" in said and "PRAGMA journal_mode = WAL" in said


def test_a_household_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    assert open_store(tmp_path / "none.sqlite", create=False) is None
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE events SET unix_ms = 0 WHERE number = 1", "cannot be changed"),
        ("DELETE FROM events WHERE number = 1", "cannot be deleted"),
        ("UPDATE bodies SET body = '{}' WHERE number = 1", "cannot be changed"),
        ("DELETE FROM bodies WHERE number = 1", "not forgotten stay"),
        ("INSERT OR REPLACE INTO events VALUES (1, 'x', '', 0, '', '')", "without gaps"),
        ("INSERT INTO events VALUES (99, 'x', '', 0, '', '')", "without gaps"),
        ("INSERT OR REPLACE INTO bodies VALUES (1, '', '{}')", "one new event"),
        ("INSERT INTO bodies VALUES (99, '', '{}')", "one new event"),
    ],
)
def test_history_cannot_be_changed(store: Store, ada: Person, statement: str, why: str) -> None:
    db = raw(store)
    with pytest.raises(sqlite3.IntegrityError, match=why):
        db.execute(statement)
    db.close()
    assert store.verify().problems == ()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE bodies SET body = replace(body, 'secret 2', 'secret 9')", "text of event 4"),
        ("UPDATE events SET unix_ms = 77 WHERE number = 3", "event 3 does not follow"),
        ("DELETE FROM bodies WHERE number = 5", "event 5 has lost its text"),
        ("DELETE FROM events WHERE number = 3", "event 3 is missing"),
    ],
)
def test_a_change_by_other_means_is_found(
    store: Store, ada: Person, statement: str, found: str
) -> None:
    fill(store, ada)
    db = raw(store)
    for name in ("events_same", "events_stay", "bodies_same", "bodies_stay"):
        db.execute(f"DROP TRIGGER {name}")
    db.execute(statement)
    db.close()
    assert any(found in problem for problem in store.verify().problems), store.verify().problems


def test_a_transaction_is_whole_or_absent(store: Store, ada: Person) -> None:
    before = store.count_events()
    with pytest.raises(RuntimeError), store.writing():
        store.append(Kind.ENTRY, ada.tag, {"n": 1}, 1)
        store.set_choice("a", "b")
        raise RuntimeError
    assert store.count_events() == before
    assert store.choice("a") == ""


def test_forgetting_overwrites_the_text_and_keeps_the_chain(store: Store, clock) -> None:
    ada = add_person(store, "Adelheid", "UTC", clock.ms)
    bert = add_person(store, "Bert", "UTC", clock.ms)
    fill(store, ada)
    fill(store, bert, 2)
    store.set_choice(f"calendar:{ada.tag}-1:{ada.tag}", "/home/x.ics")
    head = store.verify().head
    assert forget_person(store, ada, clock.ms) == 6
    verdict = store.verify()
    assert (verdict.problems, verdict.forgotten, verdict.events) == ((), 6, 10)
    assert verdict.head != head
    assert store.choices("calendar:") == {}
    assert [e.body["n"] for e in store.read(Kind.ENTRY)] == [0, 1]  # Bert's
    store.close()
    for file in store.path.parent.glob("h.sqlite*"):
        assert b"Adelheid" not in file.read_bytes(), file
    assert b"of Bert" in store.path.read_bytes()


def test_an_interrupted_forgetting_is_finished_when_the_file_is_opened(
    store: Store, ada: Person, clock, monkeypatch
) -> None:
    fill(store, ada)
    monkeypatch.setattr(Store, "finish_erasing", lambda self: None)
    forget_person(store, ada, clock.ms)
    assert store.read(Kind.ENTRY) == []
    store.close()
    monkeypatch.undo()
    reopen(store.path).close()
    for file in store.path.parent.glob("h.sqlite*"):
        assert b"of Ada" not in file.read_bytes()


@pytest.mark.parametrize("step", ["_prepare", "finish_erasing"])
def test_a_file_that_cannot_be_opened_is_closed_at_once(store: Store, monkeypatch, step) -> None:
    """Left open until Python frees it, it kept other processes from writing now and then."""
    opened = []
    connect = sqlite3.connect

    def remember(*args, **names):
        opened.append(connect(*args, **names))
        return opened[-1]

    def fail(*_) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(stores.sqlite3, "connect", remember)
    monkeypatch.setattr(stores if step == "_prepare" else Store, step, fail)
    with pytest.raises(WrapError):
        open_store(store.path)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


def test_export_and_import_lose_nothing(store: Store, ada: Person, tmp_path: Path, clock) -> None:
    bert = add_person(store, "Bert", "UTC", clock.ms)
    fill(store, ada)
    fill(store, bert)
    forget_person(store, bert, clock.ms)
    store.set_choice("person", ada.tag)
    lines = list(store.export_lines())
    other = reopen(tmp_path / "other.sqlite")
    with other:
        assert other.import_lines(lines, "x") == store.count_events()
        assert list(other.export_lines()) == lines
        assert other.import_lines(lines, "x") == 0  # again: nothing new
        fill(other, ada, 3)
        assert store.import_lines(other.export_lines(), "y") == 3  # what was added there
        assert list(store.export_lines()) == list(other.export_lines())


def test_an_import_brings_nobody_back_who_was_forgotten(store: Store, ada: Person, clock) -> None:
    fill(store, ada)
    old = list(store.export_lines())
    forget_person(store, ada, clock.ms)
    assert store.import_lines(old, "old") == 0
    assert store.read(Kind.ENTRY, Kind.PERSON) == []


def test_forgetting_on_one_machine_reaches_the_other(
    store: Store, ada: Person, tmp_path: Path, clock
) -> None:
    fill(store, ada)
    other = reopen(tmp_path / "other.sqlite")
    with other:
        other.import_lines(store.export_lines(), "x")
        forget_person(store, ada, clock.ms)
        other.import_lines(store.export_lines(), "x")
        assert other.read(Kind.ENTRY, Kind.PERSON) == []
        assert other.verify().problems == ()
    for file in tmp_path.glob("other.sqlite*"):
        assert b"of Ada" not in file.read_bytes()


def test_an_import_that_went_another_way_changes_nothing(
    store: Store, ada: Person, tmp_path: Path
) -> None:
    other = reopen(tmp_path / "other.sqlite")
    with other:
        other.import_lines(store.export_lines(), "x")
        fill(other, ada, 2)
        fill(store, ada, 1)
        before = list(store.export_lines())
        with pytest.raises(VerifyFailed, match="event 2 differs"):
            store.import_lines(other.export_lines(), "y")
        assert list(store.export_lines()) == before


def test_every_damage_to_an_export_is_refused(store: Store, ada: Person, tmp_path: Path) -> None:
    fill(store, ada)
    lines = list(store.export_lines())
    other = reopen(tmp_path / "other.sqlite")
    damaged = [
        lines[:-1],  # cut off
        lines[1:],  # without header
        [lines[0], *lines[2:]],
        [lines[0], lines[2], lines[1], *lines[3:]],
        [line.replace("secret 3", "secret 4") for line in lines],
        [*lines[:3], "{", *lines[4:]],
        [*lines[:3], '{"a": 1}\n', *lines[4:]],
        [],
        ["[]"],
    ]
    with other:
        for case in damaged:
            with pytest.raises((InvalidFile, VerifyFailed)):
                other.import_lines(case, "x")
            assert other.count_events() == 0


def test_a_file_of_a_newer_program_is_left_alone(store: Store, ada: Person) -> None:
    db = raw(store)
    db.execute("PRAGMA user_version = 2")
    db.close()
    before = store.path.read_bytes()
    with pytest.raises(InvalidFile, match="newer pbmwrap"):
        open_store(store.path)
    assert store.path.read_bytes() == before


def test_a_damaged_file_is_named_with_the_way_on(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    file.write_bytes(b"not a database" * 1000)
    with pytest.raises(InvalidFile, match="person import"):
        open_store(file)


def test_two_processes_write_at_the_same_time(store: Store, ada: Person) -> None:
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with reopen(store.path) as mine:
                    fill(mine, ada, 30)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert store.count_events() == 61
    assert store.verify().problems == ()
