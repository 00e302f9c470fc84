"""The load of the server of `pbmwrap web`: memory over 8 h of samples, CPU at 10 Hz, start.

python -m tools.bench_web [--hours H] [--seconds S] [--out FILE]: prints a table, and one JSON line
to FILE. The exit code is 1 when a goal is missed.

Memory: H hours of samples at 10 Hz go through the server's own hub, history and 20 streams as fast
as they can; the resident memory after the first hour and at the end are compared. CPU: the server
and a simulated wrap are processes of their own, in real time; CPU time of the server's process
(user and system) over S seconds, as a share of one core, dark at 1 Hz and lit at 10 Hz with one
page, and lit with 20. Start: from the command to the first live sample on the screen of Chromium,
which runs already; the best of START_RUNS, by the wall clock, and the CPU time of the server by
then. Without Chromium: to the first sample in a stream. Page: the heap of its script in Chromium
after each of PAGE_HOURS of samples at 4 Hz, which arrive as fast as they can.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]

HZ = 10
PAGES = 20
BATCH = 100
MOST_GROWTH_MB = 5.0
MOST_CPU = 0.05
MOST_START_S = 2.0
START_RUNS = 3
PAGE_HOURS, PAGE_HZ = 8, 4
PAGE_BATCH, PAGE_PAUSE_S = 100, 0.1
MOST_PAGE_GROWTH_MB = 5.0
SAMPLE = {
    "state": "running",
    "active_ms": 0,
    "temps_mc": [36512, 36498, 36377, 41234],
    "duty_u16": [16384, 16384],
    "dose_uj": [1234567, 2345678],
    "dose_total_uj": 3580245,
    "on_ms": [123456, 123456],
    "derate_pm": 1000,
    "warn": False,
    "warnings": [],
    "wake_waiting": False,
}


def read_rss_mb() -> float:
    """Return this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure_memory(hours: float) -> dict[str, Any]:
    """Send `hours` of samples to PAGES streams; returns memory by the hour and what arrived."""
    from pbmwrap.web.hub import Hub
    from pbmwrap.web.streams import Streams

    streams = Streams(lambda browser: {})
    streams.bind(asyncio.get_running_loop())
    hub = Hub("none", _no_wrap, streams.publish, streams.publish_state)
    counts = [0] * PAGES

    async def read_status(page: int) -> None:
        stream = streams.open(str(page))
        assert stream is not None
        async for event in stream.read():
            counts[page] += b"event: sample" in event

    tasks = [asyncio.create_task(read_status(page)) for page in range(PAGES)]
    await asyncio.sleep(0)
    total, rss = round(hours * 3600 * HZ), []
    for number in range(total):
        hub.take_sample({**SAMPLE, "active_ms": number * 1000 // HZ})
        if number % BATCH == BATCH - 1:
            while min(counts) <= number:
                await asyncio.sleep(0)
        if number % (3600 * HZ) == 3600 * HZ - 1:
            rss.append(round(read_rss_mb(), 1))
    while min(counts) < total:
        await asyncio.sleep(0)
    streams.end_all()
    await asyncio.gather(*tasks)
    missed = PAGES * total - sum(counts)
    points = len(hub.history.as_json()["t_s"])
    return {"samples": total, "missed": missed, "rss_mb": rss, "points": points}


def _no_wrap() -> Any:
    raise AssertionError("no wrap is opened here")


class Page:
    """A browser that counts its samples."""

    def __init__(self, base: str, cookies: Any) -> None:
        import httpx

        self.samples = 0
        self._client = httpx.Client(cookies=cookies, timeout=60)
        self._base = base
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        import httpx

        try:
            with self._client.stream("GET", f"{self._base}/api/events") as got:
                for line in got.iter_lines():
                    self.samples += line == "event: sample"
        except httpx.HTTPError:
            return


def read_cpu_s(pid: int) -> float:
    """Return the CPU time of a process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_share(pid: int, seconds: float) -> float:
    """Return the share of one core that a process uses."""
    before_s, began_s = read_cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    return (read_cpu_s(pid) - before_s) / (time.monotonic() - began_s)


@contextmanager
def run_program(*words: str) -> Iterator[subprocess.Popen[str]]:
    env = dict(os.environ, PYTHONUNBUFFERED="1")
    process = subprocess.Popen(
        [sys.executable, *words],
        env=env,
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def log_in(url: str) -> tuple[Any, str]:
    """Return a client that has logged in, and the server's address."""
    import httpx

    base, _, token = url.partition("/#t=")
    client = httpx.Client(timeout=60, headers={"origin": base})
    deadline = time.monotonic() + 60
    while True:
        try:
            client.post(f"{base}/api/login", json={"token": token}).raise_for_status()
            return client, base
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def measure_cpu(seconds: float) -> dict[str, float]:
    """Return the server's share of a core: dark at 1 Hz, and lit at 10 Hz with 1 and 20 pages."""
    from pbmwrap.protocols import template

    with (
        run_program("-m", "pbmwrap", "sim") as sim,
        run_program("-m", "tools.bench_web", "--serve", read_line(sim)) as served,
    ):
        client, base = log_in(read_line(served))
        first = Page(base, client.cookies)
        while not first.samples:
            time.sleep(0.05)
        text = template.examples()["minor-injury"].read_text(encoding="utf-8")
        client.put(f"{base}/api/protocols/0", json={"toml": text}).raise_for_status()
        client.post(f"{base}/api/protocols/0/activate", json={}).raise_for_status()
        dark = measure_share(served.pid, seconds)
        started = client.post(f"{base}/api/session", json={"do": "start"})
        started.raise_for_status()
        time.sleep(6)
        before, began_s = first.samples, time.monotonic()
        one = measure_share(served.pid, seconds)
        rate = (first.samples - before) / (time.monotonic() - began_s)
        pages = [Page(base, client.cookies) for _ in range(PAGES - 1)]
        while not all(page.samples for page in pages):
            time.sleep(0.05)
        many = measure_share(served.pid, seconds)
        client.post(f"{base}/api/session", json={"do": "stop"}).raise_for_status()
    return {"idle": dark, "one_page": one, "pages": many, "hz": rate}


def measure_start() -> float:
    """Return seconds from `pbmwrap web` to the first sample in a stream."""
    began_s = time.monotonic()
    words = ("-m", "pbmwrap", "web", "--port", "sim:", "--no-browser", "--listen-port", "0")
    with run_program(*words) as served:
        client, base = log_in(read_line(served))
        page = Page(base, client.cookies)
        while not page.samples:
            time.sleep(0.005)
        return time.monotonic() - began_s


def measure_screen(browser: Any) -> tuple[float, float]:
    """Return seconds from `pbmwrap web` to the first live sample on the screen, and CPU seconds."""
    began_s = time.monotonic()
    words = ("-m", "pbmwrap", "web", "--port", "sim:", "--no-browser", "--listen-port", "0")
    with run_program(*words) as served:
        context = browser.new_context(locale="en")
        page = context.new_page()
        page.goto(read_line(served))
        page.wait_for_selector(".age >> text=/reading.*ago/")
        found = time.monotonic() - began_s, read_cpu_s(served.pid)
        context.close()
    return found


def measure_page(browser: Any, hours: int) -> dict[str, Any]:
    """Return the script's heap after each hour of samples, and the number that the page has got."""
    with run_program("-m", "tools.bench_web", "--serve-samples") as served:
        context = browser.new_context(locale="en")
        page = context.new_page()
        page.goto(read_line(served))
        page.wait_for_selector(".age >> text=/reading.*ago/")
        session = context.new_cdp_session(page)
        session.send("HeapProfiler.enable")
        heaps: list[float] = []
        for _ in range(hours):
            assert served.stdin is not None
            served.stdin.write("\n")
            served.stdin.flush()
            read_line(served)
            heaps.append(min(read_heap_mb(page, session) for _ in range(3)))
        elements = page.evaluate("document.getElementsByTagName('*').length")
        context.close()
    return {"heap_mb": heaps, "elements": elements}


def read_heap_mb(page: Any, session: Any) -> float:
    """Return the heap of the page's script, MB, once it has worked off what it received: events
    that wait for it are in the heap too."""
    page.wait_for_timeout(2000)
    page.evaluate("new Promise(resolve => requestIdleCallback(resolve))")
    session.send("HeapProfiler.collectGarbage")
    return round(session.send("Runtime.getHeapUsage")["usedSize"] / 1e6, 2)


@contextmanager
def open_chromium() -> Iterator[Any]:
    """Start Debian's Chromium; yields None where it is missing."""
    path = Path("/usr/bin/chromium")
    if not path.exists():
        print(f"{path} is missing: nothing is measured in a browser", file=sys.stderr)
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(path), args=["--no-sandbox"])
        yield browser
        browser.close()


def serve_samples() -> None:
    """Serve a page that gets an hour of samples at 4 Hz for each line of the input.

    Prints the address, then a line after each hour.
    """
    from pbmwrap.web import server
    from pbmwrap.web.app import make_app
    from pbmwrap.web.security import Address

    sock = server.listen(0)
    number = sock.getsockname()[1]
    world = server.make_world("sim:")
    web = make_app("sim:", server.opener("sim:", world), os.urandom(32), Address(number), world)
    print(f"http://{server.HOST}:{number}/#t={web.logins.token}", flush=True)
    run = server.make_server(web).run
    threading.Thread(target=run, kwargs={"sockets": [sock]}, daemon=True).start()
    sent = 0
    for _ in sys.stdin:
        for _ in range(PAGE_HZ * 3600):
            sent += 1
            about = {"at_ms": round(time.time() * 1000), "uptime_s": sent / PAGE_HZ}
            web.streams.publish("sample", {**SAMPLE, "active_ms": sent * 250 % 600_000, **about})
            if sent % PAGE_BATCH == 0:
                time.sleep(PAGE_PAUSE_S)  # a stream with too many waiting events would be ended
        print(sent, flush=True)
    os._exit(0)


def serve_wrap(port: str) -> None:
    """Serve the wrap at `port` with samples at 10 Hz; prints the address."""
    from pbmwrap.web import server
    from pbmwrap.web.app import make_app
    from pbmwrap.web.security import Address

    sock = server.listen(0)
    number = sock.getsockname()[1]
    web = make_app(
        port, server.opener(port, None), os.urandom(32), Address(number), lit_ms=1000 // HZ
    )
    print(f"http://{server.HOST}:{number}/#t={web.logins.token}", flush=True)
    server.make_server(web).run(sockets=[sock])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--serve-samples", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve_wrap(given.serve)
        return 0
    if given.serve_samples:
        serve_samples()
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for name in ("RUNTIME", "DATA", "CACHE"):
            own = Path(folder) / name.lower()
            own.mkdir(mode=0o700)
            os.environ[f"PBMWRAP_{name}"] = str(own)
        os.environ["PBMWRAP_CONFIG"] = str(Path(folder) / "none.toml")
        return print_report(given.hours, given.seconds, given.out)


def print_report(hours: float, seconds: float, out: Path | None) -> int:
    """Measure everything and print it; returns the exit code."""
    memory = asyncio.run(measure_memory(hours))
    cpu = measure_cpu(seconds)
    page: dict[str, Any] = {"heap_mb": [], "elements": 0}
    with open_chromium() as browser:
        if browser is None:
            start_s, start_cpu_s = min(measure_start() for _ in range(START_RUNS)), None
        else:
            start_s, start_cpu_s = min(measure_screen(browser) for _ in range(START_RUNS))
            page = measure_page(browser, PAGE_HOURS)
    page_mb = page["heap_mb"][-1] - page["heap_mb"][0] if page["heap_mb"] else 0.0
    growth_mb = memory["rss_mb"][-1] - memory["rss_mb"][0] if memory["rss_mb"] else 0.0
    ratio = cpu["one_page"] / cpu["idle"] if cpu["idle"] else 0.0
    print(f"{memory['samples']:>10} samples to {PAGES} pages, {memory['missed']} missed")
    print(f"{growth_mb:>10.1f} MB more after {hours:g} h than after 1 h: {memory['rss_mb']}")
    print(f"{memory['points']:>10} points in the history")
    print(f"{cpu['hz']:>10.1f} samples a second reach a page")
    print(f"{cpu['idle']:>10.1%} of a core, dark, 1 Hz, one page")
    print(f"{cpu['one_page']:>10.1%} of a core, lit, {HZ} Hz, one page ({ratio:.1f} x idle)")
    print(f"{cpu['pages']:>10.1%} of a core, lit, {HZ} Hz, {PAGES} pages")
    load = os.getloadavg()[0]
    print(
        f"{start_s:>10.2f} s from the command to the first sample (load of the machine {load:.1f})"
    )
    if start_cpu_s is not None:
        print(f"{start_cpu_s:>10.2f} s of that are CPU time of the server")
        print(
            f"{page_mb:>10.1f} MB more heap in the page after 8 h than after 1 h: {page['heap_mb']}"
        )
    if out:
        about = {"memory": memory, "cpu": cpu, "start_s": start_s, "start_cpu_s": start_cpu_s}
        out.write_text(json.dumps({**about, "page": page, "load": load}) + "\n")
    missed = [
        name
        for name, wrong in (
            ("samples", memory["missed"] > 0),
            ("memory", growth_mb > MOST_GROWTH_MB),
            ("cpu", cpu["one_page"] > MOST_CPU),
            ("start", start_s > MOST_START_S),
            ("page", page_mb > MOST_PAGE_GROWTH_MB),
        )
        if wrong
    ]
    if missed:
        print(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
