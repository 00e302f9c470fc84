"""The guide's tables of the thermal cut-off S1."""

from __future__ import annotations

from tools.reference_design import cutoff, parts
from tools.reference_design.guide_text import format_table

_FACTS = "PBMWRAP_RP2040"
_PLACES = {"skin": "skin side, a bead in each zone", "board": "LED board, its hottest place"}
# The middle of each rating and its tolerance, and what argues against it, in the order of RATINGS.
_NAMES = (
    (f"{parts.CUTOFF_C:g} C +-{parts.CUTOFF_TOLERANCE_K:g} K", "**this guide's**"),
    ("the same, beads that lag", "too slow"),
    ("42.2 C +-0.8 K", "too high"),
    ("45 C +-5 K, a bimetal", "too high"),
    ("40.2 C +-0.8 K", "opens in ordinary sessions, whose board passes 41 C"),
    ("45 C +-0.8 K", "too high, though exact"),
    ("45 C +-5 K, a bimetal", "too high: the older guide's"),
    ("50 C +-5 K", "too high"),
    ("60 C at the latest", "too high"),
)
_TOLERANCES = {
    "r25": "R25 of the bead, {ntc:g} %",
    "beta": "B of the bead, {beta:g} %",
    "resistors": "three resistors of {resistors:g} %, all the wrong way",
    "offset": "comparator's offset, {offset:g} mV",
    "currents": "comparator's input currents, {bias:g} nA each, and D5 to D7",
    "heat": "the bead's own heat, at {heat:g} mW/K or more",
}


def cutoff_peaks() -> str:
    """The hottest skin by rating and place: the worst of duty, lamps, room and wearer."""
    found = cutoff.find_worst_case(parts.facts_of(_FACTS), cutoff.WORST, cutoff.RATINGS)
    rows = []
    for rating, (name, why) in zip(cutoff.RATINGS, _NAMES, strict=True):
        peak = found[rating]
        rows.append(
            (
                _PLACES[rating.place],
                name,
                f"{rating.latest_c:g} C, {rating.lag_s:g} s",
                f"{peak.skin_c:.1f} C",
                str(peak.case),
                why,
            )
        )
    head = ("place", "rating", "at the latest, time constant", "hottest skin", "in this case", "")
    return format_table(head, rows)


def tolerance_table() -> str:
    """What moves the point at which S1 opens."""
    p = parts
    figures = {
        "ntc": 100 * p.S1_R25_TOLERANCE,
        "beta": 100 * p.S1_BETA_TOLERANCE,
        "resistors": 100 * p.S1_RESISTOR_TOLERANCE,
        "offset": 1000 * p.S1_OFFSET_V,
        "bias": 1e9 * p.S1_BIAS_A,
        "heat": p.S1_BEAD_MW_PER_K,
    }
    rows = [
        (_TOLERANCES[name].format(**figures), f"{kelvin:.2f} K")
        for name, kelvin in cutoff.list_contributions_k().items()
    ]
    early, late = (cutoff.opens_c(used) for used in (cutoff.ALL_EARLY, cutoff.ALL_LATE))
    rows.append(("**all at once: opens from, to**", f"**{early:.2f} to {late:.2f} C**"))
    return format_table(("tolerance", "moves the point by, at most"), rows)
