"""Reads a journal out of a spreadsheet's CSV. Nothing is guessed, changed in silence, or lost.

Dates: 2026-11-29, 29.11.2026, and with slashes (then the order has to be given where it matters).
Every line that cannot be taken is listed, and then nothing is stored. The line that an entry came
from is kept with it.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pbmwrap.errors import InvalidFile, UsageError
from pbmwrap.programme import red_flags
from pbmwrap.programme.days import find_values, select_current
from pbmwrap.programme.journal import EARLIEST, MAX_NOTE, find_measure, find_zone, list_history
from pbmwrap.programme.model import JournalEntry, Kind, Measure, Person
from pbmwrap.programme.store import Store
from pbmwrap.programme.times import AmbiguousDay, make_stamp, parse_day

MAX_BYTES = 8 << 20
_HEADS = {
    "date": ("date", "day", "datum", "tag", "when"),
    "value": ("value", "pain", "number", "score", "nrs", "rating", "schmerz", "wert", "walk"),
    "sleep": ("sleep", "schlaf"),
    "note": ("note", "notes", "comment", "changed", "notiz", "bemerkung", "what changed"),
}


@dataclass(frozen=True)
class FileRow:
    """A row that can be stored. original: the number as the file has it, before conversion."""

    line: int
    day: date
    value: float | None
    original: float | None
    sleep: int | None
    note: str
    source: str


@dataclass
class FileJournal:
    """What a file says. problems: lines that cannot be taken; notes: what else there is to say."""

    rows: list[FileRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FileOptions:
    """order: of dates with slashes, "dmy" or "mdy"; scale: 10, or 100 to divide by 10; of_day:
    which of several numbers of one day, "first" or "last", "" to refuse them; columns: names of
    the columns for "date", "value", "sleep", "note", where they are not found by themselves."""

    order: str = ""
    scale: int = 10
    of_day: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


def read_text(file: Path) -> str:
    """Read a CSV as spreadsheets write it: UTF-8, UTF-16 with a mark, or Windows-1252.

    Raises InvalidFile.
    """
    try:
        raw = file.read_bytes()
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise InvalidFile(f"{file} cannot be read: {reason}", "check the name") from problem
    if len(raw) > MAX_BYTES:
        raise InvalidFile(f"{file} has {len(raw)} bytes: that is no journal", "check the file")
    if raw.startswith(b"PK\3\4"):
        raise InvalidFile(f"{file} is a spreadsheet, not CSV", "save it as CSV first")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def parse_journal(
    text: str, measure: Measure, today: date, options: FileOptions | None = None
) -> FileJournal:
    """Parse a CSV's text. Raises InvalidFile if it has no columns for a date and a number."""
    options = options or FileOptions()
    out = FileJournal()
    lines = list(_read_lines(text))
    columns = _find_columns(lines, options)
    body = lines[1:] if columns.pop("head") else lines
    found: dict[date, list[FileRow]] = {}
    for number, cells in body:
        if any(cell.strip() for cell in cells):
            row = _read_row(number, cells, columns, measure, today, options, out)
            if row is not None:
                found.setdefault(row.day, []).append(row)
    for day in sorted(found):
        row = _choose_row(day, found[day], options, out)
        if row is not None:
            out.rows.append(row)
    return out


def _read_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(";\t,", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    for cells in reader:
        yield reader.line_num, cells


def _find_columns(lines: Sequence[tuple[int, list[str]]], options: FileOptions) -> dict[str, int]:
    head = [cell.strip().casefold() for cell in lines[0][1]] if lines else []
    named: dict[str, int] = {}
    for what, words in _HEADS.items():
        given = options.columns.get(what, "").casefold()
        if given and given not in head:
            raise InvalidFile(f"there is no column {given!r}", f"the columns are {', '.join(head)}")
        place = next(
            (i for i, cell in enumerate(head) if cell in ((given,) if given else words)), -1
        )
        if place >= 0:
            named[what] = place
    if "date" in named and "value" in named:
        return named | {"head": 1}
    if not named and len(head) >= 2 and any(c.isdigit() for c in head[0]):
        return {"date": 0, "value": 1, "note": 2, "head": 0}  # a table without heads
    missing = " and ".join(what for what in ("date", "value") if what not in named)
    raise InvalidFile(
        f"no column for the {missing} was found",
        "name it: --date-column NAME, --value-column NAME; the columns are "
        + (", ".join(filter(None, head)) or "none"),
    )


def _read_row(
    line: int,
    cells: Sequence[str],
    columns: Mapping[str, int],
    measure: Measure,
    today: date,
    options: FileOptions,
    out: FileJournal,
) -> FileRow | None:
    cell = {what: cells[i].strip() for what, i in columns.items() if i < len(cells)}
    day = _read_day(line, cell.get("date", ""), today, options, out)
    good, value, original = _read_value(line, cell.get("value", ""), measure, options, out)
    sleep = _read_sleep(line, cell.get("sleep", ""), out)
    note = cell.get("note", "")
    if len(note) > MAX_NOTE:
        out.problems.append(f"line {line}: the note has more than {MAX_NOTE} characters")
        return None
    if day is None or not good:
        return None
    if value is None and sleep is None and not note:
        out.notes.append(f"line {line}: {day} has no number and was left out")
        return None
    source = f"line {line}: {';'.join(cells)}"
    return FileRow(line, day, value, original, sleep, note, source)


def _read_day(
    line: int, text: str, today: date, options: FileOptions, out: FileJournal
) -> date | None:
    try:
        day = parse_day(text, options.order)
    except AmbiguousDay:
        out.problems.append(
            f"line {line}: {text} can be two days: add --dates dmy (day first) or --dates mdy"
        )
        return None
    if day is None:
        out.problems.append(f"line {line}: {text!r} is not a day: write 2026-11-29 or 29.11.2026")
    elif day > today:
        out.problems.append(f"line {line}: {day} is in the future, today is {today}")
    elif day < EARLIEST:
        out.problems.append(f"line {line}: {day} is before {EARLIEST}: check the year")
    else:
        return day
    return None


def _read_value(
    line: int, text: str, measure: Measure, options: FileOptions, out: FileJournal
) -> tuple[bool, float | None, float | None]:
    """Return (whether it can be taken, the number after conversion, the number in the file)."""
    if not text:
        return True, None, None
    try:
        original = float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        out.problems.append(f"line {line}: {text!r} is not a number")
        return False, None, None
    factor = options.scale / 10 if measure.high == 10 else 1
    value = round(original / factor, 2)
    if measure.low <= value <= measure.high:
        return True, value, original
    if measure.high == 10 and options.scale == 10 and 10 < original <= 100:
        out.problems.append(
            f"line {line}: {original:g} is above 10: if the file has a scale of 0-100, add "
            f"--scale 100 ({original:g} becomes {original / 10:g})"
        )
    else:
        out.problems.append(
            f"line {line}: {original:g} is outside {measure.low:g} to {measure.high * factor:g}"
        )
    return False, None, None


def _read_sleep(line: int, text: str, out: FileJournal) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or int(text) > 10:
        out.problems.append(f"line {line}: sleep {text!r} is not a whole number from 0 to 10")
        return None
    return int(text)


def _choose_row(
    day: date, rows: Sequence[FileRow], options: FileOptions, out: FileJournal
) -> FileRow | None:
    """Choose one row of a day. Lines that were not chosen stay in its source."""
    if len(rows) == 1:
        return rows[0]
    lines = ", ".join(str(row.line) for row in rows)
    same = len({(row.value, row.sleep, row.note) for row in rows}) == 1
    if not same and not options.of_day:
        numbers = ", ".join("none" if row.value is None else f"{row.value:g}" for row in rows)
        out.problems.append(
            f"lines {lines}: {day} is there {len(rows)} times ({numbers}): add --of-day first or "
            "--of-day last"
        )
        return None
    chosen = rows[-1] if options.of_day == "last" else rows[0]
    what = "the same" if same else f"the {options.of_day} was taken, the others are kept beside it"
    out.notes.append(f"lines {lines}: {day} is there {len(rows)} times, {what}")
    source = " | ".join(row.source for row in rows)
    return FileRow(
        chosen.line, day, chosen.value, chosen.original, chosen.sleep, chosen.note, source
    )


def check_known(
    journal: FileJournal, history: Sequence[JournalEntry], measure: Measure, skip_known: bool
) -> None:
    """Leave out days that the journal has. One with another number is a problem, unless
    `skip_known`: an import never changes the journal."""
    values = find_values(select_current(history), measure.code)
    sources = {entry.source for entry in history if entry.source}
    rows, same, other = [], 0, 0
    for row in journal.rows:
        known = values.get(row.day)
        if row.source in sources or (row.value is not None and known == row.value):
            same += 1
        elif known is None or row.value is None:
            rows.append(row)
        elif skip_known:
            other += 1
        else:
            journal.problems.append(
                f"line {row.line}: {row.day} has {known:g} in the journal and {row.value:g} in the "
                "file: add --skip-known to leave the journal as it is, or correct it first"
            )
    if same:
        journal.notes.append(f"{same} days are in the journal already, with the same number")
    if other:
        journal.notes.append(f"{other} days have another number in the journal, which stays")
    journal.rows = rows


def read_journal_file(
    store: Store,
    person: Person,
    file: Path,
    options: FileOptions,
    skip_known: bool,
    unix_ms: int,
) -> tuple[FileJournal, Measure]:
    """Read a file for a person's journal. Raises InvalidFile with every line that is wrong."""
    if options.order not in ("", "dmy", "mdy"):
        raise UsageError(f"--dates {options.order} is not known", "write dmy or mdy")
    if options.scale not in (10, 100):
        raise UsageError(f"--scale {options.scale} is not known", "write 10 or 100")
    if options.of_day not in ("", "first", "last"):
        raise UsageError(f"--of-day {options.of_day} is not known", "write first or last")
    measure, history = find_measure(store, person), list_history(store, person)
    today = make_stamp(unix_ms, find_zone(history, person)).day
    try:
        journal = parse_journal(read_text(file), measure, today, options)
    except InvalidFile as problem:
        raise InvalidFile(f"{file}: {problem.message}", problem.hint) from None
    except csv.Error as problem:
        raise InvalidFile(f"{file} is not CSV: {problem}", "save it as CSV again") from None
    check_known(journal, history, measure, skip_known)
    if journal.problems:
        many = len(journal.problems)
        raise InvalidFile(
            f"{file}: {journal.problems[0]}" if many == 1 else f"{many} lines of {file} are wrong",
            "nothing was stored",
            tuple(journal.problems),
        )
    return journal, measure


def store_journal(
    store: Store, person: Person, journal: FileJournal, measure: Measure, unix_ms: int
) -> int:
    """Store all rows in one transaction; returns how many. They are marked as imported."""
    with store.writing():
        history = list_history(store, person)
        written = make_stamp(unix_ms, find_zone(history, person))
        last: JournalEntry | None = None
        for row in journal.rows:
            entry = JournalEntry(
                0,
                person.tag,
                row.day,
                row.value,
                measure.code,
                written,
                sleep=row.sleep,
                changed=row.note,
                way="import",
                source=row.source,
            )
            store.append(Kind.ENTRY, person.tag, entry.as_body(), unix_ms)
            last = entry
        if last is not None and (written.day - last.day).days < red_flags.RISE_DAYS:
            stored = list_history(store, person)
            red_flags.raise_from_entry(store, person, last, stored, measure, unix_ms)
    return len(journal.rows)
