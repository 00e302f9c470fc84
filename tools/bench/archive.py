"""Measures an archive of many sessions: filling, queries, verification, export and import.

The logs are in the format that wraps write (`archive_wrap.py`). All files are below --out, which
is deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pbmwrap.logs import jsonl
from pbmwrap.logs.archive import Archive
from pbmwrap.logs.verify import verify_log
from tools.bench.archive_wrap import HELLO, BenchWrap

ROOT = Path(__file__).resolve().parents[2]
QUERIES = {
    "sessions counted": "select count(*) from sessions",
    "sessions, dose and heat by month": "select date_trunc('month', when_utc) as month, count(*), "
    "sum(dose_total_j_cm2), max(max_skin_c) from sessions group by month order by month",
    "the ten warmest samples": "select uid, session, active_s, skin_c from samples "
    "order by skin_c desc limit 10",
    "all samples by state": "select state, count(*), avg(skin_c), avg(dose_j_cm2['red']) "
    "from samples group by state",
    "all records by type, out of their JSON": "select type, count(*), count(data->>'session') "
    "from records group by type order by type",
}
T = TypeVar("T")


def print_times(what: str, work: Callable[[], T]) -> T:
    """Call `work`; print its wall time and its CPU time, in s, with those of child processes."""
    began_s, began_cpu_s = time.perf_counter(), sum(os.times()[:4])
    result = work()
    wall_s, cpu_s = time.perf_counter() - began_s, sum(os.times()[:4]) - began_cpu_s
    print(f"{what:<50} {wall_s:9.2f} s {cpu_s:9.2f} s CPU", flush=True)
    return result


def make_wraps(sessions: int, wraps: int) -> dict[str, BenchWrap]:
    """Make wraps by id, with the sessions spread evenly."""
    return {f"bench{place:04d}": BenchWrap(sessions // wraps) for place in range(wraps)}


def fill_archive(archive: Archive, made: dict[str, BenchWrap]) -> None:
    """Archive each wrap's log as one pull does."""
    for uid, wrap in made.items():
        kept = archive.wrap(uid)
        kept.add_about(HELLO)
        kept.merge_log(jsonl.Log(pieces=[(0, bytes(wrap.raw))], marks=wrap.marks))


def pull_one_more(archive: Archive, uid: str, sessions: int) -> None:
    """Archive one more session of one wrap."""
    kept = archive.wrap(uid)
    longer = BenchWrap(sessions + 1).raw
    kept.append(kept.next_offset, bytes(longer[kept.next_offset :]))


def check_equal(made: dict[str, BenchWrap], archive: Archive) -> None:
    """Compare every byte and every mark. Raises SystemExit."""
    for uid, wrap in made.items():
        kept = archive.wrap(uid)
        if kept.extents() != [(0, bytes(wrap.raw))] or set(kept.list_marks()) != set(wrap.marks):
            raise SystemExit(f"wrap {uid} differs from what was archived")


def check_whole(archive: Archive) -> None:
    """Verify every log. Raises SystemExit for an error in one."""
    for uid in archive.uids():
        verdict = verify_log(archive.wrap(uid).extents())
        if verdict.problems or verdict.torn:
            raise SystemExit(f"wrap {uid}: {verdict}")


class Command:
    """Runs `pbmwrap logs` as a process, on a separate archive and cache; returns its data."""

    def __init__(self, data: Path, cache: Path) -> None:
        folders = {"PBMWRAP_DATA": str(data), "PBMWRAP_CACHE": str(cache)}
        self._env = {**os.environ, **folders}

    def __call__(self, *words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "pbmwrap", "logs", *words, "--json"],
            env=self._env,
            check=True,
            stdout=subprocess.PIPE,
        )
        return json.loads(done.stdout)["data"]


def size_mb(folder: Path) -> float:
    """Return the size of all files below, MB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def run_queries(run: Command, sessions: int, uid: str) -> None:
    """Measure queries by the command, with its start."""
    counted = QUERIES["sessions counted"]
    found = print_times("query, cold: every line read, Parquet made", lambda: run("query", counted))
    if found["rows"] != [[sessions]]:
        raise SystemExit(f"{sessions} sessions were made, SQL finds {found['rows']}")
    for what, sql in QUERIES.items():
        print_times(f"query, warm: {what}", lambda sql=sql: run("query", sql))
    print_times("logs list of one wrap", lambda: run("list", "--wrap", uid))


def measure_exchange(run: Command, other: Command, out: Path, uids: list[str]) -> None:
    """Measure the export of every log and its import into another archive, by the command."""
    out.mkdir()
    files = [str(out / f"{uid}.jsonl") for uid in uids]

    def export_logs() -> None:
        for uid, file in zip(uids, files, strict=True):
            run("export", file, "--wrap", uid)

    print_times("export of all wraps, JSONL", export_logs)
    print_times("import of all into an empty archive", lambda: other("import", *files))
    again = print_times("import of the same again", lambda: other("import", *files))
    if any(row["new_bytes"] or row["new_lines"] for row in again):
        raise SystemExit("importing twice changed something")


def measure_archive(out: Path, sessions: int, wraps: int) -> None:
    """Measure everything. Raises SystemExit if a byte, a mark or a session is lost."""
    made = print_times("logs made", lambda: make_wraps(sessions, wraps))
    sessions = sessions // wraps * wraps
    raw_mb = sum(len(wrap.raw) for wrap in made.values()) / 1e6
    print(f"{sessions} sessions of {wraps} wraps, {raw_mb:.1f} MB on the wraps")
    run, other = (Command(out / name, out / f"{name}-cache") for name in ("one", "other"))
    archive = Archive(out / "one" / "logs")
    print_times("archive filled", lambda: fill_archive(archive, made))
    run_queries(run, sessions, next(iter(made)))
    print(f"archive {size_mb(out / 'one'):.1f} MB, Parquet {size_mb(out / 'one-cache'):.1f} MB")
    print_times("verify of all wraps", lambda: check_whole(archive))
    measure_exchange(run, other, out / "files", list(made))
    check_equal(made, Archive(out / "other" / "logs"))
    print("every byte and every mark is equal after export and import")
    uid = next(iter(made))
    each = sessions // wraps
    print_times("one more session of one wrap kept", lambda: pull_one_more(archive, uid, each))
    after = print_times("query after it", lambda: run("query", QUERIES["sessions counted"]))
    if after["rows"] != [[sessions + 1]]:
        raise SystemExit(f"one more session was kept, SQL finds {after['rows']}")
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of a command: {peak_mb:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench-archive")
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument(
        "--wraps", type=int, default=20, help="number of wraps that they are spread over"
    )
    given = parser.parse_args()
    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)
    try:
        measure_archive(given.out.resolve(), given.sessions, given.wraps)
    finally:
        shutil.rmtree(given.out)


if __name__ == "__main__":
    main()
