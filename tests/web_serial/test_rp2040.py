"""The page against the real image on the emulated RP2040, by Web Serial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.web.world import SimulatedWrap
from tests.web_page.test_page import wait_until
from tests.web_serial.bridge import Bridge
from tests.web_serial.conftest import NAME, connect, control, go, run_command

Visit = Callable[..., Page]
IMAGE = Path(__file__).parents[2] / "build" / "PBMWRAP_RP2040.uf2"
PATIENCE_MS = 240_000.0  # the emulated chip is slower than a real one


@pytest.fixture
def bridge(folder: Path) -> Iterator[Bridge]:
    assert IMAGE.is_file(), f"{IMAGE} is missing: `make firmware` builds it"
    twin = Rp2040Twin(IMAGE)
    twin.start()
    wrap = SimulatedWrap(twin)
    found = Bridge(folder, wrap)
    found.twin = twin  # type: ignore[attr-defined]
    yield found
    found.close()
    wrap.close()


@pytest.mark.slow
def test_a_session_on_the_real_image(visit: Visit, bridge: Bridge, tmp_path: Path) -> None:
    page = visit("install")
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    connect(page)
    expect(page.get_by_text("The wrap answers")).to_be_visible()
    expect(page.get_by_text("It runs the firmware of this page")).to_be_visible()

    go(page, "protocols")
    card = page.locator(".card", has=page.get_by_role("heading", name=NAME)).last
    card.get_by_role("button").first.click()
    page.get_by_role("button", name="Put on the wrap", exact=True).click()
    expect(page.locator(".active-words")).to_be_visible()

    go(page, "now")
    control(page, "Start")
    expect(page.locator(".strip-state")).to_contain_text("Light is on")
    assert bridge.wrap.state()["lit"]
    page.reload()  # connects again while lit
    expect(page.locator(".strip-state")).to_contain_text("Light is on")
    wait_until(page, lambda: bridge.wrap.state()["lit"])
    assert {1, 2, 3, 4}.isdisjoint(bridge.written)
    control(page, "Stop")
    expect(page.locator(".strip-state")).to_contain_text("Session over")

    go(page, "sessions")
    with page.expect_download() as caught:
        page.get_by_role("button", name="Save the log").click()
    caught.value.save_as(tmp_path / "log.jsonl")
    run_command(tmp_path / "data", "logs", "import", str(tmp_path / "log.jsonl"))
    assert "complete" in run_command(tmp_path / "data", "logs", "verify")
