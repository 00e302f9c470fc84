"""One person's first days with journal and course, and a second person, with `--port sim:`."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.web_journeys.kit import PATIENCE_MS, Person, run_web

PHONE = {"width": 390, "height": 740}


def test_a_plan_a_red_flag_and_somebody_else(browser: Browser, tmp_path: Path) -> None:
    with run_web(tmp_path) as web:
        ada = Person(browser, web.url, viewport=PHONE)
        page = ada.page
        ada.see_state("Ready, light off")

        # Who she is, and her first number: two presses.
        ada.go("journal")
        page.get_by_label("Your name", exact=True).fill("Ada")
        ada.press("Go on")
        ada.press("6")
        ada.press("No, none of this. Save")
        ada.see("Saved: 6 for")

        # A plan, with its evidence first; then it is frozen.
        ada.go("course")
        page.get_by_label("Minor injury").first.check()
        expect(page.locator("[role=status] .notice")).to_contain_text("Evidence:")
        page.get_by_label("What do you hope for?").fill("Climb the stairs")
        ada.press("Make this plan")
        ada.see("The plan is not frozen yet")
        ada.press("Freeze it")
        ada.see("Not yet: evaluated on")
        ada.see("frozen on")
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Report for a clinician").click()
        report = opened.value
        expect(report.get_by_role("heading", level=1)).to_contain_text("Climb the stairs")
        expect(report.get_by_text("SIMULATED").first).to_be_visible()
        assert report.evaluate("getComputedStyle(document.querySelector('.verdict')).borderStyle")
        assert report.evaluate("document.styleSheets[0].cssRules.length") > 5  # allowed by its hash
        report.close()
        with page.expect_download() as saved:
            page.get_by_role("link", name="Calendar file").click()
        assert saved.value.suggested_filename == "light-course.ics"

        # A session before its first day: it is asked whose it was, and the comparison suffers.
        ada.set_speed(20)
        ada.press("Start", exact=False)
        ada.see_state("Light is on")
        ada.press("Stop", exact=False)
        ada.see_state("Session over, light off")
        ada.go("sessions")
        ada.press("Fetch new sessions from the wrap")
        ada.see("Whose sessions were these?")
        page.locator(".whose").get_by_role("button", name="Ada").first.click()
        expect(page.locator(".whose")).to_have_count(0, timeout=PATIENCE_MS)

        # A burn: no light until it was read.
        ada.go("journal")
        ada.press("Correct")
        ada.press("A burn, or skin that stays red", exact=False)
        ada.press("Yes, the marked ones. Save")
        ada.see("cool it with running water")
        ada.press("Start", exact=False)
        expect(page.locator(".controls-message")).to_contain_text(
            "A red flag", ignore_case=True, timeout=PATIENCE_MS
        )
        ada.press("Close this message")
        ada.press("I have read this")
        expect(page.locator(".flags")).to_have_count(0, timeout=PATIENCE_MS)
        page.wait_for_timeout(300)

        # Somebody else at another browser sees nothing of hers but the name.
        bo = Person(browser, web.next_url(), viewport=PHONE)
        bo.press("Take over")
        bo.go("journal")
        bo.press("Somebody else")
        bo.page.get_by_label("Somebody new", exact=True).fill("Bo")
        bo.press("Go on")
        bo.see("No entry yet.")
        bo.go("course")
        bo.see("What for?")
        expect(bo.page.get_by_text("Climb the stairs")).to_have_count(0)
        page.reload()
        ada.see("For Ada")
        bo.close()
        ada.close()
