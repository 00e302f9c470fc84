"""Formats a calibration as one HTML page without scripts, for the screen and for paper.

All text from files and devices is escaped here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from pbmwrap import disk
from pbmwrap.calibration.budget import Budget
from pbmwrap.calibration.grid import name_point
from pbmwrap.calibration.heat_map import draw_heat_map
from pbmwrap.calibration.instruments import KINDS
from pbmwrap.calibration.record import LIGHT, NO_COVER, Reading, Record
from pbmwrap.calibration.results import Result
from pbmwrap.calibration.words import BUDGET_HEAD, budget_rows, format_mw, mean_text
from pbmwrap.report.html_parts import make_document, make_pairs, make_table
from pbmwrap.report.model import NOT_MEDICAL

if TYPE_CHECKING:
    from pbmwrap.device.models import Calibration

_STYLE = """
:root { color-scheme: light; }
body { font: 1.125rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; margin-bottom: 1rem; }
caption { text-align: left; font-weight: bold; padding: .4rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
         border-bottom: 1px solid #767676; overflow-wrap: break-word; }
tfoot th, tfoot td { border-bottom: none; font-weight: bold; }
.note { border-left: .3rem solid #555; padding: .2rem .8rem; }
.wide { overflow-x: auto; }
figure { margin: 1rem 0; } svg { width: 100%; max-width: 40rem; height: auto; }
@media print {
  @page { size: A4; margin: 15mm; }
  body { margin: 0; max-width: none; font-size: 10pt; }
  h2 { break-before: page; } h2.first { break-before: auto; }
  table, figure { break-inside: avoid; } svg { max-width: 13cm; }
  .small { font-size: 8pt; } .small table { break-inside: auto; }
  th, td { padding: .15rem .5rem .15rem 0; }
}
"""


def save_page(
    record: Record,
    results: Sequence[Result],
    on_wrap: Mapping[str, str],
    path: Path,
    replace: bool = False,
) -> None:
    """Write the page to a file. Raises UsageError if it exists, unless `replace`; InvalidFile,
    NoPermission."""
    disk.write_file(path, make_page(record, results, on_wrap), replace)


def check_stored(record: Record, cals: Mapping[str, Calibration | None]) -> dict[str, str]:
    """Return per channel whether the wrap has this record's result."""
    sha = record.fingerprint()
    return {name: _check_one(sha, cals.get(name)) for name in record.results}


def _check_one(sha: str, cal: Calibration | None) -> str:
    if cal is None:
        return "the wrap has no calibration of this channel"
    if cal.sha == sha:
        return "the wrap has this calibration, and its hash is the one of this record"
    if cal.sha is None:
        return "the wrap has another calibration, without a record"
    return "the wrap has the calibration of another record"


def make_page(record: Record, results: Sequence[Result], on_wrap: Mapping[str, str]) -> str:
    """Return the page, UTF-8 text."""
    title = f"Calibration of wrap {record.uid}"
    body = f"""<h1>{escape(title)}</h1>
<p class="note">{NOT_MEDICAL}</p>
<div class="wide">
{make_table("Result at full duty", _RESULT_HEAD, [_result_row(one) for one in results])}
</div>
<p>Mean ± U: U is the expanded uncertainty with k = 2 (about 95 %) after the GUM, JCGM 100.
Unevenness is not a random error and stands apart. Doses are shown by the mean; the wrap's limits
use the mean + U, times the peak.</p>
{make_pairs("The measurement", _facts(record, on_wrap))}
{"".join(_section(record, one, n == 0) for n, one in enumerate(results))}"""
    return make_document(title, _STYLE, body)


_RESULT_HEAD = (
    "channel",
    "mean irradiance",
    "peak / mean",
    "min / mean",
    "limits use",
)


def _result_row(one: Result) -> tuple[str, ...]:
    return (
        f"{one.channel} {one.wavelength_nm} nm",
        mean_text(one, "±"),
        f"{one.peak:.2f}",
        f"{one.evenness:.2f}",
        f"{format_mw(one.upper, one.mean)} mW/cm2",
    )


def _facts(record: Record, on_wrap: Mapping[str, str]) -> list[tuple[str, str]]:
    meter = record.instrument
    rows, columns = record.grid
    stated = f"{meter.uncertainty_pct:g} % (k = {meter.k:g})"
    out = [
        ("Begun", _day(record.begun_s)),
        ("Finished", _day(record.finished_s)),
        ("Meter", f"{meter.name}: {KINDS[meter.kind].title}"),
        ("Its uncertainty", f"{stated}, aperture {meter.aperture_mm:g} mm"),
        ("Wavelength setting", _settings_text(record)),
        ("Cover", "none" if record.answers["cover"] == NO_COVER else record.answers["cover"]),
        ("Grid", f"{rows} x {columns} points, {record.repeats} repeats with repositioning"),
        ("Wrap", f"{record.board}, firmware {record.firmware}"),
        ("Record", record.id),
        ("Its SHA-256", _spaced(record.fingerprint())),
    ]
    return out + [(f"Stored, {name}", text) for name, text in on_wrap.items()]


def _spaced(digits: str) -> str:
    """Return hex digits in groups of 8, which a line can break between."""
    return " ".join(digits[n : n + 8] for n in range(0, len(digits), 8))


def _day(unix_s: int | None) -> str:
    if unix_s is None:
        return "not finished"
    return datetime.fromtimestamp(unix_s).astimezone().strftime("%Y-%m-%d %H:%M %z")


def _settings_text(record: Record) -> str:
    parts = []
    for name, one in record.wavelengths.items():
        if "set_nm" in one:
            parts.append(f"{name}: {one['set_nm']:g} nm")
        else:
            parts.append(f"{name}: readings x {one['factor']:.4g} (responsivities)")
    return ", ".join(parts) or "not needed for this kind of meter"


def _section(record: Record, one: Result, is_first: bool) -> str:
    title = f"{one.channel}, {one.wavelength_nm} nm"
    mark = ' class="first"' if is_first else ""
    return f"""<h2{mark}>{escape(title)}</h2>
<figure>
{draw_heat_map(one)}<figcaption>Mean of the repeats at each point; row A, column 1 is where the
measurement began. Darker is stronger.</figcaption>
</figure>
<div class="wide">
{_budget_table(one.budget)}
</div>
<div class="wide small">
{_readings_table(record, one.channel)}
</div>
"""


def _budget_table(budget: Budget) -> str:
    rows = [
        (*row, one.source)
        for row, one in zip(budget_rows(budget), budget.contributions, strict=True)
    ]
    foot = (
        '<tfoot><tr><th scope="row" colspan="5">combined, k = 1</th>'
        f"<td>{budget.combined_pct:.2f}</td><td></td></tr>"
        '<tr><th scope="row" colspan="5">expanded, U (k = 2)</th>'
        f"<td>{budget.expanded_pct:.1f}</td><td></td></tr></tfoot>"
    )
    return make_table("Uncertainty budget", (*BUDGET_HEAD, "from"), rows, foot)


def _readings_table(record: Record, channel: str) -> str:
    rows = [_reading_row(one) for one in record.readings if one.channel == channel]
    head = ("reading", "point", "repeat", "duty", "time", "remarks")
    return make_table(f"All {len(rows)} readings, as typed ({record.answers['unit']})", head, rows)


def _reading_row(one: Reading) -> tuple[str, ...]:
    remarks = [*(["measured again"] if one.replaced else [])]
    remarks += [f"asked: {code}" for code in one.kept]
    if one.source:
        remarks.append(one.source)
    lit = one.kind == LIGHT
    return (
        one.text,
        name_point(one.point) if lit else "light off",
        str(one.repeat + 1) if lit else "",
        f"{one.duty_u16 / 655.35:.1f} %" if lit else "",
        datetime.fromtimestamp(one.at_s).astimezone().strftime("%H:%M:%S"),
        ", ".join(remarks),
    )
