"""The parameters a session record should carry, and the summary's rows: labels and words.

The list follows what the FDA and WALT ask of a report on light treatment. Text here is plain: each
output escapes it for itself.
"""

from __future__ import annotations

from pbmwrap.report.model import ChannelReport, SessionReport, clock, shown
from pbmwrap.words import name_end

Row = tuple[str, str]


def summary_rows(report: SessionReport) -> list[Row]:
    """What a person wants to know first, as (label, words)."""
    dose = shown(report.dose_j_cm2, "J/cm²")
    paused = "unknown" if report.paused_s is None else clock(report.paused_s)
    rows = [
        ("Wrap", f"{report.wrap_id} (firmware {report.firmware})"),
        ("Began", report.when),
        ("Protocol", report.protocol or "unknown"),
        ("Site", report.site or "not given"),
        ("Ended", name_end(report.end_reason)),
        ("Light time", f"{clock(report.duration_s)} (paused {paused})"),
        ("Dose, all channels", dose if report.calibrated else "uncalibrated: not known"),
        ("Highest skin sensor", shown(report.max_skin_c, "°C")),
        ("Highest LED board", shown(report.max_board_c, "°C")),
        ("Faults", "; ".join(report.faults) or "none"),
    ]
    if report.records_lost:
        rows.append(("Records lost", f"{report.records_lost}: this report may be incomplete"))
    return rows


def channel_rows(report: SessionReport) -> list[tuple[str, ...]]:
    """Per channel: name, wavelength, light time, mean duty, irradiance, dose."""
    return [
        (
            channel.name,
            f"{channel.wavelength_nm} nm",
            "unknown" if channel.on_s is None else clock(channel.on_s),
            shown(channel.mean_duty_pct, "%"),
            irradiance(channel),
            dose(channel),
        )
        for channel in report.channels
    ]


CHANNEL_HEAD = (
    "Channel",
    "Wavelength",
    "Light time",
    "Mean duty",
    "Irradiance at full duty",
    "Dose",
)


def irradiance(channel: ChannelReport) -> str:
    """With its uncertainty, or the word that there is none."""
    if channel.irradiance_mw_cm2 is None:
        return "uncalibrated"
    share = channel.uncertainty_pct
    known = "uncertainty unknown" if share is None else f"± {share:.0f} %"
    return f"{channel.irradiance_mw_cm2:.1f} mW/cm² {known}"


def dose(channel: ChannelReport) -> str:
    """In J/cm2, or the word that it is not known."""
    if channel.dose_j_cm2 is None:
        return "uncalibrated"
    return f"{channel.dose_j_cm2:.2f} J/cm²"


def grade_sentence(report: SessionReport) -> str:
    """What is known of the evidence for the protocol, in one sentence."""
    if not report.grade:
        return "No evidence grade is recorded for this protocol."
    return f"Evidence grade of this protocol, as its file states it: {report.grade}."


def record_rows(report: SessionReport, channel: ChannelReport) -> list[Row]:
    """The record of one channel, as (parameter, words)."""
    return [
        ("Wavelength", f"{channel.wavelength_nm} nm"),
        ("Radiant power", shown(channel.radiant_power_mw, "mW")),
        ("Irradiance at the skin, full duty", irradiance(channel)),
        ("How it was measured", channel.measured or "not measured"),
        ("Fluence", dose(channel)),
        ("Area", shown(report.area_cm2, "cm²")),
        ("Site", report.site or "not given"),
        ("Mode", channel.mode),
        *_pulse_rows(channel),
        ("Mean intensity (duty)", shown(channel.mean_duty_pct, "%")),
        ("Time", "unknown" if channel.on_s is None else clock(channel.on_s)),
    ]


def _pulse_rows(channel: ChannelReport) -> list[Row]:
    if channel.pulse_hz is None:
        none = "none: continuous"
        return [("Pulse duration", none), ("Repetition rate", none)]
    if channel.pulse_on_pct is None:
        length = "unknown"
    else:
        length = f"{10.0 * channel.pulse_on_pct / channel.pulse_hz:.3g} ms"
    return [("Pulse duration", length), ("Repetition rate", f"{channel.pulse_hz:g} Hz")]
