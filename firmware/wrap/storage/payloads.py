"""What each record type carries, packed and unpacked in one place. Shared with the host.

Every payload starts with its schema version (u8). Numbers are little-endian. Temperatures are mC as
i32 with NO_TEMP for "no valid reading", doses uJ/cm2 as u32 with NO_DOSE for "not calibrated".
"""

import json
import struct

NO_TEMP = -0x80000000
NO_DOSE = 0xFFFFFFFF
SCHEMA = 1


def _text(payload, at):
    return bytes(payload[at:]).decode()


def pack_boot(cause, version, reset_count):
    """cause: a wrap.hal reset cause string; reset_count: resets since power-on or install, u32."""
    return struct.pack("<BI", SCHEMA, reset_count) + (cause + "|" + version).encode()


def unpack_boot(p):
    cause, version = _text(p, 5).split("|", 1)
    return {"cause": cause, "version": version, "resets": struct.unpack_from("<I", p, 1)[0]}


def pack_clock(unix_s):
    """unix_s: UTC seconds that were true at this record's uptime."""
    return struct.pack("<BI", SCHEMA, unix_s)


def unpack_clock(p):
    return {"unix_s": struct.unpack_from("<I", p, 1)[0]}


def pack_start(session, start_by, protocol, calibrations, unix_s):
    """session u32 number; start_by "button" or "link"; protocol canonical JSON bytes; calibrations
    a list of dicts (or None per uncalibrated channel); unix_s 0 when the clock is not set."""
    tail = json.dumps({"by": start_by, "cal": calibrations}).encode()
    return struct.pack("<BIIH", SCHEMA, session, unix_s, len(protocol)) + protocol + tail


def unpack_start(p):
    _, session, unix_s, size = struct.unpack_from("<BIIH", p, 0)
    tail = json.loads(_text(p, 11 + size))
    return {
        "session": session,
        "unix_s": unix_s,
        "protocol": bytes(p[11 : 11 + size]).decode(),
        "by": tail["by"],
        "cal": tail["cal"],
    }


def pack_state(session, old, new, reason):
    """old, new: wrap.session.states numbers; reason: short ASCII text."""
    return struct.pack("<BIBB", SCHEMA, session, old, new) + reason.encode()


def unpack_state(p):
    _, session, old, new = struct.unpack_from("<BIBB", p, 0)
    return {"session": session, "old": old, "new": new, "reason": _text(p, 7)}


def pack_sample(session, active_ms, state, temps_mc, duties_u16, doses_uj):
    """One sample: session clock ms, state number, temperatures per sensor, duty and dose per
    channel."""
    out = struct.pack("<BIIBBB", SCHEMA, session, active_ms, state, len(temps_mc), len(duties_u16))
    for t in temps_mc:
        out += struct.pack("<i", t)
    for d, dose in zip(duties_u16, doses_uj):
        out += struct.pack("<HI", d, dose)
    return out


def unpack_sample(p):
    _, session, active_ms, state, nt, nc = struct.unpack_from("<BIIBBB", p, 0)
    at = 12
    temps = list(struct.unpack_from("<%di" % nt, p, at))
    at += 4 * nt
    duties = []
    doses = []
    for _ in range(nc):
        d, dose = struct.unpack_from("<HI", p, at)
        at += 6
        duties.append(d)
        doses.append(None if dose == NO_DOSE else dose)
    return {
        "session": session,
        "active_ms": active_ms,
        "state": state,
        "temps_mc": [None if t == NO_TEMP else t for t in temps],
        "duties_u16": duties,
        "doses_uj": doses,
    }


def pack_json(obj):
    """FAULT, ACK, NOTE and END records: small JSON objects, read by people as well."""
    return struct.pack("<B", SCHEMA) + json.dumps(obj).encode()


def unpack_json(p):
    return json.loads(_text(p, 1))
