"""Unpacks the payload of each record type. For the host and the tests: an install by files leaves
this module out.

The keys of what is unpacked name the units. All unpack functions raise ValueError, IndexError,
KeyError or struct.error for a damaged payload.
"""

import json
import struct

from wrap.storage import payloads


def schema(payload: bytes) -> int:
    """Return the schema version of a payload, 0 when it is empty."""
    return payload[0] & 15 if payload else 0


def _text(payload: bytes, at: int) -> str:
    """Return the text from `at` on. Raises ValueError when it is not UTF-8."""
    return bytes(payload[at:]).decode()


def _reason_at(p: bytes, at: int) -> "tuple[str, int]":
    """Return (reason, offset behind it). The number of a newer firmware becomes "reason-NUMBER"."""
    n = p[at]
    if n == payloads.OTHER_REASON:
        end = at + 2 + p[at + 1]
        return bytes(p[at + 2 : end]).decode(), end
    return (payloads.REASONS[n] if n < len(payloads.REASONS) else "reason-%d" % n), at + 1


def _mc(cc: int) -> "int | None":
    """Return a stored temperature in mC, None without a valid reading."""
    return None if cc == payloads.NO_CC else cc * 10


def _uj(dose: int) -> "int | None":
    """Return a stored dose in uJ/cm2, None of a channel that is not calibrated."""
    return None if dose == payloads.NO_DOSE_UJ else dose


def unpack_boot(p: bytes) -> dict:
    """Unpack a BOOT record."""
    cause, version = _text(p, 5).split("|", 1)
    return {"cause": cause, "version": version, "resets": struct.unpack_from("<I", p, 1)[0]}


def unpack_clock(p: bytes) -> dict:
    """Unpack a CLOCK record."""
    return {"unix_s": struct.unpack_from("<I", p, 1)[0]}


def unpack_blob(p: bytes) -> dict:
    """Unpack a BLOB record, its name in hex."""
    return {"name": bytes(p[1:9]).hex(), "raw": bytes(p[9:])}


def unpack_start(p: bytes) -> dict:
    """Unpack a START record, names of BLOBs in hex."""
    _, session, unix_s, by, protocol, calibrations = struct.unpack_from("<BIIB8s8s", p, 0)
    return {
        "session": session,
        "unix_s": unix_s,
        "by": payloads.START_BY[by],
        "protocol_blob": bytes(protocol).hex(),
        "cal_blob": bytes(calibrations).hex(),
    }


def unpack_state(p: bytes) -> dict:
    """Unpack a STATE record."""
    return {"old": p[1] >> 4, "new": p[1] & 15, "reason": _reason_at(p, 2)[0]}


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
        "doses_uj": [None if d == payloads.NO_DOSE else d * payloads.DOSE_UJ for d in doses],
    }


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
        "seal": bytes(p[end : end + payloads.SEAL]).hex(),
    }


def unpack_wake(p: bytes) -> dict:
    """Unpack a WAKE record."""
    _, what, active_s = struct.unpack_from("<BBH", p, 0)
    return {"wake": payloads.WAKE_EVENTS[what], "active_ms": active_s * 1000}


def unpack_course(p: bytes) -> dict:
    """Unpack a COURSE record, its hash in hex."""
    _, what, sha = struct.unpack_from("<BB32s", p, 0)
    return {"what": payloads.COURSE_EVENTS[what], "person": _text(p, 34), "sha": bytes(sha).hex()}


def unpack_sector(p: bytes) -> dict:
    """Unpack a SECTOR record, `chain` in hex."""
    _, start, seq, chain = struct.unpack_from("<BII32s", p, 0)
    blobs = payloads.sector_blobs(p)
    return {"start": start, "seq": seq, "chain": bytes(chain).hex(), "blobs": blobs}


def unpack_json(p: bytes) -> dict:
    """Unpack a FAULT, ACK or NOTE record."""
    return json.loads(_text(p, 1))


def unpack_masked(p: bytes) -> dict:
    """Return kind, session, record and hidden of a MASKED record."""
    session, record = struct.unpack_from("<II", p, 2)
    return {"kind": p[1], "session": session, "record": record, "hidden": bytes(p[10:])}
