"""An error or the end of the process at every statement of each act of a blinded trial: the
household's file has all of the act or nothing, and the wrap may be ahead of it.

Then the commands that read say no more than is true, and the same command again repairs it.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.programme import store as stores
from pbmwrap.programme.store import open_store
from tests.lives.world import Wrap
from tests.programme.test_store_cuts import count_events
from tests.trial.person import FEET, START_WORDS, TrialPerson

START = ("trial", "start", *FEET, "--weeks", "4", *START_WORDS, "--exploratory")
REASON = ("--reason", "it got worse")


class Killed(BaseException):
    """The process is gone: no handler of the commands sees it."""


class Breaking(sqlite3.Connection):
    """Breaks at the n-th statement, once. kill: by the end of the process, else by a full disk."""

    left = 1 << 30
    count = 0
    kill = False

    def execute(self, *args):  # type: ignore[override]
        Breaking.count += 1
        Breaking.left -= 1
        if Breaking.left == -1:
            if Breaking.kill:
                raise Killed
            problem = sqlite3.OperationalError("database or disk is full")
            problem.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise problem
        return super().execute(*args)


@dataclass(frozen=True)
class State:
    """What is kept after an act: events of the household's file, and what the wrap says."""

    events: dict[str, int]
    wrap: dict[str, Any]


class Household:
    """Ada's household and wrap as they are before an act; `restore` brings them back."""

    def __init__(self, ada: TrialPerson) -> None:
        self.ada = ada
        self._kept = ada.world.folder.with_name("kept")
        with closing(sqlite3.connect(self.file)) as whole:  # a copy then needs one file only
            whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._wrap.twin.close()
        shutil.copytree(ada.world.folder, self._kept)
        self._ms = ada.world.true_ms

    @property
    def file(self) -> Path:
        return next(self.ada.world.folder.glob("data/**/*.sqlite"))

    @property
    def _wrap(self) -> Wrap:
        return self.ada.world.wraps["wrap-1"]

    def restore(self) -> None:
        world = self.ada.world
        self._wrap.twin.close()
        shutil.rmtree(world.folder)
        shutil.copytree(self._kept, world.folder)
        world.wraps["wrap-1"] = Wrap("wrap-1", world.folder / "wrap-1")
        world.set_time(self._ms)

    def read(self) -> State:
        store = open_store(self.file)
        assert store is not None
        with store:
            events = count_events(store)
        return State(events, self.ask_wrap())

    def ask_wrap(self) -> dict[str, Any]:
        """What the wrap shows of its trial, without what is drawn anew for each."""
        with self.ada.world.plugged("wrap-1"), self.ada.world.as_machine():
            from pbmwrap.cli.command import wrap_at

            with wrap_at(None) as (client, _):
                shown = client.call("trial.get")
        return {key: value for key, value in shown.items() if key not in ("commitment", "plan_sha")}


def to_the_start(ada: TrialPerson) -> None:
    """Nothing has begun."""


def to_a_session(ada: TrialPerson) -> None:
    ada.run(*START)
    ada.wait_until_start()


def to_a_guess(ada: TrialPerson) -> None:
    to_a_session(ada)
    ada.have_week()


def to_the_end(ada: TrialPerson) -> None:
    to_a_session(ada)
    for _ in range(4):
        ada.have_week()


ACTS: dict[str, tuple[Callable[[TrialPerson], None], tuple[str, ...]]] = {
    "start": (to_the_start, START),
    "entry": (to_a_session, ("trial", "entry", "5", "6")),
    "next": (to_a_session, ("trial", "next")),
    "guess": (to_a_guess, ("trial", "guess", "foot-left", "--why", "it was warm")),
    "close": (to_a_guess, ("trial", "close", "--yes")),
    "reveal": (to_the_end, ("trial", "reveal")),
    "unblind": (to_a_guess, ("trial", "unblind", *REASON)),
}
# What a person runs when it failed, where it is not the same again.
AGAIN = {"start": ("trial", "start")}
_OFTEN = 9  # in CI: each 9th statement


@pytest.fixture
def ada(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[TrialPerson]:
    connect = sqlite3.connect
    monkeypatch.setattr(
        stores.sqlite3, "connect", lambda *a, **k: connect(*a, factory=Breaking, **k)
    )
    (tmp_path / "world").mkdir()
    found = TrialPerson(tmp_path / "world")
    plug = found.run

    def run(*words: str) -> Any:
        """Plug the wrap in where a command needs it and it is not."""
        if words[1] in ("entry", "guess", "status", "report") or found.world.is_plugged:
            return plug(*words)
        with found.world.plugged("wrap-1"):
            return plug(*words)

    monkeypatch.setattr(found, "run", run)
    yield found
    Breaking.left, Breaking.kill = 1 << 30, False
    found.world.close()


def run_broken(ada: TrialPerson, words: tuple[str, ...], number: int, kill: bool) -> str:
    """Run a command that breaks at a statement. Returns how it ended: done, refused or killed."""
    Breaking.count, Breaking.left, Breaking.kill = 0, number, kill
    try:
        with ada.world.plugged("wrap-1"):
            code, said = ada.world.try_command(*words)
    except Killed:
        return "killed"
    finally:
        Breaking.left, Breaking.kill = 1 << 30, False
    assert code == 0 or said["error"]["hint"], said
    return "refused" if code else "done"


def find_lies(ada: TrialPerson, now: State, before: State) -> list[str]:
    """What `trial status` and `trial report` say that is not so, once the log is pulled."""
    if now.events.get("trial", 0) == 0:
        return [] if "has no trial" in ada.fails("trial", "status")["message"] else ["a trial"]
    with ada.world.plugged("wrap-1"):
        ada.world.run_command("logs", "pull")
    said = ada.run("trial", "status")
    wrong = []
    wrap = now.wrap
    if wrap["state"] != "none" and said["period"] != wrap["period"]:
        wrong.append(f"period {said['period']}, and the wrap is in {wrap['period']}")
    behind = {"armed": "frozen", "unblinded": "running"}.get(wrap["state"]) == said["state"]
    named = any("this computer has not kept" in text for text in said["warnings"])
    if behind != named:
        wrong.append(f"{said['state']} with {wrap['state']}, warnings {said['warnings']}")
    if behind and not any("trial start" in s or "trial reveal" in s for s in said["steps"]):
        wrong.append(f"nobody is shown the way: {said['steps']}")
    if said["state"] == "running":
        error = ada.fails("trial", "report")
        wanted = "is over on the wrap" if behind else "is not revealed"
        if wanted not in error["message"]:
            wrong.append(f"report: {error}")
    return wrong


def break_at(
    household: Household, name: str, number: int, kill: bool, before: State, after: State
) -> tuple[str, State]:
    """Break an act at a statement, look at what is left, and repair it."""
    ada = household.ada
    words = ACTS[name][1]
    household.restore()
    ended = run_broken(ada, words, number, kill)
    now = household.read()
    whole = now.events == after.events
    # A start has two transactions, the freeze and the arming: the first alone is `frozen`.
    frozen = name == "start" and now.events == before.events | {
        "trial": 1,
        "all": before.events["all"] + 1,
    }
    assert whole or frozen or now.events == before.events, (number, now.events)
    assert whole or ended != "done"
    # The wrap is never behind what is kept here.
    assert now.wrap == after.wrap or (now.wrap == before.wrap and not whole), (number, now.wrap)
    assert find_lies(ada, now, before) == [], number
    if not whole or now.wrap != after.wrap:
        again = words
        if name == "start" and now.events.get("trial"):
            again = AGAIN[name]
        ada.run(*again)
    final = household.read()
    assert final == after, number
    assert find_lies(ada, final, before) == [], number
    return ended, now


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True], ids=["full", "killed"])
@pytest.mark.parametrize(
    "name,every",
    [
        *((name, _OFTEN) for name in ("start", "close", "reveal")),
        *(pytest.param(name, 1, marks=pytest.mark.campaign) for name in ACTS),
    ],
)
def test_a_break_at_every_statement_of_an_act_leaves_what_can_be_repaired(
    name: str, every: int, kill: bool, ada: TrialPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda s: None)
    ACTS[name][0](ada)
    household = Household(ada)
    household.restore()
    before = household.read()
    household.restore()
    assert run_broken(ada, ACTS[name][1], 1 << 29, kill) == "done"
    statements = Breaking.count
    after = household.read()
    assert statements > 5 and (after != before or name == "next")
    seen = [
        break_at(household, name, number, kill, before, after)
        for number in range(0, statements + 1, every)
    ]
    assert {ended for ended, _ in seen} >= {"killed" if kill else "refused"}
    if every == 1 and name in ("start", "close", "reveal", "unblind"):
        # It was seen that the wrap had done it and this machine had not.
        assert any(now.wrap == after.wrap and now.events != after.events for _, now in seen)
