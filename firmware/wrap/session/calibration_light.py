"""Begins light for a calibration: one channel lights a meter on the bench, with no person in the
wrap. The warmer of a board that has one is a channel here as well: its heat is compared with that
of light (docs/trial.md).

It goes the way of a session, with all its checks of heat, sensors, outputs and wiring, and has
limits of its own (docs/safety.md, "The calibration light"):

* Only a host begins it, and only while it renews its lease. The button, a pause or a stop ends it.
* A pad that may be worn is refused, before light and while it is lit.
* The skin trip is the strictest of all, so the light goes out near the warmth of worn skin.
* It lasts limits.CAL_LIGHT_S at most, with limits.CAL_LIGHT_HOUR_S of light in 60 min, and counts
  in the light of the day: so it never gives a person more light than sessions could.
"""

from wrap.compat import const
from wrap.errors import BAD_PARAM, INVALID, NOT_NOW, Refused
from wrap.rules import limits
from wrap.rules.protocol import Plan
from wrap.session.holds import ANYBODY
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable

    from wrap.safety.thermal import ThermalChecks
    from wrap.session.caps import SessionCaps
    from wrap.session.control import SessionControl
    from wrap.session.start_guard import StartGuard
    from wrap.session.trial import Trial
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.settings import Settings

_NAME = "calibration"


class CalibrationLight:
    """Starts the light of one channel. names: of the channels and of a warmer, in the order of the
    board; trial: the blinded one; collect(): collects garbage."""

    def __init__(
        self,
        guard: "StartGuard",
        control: "SessionControl",
        settings: "Settings",
        caps: "SessionCaps",
        thermal: "ThermalChecks",
        log_queue: "LogQueue",
        names: "tuple[str, ...]",
        trial: "Trial",
        collect: "Callable[[], None]",
    ) -> None:
        self._guard = guard
        self._control = control
        self._settings = settings
        self._caps = caps
        self._thermal = thermal
        self._log_queue = log_queue
        self._names = names
        self._trial = trial
        self._collect = collect

    def begin(self, channel: str, duty_pm: int, seconds: int) -> None:
        """Begin light of one channel. duty_pm: permille of full duty, which the power limit may
        lower. Raises Refused or OSError; then nothing has begun."""
        if channel not in self._names:
            raise Refused(BAD_PARAM, "the channel must be one of " + ", ".join(self._names))
        if self._trial.is_blind and self._trial.is_warmer(self._names.index(channel)):
            raise Refused(
                NOT_NOW, "the warmer alone would show what the arms of the trial feel like"
            )
        self._guard.require_ready()
        self._guard.holds.require_free(ANYBODY)
        if seconds > self._settings.get("light_day_s"):
            raise Refused(INVALID, "the light is longer than the light_day_s setting allows")
        if self._thermal.may_be_worn():  # H-62
            raise Refused(
                NOT_NOW,
                "the wrap reads as worn, or is warm from light: take it off, lay it open, and wait"
                " until every skin sensor is below %d C" % (limits.WORN_MIN_MC // 1000),
            )
        plan = _plan(channel, duty_pm, seconds, self._names)
        why = self._caps.calibration_refusal(plan)
        if why:
            raise Refused(NOT_NOW, why)
        self._caps.begin_calibration(plan)
        try:
            self._control.prepare_calibration(plan)
            asked = {"channel": channel, "duty_pm": duty_pm, "seconds": seconds}
            note = payloads.pack_json({"calibration_light": asked})
            self._log_queue.note(records.NOTE, note)
        except MemoryError:
            self._caps.cancel_session()
            raise
        self._collect()  # in the dark, as before a session
        self._control.session.begin_calibration(plan)


def _plan(channel: str, duty_pm: int, seconds: int, names: "tuple[str, ...]") -> Plan:
    """Return the plan of one channel at one duty, with the strictest skin trip."""
    step = {"t": seconds, "ch": {channel: [duty_pm]}}
    plan = {"id": _NAME, "name": _NAME, "site": _NAME, "steps": [step]}
    plan["trip"] = limits.SKIN_TRIP_MIN_MC  # H-62
    return Plan(plan, names)
