"""Power cut and full disk at every write that an act makes to the household's file, and at every
statement of each command and of each request of the page.

SQLite appends a transaction to its log, each page as two writes (head and content); the writes are
counted by the system's own counter. Moving the log into the file is in `test_store_faults.py`.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.errors import InvalidFile
from pbmwrap.programme import courses, holds, journal, people, red_flags, trial_steps, trials
from pbmwrap.programme import store as stores
from pbmwrap.programme.attribution import claim_sessions
from pbmwrap.programme.journal_file import FileJournal, FileRow, store_journal
from pbmwrap.programme.model import PAIN, Kind, Person, Stamp, StopRule
from pbmwrap.programme.store import Store, default_path, open_store
from pbmwrap.protocols import template
from pbmwrap.trial.analysis import PeriodGuess
from tests.programme.builders import FOOT, HAND
from tests.trial.trial_maker import make_frozen
from tests.web.kit import make_site

DAY_MS = 86_400_000
FRAME_HEAD, PAGE = 24, 4096
SHARED_BYTES = 32_768  # of the file that SQLite shares between processes; a smaller disk has none


@dataclass
class Scene:
    """A household before an act. ms: now."""

    store: Store
    ada: Person
    ms: int
    export: list[str]

    @property
    def draft(self):
        return courses.find_course(self.store, self.ada)

    @property
    def bert(self) -> Person:
        """Who is in a blinded trial."""
        return people.find_person(people.list_people(self.store), "Bert")

    @property
    def trial(self) -> trials.Trial:
        return trials.find_trial(self.store, self.bert)


class _Client:
    """A wrap that takes everything."""

    def call(self, _method: str, _params: Any) -> dict[str, Any]:
        return {}


def add_many(scene: Scene) -> None:
    first = scene.store.read(Kind.ENTRY)[0].body["day"]
    day = journal.date.fromisoformat(first)
    rows = [
        FileRow(
            n + 2, day.replace(year=day.year - 1, day=n + 1), float(n % 11), None, None, "x", ""
        )
        for n in range(20)
    ]
    store_journal(scene.store, scene.ada, FileJournal(rows), PAIN, scene.ms)


def freeze(scene: Scene) -> None:
    courses.freeze_course(scene.store, scene.ada, scene.draft, scene.ms)


def change(scene: Scene) -> None:
    plan = replace(scene.draft, aim="run", stop=StopRule(8))
    courses.change_course(scene.store, scene.ada, plan, scene.ms)


def close_draft(scene: Scene) -> None:
    courses.close_course(scene.store, scene.ada, scene.draft, "too hot", scene.ms)


def make_second(scene: Scene) -> None:
    courses.make_course(
        scene.store,
        scene.bert,
        aim="walk",
        sites=[FOOT, HAND],
        measure=PAIN,
        unix_ms=scene.ms,
        weeks=8,
    )


def freeze_trial(store: Store, person: Person, ms: int) -> trials.Trial:
    day = journal.date.fromisoformat("2026-03-02")
    plan = make_frozen(id=f"{person.tag}-t1", person=person.tag, enrolled=Stamp(ms, 0), start=day)
    return trials.freeze_trial(store, person, plan, ms)


def note(what: str, **more: object) -> Callable[[Scene], object]:
    return lambda s: trials.note_trial(s.store, s.bert, s.trial, what, s.ms, **more)


def guess_period(scene: Scene) -> None:
    guess = PeriodGuess(0, True, 3, "it was warm")
    trials.add_guess(scene.store, scene.bert, scene.trial, guess, scene.ms)


ACTS: dict[str, Callable[[Scene], object]] = {
    "person add": lambda s: people.add_person(s.store, "Cleo", "UTC", s.ms),
    "person change": lambda s: people.change_person(s.store, s.ada, "Ada B.", "UTC", s.ms),
    "person use": lambda s: people.use_person(s.store, s.ada),
    "person forget": lambda s: people.forget_person(s.store, s.ada, s.ms),
    "person import": lambda s: s.store.import_lines(s.export, "export"),
    "course new": make_second,
    "course change": change,
    "course freeze": freeze,
    "course close": close_draft,
    "course note": lambda s: holds.note_plan(_Client(), "w1", s.store, s.draft, "frozen", s.ms),  # type: ignore[arg-type]
    "journal add": lambda s: journal.add_entry(s.store, s.ada, s.ms, 7, flags=("burn", "fever")),
    "journal correct": lambda s: journal.add_entry(s.store, s.ada, s.ms, 2, corrects=_first(s)),
    "journal flags": lambda s: red_flags.confirm_read(
        s.store, s.ada, red_flags.list_unread(s.store, s.ada), s.ms
    ),
    "journal total": lambda s: journal.add_total(s.store, s.ada, "PROMIS", 5, 0, 9, "end", s.ms),
    "journal mnsi": lambda s: journal.add_total(
        s.store, s.ada, "MNSI", 15, 0, 15, "", s.ms, answers=[True] * 15
    ),
    "journal import": add_many,
    "person assign": lambda s: claim_sessions(
        s.store, [f"w1:1:{n}" for n in range(300)], s.ada, s.ms
    ),
    "trial start": lambda s: freeze_trial(s.store, s.ada, s.ms),
    "trial armed": note(trials.ARMED, uid="w2", commitment="d" * 64),
    "trial entry": lambda s: trials.add_trial_entry(s.store, s.bert, s.trial, (5, 6), s.ms),
    "trial guess": guess_period,
    "trial close": note(trials.CLOSED, period=0),
    "trial reveal": note(trials.REVEALED, secret="5" * 64, reason=""),
    "trial unblind": note(trials.UNBLINDED, secret="5" * 64, reason="it got worse"),
    "trial end": lambda s: trial_steps.end_without_wrap(s.store, s.bert, s.trial, "lost", s.ms),
}


def leave_rest(cases: Iterable[Any], often: Iterable[Any]) -> list[Any]:
    """Mark all cases but those of `often` for `make store-cuts`."""
    often = list(often)
    return [one if one in often else pytest.param(one, marks=pytest.mark.campaign) for one in cases]


def _first(scene: Scene) -> int:
    return scene.store.read(Kind.ENTRY)[0].number


def count_events(store: Store) -> dict[str, int]:
    """What the store has: events with their text by kind, and choices. The chain must be whole."""
    verdict = store.verify()
    assert verdict.problems == ()
    found = Counter(str(event.kind) for event in store.read(*Kind))
    found.update({f"choice {name}": 1 for name in store.choices() if name != "erase pending"})
    return {**found, "all": verdict.events}


def reopen(path: Path) -> Store:
    found = open_store(path)
    assert found is not None
    return found


@pytest.fixture
def scene(tmp_path: Path, clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A household whose log is longer than the file that SQLite shares."""
    monkeypatch.setattr(stores, "WAIT_S", 0.0)  # forgetting waits for a process that reads
    with reopen(tmp_path / "h.sqlite") as store:
        ada = people.add_person(store, "Ada", "UTC", clock.ms)
        people.add_person(store, "Bert", "UTC", clock.ms)
        courses.make_course(
            store, ada, aim="walk", sites=[FOOT], measure=PAIN, unix_ms=clock.ms, weeks=8
        )
        journal.add_entry(store, ada, clock.ms, 5, flags=("wound",), changed="pills of Ada")
        for n in range(4):
            store.append("newer", "", {"text": "x" * 9000, "n": n}, clock.ms)
        bert = people.find_person(people.list_people(store), "Bert")
        armed = freeze_trial(store, bert, clock.ms)
        trials.note_trial(store, bert, armed, trials.ARMED, clock.ms, uid="w1", commitment="c" * 64)
        with closing(sqlite3.connect(store.path)) as other:
            copy = tmp_path / "more.sqlite"
            other.execute("VACUUM INTO ?", (str(copy),))
        with reopen(copy) as more:
            for n in range(1, 6):
                journal.add_entry(more, ada, clock.ms + n * DAY_MS, 4)
            export = list(more.export_lines())
        yield Scene(store, ada, clock.ms + 2 * DAY_MS, export)


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def count_writes() -> int:
    """The writes of this process so far, by the system's counter."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("syscw"))


@contextmanager
def held_log(path: Path) -> Iterator[None]:
    """Keep the log from being moved into the file, as another process that reads does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        yield
        reader.execute("COMMIT")


def copy_household(path: Path, to: Path) -> Path:
    to.mkdir(exist_ok=True)
    for name in (path.name, log_of(path).name):
        shutil.copy(path.with_name(name), to / name)
    (to / f"{path.name}-shm").unlink(missing_ok=True)
    return to / path.name


def list_cuts(log: bytes, before: int) -> list[int]:
    """The sizes of the log before each write, in the middle of it, and after the last."""
    cuts = []
    for frame in range(before, len(log), FRAME_HEAD + PAGE):
        cuts += [frame, frame + 11, frame + FRAME_HEAD, frame + FRAME_HEAD + PAGE // 2 + 1]
    return [*cuts, len(log)]


@pytest.mark.parametrize("name", ACTS)
def test_a_power_cut_at_every_write_of_an_act_leaves_all_or_nothing(
    name: str, scene: Scene, tmp_path: Path
) -> None:
    path = scene.store.path
    before, size = count_events(scene.store), log_of(path).stat().st_size
    with held_log(path):
        writes = count_writes()
        ACTS[name](scene)
        writes = count_writes() - writes
        log, database = log_of(path).read_bytes(), path.read_bytes()
    after = count_events(scene.store)
    assert after != before
    cuts = list_cuts(log, size)
    assert writes == (len(cuts) - 1) // 2 > 0  # none escapes this test
    seen = []
    for cut in cuts:
        for rest in (b"", bytes(255 - b for b in log[cut : cut + 8192])):
            copy = tmp_path / "copy" / path.name
            copy.parent.mkdir(exist_ok=True)
            for ending in ("-shm", "-wal", ""):
                copy.with_name(path.name + ending).unlink(missing_ok=True)
            copy.write_bytes(database)
            log_of(copy).write_bytes(log[:cut] + rest)
            with reopen(copy) as store:
                seen.append(count_events(store))
                gone = name == "person forget" and seen[-1] == after
            if gone:  # also when the cut came before the file was compacted
                files = copy.parent.glob(f"{path.name}*")
                assert not any(b"pills" in file.read_bytes() for file in files)
    assert all(state in (before, after) for state in seen)
    assert seen[0] == before and seen[-1] == after
    assert seen == sorted(seen, key=lambda state: state == after)  # never back


def in_child(body: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = body()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", leave_rest(ACTS, ("journal add", "course freeze")))
def test_a_disk_that_is_full_at_every_write_of_an_act_leaves_all_or_nothing(
    name: str, scene: Scene, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the full disk."""
    path = scene.store.path
    start = copy_household(path, tmp_path / "start")
    before, size = count_events(scene.store), log_of(path).stat().st_size
    assert size > SHARED_BYTES
    with held_log(path):
        ACTS[name](scene)
        log = log_of(path).read_bytes()
    after = count_events(scene.store)

    def act(copy: Path, limit: int) -> int:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with reopen(copy) as store, held_log(copy):
            mine = replace(scene, store=store)
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
            try:
                ACTS[name](mine)
            except InvalidFile as problem:
                assert "free some space" in problem.hint, problem
                state = count_events(store)
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
                if state == before:  # with space it works, in the same process too
                    ACTS[name](mine)
                assert count_events(store) == after
                return 7 if state == before else 8
            return 0

    codes = []
    for number, limit in enumerate(list_cuts(log, size)):
        copy = copy_household(start, tmp_path / f"full-{number}")
        codes.append(in_child(lambda copy=copy, limit=limit: act(copy, limit)))
        with reopen(copy) as store:
            assert count_events(store) == after
        shutil.rmtree(copy.parent)
    # 8: a person was forgotten, and only the compacting did not succeed
    allowed = {0, 7, 8} if name == "person forget" else {0, 7}
    assert set(codes) <= allowed and codes[0] == 7 and codes[-1] == 0


def test_a_power_cut_at_every_write_of_a_new_file_leaves_one_that_can_be_used(
    tmp_path: Path,
) -> None:
    path = tmp_path / "h.sqlite"
    with reopen(path), held_log(path):
        log, database = log_of(path).read_bytes(), path.read_bytes()
    assert len(log) > FRAME_HEAD + PAGE
    for cut in [0, 16, *list_cuts(log, 32)]:
        copy = tmp_path / "copy.sqlite"
        for ending in ("-shm", "-wal", ""):
            copy.with_name(copy.name + ending).unlink(missing_ok=True)
        copy.write_bytes(database)
        log_of(copy).write_bytes(log[:cut])
        with reopen(copy) as store:
            assert people.list_people(store) == []
            people.add_person(store, "Ada", "UTC", 1)
            assert store.verify().problems == ()


# ---- commands and requests of the page: an error at every statement


class Failing(sqlite3.Connection):
    """The disk is full at the n-th statement, and has space again afterwards."""

    left = 1 << 30
    count = 0

    def execute(self, *args):  # type: ignore[override]
        Failing.count += 1
        Failing.left -= 1
        if Failing.left == -1:
            problem = sqlite3.OperationalError("database or disk is full")
            problem.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise problem
        return super().execute(*args)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(
        stores.sqlite3, "connect", lambda *a, **k: connect(*a, factory=Failing, **k)
    )


def fail_at_every_statement(
    tmp_path: Path, act: Callable[[], bool], between: Callable[[], object] = lambda: None
) -> int:
    """Run `act` on copies of the household; returns its number of statements.

    act: returns whether it said that it had done it. between: after each copy.
    """
    path = default_path()
    with reopen(path) as store:
        before = count_events(store)
    with closing(sqlite3.connect(path)) as whole:  # so that a copy needs one file only
        whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = tmp_path / "kept.sqlite"
    shutil.copy(path, kept)
    after: dict[str, int] | None = None
    half_done = []
    for number in range(-1, 400):
        for ending in ("-shm", "-wal"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        shutil.copy(kept, path)
        between()
        Failing.count, Failing.left = 0, number if number >= 0 else 1 << 30
        done = act()
        statements, Failing.left = Failing.count, 1 << 30
        with reopen(path) as store:
            state = count_events(store)
        if number < 0:
            assert done
            after = state
            continue
        assert state == after if done else state in (before, after), number
        half_done.append(state)
        if number >= statements:
            assert done and before != after and before in half_done
            return statements
    raise AssertionError("it does not end")


COMMANDS = (
    ("person", "add", "Cleo", "--zone", "UTC"),
    ("person", "use", "Ada"),
    ("person", "forget", "Ada", "--yes"),
    ("person", "import", "{folder}/export.jsonl"),
    ("course", "new", "carpal-tunnel", "--aim", "write", "--person", "Bert", "--yes"),
    ("course", "change", "--aim", "run", "--person", "Ada"),
    ("course", "freeze", "--yes", "--person", "Ada"),
    ("course", "close", "too hot", "--person", "Ada"),
    ("journal", "add", "7", "--flag", "burn", "--person", "Ada"),
    ("journal", "correct", "4", "--value", "2", "--person", "Ada"),
    ("journal", "flags", "--yes", "--person", "Ada"),
    ("journal", "total", "PROMIS", "5", "--person", "Ada"),
    ("journal", "mnsi", "y" * 15, "--person", "Ada"),
    ("journal", "import", "{folder}/old.csv", "--person", "Ada"),
    ("trial", "entry", "5", "6", "--person", "Bert"),
    ("trial", "unblind", "--without-wrap", "--reason", "it is lost", "--person", "Bert"),
)


@pytest.fixture
def household(folder: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene, clock, failing) -> Path:
    """The scene as the household of the commands and of the page, two days later."""
    monkeypatch.setenv("PBMWRAP_PORT", "/dev/null")
    monkeypatch.setenv("PBMWRAP_RUNTIME", str(folder))
    monkeypatch.setenv("TZ", "UTC")
    clock.ms = scene.ms
    default_path().parent.mkdir(parents=True)
    with closing(sqlite3.connect(scene.store.path)) as kept:
        kept.execute("VACUUM INTO ?", (str(default_path()),))
    (folder / "export.jsonl").write_text("".join(scene.export))
    (folder / "old.csv").write_text("day,number\n2025-01-02,5\n2025-01-03,6\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("words", leave_rest(COMMANDS, (COMMANDS[2], *COMMANDS[6:9])), ids=" ".join)
def test_an_error_at_every_statement_of_a_command_leaves_all_or_nothing(
    words: tuple[str, ...], household: Path
) -> None:
    words = tuple(word.format(folder=household) for word in words)

    def act() -> bool:
        result = CliRunner().invoke(main.app, [*words, "--json"])
        said = json.loads(result.stdout)
        assert said["ok"] == (result.exit_code == 0), said
        return result.exit_code == 0

    assert fail_at_every_statement(household, act) >= 10


REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/people", {"name": "Cleo"}),
    ("/api/journal", {"value": 7, "flags": ["burn"]}),
    ("/api/journal", {"value": 2, "corrects": 4}),
    ("/api/journal/read", {"flags": [5]}),
    ("/api/journal/mnsi", {"answers": [False] * 15, "when": "baseline"}),
    ("/api/course", {"sites": ["{example}"], "aim": "write", "points": 2}),
    ("/api/course/change", {"aim": "run", "points": 2}),
    ("/api/course/freeze", {"id": "{course}"}),
    ("/api/course/close", {"id": "{course}", "why": "too hot"}),
    ("/api/trial/entry", {"values": [5, 6]}),
    ("/api/trial/entry", {"values": [5, 6], "day": "{yesterday}"}),
    ("/api/trial/unblind", {"reason": "lost", "confirmed": 2, "without_wrap": True}),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "request_", leave_rest(REQUESTS, (REQUESTS[1], REQUESTS[3], REQUESTS[7])), ids=str
)
def test_an_error_at_every_statement_of_a_request_leaves_all_or_nothing(
    request_: tuple[str, dict[str, Any]], household: Path, scene: Scene
) -> None:
    path, body = request_
    who = "Bert" if path == "/api/course" or path.startswith("/api/trial") else "Ada"
    texts = {
        "{example}": template.examples()["carpal-tunnel"].read_text(encoding="utf-8"),
        "{course}": scene.draft.id,
        "{yesterday}": datetime.fromtimestamp(scene.ms / 1000 - 86_400, UTC).date().isoformat(),
    }
    sent = json.loads(json.dumps(body))
    for key, value in sent.items():
        if isinstance(value, list):
            sent[key] = [texts.get(part, part) for part in value]
        elif isinstance(value, str):
            sent[key] = texts.get(value, value)
    (household / "static").mkdir()
    (household / "static" / "index.html").write_text("page")

    def no_wrap():
        raise InvalidFile("no wrap", "")

    with make_site(household / "static", no_wrap) as site:
        browser = site.browser()
        tags = {p["name"]: p["tag"] for p in browser.get("/api/people").json()["people"]}

        def choose() -> None:
            chosen = browser.post("/api/people/choose", {"tag": tags[who]})
            assert chosen.status_code == 200, chosen.text

        def act() -> bool:
            answer = browser.post(path, sent)
            assert answer.is_success or answer.json()["error"]["hint"], answer.text
            return answer.is_success

        assert fail_at_every_statement(household, act, choose) > 10


def test_every_request_that_writes_is_here() -> None:
    """The page's other requests that write need a log or a wrap: see ACTS for what they store, and
    test_trial_cuts.py and tests/web/test_trial.py for the wrap's side. The heat test writes nothing
    to this file: tests/web/test_trial_heat.py."""
    from pbmwrap.web.programme import Programme
    from pbmwrap.web.trial_heat import HeatPages
    from pbmwrap.web.trial_pages import TrialPages

    pages = Programme(None, None, None)  # type: ignore[arg-type]
    trial = TrialPages(None, None, pages, None)  # type: ignore[arg-type]
    heat = HeatPages(None, None)  # type: ignore[arg-type]
    paths = {
        path
        for part in (pages, trial, heat)
        for method, path, _ in part.list_requests()
        if method != "GET"
    }
    with_wrap = ("close", "draft", "guess", "next", "reveal", "send", "start", "unknown")
    with_wrap += ("heat", "heat/stop")
    others = {"/api/people/choose", "/api/people/sessions"}
    others |= {f"/api/trial/{name}" for name in with_wrap}
    assert paths == {path for path, _ in REQUESTS} | others
