"""A trial on the page, on a simulated wrap that commands and page share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web_journeys.kit import PATIENCE_MS, Person, run_web
from tests.web_journeys.test_connections import posix_only, run_command, run_wrap

START = (
    *("foot-left", "foot-right", "--aim", "less pain", "--weeks", "4", "--period", "week"),
    *("--sessions", "1", "--minutes", "0.1", "--start", "today", "--exploratory"),
    *("--needs-treatment", "no", "--numb", "no", "--yes"),
)


@pytest.mark.slow  # two sessions in real time; `make web-journeys` runs it
@posix_only
def test_the_first_day_of_a_trial_and_its_early_end(browser: Browser, tmp_path: Path) -> None:
    with run_wrap(tmp_path) as port, run_web(tmp_path, port) as web:
        run_command(tmp_path, "person", "add", "Ada")
        ada = Person(browser, web.url)
        page = ada.page
        ada.see_state("Ready, light off")
        ada.go("trial")
        ada.see("Does the light do anything for me?")
        run_command(tmp_path, "trial", "start", *START, "--port", port)
        ada.go("now")
        ada.go("trial")
        ada.see("Today's numbers, before the session")
        for foot, value in (("left foot", "6"), ("right foot", "5")):
            group = page.get_by_role("group", name=foot)
            group.get_by_role("button", name=value, exact=True).click()
        ada.press("Save the numbers")
        ada.see("They are written.")
        for foot in ("left foot", "right foot"):
            ada.press("Prepare this session")
            ada.see(f"The next session is on: {foot}. Press Start")
            ada.press("Start", exact=False)
            ada.see_state("Light is on")
            ada.see_state("Session over, light off")
            ada.press("Fetch new sessions from the wrap")
            done = page.locator(".facts > div").filter(has_text=f"Sessions, {foot}")
            if foot == "left foot":
                expect(done).to_contain_text("1 of 1 done", timeout=PATIENCE_MS)
        expect(page.locator("main")).to_contain_text("2 of 4", timeout=PATIENCE_MS)
        expect(page.locator("main")).to_contain_text("done: no light before")
        ada.see("They are written.")
        assert page.locator(".drawing").count() == 0

        ada.press("End the trial early")
        page.get_by_label("Why do you end it?").fill("it got worse")
        ada.press("End the trial")
        ada.press("Yes, end it now")
        ada.see("The trial cannot tell")
        expect(page.locator("main")).to_contain_text("2 sessions of the wrap's log decrypted: each")
        wait = "document.querySelector('.drawing').naturalWidth"
        expect(page.locator(".drawing")).to_be_visible(timeout=PATIENCE_MS)
        assert page.evaluate(wait) > 0
        with page.expect_download() as saved:
            page.get_by_role("link", name="All data in one file").click()
        bundle = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
        assert saved.value.suggested_filename.endswith("-t1.json") and bundle
        file = tmp_path / "bundle.json"
        file.write_text(json.dumps(bundle))
        assert "proved:" in run_command(tmp_path, "trial", "verify", str(file))
        ada.close()
