"""The record of one measurement: everything that was typed, asked and answered, in order.

Readings are only added. One that was measured again stays, marked as replaced.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pbmwrap.calibration.grid import Point, list_points
from pbmwrap.calibration.instruments import Instrument

SCHEMA = 1
MEASURE, BASELINE, CHECK = "measure", "baseline", "check"
DARK, LIGHT = "dark", "light"
NO_COVER = "none"


@dataclass
class Channel:
    """A channel of the board: its name, wavelength, and stated worst case at full duty (None when
    the wrap does not state one)."""

    name: str
    wavelength_nm: int
    worst_uw: int | None = None


@dataclass
class Reading:
    """One reading. text: as typed; value: in mW/cm2, after corrections and before the dark reading
    is taken off (for a ratio check: in the meter's unit); step: its last digit, the same unit;
    duty_u16, temps_mc: of the wrap at that moment; source: file that it comes from, with its
    SHA-256; kept: codes of the questions that the person answered with "keep"."""

    kind: str
    channel: str
    repeat: int
    row: int
    column: int
    text: str
    value: float
    step: float
    unit: str
    at_s: int
    duty_u16: int = 0
    temps_mc: list[int | None] = field(default_factory=list)
    source: str = ""
    kept: list[str] = field(default_factory=list)
    replaced: bool = False

    @property
    def point(self) -> Point:
        """Its place in the grid."""
        return self.row, self.column


@dataclass
class Pending:
    """A question that waits for an answer. key: of the field that it belongs to, "" for a reading;
    typed: what was typed there. reading: a new one; index: of one that is in the record already.
    more: further questions about the same reading."""

    code: str
    text: str
    values: dict[str, Any]
    guess: str | None
    key: str = ""
    typed: str = ""
    reading: Reading | None = None
    index: int | None = None
    more: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Record:
    """A measurement, finished or not. answers: of the set-up; wavelengths: what the meter was set
    to per channel, or the correction typed in; done: confirmations given ("reposition:red:1");
    results, stored: per channel, when finished. calibration_sha: of the calibration that a ratio
    check watches."""

    id: str
    uid: str
    board: str
    firmware: str
    begun_s: int
    channels: list[Channel]
    purpose: str = MEASURE
    answers: dict[str, Any] = field(default_factory=dict)
    wavelengths: dict[str, dict[str, float]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    pending: Pending | None = None
    finished_s: int | None = None
    calibration_sha: dict[str, str] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.answers["grid"]
        return rows, columns

    @property
    def repeats(self) -> int:
        return int(self.answers["repeats"])

    @property
    def has_cover(self) -> bool:
        return self.answers["cover"] != NO_COVER

    @property
    def instrument(self) -> Instrument:
        """The meter. Only when the set-up is complete."""
        a = self.answers
        return Instrument(
            kind=a["meter"],
            name=a["name"],
            uncertainty_pct=a.get("uncertainty", 0.0),
            k=a.get("k", 2.0),
            aperture_mm=a.get("aperture", 0.0),
            unit=a["unit"],
            saturation=a.get("saturation"),
        )

    def points(self) -> list[Point]:
        """The grid in the order of measuring."""
        return list_points(*self.grid)

    def channel(self, name: str) -> Channel:
        return next(one for one in self.channels if one.name == name)

    def current(self, kind: str, channel: str, repeat: int = 0) -> Iterator[Reading]:
        """Yield the readings that count: those that were not measured again."""
        for one in self.readings:
            if (one.kind, one.channel, one.repeat) == (kind, channel, repeat) and not one.replaced:
                yield one

    def dark(self, channel: str) -> Reading | None:
        """The dark reading of a channel."""
        return next(self.current(DARK, channel), None)

    def factor(self, channel: str) -> float:
        """The responsivity correction of a channel, by which readings were multiplied."""
        return self.wavelengths.get(channel, {}).get("factor", 1.0)

    def net(self, one: Reading) -> float:
        """A light reading without the dark one, scaled to full duty."""
        dark = self.dark(one.channel)
        below = dark.value if dark else 0.0
        return (one.value - below) * 65535 / one.duty_u16

    def fingerprint(self) -> str:
        """SHA-256 of the record without what was done with it afterwards, 64 hex digits."""
        kept = as_json(self)
        del kept["stored"]
        raw = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(raw.encode()).hexdigest()


def as_json(record: Record) -> dict[str, Any]:
    """Return the record as JSON has it."""
    return json.loads(json.dumps(asdict(record)))


def from_json(data: Any) -> Record:
    """Read a record. Raises ValueError with the reason."""
    if not isinstance(data, dict):
        raise ValueError("it is not a record of a calibration")
    if data.get("schema") != SCHEMA:
        newer = isinstance(data.get("schema"), int) and data["schema"] > SCHEMA
        raise ValueError(
            "it was written by a newer pbmwrap" if newer else "it is not a record of a calibration"
        )
    try:
        known = {one.name for one in fields(Record)}
        given = {key: value for key, value in data.items() if key in known}
        given["channels"] = [Channel(**one) for one in given["channels"]]
        given["readings"] = [Reading(**one) for one in given["readings"]]
        pending = given.get("pending")
        given["pending"] = pending and _pending(pending)
        record = Record(**given)
        _check(record)
        return record
    except (TypeError, KeyError, AttributeError) as problem:
        raise ValueError(f"a field is missing or unknown: {problem}") from problem


def _pending(data: dict[str, Any]) -> Pending:
    reading = data.get("reading")
    return Pending(**{**data, "reading": Reading(**reading) if reading else None})


def _check(record: Record) -> None:
    """Raise TypeError where a number that is computed with is none."""
    for one in record.readings:
        if not isinstance(one.value, int | float) or not isinstance(one.duty_u16, int):
            raise TypeError(f"a reading of {one.channel} is not a number")
        if one.kind == LIGHT and one.duty_u16 <= 0:
            raise TypeError(f"a reading of {one.channel} has no duty")
