"""Says in lines of text what a `Picture` shows. No widgets, no styles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pbmwrap.device.models import Status
from pbmwrap.tui.watcher import BY_HAND, Picture, Point
from pbmwrap.words import name_end, name_state, name_stores, power_text
from wrap.rules import states
from wrap.session.site_history import span

OLD_S = 3.0  # a sample of this age is called old, or one of OLD_SAMPLES periods
OLD_SAMPLES = 2.5
MESSAGE_S = 30.0  # how long a message about a key stays
TREND_S = 60.0
TREND_LEAST_S = 15.0  # no trend is named over a shorter time
STEADY_MC_MIN = 150  # a slower change is called steady: noise and the sensors' delay
NO_READING = "NO READING"
LABEL = 7  # columns of a line's first word
_ACTIVE = tuple(states.NAMES[n] for n in states.ACTIVE)
_LIGHT = {
    "idle": "no light",
    "self-test": "no light yet, the wrap tests itself",
    "ramp-up": "the light comes on",
    "running": "the light is on",
    "paused": "no light; a long pause ends the session",
    "ramp-down": "the light goes out",
    "done": "no light",
    "fault": "no light",
    "service": "no light, no firmware is running",
    "calibrating": "the light is on for a calibration, with no person in the wrap",
}


def minutes_text(ms: int) -> str:
    """Return a duration as m:ss."""
    return f"{ms // 60000}:{ms // 1000 % 60:02d}"


def is_old(picture: Picture, now_s: float, every_s: float) -> bool:
    """Whether what is shown may not be true any more."""
    age_s = now_s - picture.heard_s
    return picture.lost_s is not None or age_s >= max(OLD_S, OLD_SAMPLES * every_s)


def age_text(picture: Picture, now_s: float, every_s: float) -> str:
    """Return the age of the newest sample."""
    age = span_text(now_s - picture.heard_s)
    old = is_old(picture, now_s, every_s)
    return f"OLD: last sample {age} ago" if old else f"last sample {age} ago"


def span_text(seconds: float) -> str:
    """Return a time in whole seconds, minutes or hours."""
    whole = max(0, int(seconds))
    return f"{whole} s" if whole < 100 else span(whole)


def message_text(picture: Picture, now_s: float) -> str:
    """Return what there is to say about the last key; "" when it was long ago."""
    return picture.message if now_s - picture.said_s < MESSAGE_S else ""


def state_text(picture: Picture) -> tuple[str, str]:
    """Return the state as a word or two, and what it means for the light."""
    status = picture.status
    said = _LIGHT.get(status.state, "")
    if status.state == "running" and not any(status.duty_u16):
        said = "no light at this moment"
    if status.state == "done" and status.end_reason:
        said = f"no light; {name_end(status.end_reason)}"
    if picture.lost_s is not None:
        return "NOT CONNECTED", f"when last heard: {name_state(status.state)}, {said.split(';')[0]}"
    return name_state(status.state).upper(), said


def protocol_text(status: Status) -> str:
    """Return the protocol and site of the session, or what comes next and when."""
    if status.state in _ACTIVE:
        return f"{status.protocol or '-'} at {status.site or '-'}, session {status.session}"
    if status.slot is None:
        return "no protocol stored: see `pbmwrap protocol flash`"
    when = f"possible in {span(status.next_s)}" if status.next_s else "possible now"
    return f"{status.next_protocol} (slot {status.slot}), {when}"


def protocol_label(status: Status) -> str:
    return "session" if status.state in _ACTIVE else "next"


def time_text(status: Status) -> tuple[str, float | None]:
    """Return the time left, and the share of the session that has passed, None without one."""
    total_ms = status.total_ms
    if not status.session or not total_ms:
        return "no session yet", None
    passed_ms = min(status.active_ms, total_ms)
    if status.state in _ACTIVE:
        left = minutes_text(total_ms - passed_ms)
        return f"{left} left of {minutes_text(total_ms)}", passed_ms / total_ms
    return f"{minutes_text(status.active_ms)} given of {minutes_text(total_ms)}", None


def dose_text(status: Status) -> tuple[str, float | None]:
    """Return the dose, and its share of the target, None without one."""
    if status.dose_total_uj is None:
        if not status.calibrated:
            return "not calibrated: sessions end by time, not by dose", None
        return "no dose yet", None
    text = f"{status.dose_total_uj / 1e6:.2f} J/cm2"
    if not status.calibrated or not status.dose_target_uj:
        return text, None
    share = min(1.0, status.dose_total_uj / status.dose_target_uj)
    return f"{text} of {status.dose_target_uj / 1e6:.2f}", share


def duties(picture: Picture) -> Iterator[tuple[str, str, float]]:
    """Yield (name, percent in text, share of full power) of each channel."""
    names = (name for name, _ in picture.hello.channels)
    for name, duty in zip(names, picture.status.duty_u16, strict=False):
        yield name, f"{duty / 655.35:.1f} %", duty / 65535


def notes_text(status: Status) -> str:
    """Return what limits the light now, most important first; "" when nothing does."""
    notes = []
    if status.derate_pm < 1000:
        notes.append(f"dimmed to {status.derate_pm / 10:.0f} % because of heat")
    notes += [f"warning: {name}" for name in status.warnings]
    if status.buzzer:
        notes.append("the buzzer sounds")
    if status.unconfirmed:
        notes.append(f"no start: {name_stores(status.unconfirmed)} unconfirmed")
    if status.records_lost:
        notes.append(f"{status.records_lost} log records lost")
    if status.power_pm is not None and status.power_pm < 1000 and status.state != "fault":
        notes.append(f"power {power_text(status.power_pm, status.power_why)}")
    return "; ".join(notes)


def alert(picture: Picture, now_s: float) -> tuple[str, str] | None:
    """Return (kind, text) of what the person has to act on; kind: "lost", "wake" or "fault"."""
    status = picture.status
    if picture.lost_s is not None:
        away = span_text(now_s - picture.lost_s)
        return "lost", (
            f"No answer for {away}: {picture.problem}. What is shown is old. A session goes on by "
            f"itself; {BY_HAND}. Looking for the wrap ..."
        )
    if status.wake_waiting:
        due = status.wake_due_s
        left = "" if due is None else f" within {max(0, int(due - (now_s - picture.heard_s)))} s"
        how = "Press the wrap's button" + (" or w" if picture.can_answer else "")
        return "wake", f"ARE YOU AWAKE?  {how}{left}, else the light ends"
    if status.state == "fault" and status.fault is not None:
        found = status.fault
        return "fault", (
            f"FAULT {found.code} {found.called}: {found.text}. "
            "Remove the cause, then press a to acknowledge"
        )
    return None


def sensor_texts(picture: Picture, old: bool) -> list[str]:
    """Return name, temperature and trend of each sensor."""
    out = []
    width = max((len(name) for name, _ in picture.hello.sensors), default=0)
    for n, (name, _) in enumerate(picture.hello.sensors):
        temps = picture.status.temps_mc
        mc = temps[n] if n < len(temps) else None
        if mc is None:
            out.append(f"{name:<{width}}  {NO_READING}")
            continue
        trend = "" if old else trend_text(picture.points, n)
        out.append(f"{name:<{width}}  {mc / 1000:5.1f} C  {trend}".rstrip())
    return out


def trend_text(points: Sequence[Point], sensor: int) -> str:
    """Return how the sensor's temperature changes, in C; "" when too little is known."""
    recent: list[tuple[float, int]] = []
    for point in reversed(points):
        if not point.temps_mc or points[-1].at_s - point.at_s > TREND_S:
            break
        mc = point.temps_mc[sensor] if sensor < len(point.temps_mc) else None
        if mc is None:
            break
        recent.append((point.at_s, mc))
    if not recent or recent[0][0] - recent[-1][0] < TREND_LEAST_S:
        return ""
    mc_min = (recent[0][1] - recent[-1][1]) * 60 / (recent[0][0] - recent[-1][0])
    if abs(mc_min) < STEADY_MC_MIN:
        return "steady"
    return f"{'rising' if mc_min > 0 else 'falling'} {abs(mc_min) / 1000:.1f}/min"
