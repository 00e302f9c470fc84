"""Makes logs in the format of a wrap, for tests."""

from __future__ import annotations

import hashlib
import json

from wrap.rules import states
from wrap.storage import payloads, records

PROTOCOL = b'{"id":"foot"}'
CAL = [{"uw": 20000, "unc_pm": 100, "date": 20260101, "how": "meter"}, None]


class LogMaker:
    """Appends records to `raw`; the test sets uptime and boot."""

    def __init__(self) -> None:
        self.raw = b""
        self.seq = 0
        self.boot = 0
        self.up_ms = 0
        self._blobs: set[bytes] = set()

    def add(self, kind: int, payload: bytes) -> bytes:
        """Append one record; return its bytes."""
        up_s, up_ms = divmod(self.up_ms, 1000)
        record = records.pack(kind, self.seq, self.boot, up_s, up_ms, payload)
        self.raw += record
        self.seq += 1
        return record

    def power_on(self, cause: str = "power") -> None:
        self.boot += 1
        self.up_ms = 500
        self.add(records.BOOT, payloads.pack_boot(cause, "0.1.0", self.boot))

    def clock(self, unix_s: int) -> None:
        self.add(records.CLOCK, payloads.pack_clock(unix_s))

    def start(self, number: int, unix_s: int = 0) -> None:
        names = [self.blob(raw) for raw in (PROTOCOL, json.dumps(CAL).encode())]
        start = payloads.pack_start(number, "button", *names, unix_s)
        self.add(records.START, start)
        self.state(number, states.IDLE, states.SELF_TEST)

    def blob(self, raw: bytes) -> bytes:
        """Append a blob once; return its name."""
        name = hashlib.sha256(raw).digest()[:8]
        if name not in self._blobs:
            self._blobs.add(name)
            self.add(records.BLOB, payloads.pack_blob(name, raw))
        return name

    def state(self, number: int, old: int, new: int, reason: str = "") -> None:
        self.add(records.STATE, payloads.pack_state(old, new, reason))

    def lit(self, number: int) -> None:
        """Begin a session, up to the rise of its light."""
        self.start(number)
        self.state(number, states.SELF_TEST, states.RAMP_UP)

    def sample(self, number: int, skin_mc: int = 33000, dose_uj: int = 4000) -> None:
        doses = [dose_uj, payloads.NO_DOSE_UJ]
        temps = [skin_mc, payloads.NO_TEMP]
        packed = payloads.pack_sample(states.RUNNING, temps, [65535, 6553], doses)
        self.add(records.SAMPLE, packed)

    def fault(self, number: int, code: int = 1) -> None:
        info = {"code": code, "detail": None, "session": number, "sensor": "skin"}
        self.add(records.FAULT, payloads.pack_json(info))

    def lost(self, count: int) -> None:
        self.add(records.NOTE, payloads.pack_json({"lost": count}))

    def end(self, number: int, reason: str, active_ms: int = 600000) -> None:
        self.state(number, states.RAMP_DOWN, states.DONE, reason)
        temps = [36500, payloads.NO_TEMP]
        doses = [6000000, payloads.NO_DOSE_UJ]
        end = payloads.pack_end(number, reason, active_ms, 1000, 0, temps, [300000, 100], doses)
        self.add(records.END, end + bytes(payloads.SEAL))

    def session(self, number: int, reason: str = states.BY_TIME) -> None:
        """Append a whole session with two samples."""
        self.lit(number)
        for k in (1, 2):
            self.up_ms += 10000
            self.sample(number, 33000 + 500 * k, 100000 * k)
        self.end(number, reason)


def dated_log() -> LogMaker:
    """Make a whole session with the clock set, and a running one without."""
    log = LogMaker()
    log.power_on()
    log.clock(1_790_000_000)
    log.session(1)
    log.power_on()
    log.lit(2)
    log.up_ms += 10000
    log.sample(2)
    return log
