"""Hand-made changes of the device package, and the piece that has to notice each."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """file: below wrap. old: what stands there once; new: instead."""

    piece: str
    file: str
    old: str
    new: str


_RECORDS = (
    ("tag - _TAG, seq", "tag & 15, seq"),
    ("buf[at] & _TAG_MASK != _TAG", "buf[at] & 0xA0 != _TAG"),
    ("at + OVERHEAD > len(buf)", "at + OVERHEAD >= len(buf)"),
    ("if not _LONG <= n", "if not _LONG < n"),
    ("<= n <= MAX_PAYLOAD", "<= n < MAX_PAYLOAD"),
    ("if end + CRC_SIZE > len(buf)", "if end + CRC_SIZE >= len(buf)"),
    ("n if n < _LONG else _LONG", "n if n < _LONG - 1 else _LONG"),
    ("(0 if len(payload) < _LONG else 2)", "(0 if len(payload) <= _LONG else 2)"),
    ("up % 100 * 10", "up % 100"),
    ("up_s * 100 + up_ms // 10", "up_s * 100 + (up_ms + 5) // 10"),
    ("len(record[5]) >= 9", "len(record[5]) > 9"),
    ("((record[1] - before - 1) & 0xFFFF)", "((record[1] - before - 1) & 0x7FFF)"),
    ("boot & 0xFFFF", "boot & 0x7FFF"),
    ("gaps.append((lost, end))", "gaps.append((lost, end - 1))"),
    ("while at < end:", "while at <= end - 1 - (until is not None):"),
)
_PAYLOADS = (
    ("(mc + 5) // 10", "mc // 10"),
    ("max(-32767, min", "max(-32768, min"),
    ("(d + 128) // 257", "d // 257"),
    ("min(_NO_DOSE - 1, dose", "min(_NO_DOSE, dose"),
    ("min(255, fault_count)", "fault_count & 255"),
    ("range(1, 2 * c, 2)", "range(0, 2 * c, 2)"),
    ("text.encode()[:60]", "text.encode()[:59]"),
    ("REASONS[n] if n < len(REASONS)", "REASONS[n] if n < len(REASONS) - 1"),
    ("active_ms // 1000)", "(active_ms + 999) // 1000 & 0xFFFF)"),
    ("range(41, len(p) - 11, 12)", "range(41, len(p) - 12, 12)"),
    ("old << 4 | new", "old << 4 ^ new << 1"),
    ("payload[0] & 15 if payload", "payload[0] & 7 if payload"),
    ("end = at + 2 + p[at + 1]", "end = at + 2 + (p[at + 1] & 63)"),
    ("bytes(p[end : end + SEAL])", "bytes(p[end : end + SEAL - 1])"),
)
_PROTOCOL = (
    ("not low <= value <= high", "not low <= value < high"),
    ("if not 32 <= c <= 126", "if not 32 <= c <= 127"),
    ("48 <= c <= 57 or c == 45", "48 <= c <= 58 or c == 45"),
    ("97 <= c <= 122", "97 <= c < 122"),
    ("len(value) > size", "len(value) >= size"),
    ('("grade", 40, False)', '("grade", 41, False)'),
    ("not 0 <= level <= 1000", "not 0 <= level <= 1001"),
    ("not 1 <= on <= 1000", "not 0 <= on <= 1000"),
    ("limits.PULSE_MIN_HZ <= hz <=", "limits.PULSE_MIN_HZ < hz <="),
    ("<= hz <= limits.FLICKER_MAX_HZ", "<= hz < limits.FLICKER_MAX_HZ"),
    ("flicker_ok is True:", "flicker_ok:"),
    ("type(seconds) is not int or not 1", "type(seconds) is not int or not 0"),
    ('or obj["v"] != SCHEMA', 'or obj["v"] > SCHEMA'),
    ("1 <= len(steps) <= MAX_STEPS", "1 <= len(steps) < MAX_STEPS"),
    ("if total > limits.SESSION_MAX_S", "if total >= limits.SESSION_MAX_S"),
    ("len(raw) > MAX_BYTES", "len(raw) >= MAX_BYTES"),
    ('raw.count(b"{") > _MOST_BRACKETS', 'raw.count(b"{") >= _MOST_BRACKETS'),
    ("elif key in _REQUIRED and key in obj and not value", "elif False"),
    ("        return (0, 0, 1000)", "        return (0, 0, 1)"),
    ('self.name = obj["name"]', 'self.name = obj["id"]'),
    ('get("dose") * 1000', 'get("dose") * 1000 & 0xFFFFFF'),
)
_DOSE = (
    ("self._on_rest + duty_u16 * dt_ms", "duty_u16 * dt_ms"),
    ("rest - ms * _FULL", "rest - ms * 65536"),
    ("const(65535)", "const(65536)"),
    ("self._nj = nj - uj * 1000", "self._nj = 0"),
    ("self._upper_nj + ms * self.upper_uw", "self._upper_nj + ms * self.full_uw"),
    ("self._upper_nj = nj - uj * 1000", "self._upper_nj = nj - uj * 1000 & 511"),
    ("nj = self._nj + ms", "nj = ms"),
    ("self.uj += uj", "self.uj = self.uj + uj & 0xFFFFFF"),
)
_LOG = (
    ("self.seq = (found[-1][1] + 1) & _SEQ", "self.seq = found[-1][1] & _SEQ"),
    ("self.boot = found[-1][2]", "self.boot = found[0][2]"),
    ("self.torn = self._at - gaps[-1][0]", "self.torn = 0"),
    (
        "            self._remove_sector(i)\n        self._s.erase",
        "            pass\n        self._s.erase",
    ),
    ("self._free_bytes() < size", "self._free_bytes() <= size"),
    ("[1 - _BLOBS :]", "[-_BLOBS :]"),
    ("self._at += self._pad", "self._at += 0"),
    ("or offset < self.first", "or offset <= self.first"),
    ("data[: -payloads.SEAL - records.CRC_SIZE]", "data[: -payloads.SEAL]"),
    ("self.end - offset < quarter", "self.end - offset <= 0"),
    ("n = min(n, stop - offset)", "n = min(n, stop - offset + 1)"),
    ("if offset < self._stop(i)", "if offset <= self._stop(i)"),
)
_ROOMS = (
    ("guard", "safety/thermal.py", "ms >= 2 * _SECOND_MS", "ms > 2 * _SECOND_MS"),
    ("guard", "safety/thermal.py", "> limits.RATE_MC_S * ms", "> 2 * limits.RATE_MC_S * ms"),
    ("guard", "safety/thermal.py", "if on < 0:", "if on < -99999999:"),
    ("guard", "safety/thermal.py", "return total // n if n", "return total if n"),
    (
        "guard",
        "safety/sensor_check.py",
        "self._apart_s >= limits.PAIR_S",
        "self._apart_s > limits.PAIR_S",
    ),
    ("guard", "safety/sensor_check.py", "_SLIP_S // 2) < before and", "_SLIP_S // 4) < before and"),
    (
        "guard",
        "safety/sensor_check.py",
        "self._still_s[i] < limits.STUCK_S",
        "self._still_s[i] < 61",
    ),
    ("guard", "safety/heat_balance.py", "* gap // 800", "* gap // 1000"),
    ("guard", "safety/heat_balance.py", "* gap // 2000", "* gap // 1000"),
    ("guard", "safety/heat_balance.py", "written * limits.WEAK_PM // 1000 + spare", "spare"),
    ("guard", "safety/heat_balance.py", "self._cover_s >= limits", "self._cover_s > limits"),
    ("monitor", "safety/temp_limits.py", "raw <= self._gross_raw[i]", "raw < self._gross_raw[i]"),
    ("monitor", "safety/temp_limits.py", "raw > self._cold_raw", "raw >= self._cold_raw"),
    ("trend", "safety/derate.py", "(fine - self._fine) >> 4", "(fine - self._fine) // 16 + 1"),
    ("trend", "safety/derate.py", "FULL_Q * room // band", "FULL_Q * (room + 1) // band"),
    ("trend", "safety/trend.py", "(value - self.now) // 4", "int((value - self.now) / 4)"),
    ("trend", "safety/trend.py", "self.n - 1 - seconds", "self.n - seconds"),
    ("latch", "safety/fault_latch.py", "self.later += 1", "self.later = 1"),
    ("latch", "safety/fault_latch.py", 'store.damaged or "code"', '"code"'),
    ("latch", "safety/fault_latch.py", "if self._save_ms > 0", "if self._save_ms >= 0"),
    (
        "latch",
        "storage/atomic_store.py",
        "kept[0] > self._generation",
        "kept[0] >= self._generation + 2",
    ),
    (
        "resets",
        "safety/restart_count.py",
        "count >= limits.RESETS_MOST",
        "count > limits.RESETS_MOST",
    ),
    ("resets", "safety/restart_count.py", "up_s >= limits", "up_s > limits"),
    ("course", "session/site_history.py", "0 < behind <= limits", "0 <= behind < limits"),
    ("course", "session/site_history.py", "0 < gain_s <= limits", "0 < gain_s < 100 * limits"),
    ("course", "session/site_history.py", ">= SITES_MOST", "> SITES_MOST"),
    ("course", "session/site_history.py", "upper_uj * 10 //", "upper_uj * 9 //"),
    ("course", "session/site_history.py", "self.save_at_s = up_s + _RETRY_S", "pass"),
    (
        "machine",
        "session/state_machine.py",
        "0 < self.plan.dose_uj",
        "1 < self.plan.dose_uj - 3000",
    ),
    ("machine", "session/state_machine.py", ">= self.plan.total_ms", "> self.plan.total_ms"),
    (
        "machine",
        "session/state_machine.py",
        ">= limits.PAUSE_TIMEOUT_S",
        "> limits.PAUSE_TIMEOUT_S",
    ),
    ("machine", "session/wake_check.py", "(left_ms + 999)", "(left_ms + 1)"),
    (
        "hands",
        "ui/button.py",
        "self._differs_ms >= _DEBOUNCE_MS",
        "self._differs_ms > _DEBOUNCE_MS",
    ),
    ("hands", "ui/button.py", "if self._gap_ms < _GAP_MS", "if self._gap_ms <= _GAP_MS"),
    ("hands", "ui/button.py", "return LONG\n", "return NONE\n"),
    ("hands", "ui/indicator.py", "at & 2 == 0", "at & 3 == 0"),
    ("hands", "ui/indicator.py", "code // 10 * _LONG", "code // 10 * 2 * _LONG"),
    ("slots", "storage/protocols.py", "if len(raw) < 34", "if len(raw) < 999"),
    ("slots", "storage/protocols.py", "range(1, SLOTS + 1)", "range(1, SLOTS - 1)"),
)


def _of(piece: str, file: str, pairs: tuple[tuple[str, str], ...]) -> tuple[Mutant, ...]:
    return tuple(Mutant(piece, file, old, new) for old, new in pairs)


MUTANTS = (
    *_of("records", "storage/records.py", _RECORDS),
    *_of("payloads", "storage/payloads.py", _PAYLOADS),
    *_of("protocols", "rules/protocol.py", _PROTOCOL),
    *_of("dose", "control/dose.py", _DOSE),
    *_of("ring", "storage/log.py", _LOG),
    *(Mutant(*one) for one in _ROOMS),
)
