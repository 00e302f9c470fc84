"""Reports: what is known is shown, what is not is said, and nothing from outside acts in a page."""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from pbmwrap.errors import UsageError
from pbmwrap.report import html, plot, text
from pbmwrap.report.model import (
    NOT_MEDICAL,
    UNCALIBRATED,
    ChannelReport,
    SampleReport,
    SessionReport,
    clock,
)
from pbmwrap.report.parameters import grade_sentence, record_rows, summary_rows

VOID = {"meta", "br", "path", "use"}


def samples(calibrated: bool = True) -> tuple[SampleReport, ...]:
    def at(t_s: int) -> SampleReport:
        state = "paused" if 200 <= t_s < 300 else "running"
        duty = 0.0 if state == "paused" else 50.0
        dose = t_s * 0.01 if calibrated else None
        skin = None if t_s == 100 else 33.0 + t_s / 200
        return SampleReport(float(t_s), (skin, 40.0), (duty, duty), (dose, dose), state)

    return tuple(at(t) for t in range(0, 601, 10))


def report(calibrated: bool = True, **changes) -> SessionReport:
    known = {
        "dose_j_cm2": 6.0,
        "irradiance_mw_cm2": 20.0,
        "uncertainty_pct": 15.0,
        "measured": "power meter at 0 mm, 2025-05-01",
    }
    figures = known if calibrated else {}
    channels = (
        ChannelReport("red", 660, 500.0, 50.0, **figures),
        ChannelReport("nir", 850, 500.0, 50.0, pulse_hz=10.0, pulse_on_pct=50.0, **figures),
    )
    made = SessionReport(
        wrap_id="E661",
        session_id=12,
        firmware="0.1.0",
        channels=channels,
        sensors=("skin", "board"),
        roles=("skin", "board"),
        end_reason="dose",
        duration_s=500.0,
        paused_s=100.0,
        started=datetime(2025, 5, 4, 18, 22, 9, tzinfo=UTC),
        protocol="knee",
        grade="weak",
        max_skin_c=36.0,
        max_board_c=40.0,
        samples=samples(calibrated),
    )
    return replace(made, **changes)


def printed(shown: SessionReport) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(text.summary(shown))
    return console.file.getvalue()  # type: ignore[attr-defined]


class Balance(HTMLParser):
    """Follows open elements; `wrong` lists every end that does not fit. `text`: all words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text += data


def parsed(page: str) -> Balance:
    balance = Balance()
    balance.feed(page)
    return balance


def test_png_and_svg_are_written(tmp_path):
    paths = tmp_path / "s.png", tmp_path / "s.svg"
    plot.save(report(), *paths)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert ET.fromstring(paths[1].read_bytes()).tag.endswith("svg")


def test_another_suffix_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match=r"\.png"):
        plot.save(report(), tmp_path / "s.png", tmp_path / "s.pdf")
    assert not (tmp_path / "s.png").exists()


def test_the_same_session_draws_the_same_svg():
    assert plot.inline_svg(report()) == plot.inline_svg(report())


def test_panels_have_units_and_share_their_time():
    heat, duty, dose = plot.figure(report()).axes
    labels = [axes.get_ylabel() for axes in (heat, duty, dose)]
    assert labels == ["Temperature (°C)", "Duty (%)", "Dose (J/cm²)"]
    assert heat.get_xlim() == duty.get_xlim() == dose.get_xlim() == (0.0, 600.0)
    assert "min:s" in dose.get_xlabel()


def test_limits_are_drawn_and_the_boards_only_when_near():
    def words(shown):
        return " ".join(t.get_text() for t in plot.figure(shown).axes[0].texts)

    assert "light off at 41" in words(report())
    assert "light dims at 39" in words(report())
    assert "board" not in words(report())
    assert "board: light off at 60" in words(report(max_board_c=55.0))


def test_sensors_whose_lines_coincide_are_all_seen_and_named_once():
    names = ("skin-mid", "skin-left", "skin-right", "board")
    shown = report(sensors=names, roles=("skin", "skin", "skin", "board"))
    lines = plot.figure(shown).axes[0].lines[:4]
    assert [line.get_label() for line in lines] == list(names)
    assert len({line.get_linestyle() for line in lines}) == 4
    widths = [line.get_linewidth() for line in lines[:3]]
    assert widths == sorted(widths, reverse=True) and len(set(widths)) == 3
    other = plot.figure(report(sensors=("a", "board"))).axes[0].lines
    assert [line.get_label() for line in other[:2]] == ["a (skin)", "board"]


def test_a_missing_temperature_is_a_gap_not_a_zero():
    skin = plot.figure(report()).axes[0].lines[0].get_ydata()
    values = list(map(float, skin))  # type: ignore[arg-type]
    assert values[10] != values[10]
    assert min(v for v in values if v == v) == 33.0


def test_without_calibration_no_dose_is_drawn_but_time_is():
    axes = plot.figure(report(calibrated=False)).axes[2]
    assert "Dose" not in axes.get_ylabel()
    assert UNCALIBRATED in [t.get_text() for t in axes.texts]
    assert float(list(axes.lines[0].get_ydata())[-1]) == pytest.approx(250.0)  # type: ignore


def test_half_a_calibration_gives_no_sum():
    whole = report()
    half = replace(whole, channels=(whole.channels[0], report(False).channels[1]))
    assert half.dose_j_cm2 is None
    assert whole.dose_j_cm2 == 12.0
    assert "uncalibrated: not known" in dict(summary_rows(half))["Dose, all channels"]


def test_a_session_without_samples_can_still_be_drawn():
    assert "no samples kept" in plot.inline_svg(report(samples=()))


def test_the_page_is_whole_accessible_and_needs_nothing_else():
    page = html.page(report())
    seen = parsed(page)
    assert seen.wrong == [] and seen.open == []
    assert 'lang="en"' in page
    assert 'scope="row"' in page and "<caption>" in page
    assert 'role="img" aria-labelledby="plot-title"' in page and 'id="plot-title"' in page
    assert not seen.tags & {"script", "link", "img", "iframe", "object"}
    assert "url(http" not in page and "src=" not in page
    assert NOT_MEDICAL in seen.text


def test_the_record_carries_every_parameter_of_the_list():
    rows = dict(record_rows(report(), report().channels[1]))
    assert rows == {
        "Wavelength": "850 nm",
        "Radiant power": "unknown",
        "Irradiance at the skin, full duty": "20.0 mW/cm² ± 15 %",
        "How it was measured": "power meter at 0 mm, 2025-05-01",
        "Fluence": "6.00 J/cm²",
        "Area": "unknown",
        "Site": "not given",
        "Mode": "pulsed at 10 Hz, on 50 % of each period",
        "Pulse duration": "50 ms",
        "Repetition rate": "10 Hz",
        "Mean intensity (duty)": "50.0 %",
        "Time": "8:20",
    }
    text_of_page = parsed(html.page(report())).text
    assert all(key in text_of_page for key in rows)


def test_what_is_not_calibrated_says_so_in_every_form():
    shown = report(calibrated=False)
    for words in (parsed(html.page(shown)).text, printed(shown)):
        assert UNCALIBRATED in words
        assert "J/cm²" not in words.replace("(J/cm²)", "")


def test_grade_and_disclaimer_stand_in_every_form():
    for words in (parsed(html.page(report())).text, printed(report())):
        assert grade_sentence(report()) in words
        assert NOT_MEDICAL in words
    assert "No evidence grade" in grade_sentence(report(grade=None))


def test_text_from_outside_never_becomes_markup():
    evil = '<script>alert("x")</script>&"'
    shown = report(
        wrap_id=evil, protocol=evil, site=evil, grade=evil, faults=(evil,), end_reason=evil
    )
    page = html.page(replace(shown, channels=(replace(shown.channels[0], name=evil),)))
    assert "<script" not in page
    assert "alert" in parsed(page).text
    words = printed(report(protocol="[red]x[/red]", site="\x1b[31m"))
    assert "[red]x[/red]" in words
    assert "\x1b" not in words


@given(st.text(max_size=20), st.sampled_from(["$a$", "$\\frac$", "_x", "\x00", "\\"]))
@settings(max_examples=8, deadline=None)
def test_any_name_can_be_drawn(name, odd):
    shown = report(protocol=name + odd, sensors=(odd + name, "board"))
    ET.fromstring(plot.inline_svg(replace(shown, samples=shown.samples[:3])))


def test_a_session_without_a_clock_is_placed_by_the_wraps_own_counting():
    shown = report(started=None, boot=7, uptime_s=732.0)
    assert shown.when == "start 7 of the wrap, 12:12 after power-on"
    assert report(started=None).when == "unknown"


@pytest.mark.parametrize(
    ("zone", "shown"), [("UTC", "2025-05-04 18:22 UTC"), ("Asia/Kolkata", "2025-05-04 23:52 IST")]
)
def test_the_beginning_is_local_time_to_the_minute(monkeypatch, zone: str, shown: str):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert report().when == shown
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (59.6, "1:00"), (3725, "1:02:05")])
def test_clock(seconds, words):
    assert clock(seconds) == words


def test_nothing_heavy_is_loaded_by_importing_the_reports():
    code = (
        "import sys, pbmwrap.report.html, pbmwrap.report.text; print('matplotlib' in sys.modules)"
    )
    path = str(Path(html.__file__).parents[2])
    env = {"PYTHONPATH": ":".join([path, str(Path(path).parent / "firmware")])}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
