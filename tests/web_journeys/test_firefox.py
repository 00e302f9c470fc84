"""The page in Debian's firefox-esr: log in, live samples, start, stop, each page drawn."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.web_journeys.firefox import Firefox, run_firefox
from tests.web_journeys.kit import run_web

PAGES = {
    "sessions": "Fetch new sessions from the wrap",
    "protocols": "On the wrap",
    "wrap": "Check-up",
    "about": "This is not a medical device",
    "now": "What comes next",
}
ERRORS = """window.problems = [];
addEventListener('error', (event) => window.problems.push(event.message));
addEventListener('unhandledrejection', (event) => window.problems.push(String(event.reason)));"""
FIGURES = """return {
  wide: document.documentElement.scrollWidth - innerWidth,
  small: [...document.querySelectorAll('button, .buttons button')]
    .filter((e) => { const b = e.getBoundingClientRect(); return b.height && b.height < 55.5; })
    .map((e) => e.textContent),
}"""


def count_colours(png: bytes) -> int:
    picture = Image.open(BytesIO(png)).convert("RGB")
    return len(picture.getcolors(1 << 24) or [])


def look_at_pages(firefox: Firefox, folder: Path) -> None:
    """Open each page; it shows its words, fits the window, and is drawn."""
    for path, words in PAGES.items():
        firefox.run("location.hash = `#/${arguments[0]}`", path)
        firefox.see(words)
        found = firefox.run(FIGURES)
        assert found["wide"] <= 0, (path, found)
        assert found["small"] == [], (path, found)
        png = firefox.take_picture()
        (folder / f"{path}.png").write_bytes(png)
        assert count_colours(png) > 50, path


@pytest.mark.slow
def test_firefox_logs_in_and_starts_and_stops_a_session(tmp_path: Path) -> None:
    with run_web(tmp_path) as web, run_firefox(tmp_path) as firefox:
        firefox.open(web.url)
        firefox.see_state("Ready, light off")
        assert "t=" not in firefox.run("return location.href")
        firefox.run(ERRORS)
        script = "return document.querySelector('.age').textContent"
        ages = {firefox.run(script)}
        firefox.wait_for(lambda: len(ages | {firefox.run(script)}) > 1, "an age that changes")
        firefox.press("Start")
        firefox.see_state("Light is on")
        firefox.wait_for(
            lambda: firefox.run("return document.querySelectorAll('.plot canvas').length") >= 2,
            "the charts",
        )
        look_at_pages(firefox, tmp_path)
        firefox.press("Pause")
        firefox.see_state("Paused, light off")
        firefox.press("Stop")
        firefox.see_state("Session over, light off")
        assert firefox.run("return window.problems") == []
