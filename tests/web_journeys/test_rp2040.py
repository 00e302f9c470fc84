"""A whole journey with the real image on the emulated RP2040, through `pbmwrap web`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web_journeys.kit import PATIENCE_MS, Person, run_web

SLOW_S = 900.0  # the emulated chip runs slower than real time while the light is on
NAME = "Carpal tunnel, wrist"
IMAGE = Path(__file__).parents[2] / "build" / "PBMWRAP_RP2040.uf2"


@pytest.mark.slow
def test_the_image_is_flashed_started_dimmed_stopped_and_read(
    browser: Browser, tmp_path: Path
) -> None:
    assert IMAGE.exists(), f"{IMAGE} is missing: run `make firmware`"
    began_s = time.monotonic()

    def note(what: str) -> None:
        print(f"{time.monotonic() - began_s:7.1f} s  {what}")

    with run_web(tmp_path, "rp2040:") as web:
        me = Person(browser, web.url)
        page = me.page
        me.see_state("Ready, light off", SLOW_S)
        note("connected")
        me.put_on_wrap(NAME, 2)
        note("protocol stored and active")
        me.store_setting("Time between wake questions", "5")
        me.store_setting("Skin temperature that stops the light", "36")
        me.go("now")
        me.press("Make the room hot")
        me.press("Cover the wrap")
        me.press("Start")
        me.see_state("Light is on", SLOW_S)
        note("light on")
        question = page.get_by_role("button", name="Are you awake?")
        expect(question).to_be_visible(timeout=PATIENCE_MS)
        question.click()
        expect(question).to_have_count(0)
        note("wake question answered")
        me.press("Pull off: Skin, left")
        me.see_state("Fault, light off", SLOW_S)
        me.see("A temperature sensor is broken or unplugged")
        note("fault")
        me.press("Plug the sensor in again")
        expect(page.locator(".temp-none")).to_have_count(0)
        me.acknowledge()
        me.see_state("Ready, light off")
        note("acknowledged")
        me.go("sessions")
        me.press("Fetch new sessions from the wrap")
        me.see("Fetched.", SLOW_S)
        rows = page.get_by_role("group", name="All sessions").get_by_role("row")
        expect(rows).to_have_count(2)
        rows.nth(1).get_by_role("link").click()
        me.see("A temperature sensor is broken or unplugged.")
        note("log pulled")
        me.close()
