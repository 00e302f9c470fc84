"""CPU time of the programme's commands and pages with ten years in the household, beside an empty
one.

python -m tools.bench_programme [--runs N] [--out FILE]: prints a table, and one JSON line to FILE.
The exit code is 1 when a command or a page takes 1 s of CPU or more.

Full: 3,650 daily entries, 10 courses, 5,000 sessions of two wraps in the archive, all of one
person. Empty: one person. Figures are the least of N runs, user and system time of a process of its
own. A command's includes the start of Python; a page's is that of its request alone, the first one
that a server answers. "cache cleared": the cache folder is deleted before each run. "earlier
course": nothing is kept of the light of its last session, so a log is read for it. Not in the goal:
"logs unread", the summaries that pull, import and `logs date` leave beside the logs are deleted, so
both logs are read whole.
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
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pbmwrap.logs import jsonl
from pbmwrap.logs.archive import Archive
from pbmwrap.programme import attribution, courses, journal_file, light_facts
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
    """A command, or a page's request if `words` is empty. fresh: the cache is cleared before;
    first: so is what was kept of the light of courses; unread: the logs' summaries are deleted
    too, which is not in the goal."""

    name: str
    words: tuple[str, ...] = ()
    page: str = ""
    fresh: bool = False
    first: bool = False
    unread: bool = False


_REPORT = ("course", "report", "{folder}/report.html", "--force")

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
    Row("course calendar", ("course", "calendar", "{folder}/a.ics", "--force")),
    Row("course sheet", ("course", "sheet", "{folder}/sheet.html", "--force")),
    Row("course report, HTML", _REPORT),
    Row("course report, PDF", ("course", "report", "{folder}/report.pdf", "--force")),
    Row("course report, PNG", ("course", "report", "{folder}/report.png", "--force")),
    Row("person tables, CSV", ("person", "tables", "{folder}/csv", "--force")),
    Row("person tables, Parquet", ("person", "tables", "{folder}/parquet", "--parquet", "--force")),
    Row("person fhir", ("person", "fhir", "{folder}/fhir.json", "--force")),
    Row("course show, cache cleared", ("course", "show"), fresh=True),
    Row("course report, cache cleared", _REPORT, fresh=True),
    Row("course report of an earlier course", (*_REPORT, "--course", "{old}"), first=True),
    Row("page Journal", page="/api/journal"),
    Row("page Journal, all entries", page="/api/journal?all=1"),
    Row("page Course", page="/api/course"),
    Row("page Course, cache cleared", page="/api/course", fresh=True),
    Row("page Report", page="/api/report"),
    Row("page Report, cache cleared", page="/api/report", fresh=True),
    Row("page Report, PDF", page="/api/report?kind=pdf"),
    Row("page Calendar", page="/api/course/calendar"),
    Row("page Diary sheet", page="/api/course/sheet"),
    Row("page Whose sessions", page="/api/people/sessions"),
    Row("page Sessions", page="/api/sessions"),
    Row("page One session", page="/api/sessions/wrap-1/1"),
    Row("course show, logs unread", ("course", "show"), fresh=True, unread=True),
    Row("course report, logs unread", _REPORT, fresh=True, unread=True),
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
        first_s = now_ms // 1000 - SESSIONS // 2 * 86_400 - (place + 1) * 3600
        made = BenchWrap(SESSIONS // 2, first_s)
        kept = archive.wrap(uid)
        kept.add_about(HELLO)
        kept.merge_log(jsonl.Log(pieces=[(0, bytes(made.raw))], marks=made.marks))
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
            "BENCH_OLD": str(COURSES - 1 if full else 1),
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
    """Return the CPU time of one run, s. Raises SystemExit when it fails."""
    folder = env["BENCH_FOLDER"]
    if row.fresh:
        shutil.rmtree(env["PBMWRAP_CACHE"], ignore_errors=True)
    first = row.first or row.unread
    for name in [light_facts.KEPT] * first + [attribution.SUMMARY] * row.unread:
        for file in Path(env["PBMWRAP_DATA"], "logs").glob(f"*/{name}"):
            file.unlink()
    words = [word.format(folder=folder, old=env["BENCH_OLD"]) for word in row.words]
    module = ("tools.bench_programme", "--page", row.page) if row.page else ("pbmwrap", *words)
    child = subprocess.Popen(
        (sys.executable, "-m", *module),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if row.page else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    answer = child.stdout.read() if child.stdout else b""
    said = child.stderr.read().decode("utf-8", "replace")
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"bench_programme: `{row.name}` ended with {child.returncode}: {said}")
    return float(answer) if row.page else used.ru_utime + used.ru_stime


def measure_page_s(path: str) -> float:
    """Return the CPU time of a request to a server without a wrap, its first one, s."""
    import warnings

    with warnings.catch_warnings():  # it asks for httpx2, which few systems have yet
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient

    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello
    from pbmwrap.errors import NoDevice
    from pbmwrap.web.app import make_app
    from pbmwrap.web.security import Address

    def find_no_wrap() -> tuple[Client, Hello]:
        raise NoDevice("no wrap is plugged in")

    web = make_app("unplugged", find_no_wrap, bytes(32), Address(8000))
    base = "http://127.0.0.1:8000"
    headers = {"origin": base, "sec-fetch-site": "same-origin"}
    with TestClient(web.asgi, base_url=base, headers=headers) as client:
        client.post("/api/login", json={"token": web.logins.token}).raise_for_status()
        began_s = time.process_time()
        answer = client.get(path)
        used_s = time.process_time() - began_s
    if answer.status_code not in (200, 404):  # 404: a session that an empty archive has not
        raise SystemExit(f"bench_programme: {path} was answered with {answer.status_code}")
    return used_s


def main(args: Sequence[str] | None = None) -> int:
    """Measure every row; returns 1 when one takes too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", help="the rows whose names contain this")
    options = parser.parse_args(args)
    if options.page:
        print(measure_page_s(options.page))
        return 0
    chosen = [row for row in ROWS if options.only in row.name]
    figures: dict[str, list[float]] = {row.name: [] for row in chosen}
    for full in (True, False):
        with open_bench(full) as env:
            for row in chosen:
                runs = [measure_cpu_s(row, env) for _ in range(options.runs)]
                figures[row.name].append(min(runs))
    print(f"{'command or page':<36} {'full':>8} {'empty':>8} {'ratio':>6}")
    free = {row.name for row in ROWS if row.unread}
    slow = {name for name, (full_s, _) in figures.items() if full_s >= MOST_S} - free
    for name, (full_s, empty_s) in figures.items():
        late = "  too slow" if name in slow else "  not in the goal" if name in free else ""
        print(f"{name:<36} {full_s:6.2f} s {empty_s:6.2f} s {full_s / empty_s:6.1f}{late}")
    if options.out:
        options.out.write_text(json.dumps(figures) + "\n")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
