"""Makes files of spectrometers in their own layouts, with light of a LED of known irradiance."""

from __future__ import annotations

import json
import math

FWHM_NM = 25.0


def led(nm: float, mw_cm2: float, peak_nm: float) -> float:
    """Spectral irradiance of a LED in W/m2/nm: a Gaussian that integrates to `mw_cm2`."""
    sigma = FWHM_NM / 2.3548
    shape = math.exp(-((nm - peak_nm) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    return mw_cm2 * 10 * shape


def hopoocolor(
    mw_cm2: float,
    peak_nm: float = 660,
    first: int = 380,
    last: int = 780,
    lux: float | None = None,
    unit: str = "[mW/m2/nm]",
) -> bytes:
    """A CSV as an HPCS-320 or HPCS-330 writes it, with a section of flicker at its end."""
    stated = mw_cm2 * 10 * 683 * 0.061 if lux is None else lux
    lines = ["Types,HPCS-330P", "version,2.0.8", "Describe,PAD", f"E(lx),{stated:.2f}", "Ra,96.0"]
    lines += [f"Start wava(nm),{first}", f"End wava(nm),{last}", f"Wava(nm),{unit}"]
    lines += [f"{nm},{led(nm, mw_cm2, peak_nm) * 1000:.6f}," for nm in range(first, last + 1)]
    lines += ["Flicker", "0,12.0", "1,13.0"]
    return ("\r\n".join(lines) + "\r\n").encode()


def tobes(
    mw_cm2: float,
    peak_nm: float = 660,
    last: int = 1000,
    status: str = "normal",
    device: str = "Y21B7W10034CCPD",
    y_axis: str = r"$W\cdot{}m^{-2}\cdot{}nm^{-1}$",
) -> bytes:
    """A JSON file as tobes-ui writes it."""
    spd = {str(nm): led(nm, mw_cm2, peak_nm) for nm in range(340, last + 1)}
    data = {"status": status, "exposure": "manual", "time": 30.0, "spd": spd}
    data |= {"ts": 1753886069.1, "name": "pad", "y_axis": y_axis, "device": device}
    return json.dumps(data, indent=4).encode()


def osprad(
    rows: dict[str, float],
    peak_nm: float = 660,
    measurement: str = "i",
    saturated: int = 0,
    last_nm: float = 855.0,
) -> bytes:
    """A data.csv as OSpRad's app writes it: one line per label, 288 pixels."""
    pixels = [310 + (last_nm - 310) * n / 287 for n in range(288)]
    head = ",".join(f"{nm:.2f}" for nm in pixels)
    lines = [
        "",
        "label,unit#,date,time,measurement,integrationTime,nScans,nSautrated,,,wavelength:,"
        f"{head},,{head}",
    ]
    for label, mw_cm2 in rows.items():
        values = ",".join(f"{led(nm, mw_cm2, peak_nm):.4e}" for nm in pixels)
        unit = "W/(sqm*nm):" if measurement == "i" else "W/(sr*sqm*nm):"
        counts = ",".join("1.0" for _ in pixels)
        lines.append(
            f"{label},7,2026:11:29,12:00:00,{measurement},40,3,{saturated},lux:,1.0e+02,{unit},"
            f"{values},rawCounts:,{counts}"
        )
    return "\n".join(lines).encode()
