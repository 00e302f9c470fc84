"""Two plots: how soon the light was gone, and how warm the skin got and for how long."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from tests.faults.plants import CEM43_MAX_MIN, PAIR_CEM43_MAX_MIN, PAIR_MAX_C, SKIN_MAX_C
from tests.faults.results import Results
from tests.faults.summary import FAMILY

_LATENCY = """SELECT "group", dark_ms FROM cases WHERE lit_at_cause AND dark_ms IS NOT NULL
 AND expect IN ('off', 'stop', 'reset') AND verdict IN ('pass', 'FAIL')"""
_PEAK = f"""SELECT {FAMILY} AS family, list(peak_c), list(cem43_min), list(verdict = 'unprotected')
 FROM cases WHERE peak_c IS NOT NULL AND phase IN ('ramp-up', 'running', 'powered', 'pressed')
 GROUP BY 1 ORDER BY max(peak_c)"""
_DOSE_FLOOR_MIN = 0.001  # what a logarithmic axis shows of no dose
_PASSED, _OPEN = "#2a6f97", "#d1495b"


def latency(results: Results) -> Figure:
    """Time from the cause to no light, of cases that were lit and had to go dark."""
    by_group: dict[str, list[float]] = {}
    for group, ms in results.query(_LATENCY):
        by_group.setdefault(group, []).append(max(ms, 1.0))
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    bins = [10 ** (i / 8) for i in range(50)]
    for group, values in sorted(by_group.items()):
        axes.hist(values, bins=bins, histtype="step", lw=1.6, label=f"{group} ({len(values)})")
    for ms, name in ((50, "50 ms"), (170, "dead-man")):
        axes.axvline(ms, color="grey", ls=":", lw=1)
        axes.text(ms, 1.0, f" {name}", transform=axes.get_xaxis_transform(), va="top", fontsize=8)
    axes.set(xscale="log", yscale="log", ylabel="cases")
    axes.set_xlabel("from cause to no light, virtual ms (steps are 10 ms; 1 stands for at once)")
    if by_group:
        axes.legend(fontsize=8)
    return figure


def peaks(results: Results) -> Figure:
    """The hottest skin, and its thermal dose, of every case that was lit, by kind of fault."""
    rows = results.query(_PEAK)
    size = (11, 1.2 + 0.17 * len(rows))
    figure, (heat, dose) = plt.subplots(1, 2, figsize=size, layout="constrained", sharey=True)
    for y, (_, peaks_c, doses, missing) in enumerate(rows):
        colours = [_OPEN if lacks else _PASSED for lacks in missing]
        shown = [max(minutes or 0.0, _DOSE_FLOOR_MIN) for minutes in doses]
        heat.scatter(peaks_c, [y] * len(peaks_c), s=7, c=colours, alpha=0.5, lw=0)
        dose.scatter(shown, [y] * len(shown), s=7, c=colours, alpha=0.5, lw=0)
    for axes, limit, pair in (
        (heat, SKIN_MAX_C, PAIR_MAX_C),
        (dose, CEM43_MAX_MIN, PAIR_CEM43_MAX_MIN),
    ):
        axes.axvline(limit, color="black", lw=1)
        axes.axvline(pair, color="grey", ls=":", lw=1)
    heat.axvline(41.0, color="grey", ls="--", lw=1)
    heat.set_yticks(range(len(rows)), [row[0] for row in rows], fontsize=7)
    heat.set_ylim(-1, len(rows))
    heat.set_xlabel("hottest skin C; dashed: trip, black: limit, dotted: limit of pairs")
    dose.set_xscale("log")
    dose.set_xlabel("CEM43 of the worst zone, minutes (0.001 and less at the left)")
    return figure


def save(results: Results, folder: Path) -> list[Path]:
    """Both as PNG files; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for name, draw in (("faults-latency.png", latency), ("faults-peak.png", peaks)):
        figure = draw(results)
        figure.savefig(folder / name, dpi=110)
        plt.close(figure)
        out.append(folder / name)
    return out
