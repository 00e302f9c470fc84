"""Measures on a dummy limb how far the warmth of the arms of a trial is apart (docs/trial.md).

Near infrared first, then what the wrap does in its place, the warmer or darkness, for the same
time; both begin at a steady temperature. The wrap's own skin sensors are compared at equal times,
each with what it would have read without any heat: what little it still drifted is carried on. The
light is that of a calibration: nobody may be in the wrap, and its limits hold (docs/safety.md).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbmwrap import disk, paths
from pbmwrap.device.answers import require_kind
from pbmwrap.device.models import BLIND_STATES
from pbmwrap.errors import DeviceError, InvalidFile, Refused, UsageError, WrapError
from pbmwrap.words import name_end
from wrap.rules.limits import LEASE_MAX_MS, LEASE_MS, TRIAL_NIR_PM
from wrap.rules.states import ACTIVE, CALIBRATING, NAMES

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello, Status

LIMIT_K = 1.0  # a person feels about this much
MOST_MINUTES = 14  # the wrap gives 15 of calibration light at a time, and 30 in an hour
BIN_S = 30  # readings are compared as means of so many seconds
STEADY_K = 0.08  # most drift, by a straight line through such means, in STEADY_OVER_S
STEADY_OVER_S = 300
STEADY_WAIT_S = 5400
_READ_S = 3.0
_RENEW_S = 1.0
_RAMP_S = 20.0  # self-test and ramp
_FADE_S = 5.0  # the light fades out in half a second
_VISIBLE_NM = 700  # as wrap.session.trial
_STATE = NAMES[CALIBRATING]
_LIT = (_STATE, *(NAMES[state] for state in ACTIVE))

_NUMBER = (int, float)
_SHOWN = {
    "passed": bool,
    "date": str,
    "unix_s": int,
    "channel": str,
    "sham": str,
    "minutes": int,
    "gap_k": _NUMBER,
    "gap_in_trial_k": _NUMBER,
    "limit_k": _NUMBER,
    "session_min": int,
    "level_percent": _NUMBER,
    "measured_percent": _NUMBER,
    "sensors": list,
    "bin_s": int,
    "active_rise_k": list,
    "sham_rise_k": list,
}  # of a kept result

Show = Callable[[str], None]


@dataclass(frozen=True)
class Arm:
    """One of the two: `channel` that was driven, "" for darkness, at `duty_pm` permille of its full
    duty. `rises_k`: mean rise of each skin sensor over its reading before, by BIN_S."""

    channel: str
    duty_pm: int
    rises_k: list[list[float]]


@dataclass(frozen=True)
class Setup:
    """What is measured. `level_pm`, `session_min`: of near infrared in the trial's protocol;
    `warm_pm`: permille of its intensity at which the warmer takes its current, 0 without one."""

    channel: str
    warmer: str
    warm_pm: int
    level_pm: int
    minutes: int
    session_min: int


@dataclass(frozen=True)
class Stage:
    """Where a test is. sham: in the second arm; channel: of the arm, "" for darkness; measures:
    False while it waits for a steady temperature. began_s, until_s: of the test's clock, the latter
    at the latest. drift_k: change of the sensor that changes most in STEADY_OVER_S, None while
    unknown."""

    sham: bool
    channel: str
    measures: bool
    began_s: float
    until_s: float
    drift_k: float | None = None

    @property
    def is_lit(self) -> bool:
        """Whether a channel has to be kept alive."""
        return self.measures and bool(self.channel)


@dataclass(frozen=True)
class Pace:
    """The time of a test. now_s: the wrap's time, s; speed: how many times as fast as the
    connection's clock it runs, above 1 for a simulated wrap only; go_on: called about once a second
    of it, raises what ends the test; note: takes each stage."""

    now_s: Callable[[], float]
    speed: Callable[[], int] = lambda: 1
    go_on: Callable[[], None] = lambda: None
    note: Callable[[Stage], None] = lambda _: None


def make_setup(
    hello: Hello, level_pm: int | None, minutes: int, session_min: int, channel: str | None
) -> Setup:
    """Return the measurement of this wrap. level_pm: None for the most that a trial may use. Raises
    Refused and UsageError for what the wrap cannot do."""
    hidden = list_near_infrared(hello)
    has = f"it has {', '.join(name for name, _ in hello.channels)}"
    if not hidden:
        raise Refused("this wrap has no near infrared, so it can have no trial", has)
    if channel and channel not in hidden:
        raise UsageError(f"this wrap has no channel {channel} of near infrared", has)
    channel = channel or hidden[0]
    name, shares = hello.warmer or ("", [])
    index = [n for n, _ in hello.channels].index(channel)
    warm_pm = shares[index] if shares else 0
    most = find_most_pm(hello)
    level = most if level_pm is None else level_pm
    if level > most:
        why = (
            f"its warmer matches {most / 10:g} %"
            if warm_pm
            else f"without a warmer a trial may use {most / 10:g} %"
        )
        raise UsageError(
            f"{level / 10:g} % of {channel} is more than a trial of this wrap may have: {why}",
            f"give --level {most / 10:g} or less",
        )
    warmer = name if warm_pm else ""
    return Setup(channel, warmer, warm_pm, level, minutes, session_min)


def list_near_infrared(hello: Hello) -> list[str]:
    """Return the channels that a trial compares with darkness."""
    return [name for name, nm in hello.channels if nm >= _VISIBLE_NM]


def find_most_pm(hello: Hello) -> int:
    """Return the most near infrared that a trial of this wrap may have, permille, as the wrap
    computes it."""
    most = max(hello.warmer[1], default=0) if hello.warmer else 0
    return min(1000, 1_000_000 // most) if most else TRIAL_NIR_PM


def require_not_blind(now: Mapping[str, Any]) -> None:
    """Raise Refused while a trial is blind: the test would show what its arms feel like. now: what
    the wrap says of its trial (`programme.trial_run.read_wrap_trial`)."""
    if now.get("state") in BLIND_STATES:
        raise Refused(
            f"trial {now.get('id')} is blind: this test would show what its arms feel like",
            "make it before a trial, or after the reveal",
        )


class HeatTest:
    """Runs both arms. client, hello: of the wrap; show: prints a line; pace: by default of the
    connection's clock."""

    def __init__(
        self, client: Client, hello: Hello, setup: Setup, show: Show, pace: Pace | None = None
    ) -> None:
        self._client = client
        self._setup = setup
        self._show = show
        self._pace = pace or Pace(client.transport.monotonic)
        self._clock = self._pace.now_s
        self._sham = False
        self._skin = [i for i, (_, role) in enumerate(hello.sensors) if role == "skin"]
        self._dark_c: list[float] = []
        self._drift_k_s: list[float] = []
        self._dark_s = 0.0

    def run_active(self) -> Arm:
        """Light near infrared after a steady reference. Raises WrapError."""
        return self._run_lit(self._setup.channel, self._setup.level_pm)

    def run_sham(self, active: Arm) -> Arm:
        """Do for the same time what the wrap does in a sham. Raises WrapError."""
        setup = self._setup
        self._sham = True
        if setup.warmer:
            return self._run_lit(setup.warmer, active.duty_pm * setup.warm_pm // 1000)
        self._take_reference("")
        self._note_measuring("", setup.minutes * 60)
        return Arm("", 0, self._measure(None))

    def _run_lit(self, channel: str, duty_pm: int) -> Arm:
        self._take_reference(channel)
        seconds = int(self._setup.minutes * 60 + _RAMP_S)
        self._note_measuring(channel, seconds)
        self._client.light_for_calibration(channel, max(1, duty_pm), seconds)
        try:
            reached = self._wait_at_duty(channel)
            self._show(f"{channel} at {reached / 10:.1f} % for {self._setup.minutes} min")
            self._note_measuring(channel, self._setup.minutes * 60)
            return Arm(channel, reached, self._measure(channel))
        finally:
            self._stop()

    def _note_measuring(self, channel: str, seconds: float) -> None:
        now_s = self._clock()
        self._pace.note(Stage(self._sham, channel, True, now_s, now_s + seconds))

    def _stop(self) -> None:
        """Turn the light off; returns when it has faded out."""
        try:
            self._client.stop()
        except DeviceError:
            return  # it has ended by itself
        until = self._clock() + _FADE_S
        while self._client.status().state == _STATE and self._clock() < until:
            self._client.link.listen(_RENEW_S / self._pace.speed(), lambda name, params: None)

    def _wait_at_duty(self, channel: str) -> int:
        """Return the duty that the wrap gives, permille: the power limit may lower it. Raises
        WrapError."""
        until, before = self._clock() + _RAMP_S, -1
        while self._clock() < until:
            duty = self._duty_u16(self._watch(channel), channel)
            if duty and duty == before:
                return (duty * 1000 + 32767) // 65535
            before = duty
            self._wait(_RENEW_S)
        raise WrapError(f"{channel} did not come on", "see `pbmwrap doctor`")

    def _duty_u16(self, status: Status, channel: str) -> int:
        if channel == self._setup.warmer:
            return require_kind(self._client.call("status"), dict).get("warmer_u16", 0)
        return max(status.duty_u16)

    def _watch(self, channel: str) -> Status:
        """Renew the lease and read the wrap. Raises WrapError when the light has ended or dims."""
        self._client.lease(LEASE_MS if self._pace.speed() == 1 else LEASE_MAX_MS)
        status = self._client.status()
        if status.state != _STATE:
            why = status.fault.text if status.fault else name_end(status.end_reason)
            raise WrapError(
                f"{channel} did not stay on: {why or status.state}", "see `pbmwrap status`"
            )
        if status.derate_pm < 1000:
            raise WrapError(
                f"the pad got so warm that {channel} was dimmed, so the arms cannot be compared",
                "use cooler water, or a lower --level",
            )
        return status

    def _take_reference(self, channel: str) -> None:
        """Wait until the skin sensors stand still, and keep what they read. Raises WrapError."""
        self._show(f"waiting for a steady temperature before {channel or 'darkness'} ...")
        began = self._clock()
        drift_k = None
        past: list[tuple[float, list[float]]] = []
        while True:
            until = began + STEADY_WAIT_S
            self._pace.note(Stage(self._sham, channel, False, began, until, drift_k))
            mean = self._mean_c(BIN_S, None)
            past.append((self._clock() - BIN_S / 2, mean))
            past = past[-(STEADY_OVER_S // BIN_S) :]
            if len(past) == STEADY_OVER_S // BIN_S:
                lines = [_fit_line([(at, c[i]) for at, c in past]) for i in range(len(mean))]
                self._dark_s = past[-1][0]
                self._dark_c = [at_end for at_end, _ in lines]
                self._drift_k_s = [slope for _, slope in lines]
                drift_k = max(map(abs, self._drift_k_s)) * STEADY_OVER_S
                if drift_k <= STEADY_K:
                    return
            if self._clock() - began > STEADY_WAIT_S:
                raise WrapError(
                    f"the skin sensors still change after {STEADY_WAIT_S // 60} min in the dark",
                    "use a bottle that has been in this room for hours, away from sun and draught",
                )

    def _measure(self, channel: str | None) -> list[list[float]]:
        """Return the rise of each sensor over its reference, by BIN_S."""
        found = []
        for _ in range(self._setup.minutes * 60 // BIN_S):
            mean = self._mean_c(BIN_S, channel)
            gone_s = self._clock() - BIN_S / 2 - self._dark_s
            cold = [c + k * gone_s for c, k in zip(self._dark_c, self._drift_k_s, strict=True)]
            found.append([a - b for a, b in zip(mean, cold, strict=True)])
        return found

    def _mean_c(self, seconds: int, channel: str | None) -> list[float]:
        """Return the mean of each skin sensor over `seconds`, C. channel: that is kept alive."""
        until, read_at = self._clock() + seconds, 0.0
        readings: list[list[float]] = []
        while self._clock() < until:
            if channel:
                status = self._watch(channel)
            elif self._clock() >= read_at:
                status = self._require_dark()
            else:
                status = None
            if status is not None and self._clock() >= read_at:
                readings.append(self._skin_c(status))
                read_at = self._clock() + _READ_S
            self._wait(_RENEW_S)
        return [sum(column) / len(column) for column in zip(*readings, strict=True)]

    def _require_dark(self) -> Status:
        """Read the wrap in the dark. Raises WrapError while a session or another lights it."""
        status = self._client.status()
        if status.state in _LIT:
            raise WrapError(
                f"the wrap gives light that is not of this test ({status.state}), so the arms"
                " cannot be compared",
                "let it end, wait until the pad is as warm as the room, and test again",
            )
        return status

    def _skin_c(self, status: Status) -> list[float]:
        temps = [status.temps_mc[i] for i in self._skin]
        if None in temps:
            # A trial that has begun meanwhile hides them.
            require_not_blind(require_kind(self._client.call("trial.get"), dict))
            raise WrapError("a skin sensor has no valid reading", "see `pbmwrap doctor`")
        return [(mc or 0) / 1000 for mc in temps]

    def _wait(self, seconds: float) -> None:
        self._pace.go_on()
        self._client.link.listen(seconds / self._pace.speed(), lambda name, params: None)


def _fit_line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return (value at the last point, slope) of the straight line of least squares."""
    n = len(points)
    mid_x, mid_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    square = sum((x - mid_x) ** 2 for x, _ in points)
    slope = sum((x - mid_x) * (y - mid_y) for x, y in points) / square
    return mid_y + slope * (points[-1][0] - mid_x), slope


def find_gap_k(active: Sequence[Sequence[float]], sham: Sequence[Sequence[float]]) -> float:
    """Return the largest difference at equal times of any sensor, active - sham, with its sign."""
    pairs = [(a, s) for x, y in zip(active, sham, strict=True) for a, s in zip(x, y, strict=True)]
    return max((a - s for a, s in pairs), key=abs)


def make_result(
    hello: Hello, setup: Setup, active: Arm, sham: Arm, unix_s: int, day: str
) -> dict[str, Any]:
    """Return the measurement as JSON keeps it. `gap_in_trial_k`: in proportion to the heat, and to
    the time where a session is longer than what was measured, which rather says too much, since the
    rise slows down."""
    gap_k = find_gap_k(active.rises_k, sham.rises_k)
    longer = max(1.0, setup.session_min / setup.minutes)
    in_trial_k = gap_k * setup.level_pm / active.duty_pm * longer
    return {
        "wrap": hello.uid,
        "board": hello.board,
        "firmware": hello.fw,
        "date": day,
        "unix_s": unix_s,
        "channel": setup.channel,
        "sham": sham.channel or "dark",
        "minutes": setup.minutes,
        "session_min": setup.session_min,
        "level_percent": setup.level_pm / 10,
        "measured_percent": active.duty_pm / 10,
        "sensors": [name for name, role in hello.sensors if role == "skin"],
        "bin_s": BIN_S,
        "active_rise_k": [[round(k, 3) for k in row] for row in active.rises_k],
        "sham_rise_k": [[round(k, 3) for k in row] for row in sham.rises_k],
        "gap_k": round(gap_k, 3),
        "gap_in_trial_k": round(in_trial_k, 3),
        "limit_k": LIMIT_K,
        "passed": abs(in_trial_k) <= LIMIT_K,
    }


def find_fitting_percent(result: Mapping[str, Any]) -> int:
    """Return the most near infrared, whole percent, whose arms would stay within the limit in
    sessions of this length: the difference is in proportion to the light. 0: below 1 %."""
    gap_k = abs(result["gap_in_trial_k"])
    if gap_k <= result["limit_k"]:
        return int(result["level_percent"])
    return int(result["level_percent"] * result["limit_k"] / gap_k)


@dataclass(frozen=True)
class Comparison:
    """The sensor with the largest difference: its name, and the rises of both arms, K, with the
    middle of each bin, s after its begin."""

    sensor: str
    seconds: list[float]
    active_k: list[float]
    sham_k: list[float]


def compare_sensor(result: Mapping[str, Any]) -> Comparison:
    """Return what a picture of a result shows. Raises InvalidFile for one that has no such
    numbers."""
    try:
        active, sham = result["active_rise_k"], result["sham_rise_k"]
        gaps = [
            (abs(a - s), place)
            for x, y in zip(active, sham, strict=True)
            for place, (a, s) in enumerate(zip(x, y, strict=True))
        ]
        place = max(gaps)[1]
        return Comparison(
            str(result["sensors"][place]),
            [(n + 0.5) * result["bin_s"] for n in range(len(active))],
            [float(row[place]) for row in active],
            [float(row[place]) for row in sham],
        )
    except (ValueError, TypeError, IndexError) as problem:
        raise InvalidFile(f"the heat test of {result['date']} cannot be shown", "test again") from (
            problem
        )


def make_stamp(unix_s: int) -> str:
    """Return local date and time for the name of a result's file."""
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(unix_s))


def save_result(result: dict[str, Any], stamp: str) -> Path:
    """Keep a result in a file of its wrap. stamp: as `make_stamp` returns it. Raises WrapError."""
    folder = tests_dir(result["wrap"])
    disk.make_folder(folder)
    path = folder / f"heat-test-{stamp}.json"
    disk.write_file(path, json.dumps(result, indent=1) + "\n", replace=True)
    return path


def tests_dir(uid: str) -> Path:
    """Return the folder of a wrap's results."""
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in uid)
    return paths.data_dir() / "heat-tests" / safe


def find_newest(uid: str) -> dict[str, Any] | None:
    """Return the newest result of a wrap, or None. Raises InvalidFile for one that cannot be
    read."""
    found = sorted(tests_dir(uid).glob("heat-test-*.json"))
    if not found:
        return None
    with disk.explained(found[-1], "read"):
        raw = found[-1].read_text("utf-8")
    try:
        result = json.loads(raw)
        for key, kind in _SHOWN.items():
            if not isinstance(result[key], kind):
                raise ValueError(f"{key} is {result[key]!r}")
        return result
    except (ValueError, KeyError, TypeError) as problem:
        raise InvalidFile(
            f"{found[-1]} cannot be used: {problem}", "remove it and test again"
        ) from problem
