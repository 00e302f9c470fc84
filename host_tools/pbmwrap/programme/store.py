"""The store of a household: one SQLite file, append-only, with a hash chain.

Every change is an event. `events` keeps its kind, the person's tag, its time and hashes; `bodies`
keeps what it says, with a salt. Triggers refuse UPDATE and DELETE, except for the bodies of a
person who was forgotten: their salted hashes stay, so the chain can still be verified, and nothing
can be read out of them. A correction is a new event that names the old one.

A transaction is complete or absent: WAL with synchronous=FULL, so a commit is on the disk when
`writing` returns. Several processes may write; each waits for the other.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pbmwrap import disk, paths
from pbmwrap.errors import InvalidFile, NoPermission, PortBusy, VerifyFailed, WrapError
from pbmwrap.programme.model import Kind, canonical_json

VERSION = 1  # of the schema: PRAGMA user_version
WAIT_S = 10.0  # for another process that writes
FORMAT = "pbmwrap household"
SYNCHRONOUS = "FULL"  # a commit is flushed before `writing` returns; tests set OFF, for speed
FIRST = "0" * 64  # what the first event's hash follows
_ERASE = "erase pending"  # a choice: bodies were deleted, the file is not yet compacted

_SCHEMA = """
CREATE TABLE events (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, person TEXT NOT NULL,
    unix_ms INTEGER NOT NULL, body_sha TEXT NOT NULL, sha TEXT NOT NULL);
CREATE TABLE bodies (number INTEGER PRIMARY KEY, salt TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE choices (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE INDEX events_by_person ON events (person, kind);
CREATE TRIGGER events_in_order BEFORE INSERT ON events
    WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM events)
    BEGIN SELECT RAISE(ABORT, 'events are numbered without gaps'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events cannot be deleted'); END;
CREATE TRIGGER events_same BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events cannot be changed'); END;
CREATE TRIGGER bodies_once BEFORE INSERT ON bodies
    WHEN NOT EXISTS (SELECT 1 FROM events WHERE number = NEW.number)
        OR EXISTS (SELECT 1 FROM bodies WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'a body belongs to one new event'); END;
CREATE TRIGGER bodies_same BEFORE UPDATE ON bodies
    BEGIN SELECT RAISE(ABORT, 'bodies cannot be changed'); END;
CREATE TRIGGER bodies_stay BEFORE DELETE ON bodies
    WHEN NOT EXISTS (
        SELECT 1 FROM events AS gone, events AS its
        WHERE its.number = OLD.number AND its.person <> '' AND its.kind <> 'forget'
            AND gone.kind = 'forget' AND gone.person = its.person AND gone.number > its.number)
    BEGIN SELECT RAISE(ABORT, 'bodies of a person who was not forgotten stay'); END;
"""
_MIGRATIONS = (_SCHEMA,)  # the n-th one leads from version n to n + 1


@dataclass(frozen=True)
class Event:
    """One event. body: its JSON object; {} when the person was forgotten."""

    number: int
    kind: str
    person: str
    unix_ms: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class ChainVerdict:
    """The result of `Store.verify`. head: the last event's hash; forgotten: events without body."""

    events: int
    forgotten: int
    head: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class ChainRow:
    """An event as it is stored and exported, with the exact text of its body; None without it."""

    number: int
    kind: str
    person: str
    unix_ms: int
    body_sha: str
    sha: str
    salt: str | None
    body: str | None


def default_path() -> Path:
    """Return the household's file in the user's data folder. $PBMWRAP_DATA names another folder."""
    return paths.data_dir() / "programme" / "household.sqlite"


def _hash_body(salt: str, body: str) -> str:
    return hashlib.sha256(f"{salt}:{body}".encode()).hexdigest()


def _hash_event(
    number: int, kind: str, person: str, unix_ms: int, body_sha: str, before: str
) -> str:
    text = canonical_json([number, kind, person, unix_ms, body_sha, before])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class Store:
    """One household's file. Use one object in one thread; close it, or use it in `with`."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        """Take an open connection; call `open_store` instead."""
        self.path = path
        self._db = db
        self._depth = 0

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._db.close()

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """Run the body in one transaction: all of it is stored, or nothing. May be nested.

        Raises InvalidFile on a full disk, PortBusy while another process writes for long.
        """
        if self._depth:
            yield self
            return
        with explain_store_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # after a full disk SQLite has rolled back itself
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def append(self, kind: str, person: str, body: Mapping[str, Any], unix_ms: int) -> int:
        """Store an event; returns its number. person: a tag, "" for the household."""
        text = canonical_json(body)
        with self.writing():
            last = self._db.execute(
                "SELECT number, sha FROM events ORDER BY number DESC LIMIT 1"
            ).fetchone()
            number, before = (last[0] + 1, last[1]) if last else (1, FIRST)
            salt = secrets.token_hex(16)
            body_sha = _hash_body(salt, text)
            sha = _hash_event(number, kind, person, unix_ms, body_sha, before)
            self._insert(ChainRow(number, str(kind), person, unix_ms, body_sha, sha, salt, text))
        return number

    def _insert(self, row: ChainRow) -> None:
        self._db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
            (row.number, row.kind, row.person, row.unix_ms, row.body_sha, row.sha),
        )
        if row.body is not None:
            self._db.execute(
                "INSERT INTO bodies VALUES (?, ?, ?)", (row.number, row.salt, row.body)
            )

    def read(self, *kinds: str, person: str | None = None) -> list[Event]:
        """Read the events of these kinds, in their order, of one person or of all.

        Events of people who were forgotten are left out.
        """
        marks = ", ".join("?" * len(kinds))
        where = f"kind IN ({marks})" + ("" if person is None else " AND person = ?")
        values = [*map(str, kinds), *([] if person is None else [person])]
        with explain_store_errors(self.path):
            rows = self._db.execute(
                "SELECT number, kind, person, unix_ms, body FROM events JOIN bodies USING (number)"
                f" WHERE {where} ORDER BY number",
                values,
            ).fetchall()
        return [Event(n, kind, tag, at, json.loads(body)) for n, kind, tag, at, body in rows]

    def count_events(self) -> int:
        """Return how many events there are: a page compares it to see whether anything changed."""
        with explain_store_errors(self.path):
            return self._db.execute("SELECT coalesce(max(number), 0) FROM events").fetchone()[0]

    def choice(self, name: str) -> str:
        """Return a choice of this machine, "" if there is none. Choices are not history."""
        with explain_store_errors(self.path):
            row = self._db.execute("SELECT value FROM choices WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def choices(self, prefix: str = "") -> dict[str, str]:
        """Return all choices whose name begins with `prefix`."""
        with explain_store_errors(self.path):
            rows = self._db.execute("SELECT name, value FROM choices ORDER BY name").fetchall()
        return {name: value for name, value in rows if name.startswith(prefix)}

    def set_choice(self, name: str, value: str) -> None:
        """Keep a choice of this machine; "" removes it."""
        with self.writing():
            if value:
                self._db.execute("INSERT OR REPLACE INTO choices VALUES (?, ?)", (name, value))
            else:
                self._db.execute("DELETE FROM choices WHERE name = ?", (name,))

    def erase_bodies(self, person: str, unix_ms: int) -> int:
        """Forget a person: delete the bodies of all their events; returns how many.

        Hashes, kinds, times and the tag stay. The deleted text is overwritten. Call
        `finish_erasing` afterwards, outside of `writing`; else the next `open_store` does.
        """
        with self.writing():
            self.append(Kind.FORGET, person, {}, unix_ms)
            erased = self._db.execute(
                "DELETE FROM bodies WHERE number IN"
                " (SELECT number FROM events WHERE person = ? AND kind <> 'forget')",
                (person,),
            ).rowcount
            for name in self.choices():
                if name.endswith(f":{person}"):
                    self.set_choice(name, "")
            self.set_choice(_ERASE, "1")
        return erased

    def _compact(self) -> None:
        """Overwrite what was deleted, also in the write-ahead log."""
        with explain_store_errors(self.path):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.set_choice(_ERASE, "")

    def finish_erasing(self) -> None:
        """Compact the file if bodies were erased since it was last compacted."""
        if self.choice(_ERASE):
            self._compact()

    def verify(self) -> ChainVerdict:
        """Compute every hash again; lists each event that does not fit."""
        problems: list[str] = []
        before, forgotten, count, gone = FIRST, 0, 0, self._find_forgotten()
        for row in self._rows():
            count += 1
            problems += _check_row(row, count, before, gone)
            forgotten += row.body is None
            before = row.sha
        return ChainVerdict(count, forgotten, before, tuple(problems))

    def _find_forgotten(self) -> dict[str, int]:
        with explain_store_errors(self.path):
            return dict(
                self._db.execute(
                    "SELECT person, max(number) FROM events WHERE kind = 'forget' GROUP BY person"
                )
            )

    def _rows(self) -> Iterator[ChainRow]:
        with explain_store_errors(self.path):
            for row in self._db.execute(
                "SELECT number, kind, person, unix_ms, body_sha, sha, salt, body"
                " FROM events LEFT JOIN bodies USING (number) ORDER BY number"
            ):
                yield ChainRow(*row)

    def read_chain(self) -> list[ChainRow]:
        """Read all events with their hashes and exact texts, for `check_chain`."""
        return list(self._rows())

    def export_lines(self) -> Iterator[str]:
        """Yield the whole store as lines of JSON, the first one a header. For `import_lines`."""
        with self.writing():  # one state of the store, also while others write
            rows = list(self._rows())
            choices = {n: v for n, v in self.choices().items() if n != _ERASE}
        head = rows[-1].sha if rows else FIRST
        header = {"format": FORMAT, "version": VERSION, "events": len(rows), "head": head}
        yield canonical_json(header | {"choices": choices}) + "\n"
        for row in rows:
            yield canonical_json(vars(row)) + "\n"

    def import_lines(self, lines: Iterable[str], source: str) -> int:
        """Add what an export has and this store has not; returns the number of events added.

        Both must have the same beginning. Nothing is changed, and nothing of a person who was
        forgotten here comes back. Raises InvalidFile, VerifyFailed; then the store is as before.
        """
        header, rows = _read_lines(lines, source)
        with self.writing():
            mine = {row.number: row for row in self._rows()}
            for row in rows[: len(mine)]:
                if mine[row.number].sha != row.sha:
                    raise VerifyFailed(
                        f"{source} is refused: its event {row.number} differs from the store's",
                        "it is another household's, or both went on separately; nothing was "
                        "changed; name another folder in $PBMWRAP_DATA to keep both",
                    )
            fresh = rows[len(mine) :]
            for row in fresh:
                self._insert(row)
            if not mine:
                for name, value in header.get("choices", {}).items():
                    self.set_choice(str(name), str(value))
            again = [r for r in fresh if r.kind == Kind.FORGET]
            for row in again:  # forgotten on the other machine: here too
                self._db.execute(
                    "DELETE FROM bodies WHERE number IN (SELECT number FROM events"
                    " WHERE person = ? AND kind <> 'forget' AND number < ?)",
                    (row.person, row.number),
                )
            if again:
                self.set_choice(_ERASE, "1")
        self.finish_erasing()
        return len(fresh)


def _check_row(row: ChainRow, number: int, before: str, gone: Mapping[str, int]) -> Iterator[str]:
    if row.number != number:
        yield f"event {number} is missing"
    expected = _hash_event(row.number, row.kind, row.person, row.unix_ms, row.body_sha, before)
    if expected != row.sha:
        yield f"event {row.number} does not follow the one before it, or was changed"
    if row.body is None:
        if gone.get(row.person, 0) <= row.number:
            yield f"event {row.number} has lost its text"
    elif _hash_body(row.salt or "", row.body) != row.body_sha:
        yield f"the text of event {row.number} was changed"


def check_chain(rows: Iterable[ChainRow]) -> list[str]:
    """Compute the hashes of a whole chain again; returns what does not fit. A row without its text
    is verified as far as its hash goes: the text was left out, or forgotten."""
    problems: list[str] = []
    before = FIRST
    for number, row in enumerate(rows, 1):
        problems += _check_row(row, number, before, {row.person: row.number + 1})
        before = row.sha
    return problems


def _read_lines(lines: Iterable[str], source: str) -> tuple[dict[str, Any], list[ChainRow]]:
    """Read and check an export. Raises InvalidFile with the line, VerifyFailed."""
    again = "export it again, or use another copy; nothing was changed"
    read: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise InvalidFile(f"{source}, line {number} is not a line of an export", again)
        read.append(fields)
    if not read or read[0].get("format") != FORMAT:
        raise InvalidFile(f"{source} is not an export of `pbmwrap person export`", again)
    header = read[0]
    if header.get("version") != VERSION:
        raise InvalidFile(f"{source} was written by a newer pbmwrap", "install that version here")
    try:
        rows = [ChainRow(**fields) for fields in read[1:]]
    except TypeError:
        raise InvalidFile(f"{source} has lines of another kind", again) from None
    gone = {row.person: row.number for row in rows if row.kind == Kind.FORGET}
    before = FIRST
    for number, row in enumerate(rows, 1):
        for problem in _check_row(row, number, before, gone):
            raise VerifyFailed(f"{source}: {problem}", again)
        before = row.sha
    if len(rows) != header.get("events") or before != header.get("head"):
        raise VerifyFailed(f"{source} is not complete", again)
    return header, rows


def open_store(path: Path | None = None, create: bool = True) -> Store | None:
    """Open the household's file; None if there is none and `create` is False.

    The file and its folder are readable for their owner only. Raises InvalidFile, NoPermission,
    PortBusy.
    """
    path = path or default_path()
    if not path.exists():
        if not create:
            return None
        _make_file(path)
    with explain_store_errors(path):
        db = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
        try:
            _prepare(db, path)
            store = Store(path, db)
            store.finish_erasing()
        except BaseException:
            db.close()
            raise
    return store


def _make_file(path: Path) -> None:
    with disk.explained(path, "made", "name another data folder in $PBMWRAP_DATA"):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
    db.execute("PRAGMA secure_delete = ON")
    db.execute("PRAGMA trusted_schema = OFF")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise InvalidFile(
            f"{path} was written by a newer pbmwrap (version {version}, this one knows {VERSION})",
            "install the newer pbmwrap; nothing was changed",
        )
    if version < VERSION:
        _migrate(db)


def _migrate(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have migrated it meanwhile.
        version = db.execute("PRAGMA user_version").fetchone()[0]
        for script in _MIGRATIONS[version:]:
            for statement in _split_statements(script):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _split_statements(script: str) -> Iterator[str]:
    """Split a script; `executescript` would commit before it runs."""
    part = ""
    for piece in script.split(";"):
        part += piece + ";"
        if sqlite3.complete_statement(part) and part.strip(" \n;"):
            yield part
            part = ""


@contextmanager
def readable(event: Event) -> Iterator[None]:
    """Raise InvalidFile when the body cannot read an event's JSON: a newer program wrote it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise InvalidFile(
            f"record {event.number} ({event.kind}) cannot be read here: {problem}",
            "a newer pbmwrap wrote it: install that version",
        ) from problem


_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DENIED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextmanager
def explain_store_errors(path: Path) -> Iterator[None]:
    """Raise every error of SQLite in the body as one of this program's."""
    try:
        yield
    except sqlite3.Error as problem:
        raise _explain(problem, path) from problem


def _explain(problem: sqlite3.Error, path: Path) -> WrapError:
    code = (getattr(problem, "sqlite_errorcode", 0) or 0) & 0xFF
    if code in _BUSY:
        return PortBusy(f"{path} is in use by another pbmwrap", "wait a moment and try again")
    if code in _FULL:
        return InvalidFile(
            f"{path} cannot be written: {problem}", "free some space there; nothing was changed"
        )
    if code in _DENIED:
        return NoPermission(f"{path} cannot be written: {problem}", "check who owns it")
    if code in _DAMAGED:
        return InvalidFile(
            f"{path} is damaged: {problem}",
            "move it away and run `pbmwrap person import` with your last export",
        )
    return InvalidFile(f"{path}: {problem}", "run `pbmwrap person verify`")
