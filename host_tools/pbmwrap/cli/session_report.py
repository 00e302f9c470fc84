"""One archived session as a report: the table for people, its plot and page as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbmwrap import disk
from pbmwrap.cli.command import Result
from pbmwrap.errors import UsageError
from pbmwrap.logs.sessions import clock_of
from pbmwrap.logs.to_report import Wrap, default_wrap, firmware_of, to_report
from pbmwrap.report import html as page
from pbmwrap.report import plot as figure
from pbmwrap.report.text import summary

if TYPE_CHECKING:
    from pbmwrap.logs.archive import WrapArchive
    from pbmwrap.logs.sessions import Session
    from pbmwrap.report.model import SessionReport


def result(
    kept: WrapArchive,
    session: Session,
    about: Mapping[str, Any],
    area_cm2: float | None,
    files: tuple[Path | None, Path | None],
    replace: bool = False,
) -> Result:
    """The report; files: where to write (plot, page), replace: also over files that exist.
    Raises InvalidFile, NoPermission, UsageError."""
    decoded = kept.decoded()
    firmware = firmware_of(decoded).get(session.boot, "unknown")
    wrap = _wrap(kept.folder.name, about, area_cm2)
    report = to_report(session, clock_of(decoded, kept.marks()), wrap, firmware)
    written = _write(report, *files, replace)
    return Result({"report": asdict(report), "files": written}, _shown(report, written))


def _wrap(uid: str, about: Mapping[str, Any], area_cm2: float | None) -> Wrap:
    try:
        channels = [(str(name), int(nm)) for name, nm in about["channels"]]
        sensors = [(str(name), str(role)) for name, role in about["sensors"]]
    except (KeyError, TypeError, ValueError):
        return default_wrap(uid, area_cm2)
    return Wrap(uid, channels, sensors, area_cm2)


def check_files(plot: Path | None, html: Path | None, replace: bool) -> None:
    """Refuse what cannot be written before anything is. Raises InvalidFile, UsageError."""
    if plot is not None and plot == html:
        raise UsageError(f"--plot and --html both name {plot}", "give two names")
    for path in (plot, html):
        if path is not None:
            disk.check_target(path, replace)


def _write(report: SessionReport, plot: Path | None, html: Path | None, replace: bool) -> list[str]:
    if plot:
        figure.save(report, plot, replace=replace)
    if html:
        page.save(report, html, replace)
    return [str(path) for path in (plot, html) if path]


def _shown(report: SessionReport, written: list[str]) -> Any:
    from rich.console import Group

    return Group(summary(report), *(f"{path} written" for path in written))
