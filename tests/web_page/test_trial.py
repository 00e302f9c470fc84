"""The page Trial in Chromium, on a scripted trial."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web_page.fake_server import FakeServer
from tests.web_page.test_german import find_english_words
from tests.web_page.test_page import Visit, check_axe, check_figures, open_all, wait_until

# moment, what it waits for
VIEWS = (
    ("none", "#planner"),
    ("baseline", "#today"),
    ("running", "#today"),
    ("guess", "#guess"),
    ("given", "#reveal"),
    ("last", "#reveal"),
    ("better", ".drawing"),
    ("worse", ".drawing"),
    ("unblinded", ".drawing"),
    ("ended", ".notice"),
)
AXE_MOMENTS = ("none", "running", "guess", "better")


def show(server: FakeServer, page: Page, moment: str, ready: str) -> None:
    """Show a moment on a page that is open already."""
    page.evaluate("location.hash = '#/about'")
    page.wait_for_selector(".rules")
    server.show(f"trial-{moment}")
    page.evaluate("location.hash = '#/trial'")
    page.wait_for_selector(ready)
    if ready == ".drawing":
        wait_until(page, "document.querySelector('.drawing').naturalWidth > 0")


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_and_targets_text_and_contrast_are_large(
    visit: Visit, theme: str
) -> None:
    server, page = visit("trial-none", theme=theme)
    for moment, ready in VIEWS:
        show(server, page, moment, ready)
        if moment == "none":
            page.get_by_role("button", name="Work it out").click()
            page.wait_for_selector("table.stack")
        check_figures(page)
        if moment in AXE_MOMENTS or theme == "dark":  # the others have nothing of their own
            check_axe(page)


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "de"])
def test_a_phone_shows_everything_without_scrolling_sideways(visit: Visit, language: str) -> None:
    server, page = visit("trial-none", width=360, height=740, language=language)
    for moment, ready in VIEWS:
        show(server, page, moment, ready)
        if moment == "none":
            page.locator(".main.large").click()
            page.wait_for_selector("table.stack")
        open_all(page)
        check_figures(page)
        if language == "de":
            assert find_english_words(page) == [], moment
            assert page.locator("[lang=en]:not(button, html)").all_inner_texts() == [], moment


def test_the_planner_says_what_can_answer_and_what_cannot(visit: Visit) -> None:
    server, page = visit("trial-none", "trial")
    expect(page.locator("main")).to_contain_text("Not for a condition that needs treatment now")
    expect(page.locator("main")).to_contain_text("no medical advice")
    page.get_by_role("button", name="Work it out").press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("Such a trial can answer you")
    expect(page.locator("table")).to_contain_text("98 of 100")
    command = "pbmwrap trial start foot-left foot-right --weeks 24 --speed week --matters 2"
    assert command in re.sub(r"\s+", " ", page.locator("#planner ~ p code").inner_text())
    # It cannot be begun here, and no half form pretends that it can.
    assert page.locator("main input, main form").count() == 0
    server.show("trial-cannot")
    page.get_by_role("button", name="One place").click()
    expect(page.locator("table")).to_have_count(0)
    page.get_by_role("button", name="Work it out").click()
    expect(page.locator("main [role=alert]")).to_contain_text("This trial cannot answer you")
    assert page.locator("main code").count() == 0


def test_numbers_and_the_next_session(visit: Visit) -> None:
    server, page = visit("trial-running", "trial", width=390, height=740)
    expect(page.locator("main")).to_contain_text("2 of 3 done, 1 to do")
    expect(page.locator("main")).to_contain_text("4 of 12")
    left = page.get_by_role("group", name="left foot")
    left.get_by_role("button", name="6", exact=True).click()
    save = page.get_by_role("button", name="Save the numbers")
    save.click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("a number for each place first")
    page.get_by_role("group", name="right foot").get_by_role("button", name="10").click()
    save.click()
    expect(page.locator("#today")).to_have_text("Today's numbers")
    assert server.asked[-1] == ("POST trial/entry", {"id": "ada234-t1", "values": [6, 10]})
    page.get_by_role("button", name="Prepare this session").click()
    expect(page.locator(".notice.good")).to_contain_text("The next session is on: right foot")
    assert server.asked[-1] == ("POST trial/next", {"id": "ada234-t1"})
    assert page.get_by_role("button", name="Reveal").get_attribute("aria-disabled") == "true"


def test_a_guess_then_the_reveal_and_its_verdict(visit: Visit) -> None:
    server, page = visit("trial-guess", "trial")
    expect(page.locator("#guess")).to_have_text("What do you think period 3 was?")
    keep = page.get_by_role("button", name="Keep this guess")
    page.get_by_role("button", name="Light on: right foot").click()
    keep.click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("how sure you are first")
    sure = page.get_by_role("group", name="How sure are you?")
    sure.get_by_role("button", name="7", exact=True).click()
    page.get_by_label("What gave it away?").fill("it felt warm")
    keep.click()
    expect(page.locator("#guess")).to_have_count(0)
    sent = {"id": "ada234-t1", "period": 2, "guess": "foot-right", "confidence": 7}
    assert server.asked[-1] == ("POST trial/guess", sent | {"why": "it felt warm"})
    expect(page.locator("table.stack")).to_contain_text("it felt warm")
    assert page.locator(".drawing").count() == 0  # nothing of a result before the end

    show(server, page, "last", "#reveal")
    page.get_by_role("button", name="Reveal", exact=True).click()
    expect(page.locator(".notice.good")).to_contain_text("Better with light")
    expect(page.locator(".notice.good")).to_contain_text("With light it was 3.0 lower")
    assert server.asked[-1] == ("POST trial/reveal", {"id": "ada234-t1"})
    expect(page.locator("main")).to_contain_text("24 sessions of the wrap's log decrypted")
    assert page.locator("table.stack tbody tr").count() == 12
    for name in ("Report", "PDF for the doctor", "All data in one file"):
        link = page.get_by_role("link", name=name, exact=True)
        assert "id=ada234-t1" in (link.get_attribute("href") or ""), name


def test_a_secret_that_the_wrap_has_given_can_be_taken_over_at_once(visit: Visit) -> None:
    """Its answer could not be kept: the last period need not be over."""
    server, page = visit("trial-given", "trial")
    expect(page.locator("main")).to_contain_text("has given its secret")
    page.get_by_role("button", name="Reveal", exact=True).click()
    page.wait_for_selector(".drawing")
    assert server.asked[-1] == ("POST trial/reveal", {"id": "ada234-t1"})


def test_an_early_end_needs_a_reason_and_two_presses(visit: Visit) -> None:
    server, page = visit("trial-running", "trial")
    page.get_by_role("button", name="End the trial early").click()
    first = page.get_by_role("button", name="End the trial", exact=True)
    first.click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("Write why first")
    page.get_by_label("Why do you end it?").fill("it got worse")
    first.click()
    expect(page.locator("main [role=alert]")).to_contain_text("cannot be undone")
    page.get_by_role("button", name="Cancel").click()
    assert [name for name, _ in server.asked if "trial" in name] == []
    page.get_by_role("button", name="End the trial early").click()
    first.click()
    page.get_by_role("button", name="Yes, end it now").click()
    expect(page.locator(".notice").first).to_contain_text("The trial cannot tell")
    sent = {"id": "ada234-t1", "reason": "it got worse", "confirmed": 2}
    assert server.asked[-1] == ("POST trial/unblind", sent)
    expect(page.locator("main")).to_contain_text("Stopping early")
