"""Pictures of every page in both themes and two widths: `python -m tests.web_page.screenshots`.

With --only=trial only those whose names begin so.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.web_page.browser import open_browser, open_page
from tests.web_page.fake_server import UID, FakeServer
from tests.web_page.test_trial import show_whole_form
from tests.web_static.site import Site
from tests.web_static.test_watch import pass_days
from tools.web_static.folder import build_folder

FOLDER = Path(__file__).parents[2] / "docs" / "img" / "web"
PICTURES = (
    ("now", "running", "now"),
    ("now-wake", "wake", "now"),
    ("now-dimmed", "derating", "now"),
    ("now-fault", "fault", "now"),
    ("now-lost", "disconnected", "now"),
    ("now-simulated", "simulated", "now"),
    ("journal", "course-running", "journal"),
    ("journal-flag", "course-flag", "journal"),
    ("course", "course-running", "course"),
    ("course-stop", "course-stop", "course"),
    ("course-new", "course-none", "course"),
    ("trial", "trial-running", "trial"),
    ("trial-new", "trial-none", "trial"),
    ("trial-plan", "trial-none", "trial"),
    ("trial-result", "trial-better", "trial"),
    ("heat", "heat-passed", "trial/heat"),
    ("heat-running", "heat-lit", "trial/heat"),
    ("sessions", "idle", "sessions"),
    ("session", "idle", f"sessions/{UID}/36"),
    ("compare", "idle", f"sessions/compare/{UID}:40,{UID}:36,{UID}:38"),
    ("protocols", "idle", "protocols"),
    ("editor", "idle", "protocols"),
    ("wrap", "idle", "wrap"),
    ("calibrate", "cal-reading", "wrap/calibrate"),
    ("calibrate-light", "cal-light", "wrap/calibrate"),
    ("calibrate-asked", "cal-question", "wrap/calibrate"),
    ("calibrate-result", "cal-store", "wrap/calibrate"),
    ("about", "idle", "about"),
)
# Of the page without a server: name, address, what is there when it is ready.
STATIC_PICTURES = (
    ("static-first", "", "text=Which wrap?"),
    ("static-install", "#/install", "main h2"),
    ("static-now", "?wrap=simulated", ".hero >> text=Minor injury"),
    ("static-watch", "#/watch", ".main.large"),
)
WATCHED_WEEKS = 5  # of "Watch a trial", before its picture is taken
COLOURS = 16
VIEWS = (
    ("wide-light", 1120, 720, "light"),
    ("wide-dark", 1120, 720, "dark"),
    ("phone-light", 390, 680, "light"),
    ("phone-dark", 390, 680, "dark"),
)


def save_small(png: bytes, path: Path) -> None:
    """Write a picture with few colours: its most frequent ones, unchanged, and no others."""
    picture = Image.open(BytesIO(png)).convert("RGB")
    found = sorted(picture.getcolors(1 << 24) or [], reverse=True)[:COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in found for part in colour])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True, bits=4)


def watch_weeks(page: Page, weeks: int) -> None:
    """Start "Watch a trial" and let some of its weeks pass; the chart is on screen then."""
    page.clock.install()
    page.locator(".main.large").click()
    page.locator("#today").wait_for()
    pass_days(page, 0, 7 * weeks)
    page.evaluate("document.querySelector('.watch').scrollIntoView({ block: 'center' })")


def save_static(
    browser: Browser, folder: Path, full: bool, pictures: Sequence[tuple[str, str, str]]
) -> None:
    """Make the pictures of the page without a server."""
    with tempfile.TemporaryDirectory() as built:
        build_folder(Path(built))
        site = Site(Path(built))
        for view, width, height, theme in VIEWS:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
                locale="en",
            )
            page = context.new_page()
            for name, path, ready in pictures:
                page.goto("about:blank")
                page.goto(site.url + path)
                page.wait_for_selector(ready)
                page.wait_for_timeout(900)
                if name == "static-watch":
                    watch_weeks(page, WATCHED_WEEKS)
                save_small(page.screenshot(full_page=full), folder / f"{name}-{view}.png")
            context.close()
        site.close()


def main(folder: Path = FOLDER, full: bool = False, wanted: str = "") -> None:
    """Make all pictures, or those whose names begin with `wanted`. full: of the whole height, to
    look at and not for the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        static = [one for one in STATIC_PICTURES if one[0].startswith(wanted)]
        if static:
            save_static(browser, folder, full, static)
        for name, scenario, path in PICTURES:
            if not name.startswith(wanted):
                continue
            for view, width, height, theme in VIEWS:
                server = FakeServer(scenario, real_time=False)
                page = open_page(browser, server, path, width=width, height=height, theme=theme)
                try:
                    page.wait_for_timeout(900)
                    if name == "editor":
                        page.get_by_role("button", name="View and edit").first.click()
                        page.wait_for_selector("text=What it gives")
                        page.evaluate("document.querySelector('.editor').scrollIntoView()")
                    if name in ("trial-new", "trial-plan"):
                        show_whole_form(page, "Less pain at night")
                        shown = "for-whom" if name == "trial-new" else "draft"
                        page.evaluate("id => document.getElementById(id).scrollIntoView()", shown)
                    if name == "now-simulated":
                        page.evaluate("document.querySelector('.world').scrollIntoView()")
                    raw = page.screenshot(full_page=full)
                    save_small(raw, folder / f"{name}-{view}.png")
                finally:
                    page.context.close()
                    server.close()


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
    prefix = [word.removeprefix("--only=") for word in sys.argv[1:] if word.startswith("--only=")]
    place = Path(arguments[0]) if arguments else FOLDER
    main(place, full="--full" in sys.argv, wanted=prefix[0] if prefix else "")
