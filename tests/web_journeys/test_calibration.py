"""A calibration with `--port sim:`, from the choice of the meter to the wrap and the report."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.web_journeys.kit import PATIENCE_MS, Person, run_web


def answer(me: Person, label: str, text: str) -> None:
    """Type an answer into the field that has the focus, and press Enter."""
    expect(me.page.get_by_label(label)).to_be_focused(timeout=PATIENCE_MS)
    me.page.keyboard.type(text)
    me.page.keyboard.press("Enter")


def light(me: Person) -> None:
    """Confirm that nobody is in the wrap, and light it."""
    me.page.get_by_label("Nobody is in the wrap").check()
    me.button("Light on").click()
    expect(me.page.get_by_label("Point A1")).to_be_focused(timeout=PATIENCE_MS)


def measure(me: Person, reading: str) -> None:
    """Type the readings of a grid, each followed by Enter."""
    for point in ("A1", "A2", "B2", "B1"):
        answer(me, f"Point {point}", reading)


def test_four_points_of_each_channel_to_the_wrap(browser: Browser, tmp_path: Path) -> None:
    with run_web(tmp_path) as web:
        me = Person(browser, web.url)
        page = me.page
        me.see_state("Ready, light off")
        me.set_speed(60)
        me.go("wrap")
        page.get_by_role("link", name="Measure the light").click()
        me.press("Begin")
        me.press("Silicon head", exact=False)
        answer(me, "Its maker", "Simulated meter")
        answer(me, "Its uncertainty", "5")
        answer(me, "The coverage factor", "")
        me.press("mW/cm²")
        answer(me, "The diameter", "9.5")
        me.press("Not known")
        me.press("No cover is used")
        me.press("2 × 2", exact=False)
        me.press("1 time.", exact=False)
        answer(me, "Which wavelength does it show?", "660")
        answer(me, "light off: what does the meter show?", "0.01")

        # On a person it does not light; the page says why. Then it is laid on the table.
        page.get_by_label("Nobody is in the wrap").check()
        me.press("Light on")
        me.see("the wrap reads as worn")
        me.go("now")
        me.press("Lay the wrap open on a table")

        # The page is closed and opened again: it goes on at the same step.
        page.goto("about:blank")
        page.goto(f"{web.base}/#/wrap/calibrate")
        light(me)
        me.see_state("Measuring a calibration, light is on")
        measure(me, "12.1")
        answer(me, "Which wavelength does it show?", "850")
        answer(me, "light off: what does the meter show?", "0.01")
        light(me)
        measure(me, "20.4")
        for channel in ("Red 660 nm", "Infrared 850 nm"):
            me.press(f"Store on the wrap: {channel}")
            result = page.get_by_role("region", name=channel)
            expect(result.get_by_text("Stored on the wrap")).to_be_visible(timeout=PATIENCE_MS)
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Report of this calibration").click()
        report = opened.value
        words = "the wrap has this calibration, and its hash is the one of this record"
        expect(report.get_by_text(words).first).to_be_visible()
        report.close()
        page.get_by_role("link", name="Back to the wrap").click()
        rows = page.get_by_role("group", name="Calibration").get_by_role("row")
        expect(rows.filter(has_text="24.2 mW/cm²")).to_have_count(1)
        me.close()
