"""Measures the page without a server: time to the first sample, speed of the simulated time while
dark and while lit, and memory over simulated hours: the renderers', the page's JavaScript heap, and
the Python heaps of both workers, each after a collection.

    python -m tools.bench_web_static --minutes 5
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from tests.web_page.browser import open_browser
from tests.web_static.site import Site
from tools.web_static.folder import build_folder

READY = ".age >> text=/reading.*ago/"
PARTS = 10
KEEP_GOING = """() => {
  document.querySelector(".wake-button:not(:disabled)")?.click();
  document.querySelector(".start:not([aria-disabled])")?.click();
}"""
PYTHON_HEAP = "() => self.measureHeap()"
CLOCK = "() => Number(/([0-9.]+) times/.exec(document.querySelector('.world').innerText)?.[1])"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench_web_static", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="wall time of the memory run")
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        out = Path(folder)
        build_folder(out)
        site = Site(out)
        page = browser.new_page(locale="en")
        for visit in ("first visit", "second visit"):
            began = time.monotonic()
            page.goto(f"{site.url}?wrap=simulated")
            page.wait_for_selector(READY)
            print(f"first sample, {visit}: {time.monotonic() - began:.2f} s")
        page.wait_for_timeout(6000)
        page.get_by_role("button", name="60").click()
        print(f"speed while dark: {measure_speed(page):.1f} times real time")
        page.get_by_role("button", name="Start").click()
        page.wait_for_timeout(2000)
        print(f"speed while lit: {measure_speed(page):.1f} times real time")
        measure_memory(page, minutes)
        site.close()


def measure_speed(page: Page) -> float:
    """Return the mean of what the page shows in 5 s."""
    found = []
    for _ in range(5):
        page.wait_for_timeout(1000)
        found.append(float(page.evaluate(CLOCK)))
    return sum(found) / len(found)


def measure_memory(page: Page, minutes: float) -> None:
    """Print the memory at ten moments of the run. A session that has ended is started again, as far
    as the wrap allows one; the wake question is answered."""
    devtools = page.context.new_cdp_session(page)
    for part in range(PARTS):
        for _ in range(max(1, round(minutes * 60 / PARTS))):
            page.wait_for_timeout(1000)
            page.evaluate(KEEP_GOING)
        devtools.send("HeapProfiler.collectGarbage")
        script_kb = devtools.send("Runtime.getHeapUsage")["usedSize"] / 1000
        heaps = [worker.evaluate(PYTHON_HEAP) for worker in page.workers]
        python = ", ".join(f"{used / 1000:.0f} kB" for used in sorted(heaps))
        print(
            f"after {(part + 1) * minutes / PARTS:.1f} min: renderers "
            f"{read_renderers_kb() / 1000:.0f} MB, page's heap {script_kb:.0f} kB, "
            f"Python in the workers {python}"
        )


def read_renderers_kb() -> int:
    """Return the resident memory of the renderers that this process has started, kB. Linux only."""
    parents: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            status = (process / "status").read_text()
            is_renderer = b"--type=renderer" in (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        parents[int(process.name)] = int(status.split("PPid:")[1].split()[0])
        if is_renderer and "VmRSS:" in status:
            sizes[int(process.name)] = int(status.split("VmRSS:")[1].split()[0])
    return sum(size for pid, size in sizes.items() if _is_below(pid, os.getpid(), parents))


def _is_below(pid: int, above: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid != above:
        pid = parents[pid]
    return pid == above


if __name__ == "__main__":
    main()
