"""No English sentence on a German page: what the server and the wrap say has its words."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.web_page.sentences import (
    TRIAL_MODULES,
    collect_examples,
    collect_firmware,
    collect_host,
)
from tests.web_page.test_page import Visit, open_all, settle
from wrap.errors import DARK_ONLY, DONE_UNSEEN, NO_HEAP

PARTS = {  # their sentences are in WHOLE, with each part that they may have
    "{} {} this machine's clock",
    "{} late, the longest took {} ms",
    "{}, dated in the future: {}",
    "{}, the last {} checked and undamaged",
    "{}: {}, so sessions end by time and show no dose",
    "out of range and not used",
    "a udev rule to /etc/udev/rules.d/70-pbmwrap.rules and plug it in again: {}",
    "run `pbmwrap logs pull` regularly;",
    "the wrap refused{}: {}",
    "intensity ; did you mean duration_s?",
    "intensity is not known: a step has duration_s and one table per channel{}",
    " may have been damaged or lost: look at it with `pbmwrap settings show`, set what you want, "
    "then `pbmwrap settings confirm`",
    "; acknowledge it first",
    "the cause is still there: ",
    " must be 64 hex digits",
    "light is held: ",
    "what must be ",
    ". Is the decimal point right?",
    "{} is {} times its neighbours{}",
    "{} can be {} or {}{}: type it with a decimal point and without thousands marks",
    "{}: {} asked about and kept",
}
NOT_SHOWN = {  # prompts of the command, looked for in the wrap's answer, printed, or without words
    "this machine's clock says {}, which cannot be true: records stay undated; set the clock and "
    "pull again",
    "the log kept so far is now {}: see `pbmwrap logs wraps`",
    "this is the log {}; kept under the same id: {}",
    "Set the meter to {} nm for {}, and type the wavelength that it shows. A head that cannot be "
    "set: type its responsivity at the wavelength it is made for, a slash, and at {} nm, for "
    "example 0.35/0.41",
    "{} will light at full duty, with {}. Is nobody in the wrap, and does nobody look into the "
    "light? Type yes",
    "{}, light off: cover on, the head in its place, the room dark. Dark reading",
    "{}, repeat {} of {}: take the head off and put it back as if for the first time",
    "all readings are there",
    "waiting for a steady temperature before {} ...",
    "{} at {} % for {} min",
    "the cover ({}) on",
    "W/m2/nm, mW/m2/nm, uW/cm2/nm",
    "{}Which kind of meter is it, 1 to {}",
    "session possible in",
    "reads as worn",
    "with calibration light",
    "write too often",
    "{}, at most {} J/cm2",
    'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{}", MODE="0660", TAG+="uaccess"',
    'SUBSYSTEM=="tty", ATTRS{idVendor}=="{}", MODE="0660", TAG+="uaccess"',
}
WHOLE = {
    # Constants, which no literal of a refusal has.
    *(f"the wrap refused proto.list: {text}" for text in (NO_HEAP, DARK_ONLY, DONE_UNSEEN)),
    f"not read: {DARK_ONLY}",
    "2 hours ahead of this machine's clock",
    "9 days behind this machine's clock",
    "3 of 1000 late, the longest took 7 ms",
    "none late, the longest took 0.7 ms",
    "red: 40 mW/cm2 +-10 %, due: 400 days old: LEDs fade, covers cloud; lit for 600 h since then, "
    "which may have cost 2.1 % of its light; the ratio check of 2026-11-29 is -12.1 % off",
    "red: 40 mW/cm2 +-10 %, 2 days old",
    "red: 40 mW/cm2 +-10 %, date unknown",
    "red: 40 mW/cm2 +-10 %, dated in the future: 2030-01-01",
    "red: none, so sessions end by time and show no dose",
    "red: out of range and not used, so sessions end by time and show no dose",
    "4096 bytes, the last 7 records checked and undamaged",
    "7 records lost since power-on before reaching the log",
    "run `sudo usermod -aG dialout anna`, then log out and in; or add a udev rule to "
    "/etc/udev/rules.d/70-pbmwrap.rules and plug it in again: SUBSYSTEM",
    "run `pbmwrap logs pull` regularly; the image of `pbmwrap install --image` does not have this "
    "problem",
    "1.20.0: older than 1.25, not tested with this firmware",
    "the wrap refused session.start: not possible while a session is running",
    "the wrap refused session.start: settings, calibration may have been damaged or lost: look at "
    "it with `pbmwrap settings show`, set what you want, then `pbmwrap settings confirm`",
    "the wrap refused fault.ack: the cause is still there: a temperature sensor is shorted",
    "the wrap refused session.start: the pad warms while its lamps are off; acknowledge it first",
    "step[1].red is not known: a step has duration_s and one table per channel; did you mean "
    "duration_s?",
    "step[1].red is not known: a step has duration_s and one table per channel",
    "step[1].red.intensity must be from 0 to 100 %",
    "settings, heat test may be damaged or lost, so no session can start",
    "25 % of full: no heat test is recorded",
    "sensor-open: a temperature sensor is open or unplugged",
    "the wrap refused session.start: light is held: wound",
    "sha must be 64 hex digits",
    "what must be frozen or closed",
    "B2 is 9.87 times its neighbours. Is the decimal point right?",
    "B2 is 1.72 times its neighbours",
    "1,234 can be 1.234 or 1234: type it with a decimal point and without thousands marks",
    "red: 1 reading was asked about and kept",
    "red: 3 readings were asked about and kept",
    "k is 5, it must be 1 to 3",
    "the meter's uncertainty is 60 %, it must be 0.1 to 50 %",
    "a lux meter weighs light by the eye, which sees 6 % of 660 nm and nothing of 850 nm, so its "
    "filter's error at the edge becomes the whole result. It cannot say how strong the light is. "
    "It can watch ageing: `pbmwrap cal check` compares its reading with one from the day of a real "
    "calibration",
    "the light has ended: a person may be in the wrap",
    "the wrap has dimmed to 81.0 %: let it cool, or keep the reading",
    "the calibration of this wrap is in use by another pbmwrap",
}
WHOLE_TRIAL = {
    "nir did not stay on: stopped by its button",
    "26 % of nir is more than a trial of this wrap may have: without a warmer a trial may use 25 %",
    "26 % of nir is more than a trial of this wrap may have: its warmer matches 25 %",
    "the wrap gives light that is not of this test (running), so the arms cannot be compared",
    "/data/heat-test-1.json cannot be used: 'sham'; remove it and test again",
    "elbow left: site may hold only a-z, 0-9 and -",
}
TRANSLATE = """async ([texts, exact]) => {
  const { said, written } = await import("/static/app/said.js");
  return texts.filter((text) => (exact ? written : said)(text).lang === "en"); }"""


def find_english(page: Page, texts: set[str], exact: bool = False) -> list[str]:
    """Return the texts for which a German page has no words."""
    filled = sorted(text.replace("{}", "7") for text in texts)
    return page.evaluate(TRANSLATE, [filled, exact])


def test_every_sentence_of_server_wrap_and_examples_has_german_words(visit: Visit) -> None:
    _, page = visit("idle", language="de")
    page.wait_for_selector("h1")
    assert find_english(page, collect_host() - PARTS - NOT_SHOWN) == []
    assert find_english(page, collect_firmware() - PARTS) == []
    assert find_english(page, WHOLE) == []
    assert find_english(page, collect_examples(), exact=True) == []
    of_trial = collect_host(TRIAL_MODULES) - PARTS - NOT_SHOWN
    assert find_english(page, of_trial) != []  # its words come with its page
    page.evaluate("location.hash = '#/trial'")
    page.wait_for_selector("#planner")
    assert find_english(page, of_trial) == []
    assert find_english(page, WHOLE_TRIAL) == []


ENGLISH_WORDS = re.compile(
    r"\b(the|and|is|are|of|with|for|this|that|from|not|when|then|has|have|light|skin|wait|check)\b",
    re.IGNORECASE,
)
SHOWN = """() => { const copy = document.body.cloneNode(true);
  for (const part of copy.querySelectorAll("noscript, textarea, code, [lang=en]"))
    part.remove();
  const labels = [...copy.querySelectorAll("[aria-label]")].map((e) => e.ariaLabel);
  return [...copy.textContent.split("\\n"), ...labels].join("\\n"); }"""


def find_english_words(page: Page) -> list[str]:
    """Return the lines of a page in which there are English words, commands left out."""
    shown = re.sub(r"`[^`]*`", "", page.evaluate(SHOWN))
    lines = (line.strip() for line in shown.splitlines())
    return [line for line in lines if ENGLISH_WORDS.search(line)]


PAGES = [
    ("derating", "now"),
    ("fault", "now"),
    ("wake", "now"),
    ("uncalibrated", "now"),
    ("disconnected", "now"),
    ("watching", "now"),
    ("simulated", "now"),
    ("idle", "sessions"),
    ("idle", "protocols"),
    ("fault", "wrap"),
    ("unconfirmed", "wrap"),
    ("idle", "about"),
]


def test_a_german_page_shows_no_english(visit: Visit) -> None:
    server, page = visit("idle", language="de")
    for scenario, path in PAGES:
        server.show(scenario)
        page.evaluate("path => { location.hash = `#/${path}`; }", path)
        settle(page, path) if path != "now" else page.wait_for_timeout(300)
        open_all(page)
        assert find_english_words(page) == [], (scenario, path)
        marked = page.locator("[lang=en]:not(button)").all_inner_texts()
        assert [text for text in marked if ENGLISH_WORDS.search(text)] == [], (scenario, path)
    page.evaluate("location.hash = '#/protocols'")
    page.get_by_role("button", name="Ansehen und auf den Wickel").first.click()
    page.get_by_label("Text des Protokolls").fill('schema = 1\nid = "X y"\nfoo = 2\n[[step]]\n')
    page.wait_for_selector(".problems")
    assert find_english_words(page) == []
    assert page.locator(".problems [lang=en]").count() == 0
