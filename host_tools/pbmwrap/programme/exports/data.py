"""What an export of one person contains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pbmwrap.programme.model import Course, JournalEntry, Person, SessionUse, Total


@dataclass(frozen=True)
class CalibrationFact:
    """One channel's calibration on a wrap. uid: of the wrap. irradiance_mw_cm2: mean over the pad
    at full duty; unc_pct: relative, k = 2."""

    uid: str
    channel: str
    wavelength_nm: int
    irradiance_mw_cm2: float
    unc_pct: float
    on: date
    instrument: str = ""


@dataclass(frozen=True)
class PersonData:
    """Everything of one person, in the order of its days. entries: those that no later one
    corrects. firmware: version by the wrap's uid."""

    person: Person
    courses: Sequence[Course]
    entries: Sequence[JournalEntry]
    totals: Sequence[Total]
    sessions: Sequence[SessionUse]
    calibrations: Sequence[CalibrationFact] = ()
    firmware: Sequence[tuple[str, str]] = ()
    simulated: bool = False
