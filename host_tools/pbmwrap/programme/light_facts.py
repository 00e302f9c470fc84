"""The parameters of the light that a course gave, and the wrap's calibrations, read from the logs.

Reading a long log takes seconds, so what was read is kept in the cache until the log changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pbmwrap import disk, paths
from pbmwrap.errors import WrapError
from pbmwrap.logs.archive import FILE, Archive, WrapArchive
from pbmwrap.logs.summary import SessionSummary, WrapInfo, read_wrap_info, summarize_sessions
from pbmwrap.logs.to_report import make_report
from pbmwrap.programme.exports.data import CalibrationFact
from pbmwrap.programme.model import SessionUse
from pbmwrap.programme.session_key import make_session_key
from pbmwrap.report.parameters import list_parameters

_VERSION = 2

Row = tuple[str, str]


@dataclass(frozen=True)
class LightFacts:
    """Of the last session at each site. parameters: rows by "site, channel"; calibrations: those
    in force then; firmware: version by the wrap's uid."""

    parameters: tuple[tuple[str, tuple[Row, ...]], ...]
    calibrations: tuple[CalibrationFact, ...]
    firmware: tuple[tuple[str, str], ...]


def read_light_facts(sessions: Sequence[SessionUse], archive: Archive | None = None) -> LightFacts:
    """Read the facts of the last session at each site. A log that cannot be read has none."""
    archive = archive or Archive()
    last = {use.site: use for use in sessions}
    parameters: list[tuple[str, tuple[Row, ...]]] = []
    calibrations: dict[tuple[str, str], CalibrationFact] = {}
    firmware: dict[str, str] = {}
    for use in last.values():
        with suppress(WrapError):
            facts = _read_session(archive, use.uid, use.key)
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


def _read_session(archive: Archive, uid: str, key: str) -> LightFacts:
    folder = archive.root / uid
    with suppress(OSError, ValueError, TypeError, KeyError):
        content = json.loads(_find_cache(folder, key).read_text(encoding="utf-8"))
        if content["stamp"] == _read_stamp(folder):
            return _load(content)
    kept = archive.wrap(uid)
    info = read_wrap_info(kept.folder.name, kept.about()).with_default_board()
    sessions = summarize_sessions(kept.decoded(), kept.clock(), info)
    found = [session for session in sessions if make_session_key(session) == key]
    return remember_facts(kept, info, found[:1])


def remember_facts(
    kept: WrapArchive, info: WrapInfo, sessions: Iterable[SessionSummary]
) -> LightFacts:
    """Keep the facts of these sessions of a log until it changes; returns those of the last."""
    facts = LightFacts((), (), ())
    for session in sessions:
        facts = _describe(session, info)
        with suppress(WrapError, OSError):  # only a cache
            cache = _find_cache(kept.folder, make_session_key(session))
            disk.make_folder(cache.parent)
            content = {"stamp": _read_stamp(kept.folder), **_dump(facts)}
            disk.write_file(cache, json.dumps(content), replace=True)
            cache.chmod(0o600)
    return facts


def _read_stamp(folder: Path) -> list[int]:
    stat = (folder / FILE).stat()
    return [_VERSION, stat.st_size, stat.st_mtime_ns]


def _find_cache(folder: Path, key: str) -> Path:
    name = hashlib.sha256(f"{folder.resolve()} {key}".encode()).hexdigest()[:16]
    return paths.cache_dir() / "programme" / f"light-{name}.json"


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
