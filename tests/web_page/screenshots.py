"""Pictures of every page in both themes and two widths: `python -m tests.web_page.screenshots`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.web_page.browser import open_browser, open_page
from tests.web_page.fake_server import UID, FakeServer

FOLDER = Path(__file__).parents[2] / "docs" / "img" / "web"
PICTURES = (
    ("now", "running", "now"),
    ("now-wake", "wake", "now"),
    ("now-dimmed", "derating", "now"),
    ("now-fault", "fault", "now"),
    ("now-lost", "disconnected", "now"),
    ("now-simulated", "simulated", "now"),
    ("sessions", "idle", "sessions"),
    ("session", "idle", f"sessions/{UID}/36"),
    ("compare", "idle", f"sessions/compare/{UID}:40,{UID}:36,{UID}:38"),
    ("protocols", "idle", "protocols"),
    ("editor", "idle", "protocols"),
    ("wrap", "idle", "wrap"),
    ("about", "idle", "about"),
)
VIEWS = (
    ("wide-light", 1280, 800, "light"),
    ("wide-dark", 1280, 800, "dark"),
    ("phone-light", 390, 780, "light"),
    ("phone-dark", 390, 780, "dark"),
)


def main(folder: Path = FOLDER, full: bool = False) -> None:
    """Make all pictures. full: of the whole height, to look at and not for the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        for name, scenario, path in PICTURES:
            for view, width, height, theme in VIEWS:
                server = FakeServer(scenario, real_time=False)
                page = open_page(
                    browser, server, path, width=width, height=height, theme=theme
                )
                try:
                    page.wait_for_timeout(900)
                    if name == "editor":
                        page.get_by_role("button", name="View and edit").first.click()
                        page.wait_for_selector("text=What it gives")
                        page.evaluate("document.querySelector('.editor').scrollIntoView()")
                    page.screenshot(path=folder / f"{name}-{view}.png", full_page=full)
                finally:
                    page.context.close()
                    server.close()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(Path(arguments[0]) if arguments else FOLDER, full="--full" in arguments)
