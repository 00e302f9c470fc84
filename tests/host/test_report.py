"""Reports show what is known and what is not; text from outside is never markup."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import StringIO
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from pbmwrap.errors import UsageError
from pbmwrap.report import html, plot, text
from pbmwrap.report.figure import make_figure
from pbmwrap.report.model import (
    NOT_MEDICAL,
    UNCALIBRATED,
    ChannelReport,
    SampleReport,
    SessionReport,
    format_duration,
)
from pbmwrap.report.parameters import describe_grade, list_facts, list_parameters

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
    console.print(text.make_tables(shown))
    return console.file.getvalue()  # type: ignore[attr-defined]


class Balance(HTMLParser):
    """Follows open elements. wrong: end tags that do not match. text: all text."""

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


def drawn_paths(shown: SessionReport, colour: str) -> list[str]:
    """Return the paths with this colour; the legend's come after each panel's own."""
    root = ET.fromstring(plot.draw_inline_svg(shown))
    return [p.attrib["d"] for p in root.iter() if p.attrib.get("stroke") == colour]


def test_png_and_svg_are_written(tmp_path):
    paths = tmp_path / "s.png", tmp_path / "s.svg"
    plot.save_plot(report(), *paths)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert ET.fromstring(paths[1].read_bytes()).tag.endswith("svg")


def test_another_suffix_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match=r"\.png"):
        plot.save_plot(report(), tmp_path / "s.png", tmp_path / "s.pdf")
    assert not (tmp_path / "s.png").exists()


def test_the_same_session_draws_the_same_svg():
    assert plot.draw_inline_svg(report()) == plot.draw_inline_svg(report())


def test_panels_have_units_and_share_their_time():
    drawn = make_figure(report())
    labels = [panel.label for panel in drawn.panels]
    assert labels == ["Temperature (°C)", "Duty (%)", "Dose (J/cm²)"]
    assert (drawn.first_s, drawn.end_s, drawn.tick_s) == (0.0, 600.0, 60)
    said = plot.draw_inline_svg(report())
    assert "Time in the session (min:s)" in said
    assert [f">{n}:00<" in said for n in range(12)] == [True] * 11 + [False]


def test_marks_of_an_axis_are_round_and_lie_on_it():
    heat, duty, dose = make_figure(report()).panels
    assert heat.ticks == (34, 36, 38, 40)
    assert duty.ticks == (0, 25, 50, 75, 100)
    assert dose.ticks == (0, 2, 4, 6, 8, 10, 12)
    for panel in (heat, duty, dose):
        assert panel.low <= panel.ticks[0] and panel.ticks[-1] <= panel.high


@pytest.mark.parametrize("seconds", [0.0, 0.4, 7.0, 1200.0, 3600.0, 86_400.0])
def test_a_session_of_any_length_has_at_most_11_marks(seconds):
    drawn = make_figure(report(samples=(), duration_s=seconds))
    assert 1 < (drawn.end_s - drawn.first_s) / drawn.tick_s + 1 <= 11


def test_limits_are_drawn_and_the_boards_only_when_near():
    said = plot.draw_inline_svg(report())
    assert ">skin: light off at 41 °C<" in said
    assert ">skin: light dims at 39 °C<" in said
    assert "board: light off" not in said
    assert ">board: light off at 60 °C<" in plot.draw_inline_svg(report(max_board_c=55.0))


def test_sensors_whose_lines_coincide_are_all_visible_and_named_once():
    names = ("skin-mid", "skin-left", "skin-right", "board")
    shown = report(sensors=names, roles=("skin", "skin", "skin", "board"))
    lines = make_figure(shown).panels[0].lines
    assert [line.label for line in lines] == list(names)
    assert len({line.style.dashes for line in lines}) == 4
    widths = [line.style.width for line in lines[:3]]
    assert widths == sorted(widths, reverse=True) and len(set(widths)) == 3
    other = make_figure(report(sensors=("a", "board"))).panels[0].lines
    assert [line.label for line in other] == ["a (skin)", "board"]


@pytest.mark.parametrize("odd", [None, float("nan"), float("inf")])
def test_a_missing_temperature_is_a_gap_not_a_zero(odd):
    whole = samples()
    broken = replace(whole[20], temps_c=(odd, 40.0))
    shown = report(samples=(*whole[:20], broken, *whole[21:]))
    skin = make_figure(shown).panels[0].lines[0].values
    assert skin[10] is None and skin[20] is None
    assert min(value for value in skin if value is not None) == 33.0
    course = drawn_paths(shown, "#009E73")[0]
    assert course.count("M") == 3


def test_a_lone_value_between_gaps_is_seen():
    shown = report(samples=samples()[9:12])
    assert make_figure(shown).panels[0].lines[0].values[1] is None
    course = drawn_paths(shown, "#009E73")[0]
    assert re.fullmatch(r"M\S+ \S+h1M\S+ \S+h1", course)


def test_duty_holds_until_the_next_sample():
    course = drawn_paths(report(), "#D55E00")[0]
    assert "L" not in course and "V" in course


def test_pauses_and_faults_are_shaded_once_each():
    states = ["running", "paused", "paused", "running", "fault", "fault"]
    moved = tuple(replace(s, state=state) for s, state in zip(samples(), states, strict=False))
    heat, duty, _ = make_figure(report(samples=moved)).panels
    assert [(b.first_s, b.last_s, b.label) for b in heat.bands] == [
        (10.0, 30.0, "paused"),
        (40.0, 50.0, "fault"),
    ]
    assert [b.label for b in duty.bands] == ["", ""]


def test_a_sum_needs_every_channel():
    whole = samples()
    broken = replace(whole[5], dose_j_cm2=(0.5, None))
    lines = make_figure(report(samples=(*whole[:5], broken, *whole[6:]))).panels[2].lines
    assert [line.label for line in lines] == ["red 660 nm", "nir 850 nm", "sum"]
    assert lines[2].values[4:7] == (pytest.approx(0.8), None, pytest.approx(1.2))


def test_without_calibration_no_dose_is_drawn_but_time_is():
    panel = make_figure(report(calibrated=False)).panels[2]
    assert "Dose" not in panel.label
    assert panel.note == UNCALIBRATED
    assert UNCALIBRATED in plot.draw_inline_svg(report(calibrated=False))
    assert panel.lines[0].values[-1] == pytest.approx(250.0)


def test_long_names_lie_in_the_drawing():
    def width(shown):
        return float(plot.draw_inline_svg(shown).split('viewBox="0 0 ')[1].split()[0])

    assert width(report(sensors=("x" * 40, "board"))) > width(report()) + 200


def test_png_without_resvg_names_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(UsageError, match=r"PNG needs resvg-py.*\.svg"):
        plot.save_plot(report(), tmp_path / "s.svg", tmp_path / "s.png")
    assert list(tmp_path.iterdir()) == []


def test_a_png_without_words_is_not_written(monkeypatch, tmp_path):
    blank = SimpleNamespace(svg_to_bytes=lambda **_: b"the same without a font")
    monkeypatch.setitem(sys.modules, "resvg_py", blank)
    with pytest.raises(UsageError, match="no font"):
        plot.save_plot(report(), tmp_path / "s.png")
    assert list(tmp_path.iterdir()) == []


def test_half_a_calibration_gives_no_sum():
    whole = report()
    half = replace(whole, channels=(whole.channels[0], report(False).channels[1]))
    assert half.dose_j_cm2 is None
    assert whole.dose_j_cm2 == 12.0
    assert "uncalibrated: not known" in dict(list_facts(half))["Dose, all channels"]


def test_a_session_without_samples_can_still_be_drawn():
    assert "no samples kept" in plot.draw_inline_svg(report(samples=()))


def test_the_page_is_whole_accessible_and_needs_nothing_else():
    page = html.make_page(report())
    seen = parsed(page)
    assert seen.wrong == [] and seen.open == []
    assert 'lang="en"' in page
    assert 'scope="row"' in page and "<caption>" in page
    assert 'role="img" aria-labelledby="plot-title"' in page and 'id="plot-title"' in page
    assert not seen.tags & {"script", "link", "img", "iframe", "object"}
    assert "url(http" not in page and "src=" not in page
    assert NOT_MEDICAL in seen.text


def test_the_record_carries_every_parameter_of_the_list():
    rows = dict(list_parameters(report(), report().channels[1]))
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
    text_of_page = parsed(html.make_page(report())).text
    assert all(key in text_of_page for key in rows)


def test_every_form_states_that_a_session_is_uncalibrated():
    shown = report(calibrated=False)
    for words in (parsed(html.make_page(shown)).text, printed(shown)):
        assert UNCALIBRATED in words
        assert "J/cm²" not in words.replace("(J/cm²)", "")


def test_grade_and_disclaimer_stand_in_every_form():
    for words in (parsed(html.make_page(report())).text, printed(report())):
        assert describe_grade(report()) in words
        assert NOT_MEDICAL in words
    assert "No evidence grade" in describe_grade(report(grade=None))


def test_text_from_outside_never_becomes_markup():
    evil = '<script>alert("x")</script>&"'
    shown = report(
        wrap_id=evil, protocol=evil, site=evil, grade=evil, faults=(evil,), end_reason=evil
    )
    page = html.make_page(replace(shown, channels=(replace(shown.channels[0], name=evil),)))
    assert "<script" not in page
    assert "alert" in parsed(page).text
    words = printed(report(protocol="[red]x[/red]", site="\x1b[31m"))
    assert "[red]x[/red]" in words
    assert "\x1b" not in words


@given(st.text(max_size=20), st.sampled_from(["$a$", "$\\frac$", "_x", "\x00", "\\"]))
@settings(max_examples=8, deadline=None)
def test_any_name_can_be_drawn(name, odd):
    shown = report(protocol=name + odd, sensors=(odd + name, "board"))
    ET.fromstring(plot.draw_inline_svg(replace(shown, samples=shown.samples[:3])))


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
def test_format_duration(seconds, words):
    assert format_duration(seconds) == words


def test_nothing_heavy_is_loaded_by_importing_the_reports():
    heavy = "{'rich', 'resvg_py', 'matplotlib'}"
    code = (
        f"import sys, pbmwrap.report.html, pbmwrap.report.text; print({heavy} & {{*sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
