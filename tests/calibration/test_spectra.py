"""Files of spectrometers: read in their own layouts, integrated over the channel's band, and
refused or questioned where they cannot be right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbmwrap.calibration.problems import Refusal
from pbmwrap.calibration.record import LIGHT
from pbmwrap.calibration.spectra import integrate_band, read_band, read_spectrum
from pbmwrap.calibration.steps import accept_answer, next_step
from tests.calibration.files import hopoocolor, led, osprad, tobes
from tests.calibration.test_answers import LIT, ready


def band(raw: bytes, nm: int = 660, row: str = "") -> tuple[float, list[str]]:
    value, doubts = read_band(read_spectrum(raw, row), nm)
    return value, [one.code for one in doubts]


@pytest.mark.parametrize(
    "raw,layout",
    [
        (hopoocolor(24.0), "Hopoocolor"),
        (tobes(24.0), "tobes-ui"),
        (osprad({"pad": 24.0}), "OSpRad"),
        (b"\xef\xbb\xbf" + hopoocolor(24.0), "Hopoocolor"),
        (tobes(24.0, y_axis=r"$μW\cdot{}cm^{-2}\cdot{}nm^{-1}$"), "tobes-ui"),
    ],
)
def test_each_layout_gives_the_irradiance_of_the_band(raw: bytes, layout: str) -> None:
    spectrum = read_spectrum(raw)
    assert spectrum.layout == layout
    value, doubts = band(raw)
    factor = 0.01 if b"\\u03bcW" in raw else 1.0  # the same numbers in uW/cm2/nm are 100 times less
    assert value == pytest.approx(24.0 * factor, rel=3e-3)
    assert doubts == []


def test_a_file_of_several_measurements_is_read_by_label() -> None:
    raw = osprad({"dark": 0.01, "A1": 20.0, "A2": 22.0})
    assert band(raw, row="A1")[0] == pytest.approx(20.0, rel=3e-3)
    assert band(raw)[0] == pytest.approx(22.0, rel=3e-3)  # the last one
    with pytest.raises(Refusal, match="no measurement labelled 'A9'"):
        read_spectrum(raw, "A9")


@pytest.mark.parametrize(
    "raw,code,words",
    [
        (hopoocolor(24, 850), "range", "goes from 380 to 780 nm, and the channel needs 810"),
        (osprad({"a": 24.0}, 850), "range", "this meter cannot measure 850 nm"),
        (hopoocolor(24, unit="[counts]"), "unit", "counts and relative spectra have no size"),
        (hopoocolor(24, unit=""), "file", ""),
        (tobes(24, status="over"), "over", "over-exposed"),
        (tobes(24, device="HPCS-320"), "converted", "ten times too large"),
        (tobes(24, y_axis="counts"), "unit", "counts"),
        (osprad({"a": 24.0}, measurement="r"), "radiance", "radiance"),
        (osprad({"a": 24.0}, saturated=12), "over", "12 pixels are saturated"),
        (b"{", "file", "not complete JSON"),
        (b'{"spd": []}', "file", "no spectrum"),
        (b"nm;mW\n660,0;1,5\n", "file", "decimal commas"),
        (b"a,b\n1,2\n", "file", "not a file of a Hopoocolor"),
        (b"\xff\xfe\x00", "file", "UTF-16"),
        (hopoocolor(24).replace(b"\r\n400,", b"\r\n400,x"), "file", "is not a number"),
        (hopoocolor(24).replace(b"660,", b"660,0,"), "comma", "three numbers"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused(raw: bytes, code: str, words: str) -> None:
    nm = 850 if code == "range" else 660
    with pytest.raises(Refusal) as found:
        band(raw, nm)
    assert found.value.code == code and words in found.value.text


@pytest.mark.parametrize(
    "raw,code",
    [
        (hopoocolor(24, 630), "peak"),
        (hopoocolor(24, lux=10 * 24 * 10 * 683 * 0.061), "file_unit"),
    ],
)
def test_a_doubtful_file_is_asked_about(raw: bytes, code: str) -> None:
    assert code in band(raw)[1]


def test_another_lamp_in_the_spectrum_is_asked_about() -> None:
    raw = hopoocolor(24).decode().splitlines()
    lit = [f"{line.split(',')[0]},3000.0," if line[:1] in "4" else line for line in raw]
    assert band("\n".join(lit).encode())[1][0] == "other_light"


def test_a_file_is_a_reading_of_the_guide_and_leaves_its_hash() -> None:
    record = ready("spectrometer")
    step = next_step(record, LIT)
    assert accept_answer(record, step, "A1.csv", LIT, hopoocolor(24.0), "A1.csv") is None
    one = record.readings[-1]
    assert (one.kind, one.value) == (LIGHT, pytest.approx(24.0, rel=1e-3))
    assert one.source.startswith("A1.csv (Hopoocolor, ") and len(one.source) > 80
    asked = accept_answer(record, next_step(record, LIT), "A1.csv", LIT, hopoocolor(24.0), "A1.csv")
    assert asked and asked.code == "same_file"


def test_a_file_for_another_kind_of_meter_is_refused() -> None:
    record = ready("silicon")
    with pytest.raises(Refusal, match="from a spectrometer only"):
        accept_answer(record, next_step(record, LIT), "A1.csv", LIT, hopoocolor(1), "A")


@settings(max_examples=60, deadline=None)
@given(st.floats(600, 700), st.floats(1, 60), st.floats(5, 100))
def test_the_integral_is_additive_and_grows_with_the_band(
    peak: float, mw_cm2: float, half: float
) -> None:
    spectrum = read_spectrum(hopoocolor(mw_cm2, peak))
    low, high = max(380, peak - half), min(780, peak + half)
    whole = integrate_band(spectrum, low, high)
    assert whole == pytest.approx(
        integrate_band(spectrum, low, peak) + integrate_band(spectrum, peak, high), rel=1e-9
    )
    assert whole <= integrate_band(spectrum, 380, 780) + 1e-9
    assert led(peak, mw_cm2, peak) > 0
