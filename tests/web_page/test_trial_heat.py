"""The heat test of a trial in Chromium, in scripted moments."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web_page.fake_heat import HEAT_MOMENTS, make_heat_result
from tests.web_page.fake_server import FakeServer
from tests.web_page.test_german import find_english_words
from tests.web_page.test_page import Visit, check_axe, check_figures, open_all
from tests.web_page.test_trial import press

READY = {"passed": ".plot canvas", "much": ".plot canvas", "start": "#heat-begin"}
AXE_MOMENTS = ("start", "lit", "passed", "lost")  # the others have nothing of their own


def show(server: FakeServer, page: Page, moment: str) -> None:
    """Show a moment on a page that is open already."""
    page.evaluate("location.hash = '#/about'")
    page.wait_for_selector(".rules")
    server.show(f"heat-{moment}")
    page.evaluate("location.hash = '#/trial/heat'")
    page.wait_for_selector(READY.get(moment, "#heat-now, #heat-end"))


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_and_targets_text_and_contrast_are_large(
    visit: Visit, theme: str
) -> None:
    server, page = visit("heat-start", theme=theme)
    for moment in AXE_MOMENTS:
        show(server, page, moment)
        open_all(page)
        check_figures(page)
        check_axe(page)


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "de"])
def test_a_phone_shows_everything_without_scrolling_sideways(visit: Visit, language: str) -> None:
    server, page = visit("heat-start", width=360, height=740, language=language)
    for moment in HEAT_MOMENTS:
        show(server, page, moment)
        open_all(page)
        check_figures(page)
        if language == "de":
            assert find_english_words(page) == [], moment
            assert page.locator("[lang=en]:not(button, html)").all_inner_texts() == [], moment


def test_a_heat_test_from_the_words_to_its_result(visit: Visit) -> None:
    server, page = visit("heat-start", "trial", width=390, height=740)
    main, why = page.locator("main"), page.locator(".controls-message")
    page.get_by_role("link", name="To the heat test").press("Enter")
    expect(main).to_contain_text("Wind two layers of a dry towel around it")
    expect(main).to_contain_text("Nobody may be in the wrap")
    press(page, "15 %")
    press(page, "10 min")
    press(page, "Begin the heat test")
    expect(why).to_contain_text("Tick first that the wrap lies around the bottle")
    assert [name for name, _ in server.asked if "heat" in name] == []
    page.get_by_role("checkbox").press("Space")
    press(page, "Begin the heat test")
    expect(page.locator("#heat-now")).to_be_focused()
    sent = {"level": 15, "session": 10, "nobody": True}
    assert server.asked[-1] == ("POST trial/heat", sent)
    expect(main).to_contain_text("It first watches the temperature for 5 minutes")
    server.show("heat-lit")
    expect(page.get_by_role("timer")).to_have_text("9:00")
    page.reload()
    expect(page.locator("#heat-now")).to_have_text("The heat test runs: step 2 of 4")
    server.show("heat-waits")
    expect(main).to_contain_text("changed by 0.21 K. It goes on at 0.08 K or less")
    expect(page.locator("li[aria-current=step]")).to_have_text(
        re.compile(r"Wait until the pad is cool again:\s*now")
    )
    server.show("heat-passed")
    expect(page.locator("#heat-end")).to_be_focused()
    expect(page.locator(".notice.good")).to_contain_text("the difference is 0.74 K")
    expect(page.locator(".notice.good")).to_contain_text("at most 25 % near infrared and 20 min")
    page.locator("summary", has_text="Show as a table").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("0:15")
    server.show("heat-much")
    expect(page.locator(".notice.bad").first).to_contain_text("Too much")
    expect(page.locator(".notice.bad").first).to_contain_text("Take at most 17 % near infrared")
    expect(page.locator(".notice.bad").first).to_contain_text("build a warmer into the pad")


def test_what_ends_a_heat_test_is_said_with_what_is_lost(visit: Visit) -> None:
    server, page = visit("heat-lit", "trial/heat")
    main = page.locator("main")
    server.update(actor=False)  # another browser controls the wrap
    page.get_by_role("button", name="Stop the heat test").press("Enter")
    expect(main).to_contain_text("It was stopped")
    assert server.asked[-1][0] == "POST trial/heat/stop"
    show(server, page, "lit")
    server.show("heat-lost")
    server.update(connection="lost")
    expect(page.locator("#heat-end")).to_be_focused()
    for words in (
        "The connection to the wrap was lost",
        "Nothing of this test is kept. It came to step 2: Near infrared is on.",
        "goes out by itself within 4 seconds",
        "Plug the wrap in, leave it around the bottle",
        "No wrap is connected. Plug the wrap in: this page finds it",
    ):
        expect(main).to_contain_text(words)
    show(server, page, "waits")
    server.show("heat-start")  # a server that was started again knows of no test
    expect(main).to_contain_text("The program on the computer was started again")
    expect(main).to_contain_text("Nothing of this test is kept.")
    show(server, page, "failed")
    expect(main).to_contain_text("The skin sensors still change after 90 min in the dark")
    expect(main).to_contain_text("use a bottle that has been in this room for hours")


def test_the_form_of_a_trial_says_what_the_heat_test_found(visit: Visit) -> None:
    server, page = visit("trial-none", "trial")
    expect(page.locator("section:has(> #heat)")).to_contain_text("No heat test of this wrap")
    found = make_heat_result(0.52)
    keys = ("date", "session_min", "level_percent", "gap_in_trial_k", "limit_k", "passed")
    heat = {key: found[key] for key in keys} | {"fits_percent": 25}
    said = page.locator("section:has(> #new) .notice")
    for changes, level, words in (
        ({}, "25", "was passed with as much light"),
        ({"level_percent": 20.0}, "25", "was for 20 % and 20 minutes at most"),
        ({"level_percent": 20.0}, "10", "was passed with as much light"),
        ({"passed": False, "gap_in_trial_k": 1.4, "fits_percent": 17}, "17", "of 1.40 K, which"),
    ):
        server.trial.heat = heat | changes
        page.evaluate("location.hash = '#/about'")
        page.wait_for_selector(".rules")
        page.evaluate("location.hash = '#/trial'")
        expect(page.locator("section:has(> #heat)")).to_contain_text("The last one was on")
        press(page, "Work it out")
        press(page, "Plan this trial")
        page.get_by_role("group", name="Near infrared").get_by_role("button", name=level).click()
        expect(said).to_contain_text(words)
    expect(said).to_contain_text("Take at most 17 % near infrared")
