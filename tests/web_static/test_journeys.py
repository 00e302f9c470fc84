"""Journeys in the page without a server, under a path of a static host."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.protocol_texts import GOOD
from tests.web_page.test_page import AXE, AXE_OPTIONS, MEASURE
from tests.web_static.site import Site

Visit = Callable[..., Page]
ANSWER_WAKE = "() => document.querySelector('.wake-button:not(:disabled)')?.click()"
SLOW_MS = 120_000  # a bound for a busy machine, not a figure


def button(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name)


def go(page: Page, path: str) -> None:
    page.evaluate("path => { location.hash = `#/${path}`; }", path)


def try_wrap(page: Page, speed: int = 1) -> None:
    """Choose the simulated wrap and wait until it is ready to start."""
    button(page, "Try the simulated wrap").click()
    expect(page.get_by_role("heading", name="Ready, light off")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".hero")).to_contain_text("Minor injury", timeout=SLOW_MS)
    if speed > 1:
        page.locator(".world").get_by_role("button", name=f"{speed} ×", exact=False).last.click()


def state(page: Page) -> Any:
    return page.locator(".strip-state")


def check_view(page: Page) -> None:
    """No violation of axe, and the stronger figures for targets, text and contrast."""
    page.evaluate(AXE)
    found = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)
    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
    assert page.evaluate(MEASURE) == {"small": [], "tiny": [], "weak": [], "wide": 0}


def test_a_session_from_the_choice_to_the_log(visit: Visit, site: Site) -> None:
    """Flash a protocol, start, reach the dose, read the log, look at the session; then offline."""
    page = visit()
    expect(page.get_by_role("heading", name="Which wrap?")).to_be_visible()
    assert page.locator(".controls").count() == 0
    check_view(page)
    try_wrap(page)
    expect(page.locator("main")).to_contain_text("This is a simulated wrap in your browser")
    check_view(page)

    go(page, "protocols")
    card = page.locator("article", has_text="Carpal tunnel")
    card.get_by_role("button", name="View and put on the wrap").click(timeout=SLOW_MS)
    expect(page.locator("#editor-title")).to_be_visible()
    page.locator(".editor").get_by_role("button", name="Put on the wrap").click()
    stored = page.locator("section", has=page.locator("#stored"))
    expect(stored).to_contain_text("Carpal tunnel", timeout=SLOW_MS)

    bad = {"name": "mine.toml", "mimeType": "", "buffer": GOOD.replace("50.1", "101").encode()}
    page.locator("#file-input").set_input_files(files=[bad])
    problems = page.locator("#editor-problems")
    expect(problems).to_contain_text("Line 20", timeout=SLOW_MS)
    expect(problems).to_contain_text("must be from 0 to 100 %")
    put = page.locator(".editor").get_by_role("button", name="Put on the wrap")
    expect(put).to_have_attribute("aria-disabled", "true")
    page.locator("#toml").fill(GOOD)
    expect(problems).to_have_text("✓ Correct", timeout=SLOW_MS)
    put.click()
    expect(stored).to_contain_text("Foot, evening", timeout=SLOW_MS)

    go(page, "wrap")  # the check-up runs in the browser as well
    expect(page.locator("main")).to_contain_text("Passed:", timeout=SLOW_MS)

    go(page, "now")
    page.locator(".world").get_by_role("button", name="60").click()
    button(page, "Start").click()
    expect(state(page)).to_have_text("Light is on", timeout=SLOW_MS)
    expect(page.locator(".world")).to_contain_text(re.compile(r"runs [\d.]+ times as fast"))
    expect(state(page)).to_have_text("Session over, light off", timeout=SLOW_MS)
    expect(page.locator(".hero")).to_contain_text("dose reached")
    expect(page.locator("main")).to_contain_text("6.00 of 6.00 J/cm²")

    go(page, "sessions")
    button(page, "Fetch new sessions").click()
    row = page.get_by_role("row").filter(has_text="Minor injury")
    expect(row).to_contain_text("dose reached", timeout=SLOW_MS)
    expect(row).to_contain_text("6.00")
    row.get_by_role("link").first.click()
    expect(page.locator(".plot canvas").first).to_be_visible(timeout=SLOW_MS)
    check_view(page)

    site.close()  # from here on without a network
    page.goto(site.url)
    expect(page.locator("main")).to_contain_text("simulated wrap", timeout=SLOW_MS)
    expect(state(page)).to_have_text("Ready, light off", timeout=SLOW_MS)


def test_a_pulled_sensor_latches_and_is_acknowledged(visit: Visit) -> None:
    page = visit("?wrap=simulated")
    expect(state(page)).to_have_text("Ready, light off", timeout=SLOW_MS)
    expect(page.locator(".hero")).to_contain_text("Minor injury", timeout=SLOW_MS)
    button(page, "Start").click()
    expect(state(page)).to_have_text("Light is on", timeout=SLOW_MS)
    button(page, "Pull off: Skin, middle").click()
    expect(state(page)).to_have_text(re.compile("[Ff]ault"), timeout=SLOW_MS)
    check_view(page)
    button(page, "Plug the sensor in again").click()
    acknowledge = button(page, "The cause is gone: acknowledge").first
    for _ in range(20):  # it is refused until the readings are good again
        if state(page).inner_text() == "Ready, light off":
            break
        if acknowledge.count():
            acknowledge.click()
        page.wait_for_timeout(500)
    expect(state(page)).to_have_text("Ready, light off")


@pytest.mark.slow
def test_a_covered_pad_dims(visit: Visit) -> None:
    page = visit("?wrap=simulated")
    expect(page.locator(".hero")).to_contain_text("Minor injury", timeout=SLOW_MS)
    go(page, "protocols")
    tour = page.locator("article", has_text="Tour: strong light")
    tour.get_by_role("button", name="Make active").click(timeout=SLOW_MS)
    go(page, "now")
    expect(page.locator(".hero")).to_contain_text("Tour: strong light", timeout=SLOW_MS)
    button(page, "Cover the wrap").click()
    button(page, "Start").click()
    expect(state(page)).to_have_text("Light is on", timeout=SLOW_MS)
    page.locator(".world").get_by_role("button", name="20").click()
    dims = page.locator(".notice", has_text="The light is dimmed to")
    for _ in range(1200):
        if dims.count():
            break
        page.evaluate(ANSWER_WAKE)  # at this speed it asks for a few seconds only
        page.wait_for_timeout(100)
    expect(dims.first).to_be_visible()


def test_a_real_wrap_can_be_chosen_and_the_choice_taken_back(visit: Visit) -> None:
    page = visit()
    button(page, "Connect a real wrap").click()
    expect(state(page)).to_have_text("No wrap is connected", timeout=SLOW_MS)
    check_view(page)
    page.reload()  # keeps the choice
    expect(state(page)).to_have_text("No wrap is connected", timeout=SLOW_MS)
    button(page, "Choose another wrap").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Which wrap?", timeout=SLOW_MS)


@pytest.mark.slow
def test_a_new_version_is_offered_and_used_when_asked_for(
    browser: Browser, folder: Path, tmp_path: Path
) -> None:
    """The old version stays until the button is pressed, with no file of the new one."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    site = Site(copy)
    page = browser.new_page(locale="en")
    page.goto(site.url)
    page.evaluate("() => navigator.serviceWorker.ready")
    texts = copy / "static" / "texts" / "en.json"
    texts.write_text(texts.read_text().replace("Which wrap?", "Which wrap now?"))
    worker = copy / "sw.js"
    worker.write_text(re.sub(r'VERSION = "\w+"', 'VERSION = "newer"', worker.read_text()))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Which wrap?", timeout=SLOW_MS)
    button(page, "Use the new version").click(timeout=SLOW_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Which wrap now?", timeout=SLOW_MS)
    assert len(page.evaluate("() => caches.keys()")) == 1
    page.context.close()
    site.close()


def test_about_needs_no_wrap_and_speaks_german(visit: Visit) -> None:
    page = visit("#/about", locale="de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Über")
    go(page, "now")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcher Wickel?")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_first_view_on_a_phone_and_at_400_percent(visit: Visit, theme: str) -> None:
    page = visit(viewport={"width": 320, "height": 640}, color_scheme=theme)
    check_view(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 320
