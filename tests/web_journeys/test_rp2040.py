"""Journeys with the real image on the emulated RP2040, through `pbmwrap web`.

The emulated chip needs some seconds to boot, and its time passes slower than the wall clock's while
the light is on. So both journeys are slow: `make web-journeys`.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web_journeys.kit import Person, run_web

SLOW_S = 1500.0
FIRST, SECOND = "Minor injury, sore muscle", "Carpal tunnel, wrist"
WARM = "tests.web_journeys.warm_web"
IMAGE = Path(__file__).parents[2] / "build" / "PBMWRAP_RP2040.uf2"


class Stages:
    """Prints when each stage was reached: `pytest -s` shows how long a journey takes."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()

    def reach(self, stage: str) -> None:
        print(f"{time.monotonic() - self._began_s:8.1f} s  {stage}")


def require_image() -> None:
    assert IMAGE.exists(), f"{IMAGE} is missing: run `make firmware`"


@pytest.mark.slow
def test_the_image_is_started_and_stopped_from_the_page(browser: Browser, tmp_path: Path) -> None:
    require_image()
    stages = Stages()
    with run_web(tmp_path, "rp2040:") as web:
        me = Person(browser, web.url, SLOW_S)
        me.see_state("Ready, light off")
        stages.reach("connected")
        me.put_on_wrap(FIRST, 0)
        stages.reach("protocol stored")
        me.press("Start")
        me.see_state("Light is on")
        stages.reach("light on")
        me.go("now")
        me.press("Pull off: Skin, left")
        me.see_state("Fault, light off")
        me.see("A temperature sensor is broken or unplugged")
        stages.reach("fault")
        me.close()


@pytest.mark.slow
def test_a_whole_day_of_the_image(browser: Browser, tmp_path: Path) -> None:
    require_image()
    stages = Stages()
    with run_web(tmp_path, "rp2040:", module=WARM) as web:
        me = Person(browser, web.url, SLOW_S)
        page = me.page
        me.see_state("Ready, light off")
        stages.reach("connected")
        me.put_on_wrap(SECOND, 2)
        me.store_setting("Time between wake questions", "5")
        me.press("Start")
        me.see_state("Light is on")
        stages.reach("light on")
        question = page.get_by_role("button", name="Are you awake?")
        expect(question).to_be_visible(timeout=me.patience_ms)
        question.click()
        expect(question).to_have_count(0, timeout=me.patience_ms)
        stages.reach("wake question answered")
        me.press("Stop")
        me.see_state("Session over, light off")

        me.put_on_wrap(FIRST, 0)  # nothing was made active by hand: the lowest place starts
        me.store_setting("Time between wake questions", "300")
        me.store_setting("Skin temperature that stops the light", "36")
        me.go("now")
        me.press("Cover the wrap")
        me.press("Start")
        me.see_state("Light is on")
        me.press("Pull the USB cable")
        me.see_state("Connection to the wrap lost")
        me.see("At the last reading: Light is on")
        me.press("Plug the USB cable in")
        me.see_state("Light is on")
        stages.reach("cable pulled and back")
        me.see("The light is dimmed to")
        stages.reach("dimmed")
        me.press("Pull off: Skin, left")
        me.see_state("Fault, light off")
        me.see("A temperature sensor is broken or unplugged")
        stages.reach("fault")
        me.press("Plug the sensor in again")
        expect(page.locator(".temp-none")).to_have_count(0, timeout=me.patience_ms)
        me.acknowledge()
        me.see_state("Ready, light off")
        stages.reach("acknowledged")

        me.go("sessions")
        me.press("Fetch new sessions from the wrap")
        me.see("Fetched.")
        rows = page.get_by_role("group", name="All sessions").get_by_role("row")
        expect(rows).to_have_count(3, timeout=me.patience_ms)
        for n in (1, 2):
            rows.nth(n).get_by_role("checkbox").check()
        me.press("Compare (2 ticked)")
        expect(page.get_by_role("cell", name="a fault")).to_be_visible()
        page.wait_for_selector(".plot canvas")
        stages.reach("log pulled, sessions compared")
        me.close()
