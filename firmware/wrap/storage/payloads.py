"""Packs the payload of each record type. `payload_reader` unpacks them.

The low nibble of a payload's first byte is its schema version. Numbers are little-endian. SAMPLE
and END store temperatures in 0.01 C as i16 (NO_CC: no valid reading). SAMPLE stores duties in
1/255 and doses in 2 mJ/cm2 (NO_DOSE: not calibrated), END doses in uJ/cm2 (NO_DOSE_UJ).
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
NO_CC = -0x8000
NO_DOSE = 0xFFFF
DOSE_UJ = 2000
OTHER_REASON = 255  # the number of a reason that is not in the list: its text follows
START_BY = ("button", "link")
WAKE_EVENTS = ("asked", "answered", "unanswered")
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


def _reason(text: str) -> bytes:
    """Return a reason's bytes: its number, or OTHER_REASON, a length, at most 60 bytes of text."""
    if text in REASONS:
        return bytes([REASONS.index(text)])
    raw = text.encode()[:60]
    return bytes([OTHER_REASON, len(raw)]) + raw


def _cc(mc: int) -> int:
    """Return a temperature in 0.01 C, rounded and clamped to i16."""
    return NO_CC if mc == NO_TEMP else max(-32767, min(32767, (mc + 5) // 10))


def pack_boot(cause: str, version: str, boot: int) -> bytes:
    """Pack a BOOT record. cause: see `Hal.reset_cause`; boot: the boot number, u32."""
    return struct.pack("<BI", SCHEMA, boot) + (cause + "|" + version).encode()


def pack_clock(unix_s: int) -> bytes:
    """Pack a CLOCK record. unix_s: UTC at this record's uptime."""
    return struct.pack("<BI", SCHEMA, unix_s)


def pack_blob(name: bytes, raw: bytes) -> bytes:
    """Pack a BLOB record: bytes that other records refer to by name (a protocol's canonical JSON,
    calibrations). name: the first 8 bytes of the SHA-256 of `raw`."""
    return struct.pack("<B8s", SCHEMA, name) + raw


def pack_start(
    session: int, start_by: str, protocol: bytes, calibrations: bytes, unix_s: int
) -> bytes:
    """Pack a START record. session: its number, u32; start_by: "button" or "link"; protocol,
    calibrations: names of BLOBs (the latter a JSON list, null for a channel without one); unix_s: 0
    when the clock is not set."""
    return struct.pack(
        "<BIIB8s8s", SCHEMA, session, unix_s, START_BY.index(start_by), protocol, calibrations
    )


def pack_state(old: int, new: int, reason: str) -> bytes:
    """Pack a STATE record. old, new: numbers of wrap.rules.states, 0..15; reason: ASCII text."""
    return struct.pack("<BB", SCHEMA, old << 4 | new) + _reason(reason)


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
        kept = NO_DOSE if dose == NO_DOSE_UJ else min(NO_DOSE - 1, dose // DOSE_UJ)
        struct.pack_into("<H", out, at, kept)
        at += 2
    return out  # type: ignore - as good as bytes, and no copy


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


def pack_wake(what: str, active_ms: int) -> bytes:
    """Pack a WAKE record of a session's wake check. what: "asked", "answered" or "unanswered"."""
    return struct.pack("<BBH", SCHEMA, WAKE_EVENTS.index(what), active_ms // 1000)


def pack_course(what: str, person: str, sha: bytes) -> bytes:
    """Pack a COURSE record. what: one of COURSE_EVENTS; person: tag, ASCII; sha: the 32 bytes of
    the SHA-256 of the course's plan, which the host keeps."""
    return struct.pack("<BB32s", SCHEMA, COURSE_EVENTS.index(what), sha) + person.encode()


def pack_sector(start: int, seq: int, chain: bytes, blobs: "list[tuple[bytes, int]]") -> bytes:
    """Pack a SECTOR record, the head of a sector. start: offset of its first byte in the log, u32;
    seq: this record's full sequence number, u32; chain: SHA-256 of all bytes of the sector before;
    blobs: [(name, offset)]."""
    out = struct.pack("<BII32s", SCHEMA, start, seq, chain)
    for name, offset in blobs:
        out += struct.pack("<8sI", name, offset)
    return out


def sector_blobs(p: bytes) -> "list[tuple[bytes, int]]":
    """Return [(name, offset)] of a SECTOR record: the BLOBs that it names."""
    return [struct.unpack_from("<8sI", p, at) for at in range(41, len(p) - 11, 12)]


def pack_json(obj: dict) -> bytes:
    """Pack a FAULT, ACK or NOTE record: a small JSON object."""
    return struct.pack("<B", SCHEMA) + json.dumps(obj).encode()


def pack_masked(kind: int, session: int, record: int, hidden: bytes) -> bytes:
    """Pack a record of a blind session: its type, which keystream it is under (session and record,
    u32 each), and its payload under that keystream."""
    return bytes([SCHEMA, kind]) + struct.pack("<II", session, record) + hidden
