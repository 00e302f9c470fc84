"""Plots of the benchmarks, as SVG: the step beside its peers, when steps begin, history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Figures = Mapping[str, float]

PEERS = (
    ("c", "in C"),
    ("wrap", "the wrap"),
    ("plain", "plain MicroPython"),
    ("reference", "the wrap's reference"),
)
_OURS, _OTHERS = "#D55E00", "#0072B2"
_RC: dict[Any, Any] = {"font.size": 10, "svg.fonttype": "none", "svg.hashsalt": "pbmwrap"}
_TRACKED = (
    ("wrap_us_median", "step, us"),
    ("session_jitter_us_worst", "start jitter, worst, us"),
    ("gross_to_low_ms_worst", "sensor to pins, ms"),
    ("flash_bytes", "flash, bytes"),
)


def draw_plots(figures: Figures, history: Path, folder: Path) -> list[Path]:
    """Write what can be drawn of `figures` and the history; returns the files."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    out = []
    with mpl.rc_context(_RC):
        for name, make in (("bench-step", _draw_step), ("bench-jitter", _draw_jitter)):
            figure = Figure(figsize=(7, 2.8), layout="constrained")
            if make(figure, figures):
                out.append(_save_figure(figure, folder / f"{name}.svg"))
        if history.exists():
            lines = [json.loads(line) for line in history.read_text().splitlines()]
            figure = Figure(figsize=(7, 6), layout="constrained")
            _draw_history(figure, lines)
            out.append(_save_figure(figure, folder / "bench-history.svg"))
    return out


def _save_figure(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    return path


def _draw_step(figure: Figure, figures: Figures) -> bool:
    rows = [
        (text, figures[f"{key}_us_median"], key)
        for key, text in PEERS
        if f"{key}_us_median" in figures
    ]
    axes = figure.add_subplot()
    names, values = [row[0] for row in rows], [row[1] for row in rows]
    bars = axes.barh(names, values, color=[_OURS if k == "wrap" else _OTHERS for *_, k in rows])
    axes.bar_label(bars, labels=[f"{value:,.0f}" for value in values], padding=3)
    axes.set_xscale("log")
    axes.set_xlim(30, 4000)
    axes.set_xlabel("us a step at 125 MHz, median, emulated RP2040")
    axes.spines[["top", "right"]].set_visible(False)
    return bool(rows)


def _draw_jitter(figure: Figure, figures: Figures) -> bool:
    axes = figure.add_subplot()
    drawn = False
    for part, text, style in (
        ("session", "20 min without a host", "-"),
        ("loaded", "5 min of telemetry, pulls, floods", "--"),
    ):
        shares = sorted(
            float(k.rsplit("_q", 1)[1]) for k in figures if k.startswith(f"{part}_jitter_us_q")
        )
        if shares:
            values = [max(figures[f"{part}_jitter_us_q{share:g}"], 0.01) for share in shares]
            axes.plot(
                values, shares, style, label=text, color=_OURS if part == "session" else _OTHERS
            )
            drawn = True
    axes.axvline(1000, color="#7A1F1F", linewidth=1)
    axes.annotate("limit", (1000, 3), xytext=(-4, 0), textcoords="offset points", ha="right")
    axes.set_xscale("log")
    axes.set_xlabel("a step's first conversion off the 10 ms grid, us")
    axes.set_ylabel("% of steps within")
    axes.spines[["top", "right"]].set_visible(False)
    if drawn:
        axes.legend(loc="upper left", frameon=False)
    return drawn


def _draw_history(figure: Figure, lines: list[dict[str, Any]]) -> None:
    axes = figure.subplots(len(_TRACKED), 1, sharex=True)
    labels = [f"{line['date'][5:]} {line['commit']}" for line in lines]
    for one, (key, text) in zip(axes, _TRACKED, strict=True):
        points = [
            (n, line["figures"][key]) for n, line in enumerate(lines) if key in line["figures"]
        ]
        one.plot([n for n, _ in points], [v for _, v in points], "o-", color=_OURS)
        one.set_title(text, loc="left", fontsize=9)
        one.set_ylim(bottom=0)
        one.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xticks(range(len(lines)), labels, rotation=20)
