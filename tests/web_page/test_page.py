"""The page in Chromium against scripted data: journeys by mouse and by keyboard, accessibility."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web_page.fake_server import TOKEN, UID, FakeServer

Visit = Callable[..., tuple[FakeServer, Page]]
HERE = Path(__file__).parent
AXE = (HERE / "vendor" / "axe.min.js").read_text(encoding="utf-8")
MEASURE = (HERE / "measure.js").read_text(encoding="utf-8")
AXE_OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # describes no element that passes: two thirds of the time
}
ONE = f"sessions/{UID}/36"
COMPARE = f"sessions/compare/{UID}:40,{UID}:36,{UID}:38"
VIEWS = [
    ("idle", "now"),
    ("running", "now"),
    ("derating", "now"),
    ("wake", "now"),
    ("fault", "now"),
    ("disconnected", "now"),
    ("simulated", "now"),
    ("watching", "now"),
    ("uncalibrated", "now"),
    ("idle", "sessions"),
    ("idle", ONE),
    ("idle", COMPARE),
    ("idle", "protocols"),
    ("unconfirmed", "wrap"),
    ("fault", "wrap"),
    ("idle", "about"),
]
READY = {
    "sessions": "table.calendar",
    ONE: ".plot canvas",
    COMPARE: ".plot canvas",
    "protocols": ".card",
    "wrap": ".setting",
    "about": ".rules",
}


def settle(page: Page, path: str) -> None:
    """Wait until a page shows its data."""
    page.wait_for_selector(READY.get(path, ".age >> text=/reading.*ago/"), state="attached")


def wait_until(page: Page, condition: str | Callable[[], bool]) -> None:
    """Wait until a script or a function says true. Not by `wait_for_function`: it evaluates text in
    the page, which the content security policy forbids."""
    for _ in range(200):
        if condition() if callable(condition) else page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"still not true: {condition}")


OPEN_ALL = """[...document.querySelectorAll('details')].map((d) => {
  d.open = true;
  return d.children.length > 1;
})"""


def open_all(page: Page) -> None:
    """Open everything that is folded. Curves come after the first values, so this waits until
    nothing new has come for a while; all has to have its contents and to stay open."""
    before: list[bool] | None = None
    for _ in range(40):
        now: list[bool] = page.evaluate(OPEN_ALL)
        if now == before and all(now):
            break
        before = now
        page.wait_for_timeout(250)
    else:
        raise AssertionError(f"folded parts without contents: {before}")
    assert page.evaluate("[...document.querySelectorAll('details')].every((d) => d.open)")


def check_axe(page: Page) -> None:
    page.evaluate(AXE)
    found = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)
    short = [
        (v["id"], [n["html"][:160] + str(n["any"])[:200] for n in v["nodes"]])
        for v in found["violations"]
    ]
    assert short == [], json.dumps(short, indent=1)


def check_figures(page: Page) -> None:
    found: dict[str, Any] = page.evaluate(MEASURE)
    assert found == {"small": [], "tiny": [], "weak": [], "wide": 0}


# ---- accessibility and figures


def list_views_by_theme() -> list[Any]:
    """List each view in both themes. They differ in colours only, so a slice has every second view
    in each."""
    return [
        pytest.param(theme, *view, marks=[pytest.mark.slow] if (place + dark) % 2 else [])
        for dark, theme in enumerate(("light", "dark"))
        for place, view in enumerate(VIEWS)
    ]


@pytest.mark.parametrize(("theme", "scenario", "path"), list_views_by_theme())
def test_axe_finds_nothing_and_targets_text_and_contrast_are_large(
    visit: Visit, scenario: str, path: str, theme: str
) -> None:
    _, page = visit(scenario, path, theme=theme)
    settle(page, path)
    open_all(page)
    check_axe(page)
    check_figures(page)


def test_axe_and_the_figures_find_what_is_put_there(visit: Visit) -> None:
    _, page = visit("idle", "about")
    settle(page, "about")
    page.evaluate("""() => { document.querySelector("main").insertAdjacentHTML("beforeend",
        '<img src="data:,"><p class="weak">pale</p>');
        document.querySelector(".weak").style.color = "#bbb"; }""")
    with pytest.raises(AssertionError, match=r"(?s)color-contrast.*image-alt"):
        check_axe(page)
    with pytest.raises(AssertionError, match="pale"):
        check_figures(page)


GERMAN = pytest.param("de", marks=pytest.mark.slow)  # its words are the longer ones


@pytest.mark.parametrize("language", ["en", GERMAN])
@pytest.mark.parametrize(("scenario", "path"), VIEWS)
def test_a_phone_shows_everything_without_scrolling_sideways(
    visit: Visit, scenario: str, path: str, language: str
) -> None:
    _, page = visit(scenario, path, width=360, height=740, language=language)
    page.wait_for_selector("h1")
    page.wait_for_selector(READY.get(path, ".age"), state="attached")
    open_all(page)
    check_figures(page)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height"), [(320, 256), (3840, 2160)], ids=["400 % of 1280 x 1024", "4K"]
)
@pytest.mark.parametrize(("scenario", "path"), VIEWS)
def test_high_zoom_and_4k_fit(
    visit: Visit, scenario: str, path: str, width: int, height: int
) -> None:
    _, page = visit(scenario, path, width=width, height=height)
    settle(page, path)
    check_figures(page)
    controls = page.locator(".controls").bounding_box()
    assert controls is not None and controls["height"] <= height * 0.55
    stop = page.get_by_role("button", name="Stop", exact=True).bounding_box()
    assert stop is not None and stop["y"] + stop["height"] <= height


def test_the_editor_passes_axe_with_problems_and_without(visit: Visit) -> None:
    for theme in ("light", "dark"):
        _, page = visit("idle", "protocols", theme=theme)
        page.get_by_role("button", name="View and edit: Minor injury").click()
        page.wait_for_selector("text=What it gives")
        check_axe(page)
        check_figures(page)
        page.get_by_label("Text of the protocol").fill('schema = 1\nid = "x"\nfoo = 2\n')
        page.wait_for_selector("text=Problems:")
        check_axe(page)
        check_figures(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_and_limits_of_charts_are_told_from_the_background(visit: Visit, theme: str) -> None:
    _, page = visit(theme=theme)
    colours = page.evaluate(
        """() => Object.fromEntries(
          ["back", "text", "limit", "line-0", "line-1", "line-2", "line-3"].map((name) =>
            [name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)]))"""
    )
    back = _luminance(colours.pop("back"))
    for name, colour in colours.items():
        high, low = sorted((_luminance(colour), back), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 7, name


def _luminance(colour: str) -> float:
    parts = [int(colour.strip()[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_nothing_moves_for_those_who_ask_for_less_motion(visit: Visit) -> None:
    _, page = visit("wake")
    page.wait_for_selector(".wake-button")
    assert page.evaluate("document.getAnimations().length") == 0


def test_every_stop_of_the_tab_key_shows_where_it_is(visit: Visit) -> None:
    _, page = visit("simulated")
    page.wait_for_selector(".world")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
              const b = e.getBoundingClientRect();
              const c = document.querySelector(".controls").getBoundingClientRect();
              return e === document.body ? null : { name: e.textContent.trim(),
                width: parseFloat(s.outlineWidth), style: s.outlineStyle,
                hidden: !e.closest(".controls") && b.top >= c.top || b.bottom <= 0 }; }"""
        )
        if found is None:
            break
        seen.append(found["name"])
        assert found["width"] >= 3 and found["style"] == "solid", found
        assert not found["hidden"], found
    assert any("Stop" in name for name in seen)
    assert any("Cover" in name for name in seen)


# ---- login and connection


def test_the_token_leaves_the_address_and_is_not_used_twice(visit: Visit) -> None:
    server, page = visit()
    page.wait_for_selector("text=Ready, light off")
    assert "t=" not in page.url
    assert TOKEN not in page.evaluate("JSON.stringify([localStorage, document.cookie])")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready, light off")
    assert server.logins == 1


def test_a_browser_without_login_is_told_how_to_get_one(visit: Visit) -> None:
    _, page = visit()
    page.wait_for_selector("text=Ready, light off")
    page.context.clear_cookies()
    page.reload()
    expect(page.get_by_text("Open the address that pbmwrap web prints.").first).to_be_visible()
    page.problems.clear()  # type: ignore[attr-defined]  # Chromium logs each refused request


def test_the_age_of_the_last_sample_grows_and_old_values_are_named(visit: Visit) -> None:
    server, page = visit("running")
    expect(page.locator(".age")).to_have_text(re.compile(r"last reading [0-2]\.\d s ago"))
    server.silent = True
    expect(page.locator(".strip-state")).to_have_text("No news from the wrap", timeout=15000)
    expect(page.get_by_role("heading", level=1)).to_have_text("At the last reading: Light is on")
    expect(page.get_by_text("These are old values.")).to_be_visible()
    server.silent = False
    expect(page.get_by_role("heading", level=1)).to_have_text("Light is on", timeout=15000)


def test_a_lost_wrap_is_not_shown_as_connected(visit: Visit) -> None:
    server, page = visit("disconnected")
    expect(page.locator(".strip-state")).to_have_text("Connection to the wrap lost")
    expect(page.get_by_text("A session goes on without this page.")).to_be_visible()
    expect(page.locator(".left")).to_have_count(0)
    page.locator(".stop").click(force=True)  # it is aria-disabled
    expect(page.locator(".controls-message")).to_contain_text("press the wrap's button")
    assert server.asked == []
    server.show("running")
    expect(page.locator(".strip-state")).to_have_text("Light is on")


def test_a_server_that_ends_is_told_from_a_wrap_that_is_lost(visit: Visit) -> None:
    server, page = visit("running")
    page.wait_for_selector("text=minutes left")
    server.close()
    expect(page.locator(".strip-state")).to_have_text("pbmwrap web does not answer", timeout=15000)
    page.problems.clear()  # type: ignore[attr-defined]  # Chromium logs the lost stream


def test_a_second_browser_watches_until_it_takes_over(visit: Visit) -> None:
    server, page = visit("watching")
    expect(page.get_by_text("You are watching")).to_be_visible()
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_text("You are watching")).to_have_count(0)
    wait_until(page, lambda: ("POST act", {}) in server.asked)


def test_a_browser_that_watches_can_stop(visit: Visit) -> None:
    server, page = visit("watching")
    page.wait_for_selector("text=You are watching")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".strip-state")).to_have_text("Session over, light off")
    wait_until(page, lambda: ("POST session", {"do": "stop"}) in server.asked)


# ---- a session


def test_a_session_by_mouse(visit: Visit) -> None:
    server, page = visit("idle")
    state = page.locator(".strip-state")
    expect(state).to_have_text("Ready, light off")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(state).to_have_text("Light is on")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(state).to_have_text("Paused, light off")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(state).to_have_text("Light is on")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(state).to_have_text("Session over, light off")
    did = [body["do"] for path, body in server.asked if path == "POST session"]
    assert did == ["start", "pause", "resume", "stop"]


def test_a_session_by_keyboard(visit: Visit) -> None:
    server, page = visit("idle")
    state = page.locator(".strip-state")
    expect(state).to_have_text("Ready, light off")

    def press(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent").strip().endswith(name):
                wait_until(page, "document.activeElement.ariaDisabled !== 'true'")
                page.keyboard.press("Enter")
                return
        raise AssertionError(f"the tab key does not reach {name}")

    press("Start")
    expect(state).to_have_text("Light is on")
    press("Pause")
    expect(state).to_have_text("Paused, light off")
    press("Stop")
    expect(state).to_have_text("Session over, light off")
    did = [body["do"] for path, body in server.asked if path == "POST session"]
    assert did == ["start", "pause", "stop"]


def test_on_a_phone_the_navigation_stays_and_tables_stack(visit: Visit) -> None:
    _, page = visit("idle", "wrap", width=360, height=740)
    page.wait_for_selector("table")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    nav = page.locator("header a").first.bounding_box()
    stop = page.locator(".stop").bounding_box()
    header = page.locator("header").bounding_box()
    assert nav and stop and header
    assert nav["y"] >= 0
    assert header["y"] + header["height"] <= stop["y"] / 2
    for box in page.locator(".scroll:has(.stack)").all():
        assert box.evaluate("e => e.scrollWidth <= e.clientWidth")
    page.set_viewport_size({"width": 320, "height": 256})  # 400 % zoom: it takes no room there
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    nav = page.locator("header a").first.bounding_box()
    assert nav is not None
    assert nav["y"] < 0


def test_start_pause_and_stop_are_in_the_same_place_on_every_page(visit: Visit) -> None:
    _, page = visit("running")
    settle(page, "now")
    places = set()
    for path in ("now", "sessions", ONE, "protocols", "wrap", "about"):
        page.evaluate("path => { location.hash = `#/${path}`; }", path)
        settle(page, path)
        page.mouse.wheel(0, 400)
        boxes = [page.locator(f".buttons .{kind}").bounding_box() for kind in ("start", "stop")]
        places.add(json.dumps(boxes))
    assert len(places) == 1


def test_what_cannot_be_done_says_why(visit: Visit) -> None:
    server, page = visit("waiting")
    expect(page.get_by_text("The next session is possible in 23 h 20 min.")).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("The next session is possible in")
    assert all(path != "POST session" for path, _ in server.asked)


def test_a_refusal_of_the_wrap_is_shown_with_its_hint(visit: Visit) -> None:
    server, page = visit("idle")
    server.refusals["session"] = (409, "not_now", "records wait for the flash", "try again in 1 s")
    page.get_by_role("button", name="Start", exact=True).click()
    message = page.locator(".controls-message")
    expect(message).to_contain_text("Records wait for the flash")
    expect(message).to_contain_text("Try again in 1 s")
    message.get_by_role("button", name="Close this message").click()
    expect(message).to_have_count(0)
    page.problems.clear()  # type: ignore[attr-defined]  # Chromium logs the status 409


def test_dimming_and_a_covered_pad_are_in_words(visit: Visit) -> None:
    _, page = visit("derating")
    expect(page.get_by_text("The light is dimmed to 61 %")).to_be_visible()
    expect(page.get_by_text("Take blankets and clothes off the wrap.")).to_be_visible()
    expect(page.locator(".temp-word").first).to_have_text("warm: light dims")


def test_the_wake_question_fills_the_width_and_counts_down(visit: Visit) -> None:
    server, page = visit("wake")
    button = page.get_by_role("button", name="Are you awake?")
    box = button.bounding_box()
    main = page.locator("main").bounding_box()
    assert box is not None and main is not None
    assert box["width"] >= main["width"] - 2.5 * 24 and box["height"] >= 150
    expect(page.locator(".wake")).to_contain_text("52 s left, then the light goes off")
    button.click()
    expect(button).to_have_count(0)
    wait_until(page, lambda: ("POST session", {"do": "awake"}) in server.asked)


def test_a_wrap_that_wants_its_own_button_pressed_says_so(visit: Visit) -> None:
    server, page = visit("wake")
    server.refusals["session"] = (501, "unknown_method", "no method wake.answer", "")
    page.get_by_role("button", name="Are you awake?").click()
    expect(page.get_by_text("Or press the button on the wrap.")).to_be_visible()
    expect(page.get_by_role("button", name="Are you awake?")).to_be_visible()
    page.problems.clear()  # type: ignore[attr-defined]  # Chromium logs the status 501


def test_the_wake_question_is_on_every_page_and_sounds_once_it_may(visit: Visit) -> None:
    server, page = visit("running")
    expect(page.get_by_text("The browser allows no sound before you press here.")).to_be_visible()
    page.evaluate(
        """() => { window.tones = 0; const start = OscillatorNode.prototype.start;
          OscillatorNode.prototype.start = function (...a) { window.tones += 1;
            return start.apply(this, a); }; }"""
    )
    page.get_by_role("button", name="Switch the sound on").click()
    expect(page.get_by_text("The sound is on.")).to_be_visible()
    before = page.evaluate("tones")
    page.get_by_role("link", name="About").click()
    server.show("wake")
    expect(page.get_by_role("button", name="Are you awake?")).to_be_visible()
    wait_until(page, f"tones > {before}")


def test_who_starts_a_session_here_hears_the_wake_question(visit: Visit) -> None:
    _, page = visit("idle")
    expect(page.get_by_text("The browser allows no sound before you press here.")).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("The sound is on.")).to_be_visible()


def test_a_fault_is_explained_and_acknowledged(visit: Visit) -> None:
    server, page = visit("fault")
    expect(page.get_by_text("A temperature sensor is broken or unplugged")).to_be_visible()
    expect(page.get_by_text("Sensor: Skin, left.")).to_be_visible()
    expect(page.locator(".temp-none .temp-word")).to_have_text("sensor broken")
    page.get_by_role("button", name="The cause is gone: acknowledge").click()
    expect(page.locator(".strip-state")).to_have_text("Ready, light off")
    wait_until(page, lambda: ("POST fault/ack", {}) in server.asked)


def test_a_chart_has_a_table_and_words_behind_it(visit: Visit) -> None:
    _, page = visit("running")
    page.wait_for_selector(".plot canvas")
    label = page.locator(".plot").first.get_attribute("aria-label")
    assert label is not None and "Skin, middle: 33.0 to 36.0" in label
    page.get_by_text("Show as a table").first.click()
    table = page.locator(".chart").first.get_by_role("table")
    expect(table.get_by_role("columnheader", name="LED board")).to_be_visible()
    assert table.get_by_role("row").count() > 20


def test_the_simulated_world_is_changed_from_the_page(visit: Visit) -> None:
    server, page = visit("simulated")
    page.wait_for_selector(".plot canvas")  # the curves stand above: they move what is pressed
    page.get_by_role("button", name="Cover the wrap", exact=True).click()
    expect(page.get_by_role("button", name="Uncover the wrap")).to_be_visible()
    page.get_by_role("button", name="Pull off: Skin, left").click()
    expect(page.get_by_role("button", name="Plug the sensor in again")).to_be_visible()
    page.get_by_role("button", name="10 ×").click()
    expect(page.get_by_role("button", name="10 ×")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Press the wrap's button").click()
    wait_until(page, lambda: sum(path == "POST world" for path, _ in server.asked) == 4)
    asked = [body for path, body in server.asked if path == "POST world"]
    assert asked == [
        {"control": "cover", "value": True},
        {"control": "pull_sensor", "value": "skin-left"},
        {"control": "speed", "value": 10},
        {"control": "press", "value": "short"},
    ]


def test_a_real_wrap_has_no_world(visit: Visit) -> None:
    _, page = visit("running")
    settle(page, "now")
    expect(page.get_by_text("The simulated world")).to_have_count(0)


# ---- sessions


def test_sessions_are_pulled_found_by_day_opened_and_compared(visit: Visit) -> None:
    server, page = visit("idle", "sessions")
    page.get_by_role("button", name="Fetch new sessions from the wrap").click()
    expect(page.get_by_text("Fetched.")).to_be_visible()
    wait_until(page, lambda: ("POST sessions/pull", {}) in server.asked)
    rows = page.get_by_role("group", name="All sessions").get_by_role("row")
    expect(rows).to_have_count(15)
    page.get_by_role("button", name=re.compile("November 18.*1 session")).click()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Show all days").click()
    for n in (1, 3):
        rows.nth(n).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare (2 ticked)").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Comparison")
    expect(page.get_by_role("columnheader", name="Session 38")).to_be_visible()
    page.get_by_role("link", name="Back to all sessions").click()
    page.get_by_role("link", name=re.compile("Nov 12, 2026")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Session 36")
    page.wait_for_selector(".plot canvas")


def test_a_session_that_ended_with_a_fault_says_which(visit: Visit) -> None:
    _, page = visit("idle", f"sessions/{UID}/34")
    expect(page.get_by_text("The skin sensor has come off the skin.")).to_be_visible()


# ---- protocols


def test_a_protocol_is_checked_edited_stored_and_activated(visit: Visit) -> None:
    server, page = visit("idle", "protocols")
    page.get_by_role("button", name="View and put on the wrap: Carpal tunnel, wrist").click()
    text = page.get_by_label("Text of the protocol")
    expect(page.get_by_text("at most 22.8 J/cm²").last).to_be_visible()
    toml = text.input_value()
    text.fill(toml.replace("duration_s = 600", "duration_s = 9999"))
    line = toml[: toml.index("duration_s")].count("\n") + 1
    page.get_by_role("button", name=f"Line {line}", exact=True).click()
    assert page.evaluate("getSelection().toString()") == "duration_s = 9999"
    page.get_by_role("button", name="Put on the wrap", exact=True).click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("Correct the problems first.")
    text.fill(toml.replace("duration_s = 600", "duration_s = 300"))
    expect(page.locator(".editor").get_by_text("5 min").first).to_be_visible()
    page.get_by_role("button", name="Put on the wrap", exact=True).click()
    expect(page.get_by_text("Carpal tunnel, wrist is on the wrap.")).to_be_visible()
    assert server.texts[2].count("duration_s = 300") == 1
    page.get_by_role("button", name="Make active: Carpal tunnel, wrist").click()
    expect(page.get_by_text("Carpal tunnel, wrist is active now.")).to_be_visible()
    page.get_by_role("button", name="Delete: Diabetic neuropathy, foot").click()
    page.get_by_role("button", name="Yes, delete").click()
    expect(page.get_by_text("Diabetic neuropathy, foot is deleted.")).to_be_visible()


def test_a_dropped_file_is_checked(visit: Visit) -> None:
    _, page = visit("idle", "protocols")
    page.wait_for_selector(".drop")
    page.evaluate(
        """() => { const data = new DataTransfer();
          data.items.add(new File(['schema = 1\\nnonsense = 2\\n'], 'mine.toml'));
          document.querySelector('.drop').dispatchEvent(
            new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); }"""
    )
    expect(page.get_by_role("heading", name="Protocol: mine.toml")).to_be_visible()
    expect(page.get_by_text("nonsense is not known")).to_be_visible()


def test_script_in_a_protocols_name_stays_text(visit: Visit) -> None:
    server, page = visit("idle")
    attack = "<img src=x onerror=alert(1)>"
    server.texts[0] = server.texts[0].replace("Minor injury, sore muscle", attack)
    page.evaluate("location.hash = '#/protocols'")
    expect(page.get_by_role("heading", name=attack)).to_be_visible()
    assert page.locator("img").count() == 0


def test_protocols_cannot_be_changed_in_a_session(visit: Visit) -> None:
    server, page = visit("running", "protocols")
    page.get_by_role("button", name="Make active: Diabetic neuropathy, foot").click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("while a session is under way")
    assert all("activate" not in path for path, _ in server.asked)


# ---- the wrap, the page itself


def test_a_setting_is_stored_in_the_wraps_unit(visit: Visit) -> None:
    server, page = visit("idle", "wrap")
    box = page.get_by_label("Skin temperature that stops the light", exact=True)
    expect(box).to_have_value("41")
    box.fill("39.5")
    page.get_by_role("button", name="Store: Skin temperature that stops the light").click()
    expect(page.get_by_text("Stored.")).to_be_visible()
    wait_until(page, lambda: ("PUT settings/trip_mc", {"value": 39500}) in server.asked)


def test_a_setting_outside_its_range_is_not_sent(visit: Visit) -> None:
    server, page = visit("idle", "wrap")
    page.get_by_label("Longest session", exact=True).fill("90")
    page.get_by_role("button", name="Store: Longest session").click()
    assert page.evaluate("document.activeElement.validity.rangeOverflow")
    assert all("settings" not in path for path, _ in server.asked)


def test_damaged_settings_are_confirmed(visit: Visit) -> None:
    server, page = visit("unconfirmed", "wrap")
    page.get_by_role("button", name="The values are right: confirm").click()
    expect(page.get_by_text("Settings may be damaged")).to_have_count(0)
    wait_until(page, lambda: ("POST settings/confirm", {}) in server.asked)


def test_the_check_up_shows_problems_first_with_what_to_do(visit: Visit) -> None:
    _, page = visit("idle", "wrap")
    first = page.locator(".check").first
    expect(first).to_contain_text("Problem: Clock: not set")
    expect(first).to_contain_text("What to do: run pbmwrap clock set")


def test_another_version_of_the_firmware_is_named_with_the_way_to_update(visit: Visit) -> None:
    server, page = visit("idle", "wrap")
    expect(page.get_by_text("have the same version")).to_be_visible()
    server.version = "0.2.0"
    server.show("fault")
    expect(page.get_by_text("have different versions: install the firmware")).to_be_visible()
    update = page.get_by_role("region", name="Update")
    expect(update).to_contain_text("This program0.2.0")
    expect(update).to_contain_text("pbmwrap install")


def test_the_about_page_warns_of_usb_and_is_no_medical_device(visit: Visit) -> None:
    _, page = visit("idle", "about")
    expect(page.get_by_text("This is not a medical device")).to_be_visible()
    expect(page.get_by_text("a USB isolator with reinforced insulation")).to_be_visible()


def test_language_and_colours_are_chosen_and_kept(visit: Visit) -> None:
    _, page = visit("idle", "about")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Über")
    page.get_by_role("button", name="Dunkel").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 22, 28)"


def test_a_german_browser_gets_german(visit: Visit) -> None:
    _, page = visit("running", language="de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Das Licht ist an")
    expect(page.get_by_role("button", name="Stopp")).to_be_visible()
    expect(page.locator(".temp-value").first).to_have_text(re.compile(r"36,\d"))
