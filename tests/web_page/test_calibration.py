"""The guided calibration in Chromium: the real guide on a wrap in virtual time."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from pbmwrap.calibration.budget import Inputs, make_budget
from pbmwrap.calibration.instruments import KINDS, Instrument
from pbmwrap.calibration.setup_fields import list_fields
from tests.calibration.files import hopoocolor
from tests.web_page.fake_calibration import CAL_MOMENTS
from tests.web_page.fake_server import FakeServer
from tests.web_page.test_german import find_english_words
from tests.web_page.test_page import Visit, check_axe, check_figures, open_all
from tests.web_page.test_programme import ENGLISH

PATH = "wrap/calibrate"
IN_CI = ("grid", "light", "reading", "file", "store")


def show(server: FakeServer, page: Page, moment: str) -> None:
    """Show a moment on a page that is open already."""
    page.evaluate("location.hash = '#/about'")
    page.wait_for_selector(".rules")
    server.show(f"cal-{moment}")
    page.evaluate(f"location.hash = '#/{PATH}'")
    page.wait_for_selector("#cal-step, #cal-result")


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_and_targets_text_and_contrast_are_large(
    visit: Visit, theme: str
) -> None:
    server, page = visit("cal-start", theme=theme)
    for moment in CAL_MOMENTS:
        show(server, page, moment)
        if moment in ("store", "done"):
            open_all(page)
        check_figures(page)
        if theme == "dark" or moment in IN_CI:
            check_axe(page)


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "de"])
def test_a_phone_shows_everything_without_scrolling_sideways(visit: Visit, language: str) -> None:
    server, page = visit("cal-start", width=360, height=740, language=language)
    for moment in CAL_MOMENTS:
        show(server, page, moment)
        check_figures(page)
        if language == "de":
            assert find_english_words(page) == [], moment
            assert page.locator("[lang=en]:not(button, html)").all_inner_texts() == [], moment
    page.set_viewport_size({"width": 320, "height": 256})  # 400 % of 1280 x 1024
    for moment in ("reading", "question", "store"):
        show(server, page, moment)
        check_figures(page)


def test_what_the_guide_can_ask_has_words() -> None:
    keys = [f"cal.f.{one.key}" for one in list_fields("measure")]
    keys += [f"cal.meter.{name}" for name in KINDS]
    meter = Instrument("silicon", "m", 5.0, 2.0, 9.5, "mW")
    given = Inputs(meter, 660, 4, 2, 1.0, 1.0, 0.0, 0.1, True, 0.5, 1.0, True, 3.0)
    keys += [f"cal.u.{one.code}" for one in make_budget(given).contributions]
    assert [key for key in keys if key not in ENGLISH] == []


def test_from_the_meter_to_the_result_by_keyboard(visit: Visit) -> None:
    server, page = visit("cal-start", PATH)
    server.calibration.warms = True
    keys = page.keyboard
    page.get_by_role("button", name="Begin", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Which kind of meter is it?")).to_be_focused()
    page.get_by_role("button", name="Solar power meter").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("cannot say how strong the light is")
    page.problems.clear()  # type: ignore[attr-defined]  # Chromium logs the status 422
    page.get_by_role("button", name="Silicon head").press("Enter")
    # From field to field by Enter alone: each one has the focus.
    for label, text in (
        ("Its maker", "Thorlabs S121C"),
        ("Its uncertainty", "5"),
        ("The coverage factor", None),
    ):
        expect(page.get_by_label(label)).to_be_focused()
        if text is not None:
            keys.type(text)
        keys.press("Enter")
    page.get_by_role("button", name="mW/cm²", exact=True).press("Enter")
    expect(page.get_by_label("The diameter")).to_be_focused()
    keys.type("9.5")
    keys.press("Enter")
    page.get_by_role("button", name="Not known").press("Enter")
    page.get_by_role("button", name="No cover is used").press("Enter")
    page.get_by_role("button", name="2 × 2: 4 points").press("Enter")
    page.get_by_role("button", name="1 time. The scatter").press("Enter")
    for channel, reading in (("Red", "24.1"), ("Infrared", "33.2")):
        expect(page.get_by_label("Which wavelength does it show?")).to_be_focused()
        keys.type("660" if channel == "Red" else "850")
        keys.press("Enter")
        expect(page.get_by_label("light off: what does the meter show?")).to_be_focused()
        keys.type("0.02")
        keys.press("Enter")
        expect(page.get_by_role("heading", name=f"Light on: {channel}")).to_be_focused()
        asked = len(server.asked)
        page.get_by_role("button", name="Light on").press("Enter")
        assert len(server.asked) == asked  # not before the confirmation
        page.get_by_label("Nobody is in the wrap").press("Space")
        page.get_by_role("button", name="Light on").press("Enter")
        expect(page.get_by_role("timer")).to_be_visible()
        expect(page.get_by_label("Point A1")).to_be_focused(timeout=20_000)
        for point in ("A1", "A2", "B2", "B1"):
            expect(page.get_by_label(f"Point {point}")).to_be_focused()
            keys.type(reading)
            keys.press("Enter")
    expect(page.get_by_text("Result of")).to_be_visible()
    assert server.calibration.bench.wrap.lit is None


def test_an_outlier_is_asked_about_and_the_grid_shows_it(visit: Visit) -> None:
    server, page = visit("cal-question", PATH)
    expect(page.get_by_role("heading", name="Is 45.3 right?")).to_be_visible()
    expect(page.locator(".cal-asked")).to_contain_text("times its neighbours")
    expect(page.locator(".cal-now")).to_contain_text("now")
    page.get_by_role("button", name="No, once more").click()
    expect(page.get_by_label("Point B5")).to_be_focused()
    (record,) = server.calibration.bench.shelf.kept.values()
    assert record["readings"][-1]["text"] == "45.3" and record["readings"][-1]["replaced"]
    page.get_by_role("button", name="Light off").click()
    expect(page.get_by_role("heading", name="Light on: Red")).to_be_visible()
    assert server.calibration.bench.wrap.lit is None


def test_a_spectrometer_s_file_is_dropped(visit: Visit) -> None:
    server, page = visit("cal-file", PATH)
    expect(page.get_by_label("Point A1")).to_be_visible()
    data = page.evaluate_handle(
        """bytes => { const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "a1.csv")); return data; }""",
        list(hopoocolor(25.0)),
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": data})
    expect(page.get_by_label("Point A2")).to_be_visible()
    (record,) = server.calibration.bench.shelf.kept.values()
    assert record["readings"][-1]["source"].startswith("a1.csv (")
    page.locator("#cal-file").set_input_files(
        {"name": "b.csv", "mimeType": "text/csv", "buffer": b"not,a,spectrum\n"}
    )
    expect(page.get_by_role("alert")).to_contain_text("This is not a file of")
    page.problems.clear()  # type: ignore[attr-defined]  # Chromium logs the status 422


def test_who_only_watches_measures_nothing_but_may_turn_the_light_off(visit: Visit) -> None:
    server, page = visit("cal-reading", PATH)
    server.update(actor=False)
    expect(page.get_by_text("You are watching")).to_be_visible()
    page.get_by_label("Point A1").fill("24.1")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Measure the last reading again").click(force=True)
    expect(page.locator(".controls-message")).to_contain_text("Take over")
    assert server.asked == []
    page.get_by_role("button", name="Light off").click()
    expect(page.get_by_role("heading", name="Light on: Red")).to_be_visible()
    assert server.asked == [("POST calibration/guide/dark", {})]


def test_a_result_is_stored_with_its_budget_in_view(visit: Visit) -> None:
    server, page = visit("cal-store", PATH)
    red = page.get_by_role("region", name="Red 660 nm")
    expect(red).to_contain_text("k = 2")
    red.locator("summary").click()
    expect(red.get_by_role("row", name="Spectral mismatch")).to_be_visible()
    expect(red.get_by_role("row", name="Expanded, U")).to_be_visible()
    red.get_by_role("button", name="Store on the wrap").click()
    expect(red).to_contain_text("Stored on the wrap")
    nir = page.get_by_role("region", name="Infrared 850 nm")
    nir.get_by_role("button", name="Do not store").click()
    expect(nir).to_contain_text("Not stored")
    assert server.calibration.bench.wrap.cal["nir"] is None
    link = page.get_by_role("link", name="Report of this calibration")
    assert "api/calibration/report?id=" in (link.get_attribute("href") or "")
    expect(page.get_by_role("button", name="Begin", exact=True)).to_be_visible()
