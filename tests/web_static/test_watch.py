"""The page "Watch a trial" in Chromium: the firmware's secret in the page's MicroPython."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from pbmwrap.web.browser import trial_show
from tests.web_page.test_german import find_english_words
from tests.web_static.test_journeys import SLOW_MS, check_view
from tools.web_static.folder import BROWSER

Visit = Callable[..., Page]
DAYS = trial_show.PERIODS * trial_show.DAYS
SCRIPT = (BROWSER / "app" / "page_watch.js").read_text(encoding="utf-8")
DAY_MS = int(re.search(r"DAY_MS = (\d+)", SCRIPT)[1])  # type: ignore[index]


def test_twelve_weeks_take_less_than_two_minutes() -> None:
    assert 60_000 < DAYS * DAY_MS < 110_000


def watch(visit: Visit, **view: str) -> Page:
    """Open the page with a clock that stands still, and begin."""
    page = visit("#/watch", **view)
    page.locator(".main.large").wait_for(timeout=SLOW_MS)
    page.clock.install()
    page.locator(".main.large").click()
    page.locator("#today").wait_for(timeout=SLOW_MS)
    return page


def pass_days(page: Page, first: int, last: int) -> None:
    for n in range(first, last):
        page.clock.run_for(DAY_MS + 1)
        week, day = n // 7 + 1, n % 7 + 1
        found = re.compile(rf"^\D*{week}\D+12\D+{day}$")
        expect(page.locator("#today")).to_have_text(found, timeout=SLOW_MS)


def test_a_trial_is_watched_from_its_first_day_to_its_verdict(visit: Visit) -> None:
    page = watch(visit, color_scheme="light")
    expect(page.locator("main")).to_contain_text("All of this is simulated")
    pass_days(page, 0, 8)
    assert page.locator("#weeks ~ .scroll tbody tr").count() == 1
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(5 * DAY_MS)
    expect(page.locator("#today")).to_have_text("Week 2 of 12, day 1")
    check_view(page)
    page.get_by_role("button", name="Resume").click()
    pass_days(page, 8, DAYS)
    main = page.locator("main")
    expect(page.locator("main [role=status]")).to_have_text("The last week is over: press Reveal.")
    assert "What was true" not in main.inner_text()
    assert page.locator(".watch rect").count() == 0
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("#verdict")).to_be_focused(timeout=SLOW_MS)
    text = main.inner_text()
    assert "among all 924 ways" in text
    lowers = "light lowers the number by 3 points" in text
    assert lowers != ("light does nothing" in text)
    assert ("Better with light" in text) or not lowers
    assert "each of its 72 sessions did what was drawn" in text
    assert page.locator(".watch rect").count() == 12
    assert page.locator("#weeks ~ .scroll tbody tr").count() == 12
    page.emulate_media(color_scheme="dark")
    check_view(page)


@pytest.mark.slow
def test_a_german_phone_shows_no_english(visit: Visit) -> None:
    page = watch(visit, locale="de", viewport={"width": 360, "height": 740})  # type: ignore[arg-type]
    pass_days(page, 0, DAYS)
    check_view(page)
    page.locator(".main.large").click()
    page.locator("#verdict").wait_for(timeout=SLOW_MS)
    check_view(page)
    assert find_english_words(page) == []


def test_its_script_is_not_loaded_before_it_is_opened(visit: Visit) -> None:
    page = visit()
    loaded = "performance.getEntriesByType('resource').map((e) => e.name)"
    names = page.evaluate(loaded)
    assert any("extra.js" in name for name in names)
    assert not any("page_watch.js" in name or "micropython" in name for name in names)
    page.get_by_role("link", name="Watch a trial").last.click()
    page.locator(".main.large").wait_for(timeout=SLOW_MS)
    assert any("page_watch.js" in name for name in page.evaluate(loaded))
