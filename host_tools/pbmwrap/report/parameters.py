"""Describes a session and its channels as rows of label and text.

The parameters of a channel follow what the FDA and WALT ask of a report on light treatment. Text is
not escaped here: each output does that.
"""

from __future__ import annotations

from pbmwrap.report.model import ChannelReport, SessionReport, format_duration, format_quantity
from pbmwrap.words import name_end

Row = tuple[str, str]


def list_facts(report: SessionReport) -> list[Row]:
    """List the facts about the session as (label, text)."""
    dose = format_quantity(report.dose_j_cm2, "J/cm²")
    paused = "unknown" if report.paused_s is None else format_duration(report.paused_s)
    rows = [
        ("Wrap", f"{report.wrap_id} (firmware {report.firmware})"),
        ("Began", report.when),
        ("Protocol", report.protocol or "unknown"),
        ("Site", report.site or "not given"),
        ("Ended", name_end(report.end_reason)),
        ("Light time", f"{format_duration(report.duration_s)} (paused {paused})"),
        ("Dose, all channels", dose if report.calibrated else "uncalibrated: not known"),
        ("Highest skin sensor", format_quantity(report.max_skin_c, "°C")),
        ("Highest LED board", format_quantity(report.max_board_c, "°C")),
        ("Faults", "; ".join(report.faults) or "none"),
    ]
    if report.records_lost:
        rows.append(("Records lost", f"{report.records_lost}: this report may be incomplete"))
    return rows


def list_channels(report: SessionReport) -> list[tuple[str, ...]]:
    """List per channel: name, wavelength, light time, mean duty, irradiance, dose."""
    return [
        (
            channel.name,
            f"{channel.wavelength_nm} nm",
            "unknown" if channel.on_s is None else format_duration(channel.on_s),
            format_quantity(channel.mean_duty_pct, "%"),
            describe_irradiance(channel),
            describe_dose(channel),
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


def describe_irradiance(channel: ChannelReport) -> str:
    """Describe irradiance at full duty and its uncertainty, or "uncalibrated"."""
    if channel.irradiance_mw_cm2 is None:
        return "uncalibrated"
    share = channel.uncertainty_pct
    known = "uncertainty unknown" if share is None else f"± {share:.0f} %"
    return f"{channel.irradiance_mw_cm2:.1f} mW/cm² {known}"


def describe_dose(channel: ChannelReport) -> str:
    """Describe the dose in J/cm2, or "uncalibrated"."""
    if channel.dose_j_cm2 is None:
        return "uncalibrated"
    return f"{channel.dose_j_cm2:.2f} J/cm²"


def describe_grade(report: SessionReport) -> str:
    """Describe the evidence for the protocol in one sentence."""
    if not report.grade:
        return "No evidence grade is recorded for this protocol."
    return f"Evidence grade of this protocol, as its file states it: {report.grade}."


def list_parameters(report: SessionReport, channel: ChannelReport) -> list[Row]:
    """List the parameters of one channel as (label, text)."""
    return [
        ("Wavelength", f"{channel.wavelength_nm} nm"),
        ("Radiant power", format_quantity(channel.radiant_power_mw, "mW")),
        ("Irradiance at the skin, full duty", describe_irradiance(channel)),
        ("How it was measured", channel.measured or "not measured"),
        ("Fluence", describe_dose(channel)),
        ("Area", format_quantity(report.area_cm2, "cm²")),
        ("Site", report.site or "not given"),
        ("Mode", channel.mode),
        *_list_pulse(channel),
        ("Mean intensity (duty)", format_quantity(channel.mean_duty_pct, "%")),
        ("Time", "unknown" if channel.on_s is None else format_duration(channel.on_s)),
    ]


def _list_pulse(channel: ChannelReport) -> list[Row]:
    if channel.pulse_hz is None:
        none = "none: continuous"
        return [("Pulse duration", none), ("Repetition rate", none)]
    if channel.pulse_on_pct is None:
        length = "unknown"
    else:
        length = f"{10.0 * channel.pulse_on_pct / channel.pulse_hz:.3g} ms"
    return [("Pulse duration", length), ("Repetition rate", f"{channel.pulse_hz:g} Hz")]
