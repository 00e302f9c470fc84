"""The page without a server, and a wrap on USB by Web Serial: whole journeys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.web_serial.bridge import Bridge
from tests.web_serial.conftest import RecordingTwin

Visit = Callable[..., Page]


def connect(page: Page) -> None:
    page.get_by_role("button", name="Connect the wrap").click()
    expect(page.locator(".strip-state")).not_to_contain_text("No wrap", timeout=30_000)
    expect(page.locator(".age")).to_contain_text("ago", timeout=30_000)


def test_a_session_from_choosing_the_port_to_the_log_file(
    visit: Visit, bridge: Bridge, twin: RecordingTwin, tmp_path: Path
) -> None:
    page = visit()
    expect(page.get_by_text("No wrap is connected").first).to_be_visible()
    connect(page)
    expect(page.locator(".strip-state")).to_contain_text("Ready")
    page.screenshot(path="/tmp/ws/now.png")
