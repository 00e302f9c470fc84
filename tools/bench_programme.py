"""CPU time of the programme's commands with ten years in the household, beside an empty one.

python -m tools.bench_programme [--runs N] [--out FILE]: prints a table, and one JSON line to FILE.
The exit code is 1 when a command takes 1 s of CPU or more.

Full: 3,650 daily entries, 10 courses, 5,000 sessions of two wraps in the archive, all of one
person. Empty: one person. Figures are the least of N runs, user and system time of a process of its
own, so they include the start of Python. Not in the goal: the first command after `logs import` or
`logs date`, which reads whole logs; a pull leaves what it has read for the commands that follow.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pbmwrap.logs import jsonl
from pbmwrap.logs.archive import Archive
from pbmwrap.programme import courses, journal_file
from pbmwrap.programme.attribution import claim_sessions, read_sessions
from pbmwrap.programme.journal_file import FileJournal, FileRow
from pbmwrap.programme.model import PAIN, CourseSite, Kind, Person, hash_plan
from pbmwrap.programme.people import add_person
from pbmwrap.programme.store import Store, open_store
from tools.bench.archive_wrap import HELLO, BenchWrap

DAYS = 3650
SESSIONS = 5000
COURSES = 10
MOST_S = 1.0
_SITE = CourseSite("foot-left", "foot", "a" * 64, "Foot", "weak", "Few studies.")


@dataclass(frozen=True)
class Row:
    """A command. changed: the logs have changed since they were read last; not in the goal."""

    name: str
    words: tuple[str, ...]
    changed: bool = False


ROWS = (
    Row("person list", ("person", "list")),
    Row("person sessions", ("person", "sessions")),
    Row("person verify", ("person", "verify")),
    Row("person export", ("person", "export", "{folder}/export.jsonl", "--force")),
    Row("journal add", ("journal", "add", "--changed", "x")),
    Row("journal list, 28 days", ("journal", "list")),
    Row("journal list, all", ("journal", "list", "--days", "0")),
    Row("journal flags", ("journal", "flags")),
    Row("course list", ("course", "list")),
    Row("course show", ("course", "show")),
    Row("course show, logs changed", ("course", "show"), True),
    Row("course calendar", ("course", "calendar", "{folder}/a.ics", "--force")),
    Row("course sheet", ("course", "sheet", "{folder}/sheet.html", "--force")),
    Row("course report, HTML", ("course", "report", "{folder}/report.html", "--force")),
    Row("course report, PDF", ("course", "report", "{folder}/report.pdf", "--force")),
    Row("course report, PNG", ("course", "report", "{folder}/report.png", "--force")),
    Row("person tables, CSV", ("person", "tables", "{folder}/csv", "--force")),
    Row("person tables, Parquet", ("person", "tables", "{folder}/parquet", "--parquet", "--force")),
    Row("person fhir", ("person", "fhir", "{folder}/fhir.json", "--force")),
)


def fill_household(store: Store, person: Person, archive: Archive, today: date) -> None:
    """Fill a household with ten years of one person."""
    first = today - timedelta(days=DAYS)
    began_ms = round(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp() * 1000)
    rows = [
        FileRow(
            n + 2, first + timedelta(days=n), float(n % 11), None, n % 11, "slept badly", f"{n}"
        )
        for n in range(DAYS)
    ]
    now_ms = began_ms + DAYS * 86_400_000
    journal_file.store_journal(store, person, FileJournal(rows), PAIN, now_ms)
    for place, uid in enumerate(("wrap-1", "wrap-2")):
        made = BenchWrap(SESSIONS // 2)
        shift_ms = began_ms - min(mark.unix_ms for mark in made.marks) + place * 3_600_000
        marks = [replace(mark, unix_ms=mark.unix_ms + shift_ms) for mark in made.marks]
        kept = archive.wrap(uid)
        kept.add_about(HELLO)
        kept.merge_log(jsonl.Log(pieces=[(0, bytes(made.raw))], marks=marks))
    claim_sessions(store, [s.key for s in read_sessions(archive).sessions], person, now_ms)
    for number in range(COURSES):
        _add_course(store, person, first + timedelta(days=number * 350), number, now_ms)


def _add_course(store: Store, person: Person, day: date, number: int, now_ms: int) -> None:
    at_ms = round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    course = courses.make_course(
        store, person, aim="bench", sites=[_SITE], measure=PAIN, unix_ms=at_ms, weeks=12
    )
    body = {"id": course.id, "sha": hash_plan(course), "at": course.enrolled.as_body()}
    store.append(Kind.FREEZE, person.tag, body, at_ms)
    if number < COURSES - 1:
        courses.close_course(store, person, course, "over", now_ms)


@contextmanager
def open_bench(full: bool) -> Iterator[dict[str, str]]:
    """Yield the environment of a household, full or empty."""
    with tempfile.TemporaryDirectory(prefix="pbmwrap-bench-") as folder:
        env = os.environ | {
            "PBMWRAP_DATA": f"{folder}/data",
            "PBMWRAP_CACHE": f"{folder}/cache",
            "PBMWRAP_CONFIG": f"{folder}/config.toml",
            "PBMWRAP_PORT": "/dev/null",
            "BENCH_FOLDER": folder,
        }
        Path(folder, "config.toml").touch()
        os.environ |= {key: env[key] for key in ("PBMWRAP_DATA", "PBMWRAP_CACHE")}
        now_ms = round(time.time() * 1000)
        store = open_store(Path(folder, "data", "programme", "household.sqlite"))
        assert store is not None
        with store:
            person = add_person(store, "Ada", "UTC", now_ms)
            if full:
                today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
                fill_household(store, person, Archive(), today)
            else:
                courses.make_course(
                    store, person, aim="bench", sites=[_SITE], measure=PAIN, unix_ms=now_ms
                )
        yield env


def measure_cpu_s(row: Row, env: dict[str, str]) -> float:
    """Return the CPU time of one run, s. Raises SystemExit when the command fails."""
    folder = env["BENCH_FOLDER"]
    if row.changed:
        shutil.rmtree(Path(env["PBMWRAP_CACHE"], "programme"), ignore_errors=True)
    words = [word.format(folder=folder) for word in row.words]
    child = subprocess.Popen(
        (sys.executable, "-m", "pbmwrap", *words),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    said = child.stderr.read().decode("utf-8", "replace")
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"bench_programme: `{row.name}` ended with {child.returncode}: {said}")
    return used.ru_utime + used.ru_stime


def main(args: Sequence[str] | None = None) -> int:
    """Measure every row; returns 1 when one takes too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(args)
    figures: dict[str, list[float]] = {row.name: [] for row in ROWS}
    for full in (True, False):
        with open_bench(full) as env:
            for row in ROWS:
                runs = [measure_cpu_s(row, env) for _ in range(options.runs)]
                figures[row.name].append(min(runs))
    print(f"{'command':<32} {'full':>8} {'empty':>8} {'ratio':>6}")
    free = {row.name for row in ROWS if row.changed}
    slow = {name for name, (full_s, _) in figures.items() if full_s >= MOST_S} - free
    for name, (full_s, empty_s) in figures.items():
        late = "  too slow" if name in slow else "  not in the goal" if name in free else ""
        print(f"{name:<32} {full_s:6.2f} s {empty_s:6.2f} s {full_s / empty_s:6.1f}{late}")
    if options.out:
        options.out.write_text(json.dumps(figures) + "\n")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
