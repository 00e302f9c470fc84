"""Defines the report of one session: values in the units that people read.

`logs.to_report` makes it from a log. None always means "not known". Doses are None unless
calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

NOT_MEDICAL = "This is not a medical device and claims no effect."
UNCALIBRATED = "UNCALIBRATED: no dose shown"


@dataclass(frozen=True)
class ChannelReport:
    """One lamp channel over the session.

    on_s: time with light, s. mean_duty_pct: over that time. dose_j_cm2: J/cm2.
    irradiance_mw_cm2: at full duty, with its relative uncertainty_pct; measured: how and when. All
    of these are None if the channel was not calibrated. pulse_hz: None for continuous light;
    pulse_on_pct: share of each period with light.
    """

    name: str
    wavelength_nm: int
    on_s: float | None = None
    mean_duty_pct: float | None = None
    dose_j_cm2: float | None = None
    irradiance_mw_cm2: float | None = None
    uncertainty_pct: float | None = None
    measured: str | None = None
    radiant_power_mw: float | None = None
    pulse_hz: float | None = None
    pulse_on_pct: float | None = None

    @property
    def mode(self) -> str:
        """Describe the light: continuous, or pulsed with frequency and share of each period."""
        if self.pulse_hz is None:
            return "continuous"
        share = "" if self.pulse_on_pct is None else f", on {self.pulse_on_pct:g} % of each period"
        return f"pulsed at {self.pulse_hz:g} Hz{share}"


@dataclass(frozen=True)
class SampleReport:
    """One point in time, t_s after the start: temperatures per sensor, duty and dose per channel.

    A temperature is None without a valid reading. The first and the last point of a session, and
    the one where the light began, have no temperatures.
    """

    t_s: float
    temps_c: tuple[float | None, ...]
    duty_pct: tuple[float, ...]
    dose_j_cm2: tuple[float | None, ...]
    state: str


@dataclass(frozen=True)
class SessionReport:
    """A whole session.

    started: UTC; None if the wrap had no clock, then boot and uptime_s (s) place it. sensors: names
    in the order of the samples' temperatures. roles: "skin" or "board" each. duration_s: light
    time without pauses. protocol: its name. grade: its evidence grade, as its file states it.
    area_cm2: as the user gave it. records_lost: lost by the wrap before they could be written.
    """

    wrap_id: str
    session_id: int
    firmware: str
    channels: tuple[ChannelReport, ...]
    sensors: tuple[str, ...]
    roles: tuple[str, ...]
    end_reason: str
    duration_s: float
    paused_s: float | None = None
    started: datetime | None = None
    boot: int | None = None
    uptime_s: float | None = None
    protocol: str | None = None
    site: str | None = None
    area_cm2: float | None = None
    grade: str | None = None
    max_skin_c: float | None = None
    max_board_c: float | None = None
    skin_trip_c: float = 41.0
    skin_derate_c: float = 39.0
    board_trip_c: float = 60.0
    faults: tuple[str, ...] = ()
    records_lost: int = 0
    samples: tuple[SampleReport, ...] = field(default=())

    @property
    def calibrated(self) -> bool:
        """Whether every channel has a dose: only then may a sum be shown."""
        return bool(self.channels) and all(c.dose_j_cm2 is not None for c in self.channels)

    @property
    def dose_j_cm2(self) -> float | None:
        """Sum over the channels in J/cm2, None unless all are calibrated."""
        if not self.calibrated:
            return None
        return sum(c.dose_j_cm2 or 0.0 for c in self.channels)

    @property
    def when(self) -> str:
        """Describe when it began: local time with its zone, or boot number and uptime."""
        if self.started is not None:
            return self.started.astimezone().strftime("%Y-%m-%d %H:%M %Z").strip()
        if self.boot is None:
            return "unknown"
        place = f"start {self.boot} of the wrap"
        return (
            place
            if self.uptime_s is None
            else f"{place}, {format_duration(self.uptime_s)} after power-on"
        )


def format_duration(seconds: float) -> str:
    """Format seconds as m:ss, or h:mm:ss from an hour on."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def format_quantity(value: float | None, unit: str, digits: int = 1) -> str:
    """Format a figure with its unit, or "unknown"."""
    return "unknown" if value is None else f"{value:.{digits}f} {unit}"
