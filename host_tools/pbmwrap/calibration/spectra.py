"""Reads the files of spectrometers, and integrates a spectrum over a channel's band.

Three layouts, written from their files and documents, without code of theirs:

* Hopoocolor HPCS-320 and HPCS-330: CSV of `name,value` lines, then `Wava(nm),[mW/m2/nm]` and one
  line per nm; some models append a section of flicker, where wavelengths begin again.
* tobes-ui (Torch Bearer spectrometers): JSON with `spd` {nm: value} and its unit in `y_axis`.
* OSpRad: `data.csv`, one line per measurement under a header with the wavelengths, W/(sqm*nm).
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pbmwrap.calibration.problems import Question, Refusal
from pbmwrap.text_files import NotUtf8, decode_text

BAND_NM = 40  # to each side: a LED's light is within (full width at half maximum 15 to 35 nm)
_PEAK_NM = 25  # a channel's peak may be so far from its stated wavelength
_IN_BAND = 0.7  # less of the light within the band: another lamp is on
_STEP_MOST_NM = 6.0  # OSpRad's pixels are 2 to 3 nm apart
_LUX_TIMES = 3.0  # the file's own lux may differ by this factor from those of its spectrum
_LUX_LEAST = 20.0
# Unit: factor to W/m2/nm.
_UNITS = {
    "w/m2/nm": 1.0,
    "mw/m2/nm": 1e-3,
    "uw/cm2/nm": 1e-2,
    "mw/cm2/nm": 10.0,
}


@dataclass(frozen=True)
class Spectrum:
    """Spectral irradiance in W/m2/nm over nm, ascending. layout: the file's; lux: as the file
    states it, None without."""

    layout: str
    device: str
    nm: tuple[float, ...]
    values: tuple[float, ...]
    lux: float | None = None


def read_spectrum(raw: bytes, row: str = "") -> Spectrum:
    """Read a spectrometer's file. row: label of the measurement in a file of several. Raises
    Refusal."""
    try:
        text = decode_text(raw)
    except NotUtf8 as problem:
        raise Refusal("file", f"the file {problem}") from problem
    if text.lstrip().startswith("{"):
        return _read_tobes(text)
    lines = [line for line in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in line)]
    if any(line[0].strip() == "label" and "wavelength:" in line for line in lines):
        return _read_osprad(lines, row)
    if any(line[0].strip().lower().startswith("wava") for line in lines):
        return _read_hopoocolor(lines)
    if ";" in text and "nm" in text:
        raise Refusal(
            "file",
            "the file uses ; between its fields, as a spreadsheet writes it with decimal commas: "
            "take the file as the meter wrote it",
        )
    raise Refusal(
        "file",
        "this is not a file of a Hopoocolor, of tobes-ui or of OSpRad: type the irradiance that "
        "the meter shows for the channel's band",
    )


def _read_hopoocolor(lines: Sequence[list[str]]) -> Spectrum:
    facts: dict[str, str] = {}
    unit = ""
    nm: list[float] = []
    values: list[float] = []
    for line in lines:
        first, second = line[0].strip(), line[1].strip() if len(line) > 1 else ""
        if first.lower().startswith("wava"):
            unit = second.strip("[]")
        elif not unit:
            facts[first] = second
        elif re.fullmatch(r"\d+(\.\d+)?", first):
            if nm and float(first) <= nm[-1]:
                break  # the section of flicker
            nm.append(float(first))
            values.append(_number(second, f"{first} nm"))
            if len([c for c in line[2:] if c.strip()]):
                raise Refusal(
                    "comma",
                    f"the line of {first} nm has three numbers: a spreadsheet wrote decimal "
                    "commas; take the file as the meter wrote it",
                )
        else:
            break
    lux = facts.get("E(lx)", "")
    device = facts.get("Types", "Hopoocolor")
    return _checked("Hopoocolor", device, nm, values, unit, float(lux) if _is_number(lux) else None)


def _read_tobes(text: str) -> Spectrum:
    try:
        data = json.loads(text)
    except ValueError as problem:
        raise Refusal("file", f"the file is not complete JSON: {problem}") from problem
    spd = data.get("spd") if isinstance(data, dict) else None
    if not isinstance(spd, dict) or not spd:
        raise Refusal("file", "the file has no spectrum (`spd`) of tobes-ui")
    status = str(data.get("status", "")).lower()
    if status.startswith("over"):
        raise Refusal(
            "over", "the spectrometer was over-exposed: shorten its exposure", shown=status
        )
    device = str(data.get("device") or "tobes-ui")
    if device.upper().startswith("HPCS"):
        raise Refusal(
            "converted",
            f"tobes-ui converted this from a {device} and names its unit ten times too large: use "
            "the CSV of the meter itself",
        )
    try:
        pairs = sorted((float(key), value) for key, value in spd.items())
    except ValueError as problem:
        raise Refusal("file", f"a wavelength in the file is not a number: {problem}") from problem
    nm = [one for one, _ in pairs]
    values = [_number(str(value), f"{one:g} nm") for one, value in pairs]
    return _checked("tobes-ui", device, nm, values, _tex_unit(str(data.get("y_axis", ""))))


def _tex_unit(text: str) -> str:
    r"""Return the unit of a label as tobes-ui writes it, `$W\cdot{}m^{-2}\cdot{}nm^{-1}$`."""
    plain = text.strip("$ ").replace("\\cdot", "*").replace("{}", "")
    plain = re.sub(r"\^\{?-(\d)\}?", r"-\1", plain)
    head, *below = [part for part in plain.split("*") if part]
    return "/".join([head, *(re.sub(r"-1$", "", one).replace("-2", "2") for one in below)])


def _read_osprad(lines: Sequence[list[str]], row: str) -> Spectrum:
    nm: list[float] = []
    found: list[tuple[str, list[str], list[float]]] = []
    for line in lines:
        if line[0].strip() == "label" and "wavelength:" in line:
            at = line.index("wavelength:") + 1
            upto = line.index("", at) if "" in line[at:] else len(line)
            nm = [_number(cell, "the header") for cell in line[at:upto]]
        elif nm:
            found.append((line[0].strip(), line, nm))
    if row:
        found = [one for one in found if one[0] == row]
    if not found:
        which = f"no measurement labelled {row!r}" if row else "no measurement"
        raise Refusal("file", f"the file of OSpRad has {which}")
    _, line, nm = found[-1]
    if len(line) < 11 or line[4].strip() not in ("i", "r"):
        raise Refusal("file", "the last line of the file of OSpRad is not complete")
    if line[4].strip() != "i":
        raise Refusal(
            "radiance", "this is radiance (W/sr): take an irradiance measurement with the diffuser"
        )
    if _number(line[7], "nSaturated") > 0:
        text = f"{line[7]} pixels are saturated: shorten the integration time"
        raise Refusal("over", text, shown=line[7])
    unit = line[10].strip().rstrip(":").replace("(sqm*nm)", "m2/nm")
    values = [_number(cell, "the spectrum") for cell in line[11 : 11 + len(nm)]]
    return _checked("OSpRad", f"OSpRad unit {line[1].strip()}", nm, values, unit)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(text: str, where: str) -> float:
    if not _is_number(text):
        raise Refusal("file", f"{text!r} at {where} is not a number", shown=text)
    return float(text)


def _checked(
    layout: str,
    device: str,
    nm: Sequence[float],
    values: Sequence[float],
    unit: str,
    lux: float | None = None,
) -> Spectrum:
    """Return a spectrum in W/m2/nm. Raises Refusal."""
    if len(nm) < 2 or len(nm) != len(values):
        raise Refusal("file", f"the file has {len(values)} values for {len(nm)} wavelengths")
    plain = unit.lower().replace("μ", "u").replace("µ", "u").replace(" ", "")
    if plain not in _UNITS:
        known = "W/m2/nm, mW/m2/nm, uW/cm2/nm"
        raise Refusal(
            "unit",
            f"the file's unit is {unit or 'not stated'!r}, not one of {known}: counts and relative "
            "spectra have no size",
            unit=unit,
        )
    if any(later <= one for one, later in pairwise(nm)):
        raise Refusal("file", "the wavelengths of the file do not ascend")
    factor = _UNITS[plain]
    return Spectrum(layout, device, tuple(nm), tuple(one * factor for one in values), lux)


def integrate_band(spectrum: Spectrum, low_nm: float, high_nm: float) -> float:
    """Return the irradiance between two wavelengths in mW/cm2, by the trapezoidal rule."""
    total = 0.0
    points = list(zip(spectrum.nm, spectrum.values, strict=True))
    for (a, at_a), (b, at_b) in pairwise(points):
        left, right = max(a, low_nm), min(b, high_nm)
        if right > left:
            slope = (at_b - at_a) / (b - a)
            middle = at_a + slope * ((left + right) / 2 - a)
            total += middle * (right - left)
    return total * 0.1


def read_band(
    spectrum: Spectrum, wavelength_nm: int, is_dark: bool = False
) -> tuple[float, list[Question]]:
    """Return the irradiance of a channel's band in mW/cm2, and what must be asked about the file.
    Raises Refusal."""
    low, high = wavelength_nm - BAND_NM, wavelength_nm + BAND_NM
    first, last = spectrum.nm[0], spectrum.nm[-1]
    if first > low or last < high:
        raise Refusal(
            "range",
            f"the spectrum of {spectrum.device} goes from {first:g} to {last:g} nm, and the "
            f"channel needs {low} to {high} nm: this meter cannot measure {wavelength_nm} nm",
            first=first,
            last=last,
        )
    inside = [nm for nm in spectrum.nm if low <= nm <= high]
    if any(b - a > _STEP_MOST_NM for a, b in pairwise(inside)):
        raise Refusal("gap", f"the spectrum has gaps between {low} and {high} nm")
    band = integrate_band(spectrum, low, high)
    return band, [] if is_dark else list(_doubts(spectrum, wavelength_nm, band))


def _doubts(spectrum: Spectrum, wavelength_nm: int, band: float) -> list[Question]:
    out = []
    peak_nm = max(zip(spectrum.values, spectrum.nm, strict=True))[1]
    if abs(peak_nm - wavelength_nm) > _PEAK_NM:
        text = f"the spectrum's peak is at {peak_nm:g} nm, the channel has {wavelength_nm} nm"
        out.append(Question("peak", f"{text}: is the right channel lit?", {"peak_nm": peak_nm}))
    else:
        whole = integrate_band(spectrum, spectrum.nm[0], spectrum.nm[-1])
        if whole > 0 and band / whole < _IN_BAND:
            share = round(band / whole * 100)
            text = f"only {share} % of the light is in the channel's band: is another lamp on?"
            out.append(Question("other_light", text, {"share": share}))
    lux = _lux(spectrum)
    stated = spectrum.lux or 0.0
    if min(lux, stated) > _LUX_LEAST and max(lux / stated, stated / lux) > _LUX_TIMES:
        text = (
            f"the file states {stated:g} lx and its spectrum gives {lux:.0f} lx: its unit is in "
            "doubt"
        )
        out.append(Question("file_unit", text, {"stated": stated, "found": round(lux)}))
    return out


def _lux(spectrum: Spectrum) -> float:
    """Return lux by a Gaussian near V(lambda): 683 lm/W, 1.019 exp(-285.4 (um - 0.559)^2)."""
    seen = tuple(
        value * 1.019 * math.exp(-285.4 * (nm / 1000 - 0.559) ** 2)
        for nm, value in zip(spectrum.nm, spectrum.values, strict=True)
    )
    weighed = Spectrum(spectrum.layout, spectrum.device, spectrum.nm, seen)
    return integrate_band(weighed, spectrum.nm[0], spectrum.nm[-1]) * 10 * 683
