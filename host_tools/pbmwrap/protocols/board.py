"""The default board's facts, for files that are judged without a wrap at hand."""

from __future__ import annotations

from dataclasses import dataclass

from pbmwrap.facts import board_facts


@dataclass(frozen=True)
class Lamp:
    """One lamp channel: wavelength nm, current mA and worst-case irradiance uW/cm2 at full duty."""

    name: str
    nm: int
    full_ma: int
    worst_uw: int


def lamps() -> tuple[Lamp, ...]:
    """The board's lamp channels in its order."""
    return tuple(Lamp(c[0], c[1], c[3], c[4]) for c in board_facts().CHANNELS)


def sensors() -> tuple[tuple[str, str], ...]:
    """(name, role "skin" or "board") of the board's sensors in its order."""
    return tuple((s[0], s[1]) for s in board_facts().SENSORS)


def supply_ma() -> int:
    """What all lamps together may draw, mA."""
    return board_facts().SUPPLY_MA


def wavelengths() -> dict[str, int]:
    """{channel name: nm}"""
    return {lamp.name: lamp.nm for lamp in lamps()}
