"""One built folder and one Chromium for all tests; a context of its own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.web_page.browser import open_browser
from tests.web_static.site import Site
from tools.web_static.folder import build_folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("web-static")
    build_folder(out)
    return out


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    found = Site(folder)
    yield found
    found.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Open the page. Afterwards: no error on the console and no request elsewhere."""
    problems: list[str] = []
    opened: list[Page] = []

    def note_request(url: str) -> None:
        if not url.startswith((site.url, "data:", "blob:")):
            problems.append(f"request to {url}")

    def visit(path: str = "", **view: Any) -> Page:
        settings = {"viewport": {"width": 1280, "height": 900}, "locale": "en", **view}
        context = browser.new_context(reduced_motion="reduce", **settings)
        context.set_default_timeout(60_000)
        context.on("request", lambda r: note_request(r.url))
        page = context.new_page()
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: problems.append(str(e)))
        page.goto(site.url + path)
        page.wait_for_selector("h1")
        opened.append(page)
        return page

    yield visit
    for page in opened:
        page.context.close()
    assert problems == []
