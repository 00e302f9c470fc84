"""The journal on paper: an HTML page to print, one row a day, to be typed in later."""

from __future__ import annotations

from datetime import date, timedelta
from html import escape
from typing import Any

from pbmwrap.programme.model import Course, Measure
from pbmwrap.programme.stop_rule import name_rule

_DAYS = 14  # rows of one A4 page that a person with numb fingers can still write in
_TEXTS: dict[str, dict[str, Any]] = {
    "en": {
        "title": "Diary",
        "first": "Write the number before the session. Type it in later:",
        "command": "pbmwrap journal add NUMBER --day DATE --paper",
        "heads": ("Day", "Number", "Skin: fine?", "Session done?", "What changed? (medicine, ...)"),
        "days": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        "flags": "See a clinician, and no light, with: a new wound or blister; a burn; numbness "
        "that spreads; fever; pain 3 points above the usual for a week.",
        "rule": "Stop rule",
        "star": "* a day with a session in the plan; move it if you must.",
        "dark": "- no light on this day: it is before the course.",
        "questions": {},
    },
    "de": {
        "title": "Tagebuch",
        "first": "Die Zahl vor der Sitzung aufschreiben. Später eintippen:",
        "command": "pbmwrap journal add ZAHL --day DATUM --paper",
        "heads": (
            "Tag",
            "Zahl",
            "Haut in Ordnung?",
            "Sitzung gemacht?",
            "Was ist neu? (Arznei, ...)",
        ),
        "days": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
        "flags": "Zum Arzt, und kein Licht, bei: neuer Wunde oder Blase; Verbrennung; Taubheit, "
        "die sich ausbreitet; Fieber; Schmerz eine Woche lang 3 Punkte über dem Üblichen.",
        "rule": "Abbruchregel",
        "star": "* ein Tag mit einer Sitzung im Plan; verschieben ist möglich.",
        "dark": "- kein Licht an diesem Tag: er liegt vor dem Kurs.",
        "questions": {
            "pain": "Wie stark ist der Schmerz jetzt, 0 (keiner) bis 10 (schlimmster denkbarer)?",
            "walk": "Wie viele Meter in 2 Minuten gegangen?",
        },
    },
}
_STYLE = """
@page { size: A4; margin: 14mm }
* { box-sizing: border-box }
body { font: 12.5pt/1.3 system-ui, sans-serif; color: #000; background: #fff; margin: 0 }
section { break-after: page }
@media screen { body { padding: 14mm } }
section:last-child { break-after: auto }
h1 { font-size: 20pt; margin: 0 0 2mm }
p { margin: 0 0 2mm }
code { font: inherit; white-space: nowrap }
table { margin-bottom: 3mm }
table { border-collapse: collapse; width: 100% }
th, td { border: 0.4mm solid #000; padding: 1mm 2mm; text-align: left }
th { font-size: 12pt }
tbody tr { height: 11.5mm }
tbody td { text-align: center }
tbody th { white-space: nowrap }
.n { width: 22mm } .s { width: 26mm }
"""


def make_sheet(
    measure: Measure, first: date, days: int, language: str = "en", course: Course | None = None
) -> str:
    """Make the page. days: how many, 14 on a sheet. course: shows its days and its stop rule."""
    texts = _TEXTS.get(language, _TEXTS["en"])
    sheets = [
        _make_page(measure, first + timedelta(days=at), min(_DAYS, days - at), texts, course)
        for at in range(0, days, _DAYS)
    ]
    title = escape(texts["title"])
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>{''.join(sheets)}"
        "</body></html>\n"
    )


def _make_page(
    measure: Measure, first: date, days: int, texts: dict[str, Any], course: Course | None
) -> str:
    heads = "".join(
        f'<th scope="col" class="{kind}">{escape(head)}</th>'
        for head, kind in zip(texts["heads"], ("d", "n", "s", "s", "c"), strict=True)
    )
    rows = ""
    for offset in range(days):
        day = first + timedelta(days=offset)
        name = f"{texts['days'][day.weekday()]} {day.isoformat()}"
        ours = course is not None and course.start <= day < course.end
        mark = " *" if course and ours and day.weekday() in course.weekdays else ""
        dark = "-" if course and day < course.start else ""
        cells = f"<td></td><td></td><td>{dark}</td><td></td>"
        rows += f'<tr><th scope="row">{name}{mark}</th>{cells}</tr>'
    question = texts["questions"].get(measure.code, measure.question)
    used = {"star": " *<" in rows, "dark": "<td>-<" in rows}
    legend = "<br>".join(escape(texts[key]) for key, shown in used.items() if shown)
    legend = f"<p>{legend}</p>" if legend else ""
    stop = ""
    if course:
        stop = f"<p><b>{escape(texts['rule'])}:</b> {escape(_name_rule(course, texts))}</p>"
    return (
        f"<section><h1>{escape(texts['title'])}</h1>"
        f"<p><b>{escape(question)}</b></p>"
        f"<p>{escape(texts['first'])} <code>{escape(texts['command'])}</code></p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"{legend}<p><b>{escape(texts['flags'])}</b></p>{stop}</section>"
    )


def _name_rule(course: Course, texts: dict[str, Any]) -> str:
    """Return the stop rule in the language of the sheet."""
    if texts is not _TEXTS["de"]:
        return name_rule(course)
    stop = course.stop
    points = f"{stop.points:g} {course.measure.unit or 'Punkte'}" if stop.points else ""
    percent = f"{stop.percent:g} %" if stop.percent else ""
    size = " oder ".join(part for part in (points, percent) if part)
    way = "niedriger" if course.measure.better == "lower" else "höher"
    week = min(stop.week, course.weeks)
    return (
        f"Ist die Zahl bis {course.rule_day} (nach Woche {week}) nicht mindestens {size} {way}: "
        "aufhören."
    )
