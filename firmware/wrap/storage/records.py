"""Log records: their bytes, and nothing about where they are kept. Shared with the host.

    0xA5 | type u8 | payload length u16 | sequence u32 | boot u16 | uptime s u32 | ms u16 | payload
    | crc32 u32

Little-endian; the CRC covers everything before it. A type's payload starts with its schema version,
so a newer host reads older logs and an older host skips what it does not know.
"""

import binascii
import struct

MAGIC = 0xA5
_HEAD = "<BBHIHIH"
HEAD_SIZE = 16
CRC_SIZE = 4
OVERHEAD = HEAD_SIZE + CRC_SIZE
MAX_PAYLOAD = 4096

BOOT = 1
CLOCK = 2
START = 3
STATE = 4
SAMPLE = 5
FAULT = 6
END = 7
ACK = 8
NOTE = 9
ALL_TYPES = (BOOT, CLOCK, START, STATE, SAMPLE, FAULT, END, ACK, NOTE)


def pack(kind, seq, boot, up_s, up_ms, payload):
    """The record's bytes. kind u8, seq u32, boot u16, up_s u32, up_ms 0..999, payload bytes."""
    head = struct.pack(
        _HEAD, MAGIC, kind, len(payload), seq & 0xFFFFFFFF, boot & 0xFFFF, up_s, up_ms
    )
    body = head + payload
    return body + struct.pack("<I", binascii.crc32(body) & 0xFFFFFFFF)


def parse(buf, at):
    """(kind, seq, boot, up_s, up_ms, payload, next_at) at `at`, or None when no whole, true record
    is there."""
    if at + OVERHEAD > len(buf) or buf[at] != MAGIC:
        return None
    _, kind, size, seq, boot, up_s, up_ms = struct.unpack_from(_HEAD, buf, at)
    end = at + HEAD_SIZE + size
    if size > MAX_PAYLOAD or end + CRC_SIZE > len(buf):
        return None
    body = bytes(memoryview(buf)[at:end])
    if struct.unpack_from("<I", buf, end)[0] != binascii.crc32(body) & 0xFFFFFFFF:
        return None
    return kind, seq, boot, up_s, up_ms, body[HEAD_SIZE:], end + CRC_SIZE


def scan(buf):
    """All true records in `buf`, and a list of (start, end) ranges that hold none (damage, torn
    tail)."""
    found = []
    gaps = []
    at = 0
    lost = -1
    while at < len(buf):
        record = parse(buf, at)
        if record is None:
            if lost < 0:
                lost = at
            at += 1
            continue
        if lost >= 0:
            gaps.append((lost, at))
            lost = -1
        found.append(record)
        at = record[6]
    if lost >= 0:
        gaps.append((lost, len(buf)))
    return found, gaps
