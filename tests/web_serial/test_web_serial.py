"""The page without a server, and a wrap on USB by Web Serial: whole journeys."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.web_page.test_page import check_axe, check_figures, wait_until
from tests.web_serial.bridge import Bridge
from tests.web_serial.conftest import (
    NAME,
    RecordingTwin,
    connect,
    control,
    go,
    light,
    run_command,
    state,
)

Visit = Callable[..., Page]


def test_a_session_from_choosing_the_port_to_the_imported_log(
    visit: Visit, bridge: Bridge, twin: RecordingTwin, tmp_path: Path
) -> None:
    page = visit()
    state(page, "No wrap is connected")
    check_axe(page)
    check_figures(page)
    connect(page)
    state(page, "Ready")

    go(page, "protocols")
    card = page.locator(".card", has=page.get_by_role("heading", name=NAME)).last
    card.get_by_role("button").first.click()
    expect(page.locator("#toml")).to_be_editable()
    page.get_by_role("button", name="Put on the wrap", exact=True).first.click()
    stored = page.locator("section[aria-labelledby=stored] .card")
    expect(stored).to_contain_text(NAME)
    expect(stored).to_contain_text("at most")  # not calibrated
    expect(page.locator(".active-words")).to_be_visible()

    go(page, "wrap")
    setting = page.locator("#set-time_s")
    setting.fill("15")
    setting.press("Enter")
    expect(page.locator("form", has=setting)).to_contain_text("Stored")
    expect(page.locator(".checks").last).to_contain_text("program intact")

    go(page, "now")
    control(page, "Start")
    state(page, "Light is on")
    control(page, "Pause")
    state(page, "Paused")
    wait_until(page, lambda: twin.steps[-1][1] == (0, 0))
    control(page, "Resume")
    state(page, "Light is on")
    wait_until(page, lambda: min(twin.steps[-1][1]) > 0)

    bridge.wrap.change("pull_sensor", "skin-left")
    expect(page.locator(".notice.bad").first).to_contain_text("sensor")
    assert twin.steps[-1][1] == (0, 0)
    bridge.wrap.change("pull_sensor", None)
    expect(page.get_by_text("no reading", exact=True)).to_have_count(0)
    button = page.get_by_role("button", name="acknowledge").first
    while button.is_visible():  # refused until the wrap has read the sensor for a while
        button.click()
        page.wait_for_timeout(300)
    state(page, "Ready")

    go(page, "sessions")
    with page.expect_download() as caught:
        page.get_by_role("button", name="Save the log").click()
    expect(page.get_by_text("Saved. The file")).to_be_visible()
    check_axe(page)
    check_figures(page)
    file = tmp_path / caught.value.suggested_filename
    caught.value.save_as(file)
    assert file.name.startswith("pbmwrap-sim")
    run_command(tmp_path / "data", "logs", "import", str(file))
    listed = json.loads(run_command(tmp_path / "data", "logs", "list", "--json"))
    assert [session["reason"] for session in listed["data"]] == ["fault"]
    verified = run_command(tmp_path / "data", "logs", "verify")
    assert "complete" in verified


def test_connecting_while_lit_changes_no_step_and_touches_no_line(
    visit: Visit, lit_bridge: Bridge, twin: RecordingTwin
) -> None:
    lit_bridge.vendor, lit_bridge.product = 0x10C4, 0xEA60  # a bridge whose lines reset an ESP32
    page = visit()
    connect(page)
    state(page, "Light is on")
    page.wait_for_timeout(1000)
    assert [name for name, _ in lit_bridge.calls] == ["request", "open"]
    page.reload()  # the port is known: no press is needed
    state(page, "Light is on")
    page.close()
    sent = lit_bridge.written
    assert sent.count(b'"hello"') == 2
    assert not {1, 2, 3, 4} & set(sent)
    assert b"session." not in sent
    steps = list(twin.steps)
    assert len(steps) > 200
    alone = RecordingTwin()  # the same wrap, with nothing at its port
    alone.start()
    light(alone)
    for _ in steps:
        alone.advance_ms(10)
    assert steps == alone.steps
    assert max(duty for _, duty in steps) == (250003, 250003)
    alone.close()


def test_a_press_before_python_is_ready_and_a_failed_write_are_not_lost(
    visit: Visit, bridge: Bridge
) -> None:
    loaded = bridge.delayed["device/micropython.wasm"] = threading.Event()
    page = visit("install")
    page.get_by_role("button", name="Connect the wrap").first.click()
    wait_until(page, lambda: [name for name, _ in bridge.calls] == ["request"])
    bridge.failing_writes = 1
    loaded.set()
    state(page, "Ready")
    assert bridge.failing_writes == 0


@pytest.mark.slow
def test_a_pulled_cable_and_a_second_window_are_said_in_words(
    visit: Visit, bridge: Bridge, context: BrowserContext
) -> None:
    page = visit()
    connect(page)
    bridge.wrap.change("cable", False)
    state(page, "Connection to the wrap lost")
    expect(page.get_by_text("The cable was pulled")).to_be_visible()
    check_axe(page)
    page.locator(".buttons .stop").click(force=True)
    expect(page.locator(".controls-message")).to_be_visible()
    bridge.wrap.change("cable", True)
    state(page, "Ready")

    other = visit("sessions")
    expect(other.get_by_text("No session is stored")).to_be_visible()
    other.get_by_role("button", name="Connect the wrap").first.click()
    state(other, "Another program uses the wrap")
    expect(other.get_by_text("in another window of this page")).to_be_visible()
    state(page, "Ready")
    page.close()
    state(other, "Ready")

    bridge.wrap.change("power", False)
    state(other, "Connection to the wrap lost")
    expect(other.get_by_text("nothing answers")).to_be_visible()
    bridge.wrap.change("power", True)
    state(other, "Ready")


def test_a_browser_without_web_serial_says_what_works(
    visit: Visit, context: BrowserContext
) -> None:
    context.add_init_script("delete Navigator.prototype.serial; delete navigator.serial;")
    page = visit()
    expect(page.get_by_text("This browser cannot reach USB ports")).to_be_visible()
    expect(page.get_by_role("button", name="Connect the wrap")).to_have_count(0)
    context.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false });")
    page = visit()
    expect(page.get_by_text("begins with https")).to_be_visible()
