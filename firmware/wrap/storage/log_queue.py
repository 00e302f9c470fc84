"""Queues records that a step makes until the background work writes them to the log.

A step writes no flash. A record that could not be written stays first in the queue and is tried
again.
"""

from wrap.compat import const
from wrap.rules import faults, states
from wrap.safety.thermistor import OPEN, SHORT
from wrap.storage import payloads, records

_MOST = const(64)
_HALF = const(32)  # of the queue that a host's requests may fill
_RETRY_MS = const(1000)


def known(mc):
    """A temperature for a record: the value, or NO_TEMP."""
    return payloads.NO_TEMP if mc in (OPEN, SHORT) else mc


class LogQueue:
    """log: a wrap.storage.log.Log. `failed`: the last write did not work. `lost`: records dropped
    from a full queue since boot."""

    def __init__(self, log):
        self.log = log
        self.boot = log.boot + 1
        self._queue = []
        self.failed = False
        self.lost = 0
        self._reported = 0  # of those lost, in the last NOTE
        self._retry_ms = 0

    def note(self, kind, up_s, up_ms, payload):
        """Queue a record with the uptime it happened at."""
        if len(self._queue) >= _MOST:
            self._queue.pop(self._least())
            self.lost += 1
        self._queue.append((kind, up_s, up_ms, payload))

    def _least(self):
        """Which record of a full queue goes: the oldest sample, else the oldest behind the head."""
        for i in range(1, len(self._queue)):
            if self._queue[i][0] == records.SAMPLE:
                return i
        return 1

    def idle(self):
        """Nothing waits."""
        return not self._queue

    def crowded(self):
        """Half of the queue is taken: records that a host asks for must wait."""
        return len(self._queue) >= _HALF

    def unreported(self):
        """Whether records were lost that no NOTE counts, and there is room for one."""
        return self.lost != self._reported and not self.crowded()

    def report_lost(self):
        """What a NOTE tells: {"lost": records dropped since boot}."""
        self._reported = self.lost
        return {"lost": self.lost}

    def due(self, lit):
        """Whether the next slice writes a record."""
        if not self._queue or self._retry_ms > 0:
            return False
        return not lit or self.log.fits(self._queue[0][3])  # H-21

    def ready(self):
        """Records of a whole session can be written without an erase."""
        return self.log.prepared()

    def is_quiescent(self, lit):
        """Nothing waits that could be written or erased now."""
        return self.idle() and (lit or self.failed or self.log.prepared())

    def slice(self, dt_ms, lit):
        """Write at most one record, or in the dark erase ahead. True when something was done; a
        failure is kept in `failed`. lit: nothing may be erased now, what needs it waits."""
        if self._retry_ms > 0:
            self._retry_ms -= dt_ms
            return False
        try:
            done = self._write(lit) or (not lit and self._prepare())
        except OSError:
            self.failed = True
            self._retry_ms = _RETRY_MS
            return False
        if done:
            self.failed = False
        return done

    def _write(self, lit):
        if not self.due(lit):
            return False
        kind, up_s, up_ms, payload = self._queue[0]
        self.log.append(kind, self.boot, up_s, up_ms, payload)
        self._queue.pop(0)
        return True

    def _prepare(self):
        if self.log.prepared():
            return False
        self.log.prepare()
        return True


def sample(session, temp_limits, lamps, calibrated):
    """The payload of a SAMPLE record, as things are now."""
    temps = [known(t) for t in temp_limits.temps_mc]
    return payloads.pack_sample(session.state, temps, lamps.duties, doses(lamps, calibrated))


def doses(lamps, calibrated):
    """uJ/cm2 per channel for a record, or NO_DOSE_UJ."""
    return [m.uj if c else payloads.NO_DOSE_UJ for m, c in zip(lamps.meters, calibrated)]


def end(session, temp_limits, lamps, calibrated, reason, fault_count):
    """The payload of an END record."""
    return payloads.pack_end(
        session.number,
        reason,
        session.active_ms,
        session.paused_ms,
        fault_count,
        [payloads.NO_TEMP if t < -100000 else t for t in temp_limits.max_mc],
        [m.on_ms for m in lamps.meters],
        doses(lamps, calibrated),
    )


def state_kind(old, new):
    """Whether a change of state ends a session: it was active and is so no longer."""
    return old in states.ACTIVE and new in (states.DONE, states.FAULT)


def fault_info(code, temp_limits, raws, names, session, boot, up_s, detail):
    """What was known when a fault was met: kept in the latch and in the log."""
    heat = code in (
        faults.SKIN_HOT,
        faults.BOARD_HOT,
        faults.GROSS,
        faults.SENSOR_OPEN,
        faults.SENSOR_SHORT,
    )
    behaved = code in (faults.RATE, faults.STUCK, faults.PAIR, faults.SLIPPED, faults.WIRING)
    i = temp_limits.sensor
    mc = temp_limits.temps_mc[i]
    return {
        "code": code,
        "detail": detail,
        "sensor": names[i] if heat or behaved else None,
        "raw": raws[i] if heat or behaved else None,
        "temp_mc": mc if (heat or behaved) and mc not in (OPEN, SHORT) else None,
        "limit_mc": temp_limits.limit_mc if heat else None,
        "session": session.number if session.active() else 0,
        "active_ms": session.active_ms if session.active() else 0,
        "boot": boot,
        "uptime_s": up_s,
    }
