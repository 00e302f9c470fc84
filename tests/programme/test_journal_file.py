"""A journal from a spreadsheet: every line is taken, converted after asking, or named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pbmwrap.errors import InvalidFile, UsageError
from pbmwrap.programme import journal, journal_file
from pbmwrap.programme.journal_file import FileOptions, parse_journal
from pbmwrap.programme.model import PAIN, WALK, Person
from pbmwrap.programme.red_flags import list_unread
from pbmwrap.programme.store import Store

TODAY = date(2026, 11, 29)


def parse(text: str, **options):
    return parse_journal(text, PAIN, TODAY, FileOptions(**options))


def values(found) -> list[tuple[str, float | None]]:
    return [(row.day.isoformat(), row.value) for row in found.rows]


@pytest.mark.parametrize(
    "text",
    [
        "date,value\n2026-11-02,5\n2026-11-03,4\n",
        "Datum;Schmerz\r\n02.11.2026;5\r\n03.11.2026;4,0\r\n",
        "note\tPain\tday\nx\t5\t2026-11-02 08:00\n\t4\t3. 11. 2026\n",
        "2026-11-03,4\n02.11.2026,5\n",
        "date,value\n11/02/2026,5\n11/03/2026,4\n",
    ],
)
def test_three_formats_of_dates_and_the_usual_separators(text: str) -> None:
    found = parse(text, order="mdy")
    assert found.problems == []
    assert values(found) == [("2026-11-02", 5), ("2026-11-03", 4)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("3/4/2026,5", "--dates dmy"),
        ("2026-11-30,5", "in the future, today is 2026-11-29"),
        ("1989-11-30,5", "before 1990"),
        ("31.02.2026,5", "is not a day"),
        ("46000,5", "is not a day"),
        ("2026-11-02,64", "--scale 100 (64 becomes 6.4)"),
        ("2026-11-02,640", "640 is outside 0 to 10"),
        ("2026-11-02,-1", "-1 is outside 0 to 10"),
        ("2026-11-02,five", "is not a number"),
        ("2026-11-02,nan", "nan is outside"),
        ("2026-11-02,5,12", "sleep '12'"),
    ],
)
def test_a_wrong_line_is_named_with_the_way_on(line: str, why: str) -> None:
    found = parse(f"date,value,sleep\n2026-11-01,3\n{line}\n")
    assert len(found.problems) == 1
    assert "line 3" in found.problems[0] and why in found.problems[0]


def test_a_scale_of_100_is_converted_and_the_line_is_kept() -> None:
    found = parse("date,value\n2026-11-02,64\n2026-11-03,5\n", scale=100)
    assert values(found) == [("2026-11-02", 6.4), ("2026-11-03", 0.5)]
    assert [row.original for row in found.rows] == [64, 5]
    assert found.rows[0].source == "line 2: 2026-11-02;64"
    assert "outside 0 to 100" in parse("date,value\n2026-11-02,101\n", scale=100).problems[0]


def test_metres_are_not_converted() -> None:
    found = parse_journal("date,walk\n2026-11-02,140\n", WALK, TODAY, FileOptions(scale=100))
    assert values(found) == [("2026-11-02", 140)]


def test_a_day_that_is_there_twice_is_not_guessed() -> None:
    text = "date,value\n2026-11-02,5\n2.11.2026,5\n2026-11-03,5\n2026-11-03,6\n"
    found = parse(text)
    assert values(found) == [("2026-11-02", 5)]
    assert found.notes == ["lines 2, 3: 2026-11-02 is there 2 times, the same"]
    assert "lines 4, 5: 2026-11-03 is there 2 times (5, 6)" in found.problems[0]
    last = parse(text, of_day="last")
    assert values(last) == [("2026-11-02", 5), ("2026-11-03", 6)]
    assert last.rows[1].source == "line 4: 2026-11-03;5 | line 5: 2026-11-03;6"  # nothing is lost


def test_a_line_without_a_number_is_said_and_one_with_a_note_is_kept() -> None:
    found = parse("date,value,note\n2026-11-02,,\n\n2026-11-03,,flu\n")
    assert values(found) == [("2026-11-03", None)]
    assert found.notes == ["line 2: 2026-11-02 has no number and was left out"]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "date,mood\n2026-11-02,5\n", "\x00"])
def test_columns_that_are_not_found_are_asked_for(text: str) -> None:
    with pytest.raises(InvalidFile, match="--date-column"):
        parse(text)


def test_columns_can_be_named() -> None:
    text = "date,mood,Foot\n2026-11-02,5,7\n"
    assert values(parse(text, columns={"value": "Foot"})) == [("2026-11-02", 7)]
    with pytest.raises(InvalidFile, match="the columns are date, mood, foot"):
        parse(text, columns={"value": "hand"})


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_as_spreadsheets_write_them(tmp_path: Path, code: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("date;value;note\n2026-11-02;5;Füße\n".encode(code))
    assert parse(journal_file.read_text(file)).rows[0].note == "Füße"


def test_a_spreadsheet_that_is_not_csv_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    file.write_bytes(b"PK\3\4...")
    with pytest.raises(InvalidFile, match="save it as CSV"):
        journal_file.read_text(file)
    with pytest.raises(InvalidFile, match="cannot be read"):
        journal_file.read_text(tmp_path / "none.csv")


def read(store: Store, person: Person, file: Path, ms: int, skip: bool = False, **options):
    return journal_file.read_journal_file(store, person, file, FileOptions(**options), skip, ms)


def test_an_import_is_whole_or_absent_and_may_be_repeated(
    store: Store, ada: Person, clock, tmp_path: Path
) -> None:
    now = clock.at(2026, 11, 29, 12)
    journal.add_entry(store, ada, now, 2, day=date(2026, 11, 3))
    file = tmp_path / "a.csv"
    file.write_text("date,value\n2026-11-02,5\n2026-11-03,4\n2026-11-04,x\n")
    before = store.count_events()
    with pytest.raises(InvalidFile) as problem:
        read(store, ada, file, now)
    assert len(problem.value.problems) == 2
    assert "2026-11-03 has 2 in the journal and 4 in the file" in problem.value.problems[1]
    assert store.count_events() == before
    file.write_text("date,value\n2026-11-02,5\n2026-11-03,4\n")
    found, measure = read(store, ada, file, now, skip=True)
    assert journal_file.store_journal(store, ada, found, measure, now) == 1
    entry = journal.list_entries(store, ada)[0]
    assert (entry.day, entry.value, entry.way, entry.late, entry.at) == (
        date(2026, 11, 2), 5, "import", True, None,
    )  # fmt: skip
    again, _ = read(store, ada, file, now, skip=True)
    assert again.rows == []
    assert again.notes == [
        "1 days are in the journal already, with the same number",
        "1 days have another number in the journal, which stays",
    ]


def test_an_import_of_the_last_days_can_raise_a_red_flag(
    store: Store, ada: Person, clock, tmp_path: Path
) -> None:
    now = clock.at(2026, 11, 29, 12)
    lines = [f"2026-11-{day:02d},{3 if day < 23 else 7}" for day in range(9, 30)]
    file = tmp_path / "a.csv"
    file.write_text("date,value\n" + "\n".join(lines))
    found, measure = read(store, ada, file, now)
    journal_file.store_journal(store, ada, found, measure, now)
    assert [flag.code for flag in list_unread(store, ada)] == ["pain-rise"]


@pytest.mark.parametrize("options", [{"order": "x"}, {"scale": 5}, {"of_day": "x"}])
def test_options_that_do_not_exist(
    store: Store, ada: Person, clock, tmp_path: Path, options
) -> None:
    with pytest.raises(UsageError, match="is not known"):
        read(store, ada, tmp_path / "a.csv", clock.ms, **options)
