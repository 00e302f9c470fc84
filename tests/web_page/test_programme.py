"""The pages Journal and Course in Chromium, on scripted people and courses."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from pbmwrap.programme.analysis import WORDS
from pbmwrap.programme.mnsi import QUESTIONS
from pbmwrap.programme.model import SKIN
from pbmwrap.programme.model import Word as RuleWord
from pbmwrap.programme.red_flags import FLAGS
from tests.web_page.fake_server import STATIC, TOKEN, FakeServer
from tests.web_page.test_german import find_english_words
from tests.web_page.test_page import Visit, check_axe, check_figures, open_all, wait_until

ENGLISH = json.loads((STATIC / "texts" / "en.json").read_text(encoding="utf-8"))
VIEWS = (  # moment, page, what it waits for
    ("nobody", "journal", "#new-name"),
    ("two", "journal", "#new-name"),
    ("running", "journal", ".entries li"),
    ("walk", "journal", "input[type=number]"),
    ("flag", "journal", ".flags"),
    ("none", "course", ".uses input"),
    ("draft", "course", ".freeze"),
    ("running", "course", ".weeks"),
    ("stop", "course", ".notice.bad"),
    ("walk", "course", ".weeks"),
)


def show(server: FakeServer, page: Page, moment: str, path: str, ready: str) -> None:
    """Show a moment on a page that is open already."""
    page.evaluate("location.hash = '#/about'")
    page.wait_for_selector(".rules")
    server.show(f"course-{moment}")
    page.evaluate("path => { location.hash = `#/${path}`; }", path)
    page.wait_for_selector(ready)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_and_targets_text_and_contrast_are_large(
    visit: Visit, theme: str
) -> None:
    server, page = visit("course-running", theme=theme)
    for place, view in enumerate(VIEWS):
        show(server, page, *view)
        open_all(page)
        check_figures(page)
        if theme == "light" or place % 2 == 0:  # the themes differ in colours only
            check_axe(page)


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "de"])
def test_a_phone_shows_everything_without_scrolling_sideways(visit: Visit, language: str) -> None:
    server, page = visit("course-running", width=360, height=740, language=language)
    for view in VIEWS:
        show(server, page, *view)
        open_all(page)
        check_figures(page)
        if language == "de":
            assert find_english_words(page) == [], view
            assert page.locator("[lang=en]:not(button, html)").all_inner_texts() == [], view
    page.set_viewport_size({"width": 320, "height": 256})  # 400 % of 1280 x 1024
    for view in VIEWS:
        show(server, page, *view)
        check_figures(page)


def test_what_the_programme_can_say_has_words() -> None:
    for kind in FLAGS:
        assert ENGLISH[f"flag.{kind.code}"] == kind.question
        assert ENGLISH[f"flag.{kind.code}.do"] == kind.advice
    assert ENGLISH["course.fixed"] == WORDS
    for n, words in enumerate(QUESTIONS, 1):
        assert ENGLISH[f"mnsi.q{n}"] == words
    keys = [f"skin.{word}" for word in SKIN]
    keys += [f"verdict.{word.name.lower()}" for word in RuleWord]
    assert [key for key in keys if key not in ENGLISH] == []
    script = (STATIC / "app" / "page_journal.js").read_text()
    lists = dict(re.findall(r"export const (\w+) = (\[[^\]]*\])", script))
    assert json.loads(lists["SKIN"]) == list(SKIN)
    assert json.loads(lists["FLAGS"]) == [k.code for k in FLAGS if k.code != "pain-rise"]


def test_a_number_takes_two_presses(visit: Visit) -> None:
    server, page = visit("course-running", "journal", width=390, height=740)
    page.get_by_role("button", name="No, none of this. Save").click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("Press your number first")
    page.get_by_role("button", name="4", exact=True).click()
    page.get_by_role("button", name="No, none of this. Save").click()
    expect(page.locator(".notice.good")).to_contain_text("Saved: 4")
    assert server.asked[-1] == ("POST journal", {"value": 4, "flags": []})
    expect(page.locator(".today-number")).to_have_text("4")
    page.get_by_role("button", name="Correct", exact=True).click()
    page.get_by_role("button", name="10", exact=True).click()
    page.get_by_role("button", name="No, none of this. Save").click()
    expect(page.locator(".today-number")).to_have_text("10")
    assert server.asked[-1][1]["corrects"] >= 1000  # the id of the one that was added here


def test_the_rest_of_an_entry_by_keyboard_for_an_earlier_day(visit: Visit) -> None:
    server, page = visit("course-running", "journal")
    page.get_by_role("button", name="7", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    group = page.get_by_role("group", name="How did you sleep?")
    group.get_by_role("button", name="3", exact=True).press("Space")
    page.get_by_role("button", name="red", exact=True).press("Enter")
    page.get_by_label("What has changed?").fill("New shoes")
    page.get_by_label("Which day is it about?").fill("2026-10-30")
    page.get_by_role("button", name="No, none of this. Save").press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("Saved: 7 for Oct 30, 2026")
    assert server.asked[-1][1] == {
        "value": 7,
        "sleep": 3,
        "skin": "red",
        "changed": "New shoes",
        "day": "2026-10-30",
        "flags": [],
    }
    late = page.locator(".entries li", has_text="Oct 30, 2026").first
    expect(late).to_contain_text("written later")
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_a_red_flag_is_shown_on_top_until_it_was_read(visit: Visit) -> None:
    server, page = visit("course-running", "journal")
    page.get_by_role("button", name="A burn, or skin that stays red").click()
    page.get_by_role("button", name="Yes, the marked ones. Save").click()
    box = page.get_by_role("alert", name="See a clinician")
    expect(box).to_contain_text("cool it with running water")
    expect(box).to_contain_text("No wrap is connected")
    assert server.asked[-1][1] == {"flags": ["burn"]}
    page.evaluate("location.hash = '#/course'")
    page.get_by_role("button", name="I have read this").click()
    expect(page.locator(".flags")).to_have_count(0)
    wait_until(page, lambda: ("POST journal/read", {"flags": [50]}) in server.asked)


def test_the_questionnaire_is_answered_whole_and_gives_its_total(visit: Visit) -> None:
    server, page = visit("course-running", "journal")
    page.get_by_text("Questionnaire: feelings in legs and feet").click()
    save = page.get_by_role("button", name="Save the questionnaire")
    for n, words in enumerate(QUESTIONS):
        group = page.get_by_role("group", name=words)
        group.get_by_role("button", name="No" if n % 2 else "Yes").click()
        if n == 3:
            save.click(force=True)
            expect(page.locator(".controls-message")).to_contain_text("without an answer: 11")
    page.get_by_role("button", name="At the end of the course").click()
    check_figures(page)
    check_axe(page)
    save.click()
    expect(page.get_by_text("6 of 13 At the end")).to_be_visible()
    answers = [n % 2 == 0 for n in range(15)]
    assert server.asked[-1] == ("POST journal/mnsi", {"answers": answers, "when": "end"})


def test_now_shows_an_unread_red_flag_until_it_was_read(visit: Visit) -> None:
    server, page = visit("course-flag", "now")
    box = page.get_by_role("alert", name="See a clinician")
    expect(box).to_contain_text("cool it with running water")
    check_figures(page)
    check_axe(page)
    box.get_by_role("button", name="I have read this").press("Enter")
    expect(page.locator(".flags")).to_have_count(0)
    assert server.asked[-1][0] == "POST journal/read"
    # Held for somebody else, or by a command: the page says which, and how light comes back.
    server.update(status={"held": "red-flag"})
    expect(page.get_by_text("No light: it is held")).to_be_visible()
    check_figures(page)
    expect(page.get_by_role("link", name="To the journal")).to_be_visible()
    server.update(status={"held": "wound"})
    expect(page.get_by_text("with the reason: wound")).to_be_visible()


def test_the_course_has_a_pdf_for_the_doctor(visit: Visit) -> None:
    server, page = visit("course-running", "course")
    link = page.get_by_role("link", name="PDF for the doctor")
    assert (link.get_attribute("href") or "").startswith("api/report?kind=pdf&id=")
    server.programme.has_pdf = False
    page.reload()
    expect(page.get_by_text("choose to print it into a file")).to_be_visible()
    expect(link).to_have_count(0)


def test_the_person_is_chosen_and_can_be_another(visit: Visit) -> None:
    server, page = visit("course-two", "journal")
    page.get_by_role("button", name="Bo").click()
    expect(page.get_by_text("For Bo")).to_be_visible()
    page.get_by_role("button", name="Somebody else").click()
    page.get_by_label("Somebody new").fill("Cleo")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("For Cleo")).to_be_visible()
    assert ("POST people", {"name": "Cleo"}) in server.asked


def test_evidence_is_said_before_a_plan_and_a_negative_one_is_confirmed(visit: Visit) -> None:
    server, page = visit("course-none", "course")
    page.get_by_label("Diabetic").check()
    expect(page.locator("[role=status] .notice.bad")).to_contain_text(
        re.compile("Evidence: .*negative")
    )
    page.get_by_label("What do you hope for?").fill("Feel my feet")
    make = page.get_by_role("button", name="Make this plan")
    make.click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("tick that you did")
    page.get_by_label("I have read this and make").check()
    page.get_by_role("group", name="Weeks").get_by_role("button", name="6").click()
    page.get_by_label("First session").fill("2026-11-10")
    expect(page.get_by_text("The comparison will not be fair")).to_be_visible()
    make.click()
    expect(page.locator(".freeze")).to_be_visible()
    name, plan = server.asked[-1]
    assert name == "POST course"
    assert plan["confirmed"] and len(plan["sites"]) == 1
    assert (plan["weeks"], plan["stop_week"], plan["start"]) == (6, 6, "2026-11-10")
    assert (plan["points"], plan["percent"], plan["measure"]) == (2, 30, "pain")


def test_a_draft_is_changed_frozen_and_ended(visit: Visit) -> None:
    server, page = visit("course-draft", "course")
    expect(page.get_by_text("Whose sessions were these?")).to_be_visible()
    page.get_by_role("group", name="Sep").first.get_by_role("button", name="Ada").click()
    wait_until(page, lambda: len(server.programme.open) == 1)
    page.get_by_role("button", name="Change it first").click()
    page.get_by_label("Change in percent").fill("40")
    page.get_by_role("button", name="Keep the changes").click()
    wait_until(page, lambda: server.asked[-1][0] == "POST course/change")
    assert server.asked[-1][1]["percent"] == 40
    page.get_by_role("button", name="Freeze it").click()
    expect(page.locator(".freeze")).to_have_count(0)
    page.get_by_role("button", name="End the course").click()
    page.get_by_label("Why do you end it?").fill("I moved house")
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_text("I moved house")).to_be_visible()
    expect(page.get_by_role("button", name="Make a new plan")).to_be_visible()


def test_the_verdict_is_first_with_its_numbers_and_the_fixed_sentence(visit: Visit) -> None:
    _, page = visit("course-stop", "course")
    verdict = page.locator(".notice").first
    expect(verdict).to_contain_text("Stop")
    expect(verdict).to_contain_text("If the number is not at least 2 points or 30 % lower")
    expect(verdict).to_contain_text("cannot tell light from time")
    expect(page.get_by_text("This comparison is not fair")).to_be_visible()
    chart = page.get_by_role("img", name="Your number, day by day")
    expect(chart).to_have_attribute("aria-label", re.compile(r"Before: mean \d"))
    assert page.locator("circle.day-dot").count() > 40
    page.get_by_text("Show as a table").click()
    rows = page.locator("details table tbody tr")
    expect(rows.first).to_be_visible()
    assert rows.count() >= page.locator("svg.days circle").count()


def test_who_only_watches_reads_and_is_told_why_nothing_changes(visit: Visit) -> None:
    server, page = visit("course-flag", "journal")
    server.update(actor=False)
    expect(page.get_by_text("You are watching")).to_be_visible()
    page.get_by_role("button", name="I have read this").click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("Take over")
    assert server.asked == []


def test_a_phone_lists_all_pages_at_a_press_of_more(visit: Visit) -> None:
    _, page = visit("course-running", "journal", width=360, height=740)
    expect(page.get_by_role("link", name="Protocols")).to_be_hidden()
    more = page.get_by_role("button", name="More", exact=True)
    more.click()
    expect(page.get_by_role("button", name="Less")).to_have_attribute("aria-expanded", "true")
    check_figures(page)
    page.get_by_role("link", name="Protocols").click()
    page.wait_for_selector(".card")
    expect(page.get_by_role("link", name="Wrap", exact=True)).to_be_hidden()
    expect(page.get_by_role("link", name="Protocols")).to_be_visible()
    check_axe(page)


def list_navigation(page: Page) -> list[str]:
    """Return the words of the navigation that are shown, in the order of the tab key; it must be
    the order on screen."""
    parts = page.locator("nav a:visible, nav button:visible")
    boxes = [part.bounding_box() for part in parts.all()]
    places = [(box["y"] // 30, box["x"]) for box in boxes if box]
    assert len(places) == len(boxes) and places == sorted(places)
    return parts.all_inner_texts()


@pytest.mark.parametrize(
    ("width", "path", "shown"),
    [
        (390, "journal", ["Now", "Journal", "Course", "More"]),
        (390, "trial", ["Now", "Journal", "Course", "Trial", "More"]),
        (390, "protocols", ["Now", "Journal", "Course", "Protocols", "More"]),
        (320, "journal", ["Now", "Journal", "Course", "More"]),
        (320, "protocols", ["Now", "Journal", "Protocols", "More"]),
    ],
)
def test_more_is_the_last_of_one_row_on_a_phone(
    visit: Visit, width: int, path: str, shown: list[str]
) -> None:
    _, page = visit("trial-running", path, width=width, height=568)
    page.wait_for_selector("nav a[aria-current=page]")
    assert list_navigation(page) == shown
    tops = {round(box["y"]) // 30 for part in page.locator("nav li:visible").all()
            if (box := part.bounding_box())}  # fmt: skip
    assert len(tops) == 1
    page.get_by_role("button", name="More", exact=True).click()
    assert set(shown) - {"More"} < set(list_navigation(page))
    page.set_viewport_size({"width": 1280, "height": 800})
    every = ["Now", "Journal", "Course", "Trial", "Sessions", "Protocols", "Wrap", "About"]
    assert list_navigation(page) == every


@pytest.mark.parametrize("language", ["en", "de"])
def test_words_stay_in_their_buttons_on_the_smallest_phone(visit: Visit, language: str) -> None:
    _, page = visit("running", "now", width=320, height=568, language=language)
    page.wait_for_selector(".buttons .pause")
    for button in page.locator(".buttons .button").all():
        assert button.evaluate("(e) => e.scrollWidth - e.clientWidth") == 0, button.inner_text()


def test_a_page_that_is_opened_during_the_login_waits_for_it(browser: Browser) -> None:
    server = FakeServer("course-running")
    context = browser.new_context(locale="en")
    page, held = context.new_page(), list[Route]()
    page.route("**/api/login", lambda route: held.append(route))
    page.goto(f"{server.url}#t={TOKEN}")
    page.wait_for_selector("h1")
    page.evaluate("location.hash = '#/journal'")
    page.wait_for_selector("h1 >> text=Journal")
    page.wait_for_timeout(200)
    expect(page.get_by_text("Not logged in")).to_have_count(0)
    held[0].continue_()
    expect(page.locator(".entries li").first).to_be_visible()
    context.close()
    server.close()


def test_a_pull_asks_whose_the_sessions_were(visit: Visit) -> None:
    server, page = visit("course-draft", "sessions")
    page.get_by_role("button", name="Fetch new sessions").click()
    page.get_by_text("All of these are of").wait_for()
    page.locator(".whose > .row").get_by_role("button", name="Nobody").click()
    expect(page.locator(".whose")).to_have_count(0)
    name, body = server.asked[-1]
    assert name == "POST people/sessions" and body["tag"] is None and len(body["keys"]) == 2
