"""Records what a session does, and updates limits and caps when it ends."""

from wrap.compat import const
from wrap.rules import states
from wrap.safety.thermistor import OPEN, SHORT
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.control.light_output import LightOutput
    from wrap.safety.thermal import ThermalChecks
    from wrap.session.caps import SessionCaps
    from wrap.session.lit_time import LitTime
    from wrap.session.state_machine import Session
    from wrap.session.trial import Trial
    from wrap.session.wake_check import WakeCheck
    from wrap.storage.log_queue import LogQueue
    from wrap.storage.settings import Settings

_RETRY_MS = const(1000)
SAMPLE_MS = const(36000)  # between SAMPLE records: decisions/0012, a session's share of the flash


class SessionRecorder:
    """Makes the records of a session and of its fault. sample_ms: time since the last SAMPLE
    record; fault: evidence of a fault that the next change of state records, or None.

    What a change of state requires is done in parts. A heap without room for one raises
    MemoryError: that part and those behind it are done at the next change, or by
    `finish_when_due`."""

    def __init__(
        self,
        log_queue: "LogQueue",
        settings: "Settings",
        thermal: "ThermalChecks",
        light: "LightOutput",
        caps: "SessionCaps",
        wake_check: "WakeCheck",
        lit_time: "LitTime",
        trial: "Trial",
    ) -> None:
        self._log_queue = log_queue
        self._settings = settings
        self._thermal = thermal
        self._light = light
        self._caps = caps
        self._wake_check = wake_check
        self._lit_time = lit_time
        self._trial = trial
        self._temps_mc = [0] * len(thermal.temp_limits.temps_mc)
        self._doses = [0] * len(light.channel_calibrated)
        self.sample_ms = 0
        self.fault: "dict | None" = None
        self._changes = []  # (session, old state, new one, reason) with parts left to do
        self._part = 0  # the next one of the first change
        self._retry_ms = 0

    def start_session(self) -> None:
        """Start the time to the first sample."""
        self.sample_ms = 0

    def state_changed(self, session: "Session", old: int, new: int, reason: str) -> None:
        """Record a change of state, and the fault before it. At the end of light also record its
        dose, correct the caps, and restore the skin trip of the settings, which its protocol may
        have lowered. Raises MemoryError."""
        self._changes.append((session, old, new, reason))
        self.finish_changes()

    def finish_when_due(self, dt_ms: int) -> None:
        """Let `dt_ms` pass and do the parts that are left. Raises no MemoryError: they are tried
        again after a second."""
        if not self._changes:
            return
        self._retry_ms -= dt_ms
        if self._retry_ms > 0:
            return
        self._retry_ms = _RETRY_MS
        try:
            self.finish_changes()
        except MemoryError:
            return

    def finish_changes(self) -> None:
        """Do the parts that are left. Raises MemoryError."""
        try:
            while self._changes:
                self._finish_change(*self._changes[0])
                self._drop_change()
        except MemoryError:
            raise
        except Exception:
            # It would fail again, and so would each later change.
            self.fault = None
            self._drop_change()
            raise

    def _finish_change(self, session: "Session", old: int, new: int, reason: str) -> None:
        """Do what the change requires from part `_part` on. Raises MemoryError."""
        if self.fault is not None:
            self._log_queue.note(records.FAULT, payloads.pack_json(self.fault))
            self.fault = None
        if self._part == 0:
            self._note_state(session, old, new, reason)
            self._part = 1
        if old not in states.ACTIVE or new in states.ACTIVE:
            return
        fault_count = 1 if new == states.FAULT else 0
        if self._part == 1:
            if session.blind:
                self._trial.end_session()
                self._trial.note_masked(records.END, self._pack_end(session, fault_count, True))
            self._part = 2
        if self._part == 2:
            if session.blind and self._light.has_warmer:
                self._note_masked_warmer()
            self._part = 3
        if self._part == 3:
            self._note_light(session, fault_count)
            self._part = 4
        if self._part == 4:
            self._end_light(session)
            self._part = 5
        self._add_lit_time(session)

    def _drop_change(self) -> None:
        self._changes.pop(0)
        self._part = 0

    def _note_state(self, session: "Session", old: int, new: int, reason: str) -> None:
        if session.calibrating:
            self._note_calibrating(old, new, reason)
        else:
            self._log_queue.note(records.STATE, payloads.pack_state(old, new, reason))

    def _note_masked_warmer(self) -> None:
        # As many digits in both arms: anybody sees the length of a record.
        warmer = {"warmer_ms": "%08d" % self._light.lamps.meters[-1].on_ms}
        self._trial.note_masked(records.NOTE, payloads.pack_json(warmer))

    def _note_light(self, session: "Session", fault_count: int) -> None:
        """Record what the light was that ends. Of a blind session the record that all hosts know
        has no temperatures, light and doses: they are masked, in front of it."""
        if session.calibrating:
            self._note_calibration_light(session)
        else:
            end = self._pack_end(session, fault_count, not session.blind)
            self._log_queue.note(records.END, end)

    def _end_light(self, session: "Session") -> None:
        self._wake_check.end_session()
        self._caps.end_session(session, self._light.lamps.upper_uj())
        self._thermal.temp_limits.set_skin_trip(self._settings.get("trip_mc"))

    def _note_calibrating(self, old: int, new: int, reason: str) -> None:
        """Record the begin and the end of calibration light as one state, which hosts without it do
        not count as light of a session."""
        if old in states.ACTIVE and new not in states.ACTIVE:
            self._log_queue.note(
                records.STATE, payloads.pack_state(states.CALIBRATING, new, reason)
            )
        elif new == states.SELF_TEST:
            self._log_queue.note(
                records.STATE, payloads.pack_state(old, states.CALIBRATING, reason)
            )
        elif old not in states.ACTIVE:  # after its end: to idle, when a fault is acknowledged
            self._log_queue.note(records.STATE, payloads.pack_state(old, new, reason))

    def _note_calibration_light(self, session: "Session") -> None:
        light = {
            "reason": session.end_reason,
            "active_ms": session.active_ms,
            "on_ms": self._light.on_ms(),
        }
        if self._light.has_warmer:
            light["warmer_ms"] = self._light.lamps.meters[-1].on_ms
        self._log_queue.note(records.NOTE, payloads.pack_json({"calibration_light_end": light}))

    def _add_lit_time(self, session: "Session") -> None:
        """Count the light for the age of the LEDs. Hosts can read it, so a blind session counts
        without derating, and as if it were active."""
        meters = self._light.lamps.meters
        if session.blind:
            pms = session.plan.shown_pm
            self._lit_time.add([session.active_ms * pm // 1000 for pm in pms])
        else:
            self._lit_time.add([m.on_ms for m in meters])

    def add_elapsed(self, ms: int) -> None:
        """Add `ms` in which no sample was due."""
        self.sample_ms += ms

    def sample_in_ms(self) -> int:
        """Return the milliseconds until a sample is due."""
        return SAMPLE_MS - self.sample_ms

    def advance(self, session: "Session", dt_ms: int) -> None:
        """Let `dt_ms` pass and record a sample when it is due."""
        self.sample_ms += dt_ms
        if self.sample_ms >= SAMPLE_MS:
            # The rest counts for the next sample, so that samples do not drift.
            self.sample_ms -= SAMPLE_MS
            if session.blind:
                self._trial.note_masked(records.SAMPLE, self._sample(session))
            elif not session.calibrating:
                self._log_queue.note(records.SAMPLE, self._sample(session))

    def _sample(self, session: "Session") -> bytes:
        # One comes every 36 s, so what it allocates counts: see docs/benchmarks.md.
        temps, temps_mc = self._temps_mc, self._thermal.temp_limits.temps_mc
        for i in range(len(temps)):
            temps[i] = _known_mc(temps_mc[i])
        return payloads.pack_sample(
            session.state, temps, self._light.duties_u16(), self._doses_uj()
        )

    def _pack_end(self, session: "Session", fault_count: int, shown: bool) -> bytes:
        """shown: with temperatures, light and doses."""
        on_ms, doses = self._light.on_ms(), self._doses_uj()
        if not shown:
            on_ms, doses = [0] * len(on_ms), [payloads.NO_DOSE_UJ] * len(on_ms)
        max_mc = self._thermal.temp_limits.max_mc
        return payloads.pack_end(
            session.number,
            session.end_reason,
            session.active_ms,
            session.paused_ms,
            fault_count,
            # A sensor that never gave a valid reading still has TempLimits' start value.
            [t if shown and t >= -100000 else payloads.NO_TEMP for t in max_mc],
            on_ms,
            doses,
        )

    def _doses_uj(self) -> "list[int]":
        """Return the dose of each channel of light, in a list that the next call fills again."""
        doses, light = self._doses, self._light
        for i in range(len(doses)):
            calibrated = light.channel_calibrated[i]
            doses[i] = light.lamps.meters[i].uj if calibrated else payloads.NO_DOSE_UJ
        return doses


def _known_mc(mc: int) -> int:
    return payloads.NO_TEMP if mc == OPEN or mc == SHORT else mc  # `in` would allocate
