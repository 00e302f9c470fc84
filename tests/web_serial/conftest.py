"""One Chromium and one built folder for all tests; a simulated wrap for each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

import pbmwrap.protocols
from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.protocols.encode import canonical
from pbmwrap.protocols.load import load
from pbmwrap.twin.sim import SimTwin
from pbmwrap.web.world import SimulatedWrap
from tests.web_page.browser import open_browser
from tests.web_serial.bridge import SCRIPT, Bridge
from tools.web_static.folder import build_folder

NAME = "Minor injury, sore muscle"
EXAMPLE = Path(pbmwrap.protocols.__file__).parent / "examples" / "minor-injury.toml"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("web-static")
    build_folder(out)
    return out


class RecordingTwin(SimTwin):
    """Keeps what the lamps did in each control step: (state of the enable, parts per million)."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[bool, tuple[int, ...]]] = []

    def advance_ms(self, ms: int) -> None:
        super().advance_ms(ms)
        self.steps.append((self.enabled(), tuple(lamp.on_ppm for lamp in self.lamps())))


@pytest.fixture
def twin() -> RecordingTwin:
    return RecordingTwin()


@pytest.fixture
def bridge(folder: Path, twin: RecordingTwin, request: pytest.FixtureRequest) -> Iterator[Bridge]:
    """A wrap at a port, with the power on."""
    twin.start()
    if "lit_bridge" in request.fixturenames:
        light(twin)
    wrap = SimulatedWrap(twin)
    found = Bridge(folder, wrap)
    yield found
    found.close()
    wrap.close()


@pytest.fixture
def lit_bridge(bridge: Bridge) -> Bridge:
    """The same in a session, with steady light."""
    return bridge


def light(twin: RecordingTwin) -> None:
    """Start a session before the wrap's time runs in a thread."""
    client = Client(TwinTransport(twin))
    client.flash_protocol(0, canonical(load(EXAMPLE).require()))
    client.activate(0)
    client.start()
    twin.advance_ms(8000)
    assert client.status().state == "running"
    twin.read()
    twin.steps.clear()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    found = browser.new_context(
        viewport={"width": 1280, "height": 900},
        locale="en",
        reduced_motion="reduce",
        service_workers="block",
        accept_downloads=True,
    )
    found.set_default_timeout(30_000)
    found.add_init_script(SCRIPT)
    yield found
    found.close()


@pytest.fixture
def visit(context: BrowserContext, bridge: Bridge) -> Iterator[Callable[..., Page]]:
    """Open the page. Afterwards: nothing on the console and no request elsewhere."""
    problems: list[str] = []

    def visit(path: str = "now") -> Page:
        page = context.new_page()
        port = "Failed to load resource: the server responded with a status of 409"  # as meant
        page.on(
            "console",
            lambda m: (
                problems.append(m.text)
                if m.type == "error" and not m.text.startswith(port)
                else None
            ),
        )
        page.on("pageerror", lambda e: problems.append(str(e)))
        origin = bridge.url.removesuffix("wrap/")
        page.on(
            "request",
            lambda r: (
                problems.append(f"request to {r.url}")
                if not r.url.startswith((origin, "data:", "blob:"))
                else None
            ),
        )
        page.goto(f"{bridge.url}?wrap=usb#/{path}")
        page.wait_for_selector("h1")
        return page

    yield visit
    assert problems == []


def connect(page: Page) -> None:
    page.get_by_role("button", name="Connect the wrap").first.click()
    expect(page.locator(".age")).to_contain_text("ago")


def state(page: Page, words: str) -> None:
    expect(page.locator(".strip-state")).to_contain_text(words, timeout=20_000)


def control(page: Page, name: str) -> None:
    page.locator(".buttons").get_by_role("button", name=name).click()


def go(page: Page, path: str) -> None:
    page.evaluate("path => { location.hash = `#/${path}`; }", path)


def run_command(data: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pbmwrap", *words],
        env={**os.environ, "PBMWRAP_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
