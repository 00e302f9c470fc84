"""One session as a report shows it: plain values in everyday units, made by whoever reads the log.

`None` always means "not known"; nothing here is guessed. Doses are None unless calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

NOT_MEDICAL = "This is not a medical device and claims no effect."
UNCALIBRATED = "UNCALIBRATED: no dose shown"


@dataclass(frozen=True)
class ChannelReport:
    """One lamp channel over the session. `on_s`: time with light; `mean_duty_pct` over that time.

    `irradiance_mw_cm2` at full duty with its relative `uncertainty_pct`, and how and when it was
    measured; all None when the channel was not calibrated. `pulse_hz` None: continuous.
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
        """How the light was made: continuous, or pulsed with its figures."""
        if self.pulse_hz is None:
            return "continuous"
        share = "" if self.pulse_on_pct is None else f", on {self.pulse_on_pct:g} % of each period"
        return f"pulsed at {self.pulse_hz:g} Hz{share}"


@dataclass(frozen=True)
class SampleReport:
    """One moment: temperatures per sensor (None: no reading), duty and dose per channel.

    The first and last moment of a session, and the one when light began, have no temperatures.
    """

    t_s: float
    temps_c: tuple[float | None, ...]
    duty_pct: tuple[float, ...]
    dose_j_cm2: tuple[float | None, ...]
    state: str


@dataclass(frozen=True)
class SessionReport:
    """A whole session. `started` None: the wrap had no clock; then `boot` and `uptime_s` place it.

    `sensors`: names in the order of the samples' temperatures. `roles`: "skin" or "board" each.
    `grade` is the protocol's evidence grade as its file says it. `duration_s` counts light, without
    pauses. `records_lost`: by the wrap, before they could be written. `area_cm2`, `site`: as given
    by the user or protocol.
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
        """True when every channel has a dose: only then may a sum be shown."""
        return bool(self.channels) and all(c.dose_j_cm2 is not None for c in self.channels)

    @property
    def dose_j_cm2(self) -> float | None:
        """Sum over the channels, None unless all are calibrated."""
        if not self.calibrated:
            return None
        return sum(c.dose_j_cm2 or 0.0 for c in self.channels)

    @property
    def when(self) -> str:
        """When it began: local time with its zone, or the place in the wrap's own counting."""
        if self.started is not None:
            return self.started.astimezone().strftime("%Y-%m-%d %H:%M %Z").strip()
        if self.boot is None:
            return "unknown"
        place = f"start {self.boot} of the wrap"
        return place if self.uptime_s is None else f"{place}, {clock(self.uptime_s)} after power-on"


def clock(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def shown(value: float | None, unit: str, digits: int = 1) -> str:
    """A figure with its unit, or "unknown"."""
    return "unknown" if value is None else f"{value:.{digits}f} {unit}"
