"""Power cut, killed process and full disk at every write: what was committed stays, and nothing
half done shows."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pbmwrap.errors import InvalidFile
from pbmwrap.programme import store as stores
from pbmwrap.programme.journal import add_entry, list_entries
from pbmwrap.programme.model import Kind, Person
from pbmwrap.programme.people import forget_person, list_people
from pbmwrap.programme.red_flags import list_flags
from pbmwrap.programme.store import Store, open_store


def reopen(path: Path) -> Store:
    found = open_store(path)
    assert found is not None
    return found


def in_child(body: Callable[[], None]) -> int:
    """Run in a process of its own; returns its exit code."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            body()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Dying(sqlite3.Connection):
    """Ends its process like SIGKILL, before the n-th statement."""

    left = 1 << 30

    def execute(self, *args):  # type: ignore[override]
        Dying.left -= 1
        if Dying.left < 0:
            os._exit(9)
        return super().execute(*args)


def kill_at_each_statement(
    path: Path, monkeypatch, act: Callable[[Store], None], check: Callable[[Store, bool], None]
) -> int:
    """Run `act` on copies, and kill it before each statement; returns how many there were."""
    connect = sqlite3.connect
    monkeypatch.setattr(stores.sqlite3, "connect", lambda *a, **k: connect(*a, factory=Dying, **k))
    for number in range(200):
        copy = path.with_name(f"cut-{number}.sqlite")
        shutil.copy(path, copy)

        def body(copy: Path = copy, number: int = number) -> None:
            Dying.left = number
            with reopen(copy) as mine:
                act(mine)

        code = in_child(body)
        assert code in (0, 9)
        with reopen(copy) as after:
            assert after.verify().problems == ()
            check(after, code == 0)
        if code == 0:
            return number
    raise AssertionError("it does not end")


def closed_copy(store: Store) -> Path:
    store.close()
    return store.path


def test_a_process_killed_at_any_statement_of_an_entry_leaves_all_or_nothing(
    store: Store, ada: Person, clock, monkeypatch
) -> None:
    add_entry(store, ada, clock.ms, 5)
    path, later = closed_copy(store), clock.ms + 86_400_000

    def act(mine: Store) -> None:
        add_entry(mine, ada, later, 7, flags=("wound", "fever"))

    seen = set()

    def check(after: Store, done: bool) -> None:
        state = len(list_entries(after, ada)), len(list_flags(after, ada))
        assert state == (2, 2) if done else state in ((1, 0), (2, 2))
        seen.add(state)

    statements = kill_at_each_statement(path, monkeypatch, act, check)
    assert statements > 15
    assert seen == {(1, 0), (2, 2)}


def test_a_process_killed_while_it_makes_the_file_leaves_a_usable_one(
    tmp_path: Path, monkeypatch
) -> None:
    empty = tmp_path / "empty.sqlite"
    empty.touch(0o600)

    def check(after: Store, _done: bool) -> None:
        assert list_people(after) == []
        after.append(Kind.ENTRY, "x", {}, 1)

    assert kill_at_each_statement(empty, monkeypatch, lambda mine: None, check) > 10


def test_a_process_killed_while_it_forgets_leaves_a_person_or_nothing_of_them(
    store: Store, ada: Person, clock, monkeypatch
) -> None:
    for n in range(3):
        add_entry(store, ada, clock.days(1), n, changed="pills of Ada")
    path = closed_copy(store)

    def check(after: Store, done: bool) -> None:
        people, entries = len(list_people(after)), len(list_entries(after, ada))
        assert (people, entries) in ((0, 0),) if done else (people, entries) in ((0, 0), (1, 3))
        if not people:
            after.close()
            for file in after.path.parent.glob(f"{after.path.name}*"):
                assert b"pills" not in file.read_bytes(), file

    def act(mine: Store) -> None:
        forget_person(mine, ada, clock.ms)

    kill_at_each_statement(path, monkeypatch, act, check)


@pytest.mark.parametrize("tail", ["cut", "zeros", "noise", "stale"])
def test_a_power_cut_at_any_byte_of_the_log_keeps_what_was_committed(
    store: Store, ada: Person, tmp_path: Path, tail: str
) -> None:
    """The file is flushed at each commit, so a cut loses bytes of the transaction under way only,
    which may be there in part, as zeros, or as other bytes."""
    wal = store.path.with_name("h.sqlite-wal")
    sizes = []
    for n in range(3):
        store.append(Kind.ENTRY, ada.tag, {"n": n, "text": "x" * 3000}, n)
        sizes.append(wal.stat().st_size)
    database, log = store.path.read_bytes(), wal.read_bytes()
    cuts = sorted({*range(sizes[0], sizes[2], 1021), *sizes})
    for cut in cuts:
        missing = len(log) - cut
        end = {
            "cut": b"",
            "zeros": bytes(missing),
            "noise": bytes(255 - b for b in log[cut:]),
            "stale": log[:missing],
        }[tail]
        copy = tmp_path / "copy.sqlite"
        for name in ("", "-wal", "-shm"):
            copy.with_name(f"copy.sqlite{name}").unlink(missing_ok=True)
        copy.write_bytes(database)
        copy.with_name("copy.sqlite-wal").write_bytes(log[:cut] + end)
        with reopen(copy) as after:
            whole = sum(size <= cut for size in sizes)
            assert [e.body["n"] for e in after.read(Kind.ENTRY)] == list(range(whole)), cut
            assert after.verify().problems == ()


def test_a_power_cut_while_the_log_is_moved_into_the_file_loses_nothing(
    store: Store, ada: Person, tmp_path: Path
) -> None:
    wal = store.path.with_name("h.sqlite-wal")
    for n in range(6):
        store.append(Kind.ENTRY, ada.tag, {"n": n, "text": "x" * 3000}, n)
    old, log = store.path.read_bytes(), wal.read_bytes()
    store.close()  # moves the log into the file
    new = store.path.read_bytes()
    old = old.ljust(len(new), b"\0")
    for cut in range(0, len(new), 2600):
        copy = tmp_path / "copy.sqlite"
        for name in ("-wal", "-shm"):
            copy.with_name(f"copy.sqlite{name}").unlink(missing_ok=True)
        copy.write_bytes(new[:cut] + old[cut:])
        copy.with_name("copy.sqlite-wal").write_bytes(log)
        with reopen(copy) as after:
            assert [e.body["n"] for e in after.read(Kind.ENTRY)] == list(range(6)), cut
            assert after.verify().problems == ()


def test_a_full_database_keeps_what_was_committed_and_goes_on_with_space(
    store: Store, ada: Person, clock, monkeypatch
) -> None:
    path, connect = closed_copy(store), sqlite3.connect

    def small(*args, **options):
        db = connect(*args, **options)
        db.execute("PRAGMA max_page_count = 14")
        return db

    monkeypatch.setattr(stores.sqlite3, "connect", small)
    stored = 0
    with reopen(path) as mine, reopen(path) as other:
        with pytest.raises(InvalidFile, match="free some space"):
            for _ in range(200):
                add_entry(mine, ada, clock.days(1), 5, changed="x" * 400, flags=("fever",))
                stored += 1
        assert stored > 2
        for seen in (mine, other):  # the one that failed, and what others see
            assert len(list_entries(seen, ada)) == len(list_flags(seen, ada)) == stored
            assert seen.verify().problems == ()
        monkeypatch.undo()
    with reopen(path) as after:
        add_entry(after, ada, clock.days(1), 5, changed="x" * 400)
        assert len(list_entries(after, ada)) == stored + 1


def test_a_disk_that_is_full_at_any_byte_keeps_what_was_committed(
    store: Store, ada: Person, clock, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the full disk: writes fail in the middle."""
    add_entry(store, ada, clock.ms, 5)
    path = closed_copy(store)
    outcomes = set()
    for limit in range(0, 64_000, 2900):
        copy = tmp_path / f"full-{limit}.sqlite"
        shutil.copy(path, copy)

        def body(copy: Path = copy, limit: int = limit) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                with reopen(copy) as mine:
                    add_entry(mine, ada, clock.ms + 86_400_000, 7, flags=("wound", "fever"))
            except InvalidFile as problem:
                assert "free some space" in problem.hint, problem
                os._exit(7)

        code = in_child(body)
        assert code in (0, 7)
        with reopen(copy) as after:
            state = len(list_entries(after, ada)), len(list_flags(after, ada))
            assert state == ((2, 2) if code == 0 else (1, 0)), limit
            assert after.verify().problems == ()
        outcomes.add(code)
    assert outcomes == {0, 7}
