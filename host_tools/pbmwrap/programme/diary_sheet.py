"""The journal on paper: an HTML page to print, one row a day, to be typed in later."""

from __future__ import annotations

from datetime import date, timedelta
from html import escape

from pbmwrap.programme.model import Course, Measure

_DAYS = 14  # rows of one A4 page that a person with numb fingers can still write in
_TEXTS = {
    "en": {
        "title": "Diary",
        "first": "Write the number before the session. Type it in later: pbmwrap journal add "
        "NUMBER --day DATE --paper",
        "heads": ("Day", "Number", "Skin: fine?", "Session done?", "What changed? (medicine, ...)"),
        "days": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        "flags": "See a clinician, and no light, with: a new wound or blister; a burn; numbness "
        "that spreads; fever; pain 3 points above the usual for a week.",
        "rule": "Stop rule",
    },
    "de": {
        "title": "Tagebuch",
        "first": "Die Zahl vor der Sitzung aufschreiben. Später eintippen: pbmwrap journal add "
        "ZAHL --day DATUM --paper",
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
    },
}
_STYLE = """
@page { size: A4; margin: 14mm }
* { box-sizing: border-box }
body { font: 13pt/1.35 system-ui, sans-serif; color: #000; background: #fff; margin: 0 }
section { break-after: page; padding: 4mm }
section:last-child { break-after: auto }
h1 { font-size: 20pt; margin: 0 0 2mm }
p { margin: 0 0 3mm }
table { border-collapse: collapse; width: 100% }
th, td { border: 0.4mm solid #000; padding: 1mm 2mm; text-align: left }
th { font-size: 12pt }
tbody tr { height: 12mm }
tbody th { white-space: nowrap }
.n { width: 22mm } .s { width: 26mm }
"""


def make_sheet(
    measure: Measure, first: date, days: int, language: str = "en", course: Course | None = None,
    rule: str = "",
) -> str:  # fmt: skip
    """Make the page. days: how many, 14 on a sheet. rule: the stop rule in one sentence."""
    texts = _TEXTS.get(language, _TEXTS["en"])
    sheets = [
        _make_page(measure, first + timedelta(days=at), min(_DAYS, days - at), texts, course, rule)
        for at in range(0, days, _DAYS)
    ]
    title = escape(str(texts["title"]))
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>{''.join(sheets)}"
        "</body></html>\n"
    )


def _make_page(
    measure: Measure, first: date, days: int, texts: dict, course: Course | None, rule: str
) -> str:
    heads = "".join(
        f'<th scope="col" class="{kind}">{escape(head)}</th>'
        for head, kind in zip(texts["heads"], ("d", "n", "s", "s", "c"), strict=True)
    )
    rows = ""
    for offset in range(days):
        day = first + timedelta(days=offset)
        name = f"{texts['days'][day.weekday()]} {day.isoformat()}"
        mark = " *" if course and day.weekday() in course.weekdays else ""
        rows += f'<tr><th scope="row">{name}{mark}</th><td></td><td></td><td></td><td></td></tr>'
    stop = f"<p><b>{escape(texts['rule'])}:</b> {escape(rule)}</p>" if rule else ""
    return (
        f"<section><h1>{escape(texts['title'])}</h1>"
        f"<p><b>{escape(measure.question)}</b></p><p>{escape(texts['first'])}</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p></p><p>{escape(texts['flags'])}</p>{stop}</section>"
    )
