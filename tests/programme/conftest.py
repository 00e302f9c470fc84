"""A household in a folder of its own, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pbmwrap.programme import store as stores
from pbmwrap.programme import times
from pbmwrap.programme.model import Person
from pbmwrap.programme.people import add_person
from pbmwrap.programme.store import Store, open_store

BERLIN = "Europe/Berlin"


class Clock:
    """This machine's clock: `at` sets it, `days` moves it."""

    def __init__(self) -> None:
        self.ms = 0
        self.at(2026, 1, 5, 7)

    def __call__(self) -> int:
        return self.ms

    def at(self, *parts: int) -> int:
        """Set it to a time in UTC: year, month, day, hour, minute."""
        self.ms = round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type]
        return self.ms

    def days(self, number: float) -> int:
        self.ms += round(number * 86_400_000)
        return self.ms

    @property
    def today(self) -> date:
        return (datetime(1970, 1, 1) + timedelta(milliseconds=self.ms)).date()


@pytest.fixture(autouse=True)
def unflushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flush nothing to the disk: no test cuts the power of this machine."""
    monkeypatch.setattr(stores, "SYNCHRONOUS", "OFF")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(times, "read_unix_ms", found)
    return found


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Data and cache of the commands; no wrap is at any port."""
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PBMWRAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").touch()
    return tmp_path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(tmp_path / "h.sqlite")
    assert found is not None
    with found:
        yield found


@pytest.fixture
def ada(store: Store, clock: Clock) -> Person:
    return add_person(store, "Ada", BERLIN, clock.ms)
