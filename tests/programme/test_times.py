"""Days where the person is: zones, daylight saving, dates in three formats."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pbmwrap.errors import UsageError
from pbmwrap.programme import times


def ms(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("utc", "zone", "day", "offset"),
    [
        (ms(2026, 3, 28, 23, 30), "Europe/Berlin", date(2026, 3, 29), 60),
        (ms(2026, 3, 29, 22, 30), "Europe/Berlin", date(2026, 3, 30), 120),  # after the change
        (ms(2026, 10, 24, 21, 59), "Europe/Berlin", date(2026, 10, 24), 120),
        (ms(2026, 10, 25, 22, 59), "Europe/Berlin", date(2026, 10, 25), 60),
        (ms(2026, 1, 1, 18), "Asia/Kathmandu", date(2026, 1, 1), 345),
        (ms(2026, 1, 1, 18, 15), "Asia/Kathmandu", date(2026, 1, 2), 345),
        (ms(2026, 1, 1, 10), "Pacific/Kiritimati", date(2026, 1, 2), 840),
        (ms(2026, 1, 1, 10), "-11:00", date(2025, 12, 31), -660),
    ],
)
def test_the_day_is_the_local_one(utc: int, zone: str, day: date, offset: int) -> None:
    stamp = times.make_stamp(utc, zone)
    assert (stamp.day, stamp.offset_min) == (day, offset)


def test_a_wall_time_that_happens_twice_is_the_first_one() -> None:
    stamp = times.make_local_stamp(datetime(2026, 10, 25, 2, 30), "Europe/Berlin")
    assert str(stamp) == "2026-10-25 02:30 +02:00"


@pytest.mark.parametrize(
    "name", ["", "Berlin", "+25:00", "../etc/passwd", "/etc/passwd", "x" * 999]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a time zone"):
        times.read_zone(name)


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2026-11-09", "", date(2026, 11, 9)),
        ("2026-11-09 08:15", "", date(2026, 11, 9)),
        ("9.11.2026", "", date(2026, 11, 9)),
        ("09. 11. 2026", "", date(2026, 11, 9)),
        ("13/11/2026", "", date(2026, 11, 13)),
        ("11/13/2026", "", date(2026, 11, 13)),
        ("9/9/2026", "", date(2026, 9, 9)),
        ("9/11/2026", "dmy", date(2026, 11, 9)),
        ("9/11/2026", "mdy", date(2026, 9, 11)),
        ("13/11/2026", "mdy", None),
        ("31.2.2026", "", None),
        ("2026-02-30", "", None),
        ("2026-11-09x", "", None),
        ("tomorrow", "", None),
        ("46000", "", None),
    ],
)
def test_dates_in_three_formats(text: str, order: str, day: date | None) -> None:
    assert times.parse_day(text, order) == day


def test_a_date_that_can_be_two_is_not_guessed() -> None:
    with pytest.raises(times.AmbiguousDay):
        times.parse_day("9/11/2026")
    with pytest.raises(UsageError, match="can be two days"):
        times.read_day("9/11/2026", date(2026, 11, 30))


def test_words_for_days() -> None:
    today = date(2026, 3, 1)
    assert times.read_day("today", today) == today
    assert times.read_day("Yesterday", today) == today - timedelta(days=1)


def test_the_machines_zone_has_a_name_or_an_offset(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert times.find_machine_zone() == "Asia/Tokyo"
    monkeypatch.delenv("TZ")
    monkeypatch.setattr(times, "_LOCALTIME", tmp_path / "none")
    assert times.is_zone(times.find_machine_zone())
