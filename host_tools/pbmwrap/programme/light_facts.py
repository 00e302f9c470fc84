"""The parameters of the light that a course gave, and the wrap's calibrations, read from the logs.

What was read is kept beside the log until the log changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pbmwrap import disk
from pbmwrap.errors import WrapError
from pbmwrap.logs.archive import FILE, Archive, WrapArchive, paused_collection
from pbmwrap.logs.clock import make_clock
from pbmwrap.logs.decode import decode_only
from pbmwrap.logs.summary import SessionSummary, WrapInfo, read_wrap_info, summarize_sessions
from pbmwrap.logs.to_report import make_report
from pbmwrap.programme.exports.data import CalibrationFact
from pbmwrap.programme.model import SessionUse
from pbmwrap.programme.session_key import make_session_key, read_boot
from pbmwrap.report.parameters import list_parameters

_VERSION = 3
KEPT = "light.json"  # beside the log: derived from it, and may be deleted

Row = tuple[str, str]


@dataclass(frozen=True)
class LightFacts:
    """Of the last session at each site. parameters: rows by "site, channel"; calibrations: those
    in force then; firmware: version by the wrap's uid."""

    parameters: tuple[tuple[str, tuple[Row, ...]], ...]
    calibrations: tuple[CalibrationFact, ...]
    firmware: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReadLog:
    """The sessions of a log that has just been read. info: its channels and sensors."""

    kept: WrapArchive
    info: WrapInfo
    sessions: Sequence[SessionSummary]


def read_light_facts(
    sessions: Sequence[SessionUse],
    archive: Archive | None = None,
    read: Mapping[str, ReadLog] | None = None,
) -> LightFacts:
    """Read the facts of the last session at each site. A log that cannot be read has none.

    read: the logs that have just been read, by uid; they are not read again.
    """
    archive = archive or Archive()
    last = {use.site: use for use in sessions}
    parameters: list[tuple[str, tuple[Row, ...]]] = []
    calibrations: dict[tuple[str, str], CalibrationFact] = {}
    firmware: dict[str, str] = {}
    for use in last.values():
        with suppress(WrapError):
            facts = _read_session(archive, use.uid, use.key, (read or {}).get(use.uid))
            parameters += facts.parameters
            calibrations |= {(c.uid, c.channel): c for c in facts.calibrations}
            firmware |= dict(facts.firmware)
    return LightFacts(
        tuple(parameters), tuple(calibrations.values()), tuple(sorted(firmware.items()))
    )


def describe_calibrations(facts: LightFacts) -> list[str]:
    """Return one sentence per calibrated channel."""
    return [
        f"{c.channel} {c.wavelength_nm} nm: {c.irradiance_mw_cm2:.1f} mW/cm² ± {c.unc_pct:g} %"
        f" (k = 2), {c.on.day} {c.on:%B %Y}" + (f", {c.instrument}" if c.instrument else "")
        for c in facts.calibrations
    ]


def _read_session(archive: Archive, uid: str, key: str, read: ReadLog | None) -> LightFacts:
    folder = archive.root / uid
    with suppress(OSError, ValueError, TypeError, KeyError):
        return _load(_read_kept(folder)[key])
    if read is None:
        with paused_collection():
            read = read_log(archive.wrap(uid), read_boot(key))
    found = [session for session in read.sessions if make_session_key(session) == key]
    return remember_facts(read, found[:1])


def read_log(kept: WrapArchive, boot: int | None = None) -> ReadLog:
    """Read the sessions of a log, or of one boot, without their samples."""
    info = read_wrap_info(kept.folder.name, kept.about()).with_default_board()
    if boot is None:
        return ReadLog(kept, info, summarize_sessions(kept.outline(), kept.clock(), info))
    decoded = decode_only(kept.extents(), boot)
    clock = make_clock(decoded, kept.list_marks())
    return ReadLog(kept, info, summarize_sessions(decoded, clock, info))


def remember_facts(read: ReadLog, sessions: Iterable[SessionSummary]) -> LightFacts:
    """Keep the facts of these sessions of a log until it changes; returns those of the last."""
    facts = LightFacts((), (), ())
    found: dict[str, Any] = {}
    with suppress(OSError, ValueError, TypeError, KeyError):
        found = _read_kept(read.kept.folder)
    for session in sessions:
        facts = _describe(session, read.info)
        found[make_session_key(session)] = _dump(facts)
    with suppress(OSError):  # a log that has no file
        content = {"stamp": _read_stamp(read.kept.folder), "facts": found}
        disk.write_derived(read.kept.folder / KEPT, json.dumps(content))
    return facts


def _read_kept(folder: Path) -> dict[str, Any]:
    """Return the facts by session that are kept of the log as it is, none of an earlier one.

    Raises OSError, ValueError, TypeError or KeyError if none can be read.
    """
    content = json.loads((folder / KEPT).read_text(encoding="utf-8"))
    return dict(content["facts"]) if content["stamp"] == _read_stamp(folder) else {}


def _read_stamp(folder: Path) -> list[int | str]:
    stat = (folder / FILE).stat()
    return [_VERSION, folder.name, stat.st_size, stat.st_mtime_ns]


def _describe(session: SessionSummary, info: WrapInfo) -> LightFacts:
    report = make_report(session, info)
    site = session.site or "no site"
    parameters = tuple(
        (f"{site}, {c.name} {c.wavelength_nm} nm", tuple(list_parameters(report, c)))
        for c in report.channels
    )
    calibrations = []
    for channel, made in zip(report.channels, session.calibrations, strict=False):
        on = None if made is None else _read_day(made.date)
        if made is None or made.irradiance_uw_cm2 is None or on is None:
            continue
        calibrations.append(
            CalibrationFact(
                session.uid,
                channel.name,
                channel.wavelength_nm,
                made.irradiance_uw_cm2 / 1000,
                (made.uncertainty_permille or 0) / 10,
                on,
                made.method or "",
            )
        )
    firmware = ((session.uid, session.firmware or ""),)
    return LightFacts(parameters, tuple(calibrations), firmware)


def _read_day(text: str) -> date | None:
    for form in ("%Y%m%d", "%Y-%m-%d"):
        with suppress(ValueError):
            return datetime.strptime(text[:10], form).date()
    return None


def _dump(facts: LightFacts) -> dict[str, object]:
    return {
        "parameters": facts.parameters,
        "calibrations": [
            [c.uid, c.channel, c.wavelength_nm, c.irradiance_mw_cm2, c.unc_pct, *_dump_text(c)]
            for c in facts.calibrations
        ],
        "firmware": facts.firmware,
    }


def _dump_text(fact: CalibrationFact) -> tuple[str, str]:
    return fact.on.isoformat(), fact.instrument


def _load(content: dict[str, list[list[object]]]) -> LightFacts:
    parameters = tuple(
        (str(name), tuple((str(a), str(b)) for a, b in rows))  # type: ignore[union-attr]
        for name, rows in content["parameters"]
    )
    calibrations = tuple(
        CalibrationFact(*row[:5], date.fromisoformat(str(row[5])), str(row[6]))  # type: ignore[arg-type]
        for row in content["calibrations"]
    )
    firmware = tuple((str(uid), str(version)) for uid, version in content["firmware"])
    return LightFacts(parameters, calibrations, firmware)
