"""One Chromium for all tests of the page, and a fake server for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.web_page.browser import SHELL, open_browser, open_page
from tests.web_page.fake_server import FakeServer


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with open_browser(SHELL) as found:
        yield found


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., tuple[FakeServer, Page]]]:
    """Open a scenario's page. Afterwards: no error on the console and no request elsewhere."""
    opened: list[tuple[FakeServer, Page]] = []

    def visit(scenario: str = "idle", path: str = "now", **view: Any) -> tuple[FakeServer, Page]:
        server = FakeServer(scenario)
        page = open_page(browser, server, path, **view)
        opened.append((server, page))
        return server, page

    yield visit
    problems = [problem for _, page in opened for problem in page.problems]  # type: ignore
    for server, page in opened:
        page.context.close()
        server.close()
    assert problems == []
