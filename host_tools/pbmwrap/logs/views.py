"""Defines the views that SQL sees. Column names carry the unit; NULL means unknown."""

from __future__ import annotations

from dataclasses import dataclass

Columns = tuple[tuple[str, str, str], ...]  # (name, SQL type, meaning and unit)


@dataclass(frozen=True)
class View:
    """One view. row: what a row stands for."""

    name: str
    row: str
    columns: Columns

    @property
    def ddl(self) -> str:
        """The columns as in CREATE TABLE: `a BIGINT, b DOUBLE`."""
        return ", ".join(f"{name} {kind}" for name, kind, _ in self.columns)


_TEXT, _INT, _REAL, _MAP = "VARCHAR", "BIGINT", "DOUBLE", "MAP(VARCHAR, DOUBLE)"
_UID = ("uid", _TEXT, "the wrap's unique id")
_BOOT = ("boot", _INT, "number of the boot")
_WHEN = "UTC; NULL if the time is not known"

SESSIONS = View(
    "sessions",
    "a session",
    (
        _UID,
        ("session", _INT, "its number on that wrap"),
        _BOOT,
        ("when_utc", "TIMESTAMP", f"its beginning, {_WHEN}"),
        ("up_s", _REAL, "its beginning, uptime in s"),
        ("protocol", _TEXT, "id of the protocol that ran"),
        ("protocol_name", _TEXT, "its name"),
        ("site", _TEXT, "site on the body"),
        ("grade", _TEXT, "evidence grade that the protocol states"),
        ("started_by", _TEXT, "button or link"),
        ("reason", _TEXT, "why it ended; power-lost; still running"),
        ("restart_cause", _TEXT, "after power-lost: cause of the next boot"),
        ("active_s", _REAL, "light time, s"),
        ("paused_s", _REAL, "time in pauses, s; NULL without an end record"),
        ("dose_total_j_cm2", _REAL, "sum of all channels, J/cm2; NULL if one is uncalibrated"),
        ("dose_j_cm2", _MAP, "J/cm2 by channel, NULL where uncalibrated: dose_j_cm2['red']"),
        ("on_s", _MAP, "time at full duty by channel, s"),
        ("max_skin_c", _REAL, "highest of the skin sensors, C; NULL if their roles are unknown"),
        ("max_board_c", _REAL, "highest of the board sensors, C"),
        ("max_temp_c", _MAP, "highest temperature by sensor, C"),
        ("faults", _INT, "number of fault records"),
        ("samples", _INT, "number of sample records"),
        ("whole", "BOOLEAN", "whether its start and its end are both in the log"),
        ("firmware", _TEXT, "version in the boot record"),
    ),
)
SAMPLES = View(
    "samples",
    "a sample of a session",
    (
        _UID,
        ("session", _INT, "number of its session"),
        _BOOT,
        ("when_utc", "TIMESTAMP", _WHEN),
        ("up_s", _REAL, "uptime, s"),
        ("active_s", _REAL, "light time so far, s"),
        ("state", _TEXT, "state of the session; a number if newer than this program"),
        ("skin_c", _REAL, "hottest skin sensor, C; NULL if none is valid or roles are unknown"),
        ("board_c", _REAL, "hottest board sensor, C"),
        ("temp_c", _MAP, "C by sensor, NULL without a valid reading"),
        ("duty", _MAP, "0..1 by channel"),
        ("dose_j_cm2", _MAP, "J/cm2 so far by channel, NULL where uncalibrated"),
    ),
)
RECORDS = View(
    "records",
    "a record of the log",
    (
        _UID,
        ("byte", _INT, "offset in the wrap's log, bytes"),
        ("size", _INT, "bytes, with header and CRC"),
        ("type", _TEXT, "boot, start, sample ...; type-200 if unknown to this program"),
        ("schema", _INT, "version of its payload"),
        ("seq", _INT, "sequence number"),
        _BOOT,
        ("when_utc", "TIMESTAMP", _WHEN),
        ("up_s", _REAL, "uptime, s"),
        ("session", _INT, "number of its session, NULL outside"),
        ("data", "JSON", "its content; NULL if newer than this program or unreadable"),
    ),
)
WRAPS = View(
    "wraps",
    "a wrap in the archive",
    (
        _UID,
        ("board", _TEXT, "its board"),
        ("firmware", _TEXT, "version at the last pull"),
        ("channels", "VARCHAR[]", "names, in the wrap's order"),
        ("sensors", "VARCHAR[]", "names, in the wrap's order"),
        ("sessions", _INT, "in the archive"),
        ("records", _INT, "in the archive"),
        ("bytes", _INT, "in the archive"),
        ("first_utc", "TIMESTAMP", "of the first record that has a time"),
        ("last_utc", "TIMESTAMP", "of the last record that has a time"),
        ("missing_bytes", _INT, "deleted by the wrap before they were pulled"),
        ("damaged_bytes", _INT, "without a valid record"),
        ("unknown_records", _INT, "of types that this program does not know"),
        ("newer_records", _INT, "of a schema newer than this program"),
        ("unreadable_records", _INT, "valid CRC, but the content cannot be decoded"),
        ("notes", "VARCHAR[]", "notes on damage, losses and clocks of its log"),
    ),
)
ALL = (SESSIONS, SAMPLES, RECORDS, WRAPS)
