"""Facts of the default board, for files that are checked without a wrap."""

from __future__ import annotations

from dataclasses import dataclass

from pbmwrap.facts import board_facts


@dataclass(frozen=True)
class Lamp:
    """One lamp channel: wavelength in nm, current in mA and worst-case irradiance in uW/cm2, both
    at full duty."""

    name: str
    nm: int
    full_ma: int
    worst_uw: int


def lamps() -> tuple[Lamp, ...]:
    """Return the lamp channels in the board's order."""
    return tuple(Lamp(c[0], c[1], c[3], c[4]) for c in board_facts().CHANNELS)


def list_sensors() -> tuple[tuple[str, str], ...]:
    """Return (name, role "skin" or "board") of the sensors in the board's order."""
    return tuple((s[0], s[1]) for s in board_facts().SENSORS)


def supply_ma() -> int:
    """Return the most current that all lamps together may draw, in mA."""
    return board_facts().SUPPLY_MA


def map_wavelengths() -> dict[str, int]:
    """Return {channel name: wavelength in nm}."""
    return {lamp.name: lamp.nm for lamp in lamps()}
