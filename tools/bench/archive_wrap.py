"""Makes the log of a wrap that is used once a day, for measuring the archive.

Sectors, chain and seals are as a wrap writes them (`wrap.storage.log`), so `logs verify` finds no
error. On every other day the clock is set; the other days are dated by the mark of a pull.
"""

from __future__ import annotations

import hashlib

from pbmwrap.logs.clock import Mark
from wrap.rules import states
from wrap.storage import payloads, records

SAMPLES = 20
_SAMPLE_MS = 30_000
_SECTOR = 4096
_DAY_S = 86_400
_FIRST_S = 1_600_000_000
_PROTOCOL = b'{"grade":"weak","id":"foot","name":"Foot","site":"foot-left"}'
_CAL = b'[{"how":"meter","unc_pm":100,"uw":20000},{"how":"meter","unc_pm":100,"uw":25000}]'
HELLO = {
    "fw": "0.1.0",
    "board": "PBMWRAP_RP2040",
    "channels": [["red", 660], ["nir", 850]],
    "sensors": [["skin", "skin"], ["board", "board"]],
}


class BenchWrap:
    """A wrap with `sessions` sessions. first_s: UTC, the day before the first one. raw: its log.
    marks: of the pulls."""

    def __init__(self, sessions: int, first_s: int = _FIRST_S) -> None:
        self._first_s = first_s
        self.raw = bytearray()
        self.marks: list[Mark] = []
        self._seq = self._boot = self._up_ms = self._sector = 0
        self._add_record(records.SECTOR, payloads.pack_sector(0, 0, bytes(32), []))
        self._names = self._pack_blob(_PROTOCOL), self._pack_blob(_CAL)
        for number in range(1, sessions + 1):
            self._add_session(number)

    def _add_record(self, kind: int, payload: bytes) -> None:
        if len(self.raw) + records.size(len(payload)) + payloads.SEAL > self._sector + _SECTOR:
            self._next_sector()
        self._write_record(kind, payload)

    def _write_record(self, kind: int, payload: bytes) -> None:
        if kind == records.END:
            payload = self._append_seal(payload)
        up_s, up_ms = divmod(self._up_ms, 1000)
        self.raw += records.pack(kind, self._seq, self._boot, up_s, up_ms, payload)
        self._seq += 1

    def _append_seal(self, payload: bytes) -> bytes:
        """Append the seal, which also covers the bytes of its own record before it."""
        up_s, up_ms = divmod(self._up_ms, 1000)
        unsealed = payload + bytes(payloads.SEAL)
        record = records.pack(records.END, self._seq, self._boot, up_s, up_ms, unsealed)
        before = self.raw[self._sector :] + record[: -payloads.SEAL - records.CRC_SIZE]
        return payload + hashlib.sha256(before).digest()

    def _next_sector(self) -> None:
        chain = hashlib.sha256(self.raw[self._sector :]).digest()
        self._sector = len(self.raw)
        head = payloads.pack_sector(self._sector, self._seq, chain, [])
        self._write_record(records.SECTOR, head)

    def _pack_blob(self, raw: bytes) -> bytes:
        name = hashlib.sha256(raw).digest()[:8]
        self._add_record(records.BLOB, payloads.pack_blob(name, raw))
        return name

    def _add_session(self, number: int) -> None:
        self._boot, self._up_ms = number, 500
        unix_s = self._first_s + number * _DAY_S
        self._add_record(records.BOOT, payloads.pack_boot("power", "0.1.0", number))
        if number % 2:
            self._add_record(records.CLOCK, payloads.pack_clock(unix_s))
        else:
            self.marks.append(Mark(number, 900_000, (unix_s + 900) * 1000))
        start = unix_s if number % 2 else 0
        self._add_record(records.START, payloads.pack_start(number, "button", *self._names, start))
        self._add_state(states.IDLE, states.SELF_TEST)
        self._add_state(states.SELF_TEST, states.RAMP_UP)
        for place in range(1, SAMPLES + 1):
            self._up_ms += _SAMPLE_MS
            self._add_sample(number, place)
        self._add_state(states.RUNNING, states.DONE, states.BY_TIME)
        self._add_end(number)

    def _add_state(self, old: int, new: int, reason: str = "") -> None:
        self._add_record(records.STATE, payloads.pack_state(old, new, reason))

    def _add_sample(self, number: int, place: int) -> None:
        temps = [33_000 + 200 * place + number % 700, 30_000 + 100 * place]
        doses = [600_000 * place, 700_000 * place]
        packed = payloads.pack_sample(states.RUNNING, temps, [65535, 32768], doses)
        self._add_record(records.SAMPLE, bytes(packed))

    def _add_end(self, number: int) -> None:
        temps, on_ms = [37_000 + number % 700, 32_000], [590_000, 295_000]
        doses = [12_000_000, 14_000_000]
        ended = (number, states.BY_TIME, 600_000, 0, 0, temps, on_ms, doses)
        self._add_record(records.END, payloads.pack_end(*ended))
