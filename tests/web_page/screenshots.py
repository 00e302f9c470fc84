"""Pictures of every page in both themes and two widths: `python -m tests.web_page.screenshots`."""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from tests.web_page.browser import open_browser, open_page
from tests.web_page.fake_server import UID, FakeServer
from tests.web_static.site import Site
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
    ("trial-result", "trial-better", "trial"),
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
)
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


def save_static(browser: Browser, folder: Path, full: bool) -> None:
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
            for name, path, ready in STATIC_PICTURES:
                page.goto("about:blank")
                page.goto(site.url + path)
                page.wait_for_selector(ready)
                page.wait_for_timeout(900)
                save_small(page.screenshot(full_page=full), folder / f"{name}-{view}.png")
            context.close()
        site.close()


def main(folder: Path = FOLDER, full: bool = False) -> None:
    """Make all pictures. full: of the whole height, to look at and not for the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        save_static(browser, folder, full)
        for name, scenario, path in PICTURES:
            for view, width, height, theme in VIEWS:
                server = FakeServer(scenario, real_time=False)
                page = open_page(browser, server, path, width=width, height=height, theme=theme)
                try:
                    page.wait_for_timeout(900)
                    if name == "editor":
                        page.get_by_role("button", name="View and edit").first.click()
                        page.wait_for_selector("text=What it gives")
                        page.evaluate("document.querySelector('.editor').scrollIntoView()")
                    if name == "now-simulated":
                        page.evaluate("document.querySelector('.world').scrollIntoView()")
                    raw = page.screenshot(full_page=full)
                    save_small(raw, folder / f"{name}-{view}.png")
                finally:
                    page.context.close()
                    server.close()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(Path(arguments[0]) if arguments else FOLDER, full="--full" in arguments)
