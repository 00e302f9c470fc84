"""Measures what the lamps' pins did, from their recorded edges: pulses, current, times without
light."""

from __future__ import annotations

from itertools import pairwise

import board_facts
from tests.faults_binary.lab import MS, Lab

PERIOD_NS = 1_000_000_000 // board_facts.CARRIER_HZ
LAMPS = range(len(board_facts.CHANNELS))
FULL_MA = [channel[3] for channel in board_facts.CHANNELS]


def _rises(lab: Lab, lamp: int) -> list[int]:
    return [ns for ns, high in lab.twin.edges(lamp) if high]


def peak_ma(lab: Lab) -> float:
    """Return the largest current that both lamps drew in a carrier period, mA of their full
    currents."""
    total = 0.0
    for lamp in LAMPS:
        edges = lab.twin.edges(lamp)
        longest = max(end - ns for (ns, high), (end, _) in pairwise(edges) if high)
        total += FULL_MA[lamp] * longest / PERIOD_NS
    return total


def longest_pulse_ns(lab: Lab, lamp: int) -> int:
    """Return the longest time that the lamp was lit without a break, of those that SensorCheck
    keeps."""
    edges = lab.twin.pins.lamps[lamp].lit.edges or []
    return max(end - ns for (ns, high), (end, _) in pairwise(edges) if high)


def last_pulse_ns(lab: Lab, lamp: int) -> int:
    """Return the length of the last pulse that has ended."""
    edges = lab.twin.pins.lamps[lamp].lit.edges or []
    ended = edges[:-1] if edges[-1][1] else edges
    return ended[-1][0] - ended[-2][0]


def dark_windows(lab: Lab, lamp: int) -> list[tuple[float, float]]:
    """Return (virtual ms, ms without light) of each time the lamp left pulses of its carrier
    out."""
    pairs = pairwise(_rises(lab, lamp))
    return [
        (ns / MS, (then - ns - PERIOD_NS) / MS) for ns, then in pairs if then - ns > 1.5 * PERIOD_NS
    ]
