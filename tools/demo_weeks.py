"""Shows twelve simulated weeks of a made-up person: plan, journal, adherence, report.

Each day passes with the real commands, on two simulated wraps in virtual time (`tests/lives`).
Nothing of it is data of a person, and the report says so. `make demo` ends with it;
`python -m tools.demo_weeks docs/img/report.png` writes the picture in README.md.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, time, timedelta
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.lives.life import Kind, Life

KIND = Kind(
    "demo", misses=0.1, forgets=0.08, medicine=True, early=0.1, effect=0.0, rule_week=12, notes=0.0
)
SEED = 5
REPORT_HOUR = 4
_GREYS = 32
_ABOUT = """\
Twelve simulated weeks of a made-up person, after three without light: a number
each evening, then a session by the button. They forget some numbers and miss
some sessions, use two wraps, and change their tablets. The light of this life
does nothing. The days pass in virtual time."""


def show_weeks(out: Path, explain: Callable[[str], None], title: Callable[[str], None]) -> Path:
    """Let the weeks pass, show the commands' results, and write the report; returns its file."""
    folder = out / "weeks"
    folder.mkdir(parents=True, exist_ok=True)
    explain(_ABOUT)
    life = Life(KIND, SEED, folder)
    try:
        _show(life, title, "course", "show")
        day = KIND.enrolled + timedelta(days=1)
        while day < life.end:
            life.live_day(day)
            day += timedelta(days=1)
        life.world.wait_until(datetime.combine(day, time(REPORT_HOUR), ZoneInfo(KIND.zone)))
        life.settle()
        explain(f"{(day - KIND.enrolled).days} days later:")
        _show(life, title, "journal", "list", "--days", "7")
        _show(life, title, "course", "show")
        return _write_report(life, out, title)
    finally:
        life.close()


def _show(life: Life, title: Callable[[str], None], *words: str) -> None:
    title(f"$ pbmwrap {shlex.join(words)}")
    print(life.world.read_text(*words), end="", flush=True)


def _write_report(life: Life, out: Path, title: Callable[[str], None]) -> Path:
    """Write the report as PNG; as HTML where typst is not installed."""
    has_typst = find_spec("typst") is not None
    if not has_typst:
        print("\ntypst is not installed (pip install typst): the report is a page, not a picture")
    file = out / ("report.png" if has_typst else "report.html")
    words = ("course", "report", str(file), "--simulated", "--force")
    title(f"$ pbmwrap {shlex.join(words)}")
    print(life.world.read_text(*words), end="", flush=True)
    return out / "report-1.png" if has_typst else file


def write_picture(file: Path) -> None:
    """Write the report's first page for the README: few colours, a small file."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="pbmwrap-weeks-") as folder:
        page = show_weeks(Path(folder), print, print)
        Image.open(page).convert("L").quantize(_GREYS).save(file, optimize=True)


if __name__ == "__main__":
    write_picture(Path(sys.argv[1]))
