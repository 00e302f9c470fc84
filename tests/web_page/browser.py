"""Debian's Chromium, driven by playwright, on a page of the fake server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.web_page.fake_server import TOKEN, FakeServer

CHROMIUM = Path("/usr/bin/chromium")
# The same engine without the browser around it: a page loads in two fifths of the CPU time.
SHELL = Path("/usr/bin/chromium-headless-shell")


@contextmanager
def open_browser(program: Path = CHROMIUM) -> Iterator[Browser]:
    """Start Chromium. program: CHROMIUM or SHELL. Raises RuntimeError when it is not installed."""
    if not program.exists():
        raise RuntimeError(
            f"{program} is missing: `make web-page` installs it (apt-get install {program.name})"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(program),
            args=["--no-sandbox", "--autoplay-policy=user-gesture-required"],
        )
        try:
            yield browser
        finally:
            browser.close()


def open_page(
    browser: Browser,
    server: FakeServer,
    path: str = "now",
    *,
    width: int = 1280,
    height: int = 900,
    theme: str = "light",
    language: str = "en",
    scale: float = 1,
) -> Page:
    """Log in and open one page. Console errors are collected in `page.problems`."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale=language,
        reduced_motion="reduce",
        device_scale_factor=scale,
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    problems: list[str] = []
    page.problems = problems  # type: ignore[attr-defined]
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: problems.append(str(e)))

    def note_request(url: str) -> None:
        if not url.startswith((server.url, "data:")):
            problems.append(f"request to {url}")

    page.on("request", lambda r: note_request(r.url))
    page.goto(f"{server.url}#t={TOKEN}")
    page.wait_for_selector("h1")
    if path != "now":
        page.evaluate("path => { location.hash = `#/${path}`; }", path)
    return page
