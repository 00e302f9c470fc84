"""The kinds of meters, what each is good for, and the uncertainties that it brings.

Half-widths are in percent of the reading, for a rectangular distribution. They stand for what a
certificate does not cover; docs/calibration.md says where each figure comes from.
"""

from __future__ import annotations

from dataclasses import dataclass

SILICON, THERMOPILE, SPECTROMETER = "silicon", "thermopile", "spectrometer"
SOLAR, LUX = "solar", "lux"
WAVELENGTH_NEAR_NM = 5  # a setting so near the channel's wavelength counts as set to it
_EYE_ENDS_NM = 700


@dataclass(frozen=True)
class Kind:
    """A kind of meter. absolute: whether it may calibrate; settle_s: between moving it and reading;
    spectral_pct, angle_pct: half-widths of spectral mismatch, and of cosine error with near field;
    dark_drift: share of the dark reading that may change until the next one."""

    name: str
    title: str
    absolute: bool
    settle_s: int
    spectral_pct: float
    angle_pct: float
    dark_drift: float
    needs_wavelength: bool
    why: str


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            SILICON,
            "silicon head of a power meter (Thorlabs S120C, S121C and the like)",
            True,
            2,
            2.6,
            6.93,
            0.5,
            True,
            "",
        ),
        Kind(
            THERMOPILE,
            "thermopile or other thermal head: flat over wavelength, slow, drifts",
            True,
            15,
            1.0,
            6.93,
            1.0,
            False,
            "",
        ),
        Kind(
            SPECTROMETER,
            "spectrometer with an irradiance calibration (Hopoocolor, Torch Bearer, OSpRad)",
            True,
            2,
            1.73,
            4.33,
            0.5,
            False,
            "",
        ),
        Kind(
            SOLAR,
            "solar power meter",
            False,
            2,
            0.0,
            0.0,
            0.5,
            False,
            "a solar meter is set up for the sun's wide spectrum: at 660 and 850 nm its silicon "
            "cell answers differently, so published corrections run from 20 % to 3 times",
        ),
        Kind(
            LUX,
            "lux meter",
            False,
            2,
            0.0,
            0.0,
            0.5,
            False,
            "a lux meter weighs light by the eye, which sees 6 % of 660 nm and nothing of 850 nm, "
            "so its filter's error at the edge becomes the whole result",
        ),
    )
}


@dataclass(frozen=True)
class Instrument:
    """The meter of one calibration. uncertainty_pct: expanded, as its certificate states it, with
    coverage factor k. aperture_mm: diameter of its opening, with +-aperture_tolerance_mm. unit: of
    its readings. saturation: the most that it can show, in `unit`; None when not known."""

    kind: str
    name: str
    uncertainty_pct: float
    k: float
    aperture_mm: float
    unit: str
    saturation: float | None = None
    aperture_tolerance_mm: float = 0.1

    @property
    def area_cm2(self) -> float:
        """The area of the aperture."""
        return 3.141592653589793 * (self.aperture_mm / 20) ** 2


def refuse_absolute(kind: str) -> str | None:
    """Return why a kind of meter cannot calibrate; None when it can."""
    found = KINDS[kind]
    if found.absolute:
        return None
    return (
        f"{found.why}. It cannot say how strong the light is. It can watch ageing: "
        "`pbmwrap cal check` compares its reading with one from the day of a real calibration"
    )


def refuse_ratio(kind: str, wavelength_nm: int) -> str | None:
    """Return why a kind of meter cannot even watch a channel; None when it can."""
    if kind == LUX and wavelength_nm > _EYE_ENDS_NM:
        return f"a lux meter sees nothing at {wavelength_nm} nm: use a solar meter for this channel"
    return None
