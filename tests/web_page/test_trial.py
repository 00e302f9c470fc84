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
    ("frozen", "#unsent"),
    ("baseline", "#today"),
    ("running", "#today"),
    ("guess", "#guess"),
    ("given", "#reveal"),
    ("behind", "#far"),
    ("counting", "#reveal"),
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


def show_whole_form(page: Page, aim: str = "Ruhe") -> None:
    """Fill the form of a new trial until its plan is shown, in any language."""
    page.locator("section:has(#planner) .main.large").click()
    page.wait_for_selector("table.stack")
    page.locator("section:has(#planner) .main.large").nth(1).click()
    page.locator("[aria-labelledby=new-sites] button").first.click()
    page.locator("#new-aim").fill(aim)
    page.locator("[aria-labelledby=new-needs_treatment] button").first.click()
    page.locator("[aria-labelledby=new-numb] button").nth(1).click()
    page.locator("#new-skin_by").fill("Bert")
    page.locator("main > div > .main.large, main > .row > .main.large").click()
    page.wait_for_selector("#draft")


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_and_targets_text_and_contrast_are_large(
    visit: Visit, theme: str
) -> None:
    server, page = visit("trial-none", theme=theme)
    for moment, ready in VIEWS:
        show(server, page, moment, ready)
        if moment == "none":
            show_whole_form(page)
        open_all(page)
        check_figures(page)
        if moment in AXE_MOMENTS or theme == "dark":  # the others have nothing of their own
            check_axe(page)


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "de"])
def test_a_phone_shows_everything_without_scrolling_sideways(visit: Visit, language: str) -> None:
    server, page = visit("trial-none", width=360, height=740, language=language)
    for moment, ready in VIEWS:
        show(server, page, moment, ready)
        if moment == "none":
            show_whole_form(page)
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
    assert page.locator("#new").count() == 0  # nothing to fill in before the power is known
    server.show("trial-cannot")
    page.get_by_role("button", name="One place").click()
    expect(page.locator("table")).to_have_count(0)
    page.get_by_role("button", name="Work it out").click()
    expect(page.locator("main [role=alert]")).to_contain_text("This trial cannot answer you")
    expect(page.get_by_role("button", name="Plan this trial")).to_have_count(0)
    page.get_by_role("button", name="without a verdict").click()
    expect(page.locator("main")).to_contain_text("This plan cannot answer: it gives no verdict.")


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


def test_report_and_picture_are_asked_for_in_the_pages_language(visit: Visit) -> None:
    _, page = visit("trial-better", "trial", language="de")
    expect(page.locator(".drawing")).to_have_attribute("src", re.compile("language=de$"))
    wait_until(page, "document.querySelector('.drawing').naturalWidth > 0")
    for name in ("Bericht", "PDF für den Arzt"):
        link = page.get_by_role("link", name=name, exact=True)
        assert "language=de" in (link.get_attribute("href") or ""), name
    # The verdict comes first, then what weakens it, then the picture and the same in a table.
    order = page.locator("main .notice, main .drawing, main table, main .files").evaluate_all(
        "parts => parts.map((part) => part.className.split(' ')[0])"
    )
    assert order[:4] == ["notice", "drawing", "stack", "plain"]


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
    sent = {"id": "ada234-t1", "reason": "it got worse", "confirmed": 2, "without_wrap": False}
    assert server.asked[-1] == ("POST trial/unblind", sent)
    expect(page.locator("main")).to_contain_text("Stopping early")


def press(page: Page, name: str, group: str | None = None) -> None:
    """Press a button by the keyboard."""
    where = page.get_by_role("group", name=group) if group else page
    where.get_by_role("button", name=name, exact=True).press("Enter")


def test_a_trial_is_begun_by_the_keyboard_each_caution_for_itself(visit: Visit) -> None:
    server, page = visit("trial-none", "trial", width=390, height=740)
    press(page, "Work it out")
    press(page, "Plan this trial")
    expect(page.locator("#for-whom")).to_be_focused()
    why = page.locator(".controls-message")
    press(page, "Show the whole plan")
    expect(why).to_contain_text("Answer both questions first")
    treat, numb = "Is there a condition there that needs", "Is a place numb"
    press(page, "Yes", treat)
    expect(page.locator("main .notice.bad[role=alert]")).to_contain_text("see a clinician first")
    press(page, "No", numb)
    press(page, "Show the whole plan")
    expect(why).to_contain_text("Not for a condition that needs treatment now")
    press(page, "No", treat)
    press(page, "Yes", numb)
    expect(page.locator("main .notice.bad[role=alert]")).to_contain_text("without a person who")
    press(page, "Show the whole plan")
    expect(why).to_contain_text("Write who looks at the skin")
    page.get_by_label("Who looks at its skin").fill("Bert")
    press(page, "Show the whole plan")
    expect(why).to_contain_text("Choose where you lay the wrap")
    press(page, "left hand, right hand")
    press(page, "Show the whole plan")
    expect(why).to_contain_text("Write what you hope for")
    page.get_by_label("What do you hope for?").fill("less pain")
    assert [name for name, _ in server.asked if "trial" in name] == []
    press(page, "Show the whole plan")
    expect(page.locator("#draft")).to_be_focused()
    expect(page.locator("section:has(> #draft)")).to_contain_text("in 98 of 100 cases")
    ticks = page.get_by_role("checkbox")
    assert ticks.count() == 4 and page.get_by_role("checkbox", checked=True).count() == 0
    for n in range(4):
        press(page, "Freeze the plan and begin")
        expect(why).to_contain_text("Confirm each of the sentences first")
        ticks.nth(n).press("Space")
    assert server.asked[-1][0] == "POST trial/draft"
    page.get_by_label("What do you hope for?").fill("less pain at night")  # another plan
    expect(page.locator("#draft")).to_have_count(0)
    press(page, "Show the whole plan")
    assert page.get_by_role("checkbox", checked=True).count() == 0
    for n in range(4):
        ticks.nth(n).press("Space")
    press(page, "Freeze the plan and begin")
    expect(page.locator("#steps")).to_be_visible()
    asked, body = server.asked[-1]
    assert asked == "POST trial/start"
    assert body["confirmed"] == ["advice", "half", "stop", "frozen"] and body["seen"] == "5eed"
    sent = {"sites": ["hand-left", "hand-right"], "aim": "less pain at night", "weeks": 24}
    sent |= {"needs_treatment": False, "numb": True, "skin_by": "Bert", "level": 25}
    sent |= {"measure": "pain", "period": None, "exploratory": False, "sessions": 3, "minutes": 20}
    assert {key: body[key] for key in sent} == sent


def test_a_refused_begin_says_why_and_how_to_go_on(visit: Visit) -> None:
    server, page = visit("trial-none", "trial")
    server.refusals["trial/draft"] = (
        409, "refused", "the wrap is in trial bert-t1, which is not over",
        "finish it first: `pbmwrap trial reveal`, or `pbmwrap trial unblind` (with --unknown, if"
        " this machine does not know it)",
    )  # fmt: skip
    press(page, "Work it out")
    press(page, "Plan this trial")
    page.locator("[aria-labelledby=new-sites] button").first.click()
    page.get_by_label("What do you hope for?").fill("less pain")
    press(page, "No", "Is there a condition there")
    press(page, "No", "Is a place numb")
    press(page, "Show the whole plan")
    failure = page.locator(".notice.bad[role=alert]")
    expect(failure).to_contain_text("end it at the bottom")
    page.problems.clear()  # type: ignore[attr-defined]  # Chromium logs the status 409
    page.locator("summary", has_text="that this computer does not know").click()
    page.get_by_label("Why do you end it?").fill("an old one")
    press(page, "End the trial")
    press(page, "Yes, end it now")
    expect(page.locator("main")).to_contain_text("The other trial is over.")
    assert server.asked[-1] == ("POST trial/unknown", {"reason": "an old one", "confirmed": 2})


def test_a_number_of_an_earlier_day_is_kept_and_does_not_count(visit: Visit) -> None:
    server, page = visit("trial-running", "trial", width=390, height=740)
    page.locator("summary", has_text="A number of an earlier day").click()
    part = page.locator("details:has(#earlier-day)")
    day = page.get_by_label("Which day is it about?")
    assert (day.input_value(), day.get_attribute("max")) == ("2026-03-24", "2026-03-24")
    save = part.get_by_role("button", name="Save for this day")
    save.click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("a number for each place first")
    for place, value in enumerate(("6", "5")):
        group = part.locator(f"[aria-labelledby=earlier-{place}]")
        group.get_by_role("button", name=value, exact=True).click()
    day.fill("2026-03-20")
    save.click()
    expect(page.locator(".notice[role=alert]")).to_contain_text("It was written on a later day")
    sent = {"id": "ada234-t1", "values": [6, 5], "day": "2026-03-20"}
    assert server.asked[-1] == ("POST trial/entry", sent)
    expect(page.locator("#today")).to_have_text("Today's numbers, before the session")
    server.refusals["trial/entry"] = (
        400, "usage", "2025-12-01 is before the trial was made", "it was on 2026-02-09",
    )  # fmt: skip
    for place in (0, 1):
        part.locator(f"[aria-labelledby=earlier-{place}] button").first.click()
    save.click()
    expect(page.locator(".notice.bad[role=alert]")).to_contain_text("before the trial was made")
    page.problems.clear()  # type: ignore[attr-defined]  # Chromium logs the status 400


def test_a_place_may_have_any_name_that_a_protocol_may_have(visit: Visit) -> None:
    server, page = visit("trial-none", "trial", width=390, height=740)
    press(page, "Work it out")
    press(page, "Plan this trial")
    press(page, "No", "Is there a condition there")
    press(page, "No", "Is a place numb")
    page.get_by_label("What do you hope for?").fill("less pain")
    press(page, "Another place")
    press(page, "Show the whole plan")
    expect(page.locator(".controls-message")).to_contain_text("Write the name of the place")
    name = page.get_by_label("Name of the place")
    name.fill("  Große Zehe ")
    expect(page.locator("main")).to_contain_text("grosse-zehe-left, grosse-zehe-right")
    press(page, "Show the whole plan")
    expect(page.locator("#draft")).to_be_focused()
    assert server.asked[-1][1]["sites"] == ["grosse-zehe-left", "grosse-zehe-right"]
    assert not {"place", "side", "name", "second"} & server.asked[-1][1].keys()
    press(page, "Two names")
    expect(page.locator("#draft")).to_have_count(0)
    page.get_by_label("Name of the second place").fill("elbow")
    press(page, "Show the whole plan")
    expect(page.locator("#draft")).to_be_focused()
    assert server.asked[-1][1]["sites"] == ["grosse-zehe", "elbow"]
    press(page, "One place")  # of the planner: another trial
    press(page, "Work it out")
    press(page, "Plan this trial")
    press(page, "Another place")
    for side, site in (("Left", "elbow-left"), ("No side", "elbow")):
        press(page, side)
        page.get_by_label("Name of the place").fill("elbow")
        expect(page.locator("main")).to_contain_text(f"On the wrap: {site}")


def test_a_period_that_was_over_already_is_said(visit: Visit) -> None:
    server, page = visit("trial-behind", "trial")
    server.trial.closed_before = True
    page.locator("summary", has_text="End this period early").click()
    press(page, "End period 3")
    press(page, "Yes, end this period")
    expect(page.locator(".notice[role=alert]")).to_contain_text(
        "Period 3 was over already on the wrap. This computer has noted that now"
    )


def test_a_period_is_closed_by_two_presses(visit: Visit) -> None:
    server, page = visit("trial-behind", "trial")
    page.locator("summary", has_text="End this period early").click()
    press(page, "End period 3")
    expect(page.locator("main [role=alert]")).to_contain_text("cannot be undone")
    press(page, "Cancel")
    press(page, "End period 3")
    assert [name for name, _ in server.asked if "trial" in name] == []
    press(page, "Yes, end this period")
    expect(page.locator("main")).to_contain_text("4 of 12")
    sent = {"id": "ada234-t1", "period": 2, "confirmed": 2}
    assert server.asked[-1] == ("POST trial/close", sent)
    page.get_by_role("button", name="Rather this place: left foot").click()
    chosen = ("POST trial/next", {"id": "ada234-t1", "site": "foot-left"})
    wait_until(page, lambda: server.asked[-1] == chosen)


def test_numbers_that_still_count_are_given_up_by_two_presses(visit: Visit) -> None:
    server, page = visit("trial-counting", "trial")
    assert page.get_by_role("button", name="Reveal", exact=True).get_attribute("aria-disabled")
    page.locator("summary", has_text="Reveal it now all the same").click()
    press(page, "Reveal now")
    expect(page.locator("main [role=alert]")).to_contain_text("will be missing")
    press(page, "Yes, reveal now")
    expect(page.locator(".drawing")).to_be_visible()
    sent = {"id": "ada234-t1", "early": True, "confirmed": 2}
    assert server.asked[-1] == ("POST trial/reveal", sent)


def test_a_plan_that_no_wrap_has_is_sent_again_or_ended(visit: Visit) -> None:
    server, page = visit("trial-frozen", "trial")
    press(page, "Send the plan to the wrap")
    expect(page.locator("#today")).to_be_visible()
    assert server.asked[-1] == ("POST trial/send", {"id": "ada234-t1"})
    show(server, page, "frozen", "#unsent")
    press(page, "End the trial early")
    page.get_by_label("Why do you end it?").fill("another plan")
    press(page, "End the trial")
    expect(page.locator("main [role=alert]")).to_contain_text("nobody will know")


def test_a_trial_whose_wrap_is_lost_can_be_ended_without_it(visit: Visit) -> None:
    server, page = visit("trial-running", "trial")
    server.update(connection="searching")
    press(page, "End the trial early")
    page.get_by_label("Why do you end it?").fill("lost on a journey")
    press(page, "End the trial")
    expect(page.locator(".controls-message")).to_contain_text("no connection to the wrap")
    press(page, "Lost or broken")
    press(page, "End the trial")
    press(page, "Yes, end it now")
    expect(page.locator(".notice", has_text="ended without its wrap")).to_be_visible()
    asked, body = server.asked[-1]
    assert asked == "POST trial/unblind" and body["without_wrap"] is True
