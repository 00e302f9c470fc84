"""Whole journeys with `pbmwrap web --port sim:`."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.web_journeys.kit import PATIENCE_MS, Person, run_web

FIRST, SECOND = "Minor injury, sore muscle", "Carpal tunnel, wrist"


def test_a_first_day_from_the_protocol_to_the_comparison(browser: Browser, tmp_path: Path) -> None:
    with run_web(tmp_path) as web:
        me = Person(browser, web.url)
        page = me.page
        me.see_state("Ready, light off")

        # A protocol, changed with its light and time in view.
        me.go("protocols")
        me.press(f"View and put on the wrap: {SECOND}")
        text = page.get_by_label("Text of the protocol")
        toml = text.input_value()
        text.fill(toml.replace("duration_s = 600", "duration_s = 240"))
        expect(page.locator(".editor").get_by_text("4 min").first).to_be_visible()
        me.press("Put on the wrap")
        me.see(f"{SECOND} is on the wrap.")
        me.press(f"Make active: {SECOND}")
        me.see(f"{SECOND} is active now.")
        me.store_setting("Time between wake questions", "60")

        # Started by the page; the wake question is answered there.
        me.set_speed(10)
        me.press("Start")
        me.see_state("Light is on")
        question = page.get_by_role("button", name="Are you awake?")
        expect(question).to_be_visible(timeout=PATIENCE_MS)
        question.click()
        expect(question).to_have_count(0)
        me.see_state("Light is on")
        me.press("Stop")
        me.see_state("Session over, light off")

        # The second one: covered until it dims, a sensor pulled until it stops.
        me.go("protocols")
        me.press(f"Make active: {FIRST}")
        me.see(f"{FIRST} is active now.")
        me.store_setting("Time between wake questions", "300")
        me.store_setting("Skin temperature that stops the light", "36")
        me.go("now")
        me.press("Make the room hot")
        me.press("Cover the wrap")
        me.press("Start")
        me.see_state("Light is on")
        me.set_speed(20)
        me.see("The light is dimmed to")
        me.set_speed(1)
        me.press("Pull off: Skin, left")
        me.see_state("Fault, light off")
        me.see("A temperature sensor is broken or unplugged")
        me.press("The cause is gone: acknowledge")
        me.see("cause is still there")
        me.press("Plug the sensor in again")
        expect(page.locator(".temp-none")).to_have_count(0)
        me.acknowledge()
        me.see_state("Ready, light off")

        # Both sessions are fetched and compared.
        me.go("sessions")
        me.press("Fetch new sessions from the wrap")
        me.see("Fetched.")
        rows = page.get_by_role("group", name="All sessions").get_by_role("row")
        expect(rows).to_have_count(3)
        for n in (1, 2):
            rows.nth(n).get_by_role("checkbox").check()
        me.press("Compare (2 ticked)")
        me.see("Comparison")
        expect(page.get_by_role("columnheader", name="Session 2")).to_be_visible()
        expect(page.get_by_role("cell", name="a fault")).to_be_visible()
        page.wait_for_selector(".plot canvas")
        me.close()
