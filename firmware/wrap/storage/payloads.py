"""Packs and unpacks the payload of each record type. Shared with the host.

The low nibble of a payload's first byte is its schema version. Numbers are little-endian. SAMPLE
and END store temperatures in 0.01 C as i16 (_NO_CC: no valid reading). SAMPLE stores duties in
1/255 and doses in 2 mJ/cm2 (_NO_DOSE: not calibrated), END doses in uJ/cm2 (NO_DOSE_UJ). The keys
of what is unpacked name the units. All unpack functions raise ValueError, IndexError, KeyError or
struct.error for a damaged payload.
"""

import json
import struct

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Sequence

NO_TEMP = -0x80000000  # a temperature in mC without a valid reading
NO_DOSE_UJ = 0xFFFFFFFF  # a dose of a channel that is not calibrated
SCHEMA = 1
SEAL = 32  # bytes of SHA-256 at the end of an END record's payload, see `Log`
_NO_CC = -0x8000
_NO_DOSE = 0xFFFF
_DOSE_UJ = 2000
_TEXT = 255  # the number of a reason that is not in the list: its text follows
_BY = ("button", "link")
_WAKE = ("asked", "answered", "unanswered")
COURSE_EVENTS = ("frozen", "closed")  # of a course's plan; the log stores the index
# The log stores a reason's index: entries are appended only, never changed or moved.
REASONS = (
    "",
    "button",
    "link",
    "time",
    "dose",
    "dose-cap",
    "pause-timeout",
    "lease-lost",
    "wake",
    "moved",
    "fault",
    "at level",
    "self-test passed, not sensed",
    "self-test passed, each way to dark was sensed dark",
    "acknowledged by button",
    "acknowledged by link",
    "self-test passed, not sensed, limited power",
    "self-test passed, each way to dark was sensed dark, limited power",
    "worn",
)


def schema(payload: bytes) -> int:
    """Return the schema version of a payload, 0 when it is empty."""
    return payload[0] & 15 if payload else 0


def _text(payload: bytes, at: int) -> str:
    """Return the text from `at` on. Raises ValueError when it is not UTF-8."""
    return bytes(payload[at:]).decode()


def _reason(text: str) -> bytes:
    """Return a reason's bytes: its number, or _TEXT, a length and at most 60 bytes of text."""
    if text in REASONS:
        return bytes([REASONS.index(text)])
    raw = text.encode()[:60]
    return bytes([_TEXT, len(raw)]) + raw


def _reason_at(p: bytes, at: int) -> "tuple[str, int]":
    """Return (reason, offset behind it). The number of a newer firmware becomes "reason-NUMBER"."""
    n = p[at]
    if n == _TEXT:
        end = at + 2 + p[at + 1]
        return bytes(p[at + 2 : end]).decode(), end
    return (REASONS[n] if n < len(REASONS) else "reason-%d" % n), at + 1


def _cc(mc: int) -> int:
    """Return a temperature in 0.01 C, rounded and clamped to i16."""
    return _NO_CC if mc == NO_TEMP else max(-32767, min(32767, (mc + 5) // 10))


def _mc(cc: int) -> "int | None":
    """Return a stored temperature in mC, None without a valid reading."""
    return None if cc == _NO_CC else cc * 10


def _uj(dose: int) -> "int | None":
    """Return a stored dose in uJ/cm2, None of a channel that is not calibrated."""
    return None if dose == NO_DOSE_UJ else dose


def pack_boot(cause: str, version: str, boot: int) -> bytes:
    """Pack a BOOT record. cause: see `Hal.reset_cause`; boot: the boot number, u32."""
    return struct.pack("<BI", SCHEMA, boot) + (cause + "|" + version).encode()


def unpack_boot(p: bytes) -> dict:
    """Unpack a BOOT record."""
    cause, version = _text(p, 5).split("|", 1)
    return {"cause": cause, "version": version, "resets": struct.unpack_from("<I", p, 1)[0]}


def pack_clock(unix_s: int) -> bytes:
    """Pack a CLOCK record. unix_s: UTC at this record's uptime."""
    return struct.pack("<BI", SCHEMA, unix_s)


def unpack_clock(p: bytes) -> dict:
    """Unpack a CLOCK record."""
    return {"unix_s": struct.unpack_from("<I", p, 1)[0]}


def pack_blob(name: bytes, raw: bytes) -> bytes:
    """Pack a BLOB record: bytes that other records refer to by name (a protocol's canonical JSON,
    calibrations). name: the first 8 bytes of the SHA-256 of `raw`."""
    return struct.pack("<B8s", SCHEMA, name) + raw


def unpack_blob(p: bytes) -> dict:
    """Unpack a BLOB record, its name in hex."""
    return {"name": bytes(p[1:9]).hex(), "raw": bytes(p[9:])}


def pack_start(
    session: int, start_by: str, protocol: bytes, calibrations: bytes, unix_s: int
) -> bytes:
    """Pack a START record. session: its number, u32; start_by: "button" or "link"; protocol,
    calibrations: names of BLOBs (the latter a JSON list, null for a channel without one); unix_s: 0
    when the clock is not set."""
    return struct.pack(
        "<BIIB8s8s", SCHEMA, session, unix_s, _BY.index(start_by), protocol, calibrations
    )


def unpack_start(p: bytes) -> dict:
    """Unpack a START record, names of BLOBs in hex."""
    _, session, unix_s, by, protocol, calibrations = struct.unpack_from("<BIIB8s8s", p, 0)
    return {
        "session": session,
        "unix_s": unix_s,
        "by": _BY[by],
        "protocol_blob": bytes(protocol).hex(),
        "cal_blob": bytes(calibrations).hex(),
    }


def pack_state(old: int, new: int, reason: str) -> bytes:
    """Pack a STATE record. old, new: numbers of wrap.rules.states, 0..15; reason: ASCII text."""
    return struct.pack("<BB", SCHEMA, old << 4 | new) + _reason(reason)


def unpack_state(p: bytes) -> dict:
    """Unpack a STATE record."""
    return {"old": p[1] >> 4, "new": p[1] & 15, "reason": _reason_at(p, 2)[0]}


def pack_sample(
    state: int, temps_mc: "Sequence[int]", duties_u16: "Sequence[int]", doses_uj: "Sequence[int]"
) -> bytes:
    """Pack a SAMPLE record: state number, temperature (or NO_TEMP) per sensor, duty and dose (or
    NO_DOSE_UJ) per channel."""
    n, c = len(temps_mc), len(duties_u16)
    out = bytearray(2 + 2 * n + 3 * c)
    out[0] = state << 4 | SCHEMA
    out[1] = n << 4 | c
    at = 2
    for t in temps_mc:
        struct.pack_into("<h", out, at, _cc(t))
        at += 2
    for d in duties_u16:
        out[at] = (d + 128) // 257
        at += 1
    for dose in doses_uj:
        kept = _NO_DOSE if dose == NO_DOSE_UJ else min(_NO_DOSE - 1, dose // _DOSE_UJ)
        struct.pack_into("<H", out, at, kept)
        at += 2
    return out  # type: ignore - as good as bytes, and no copy


def unpack_sample(p: bytes) -> dict:
    """Unpack a SAMPLE record."""
    n, c = p[1] >> 4, p[1] & 15
    temps = struct.unpack_from("<%dh" % n, p, 2)
    duties = struct.unpack_from("%dB" % c, p, 2 + 2 * n)
    doses = struct.unpack_from("<%dH" % c, p, 2 + 2 * n + c)
    return {
        "state": p[0] >> 4,
        "temps_mc": [_mc(t) for t in temps],
        "duties_u16": [d * 257 for d in duties],
        "doses_uj": [None if d == _NO_DOSE else d * _DOSE_UJ for d in doses],
    }


def pack_end(
    session: int,
    reason: str,
    active_ms: int,
    paused_ms: int,
    fault_count: int,
    temps_mc: "Sequence[int]",
    on_ms: "Sequence[int]",
    doses_uj: "Sequence[int]",
) -> bytes:
    """Pack an END record, a session's sums, without the seal that `Log` appends. temps_mc: the
    highest (or NO_TEMP) per sensor; on_ms, doses_uj (or NO_DOSE_UJ): per channel."""
    n, c = len(temps_mc), len(on_ms)
    out = struct.pack(
        "<BIIIBB", SCHEMA, session, active_ms, paused_ms, min(255, fault_count), n << 4 | c
    )
    for t in temps_mc:
        out += struct.pack("<h", _cc(t))
    for on, dose in zip(on_ms, doses_uj):
        out += struct.pack("<II", on, dose)
    return out + _reason(reason)


def unpack_end(p: bytes) -> dict:
    """Unpack an END record, its seal in hex."""
    _, session, active_ms, paused_ms, fault_count, sizes = struct.unpack_from("<BIIIBB", p, 0)
    n, c = sizes >> 4, sizes & 15
    temps = struct.unpack_from("<%dh" % n, p, 15)
    sums = struct.unpack_from("<%dI" % (2 * c), p, 15 + 2 * n)
    reason, end = _reason_at(p, 15 + 2 * n + 8 * c)
    return {
        "session": session,
        "reason": reason,
        "active_ms": active_ms,
        "paused_ms": paused_ms,
        "dose_uj": [_uj(sums[i]) for i in range(1, 2 * c, 2)],
        "on_ms": [sums[i] for i in range(0, 2 * c, 2)],
        "max_mc": [_mc(t) for t in temps],
        "faults": fault_count,
        "seal": bytes(p[end : end + SEAL]).hex(),
    }


def pack_wake(what: str, active_ms: int) -> bytes:
    """Pack a WAKE record of a session's wake check. what: "asked", "answered" or "unanswered"."""
    return struct.pack("<BBH", SCHEMA, _WAKE.index(what), active_ms // 1000)


def unpack_wake(p: bytes) -> dict:
    """Unpack a WAKE record."""
    _, what, active_s = struct.unpack_from("<BBH", p, 0)
    return {"wake": _WAKE[what], "active_ms": active_s * 1000}


def pack_course(what: str, person: str, sha: bytes) -> bytes:
    """Pack a COURSE record. what: one of COURSE_EVENTS; person: tag, ASCII; sha: the 32 bytes of
    the SHA-256 of the course's plan, which the host keeps."""
    return struct.pack("<BB32s", SCHEMA, COURSE_EVENTS.index(what), sha) + person.encode()


def unpack_course(p: bytes) -> dict:
    """Unpack a COURSE record, its hash in hex."""
    _, what, sha = struct.unpack_from("<BB32s", p, 0)
    return {"what": COURSE_EVENTS[what], "person": _text(p, 34), "sha": bytes(sha).hex()}


def pack_sector(start: int, seq: int, chain: bytes, blobs: "list[tuple[bytes, int]]") -> bytes:
    """Pack a SECTOR record, the head of a sector. start: offset of its first byte in the log, u32;
    seq: this record's full sequence number, u32; chain: SHA-256 of all bytes of the sector before;
    blobs: [(name, offset)]."""
    out = struct.pack("<BII32s", SCHEMA, start, seq, chain)
    for name, offset in blobs:
        out += struct.pack("<8sI", name, offset)
    return out


def unpack_sector(p: bytes) -> dict:
    """Unpack a SECTOR record, `chain` in hex."""
    _, start, seq, chain = struct.unpack_from("<BII32s", p, 0)
    blobs = [struct.unpack_from("<8sI", p, at) for at in range(41, len(p) - 11, 12)]
    return {"start": start, "seq": seq, "chain": bytes(chain).hex(), "blobs": blobs}


def pack_json(obj: dict) -> bytes:
    """Pack a FAULT, ACK or NOTE record: a small JSON object."""
    return struct.pack("<B", SCHEMA) + json.dumps(obj).encode()


def unpack_json(p: bytes) -> dict:
    """Unpack a FAULT, ACK or NOTE record."""
    return json.loads(_text(p, 1))


def pack_masked(kind: int, session: int, record: int, hidden: bytes) -> bytes:
    """Pack a record of a blind session: its type, which keystream it is under (session and record,
    u32 each), and its payload under that keystream."""
    return bytes([SCHEMA, kind]) + struct.pack("<II", session, record) + hidden


def unpack_masked(p: bytes) -> dict:
    """Return kind, session, record and hidden of a MASKED record."""
    session, record = struct.unpack_from("<II", p, 2)
    return {"kind": p[1], "session": session, "record": record, "hidden": bytes(p[10:])}
