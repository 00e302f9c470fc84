"""Finds all records in bytes. For the host and the tests: the wrap goes from record to record of
its log (`log.SectorWalk`), and an install by files leaves this module out."""

import binascii
import struct

from wrap.compat import const
from wrap.storage import records

_TAG = const(0xA0)
_TAG_MASK = const(0xE0)
_LONG = const(255)
ALL_TYPES = (
    records.BOOT,
    records.CLOCK,
    records.START,
    records.STATE,
    records.SAMPLE,
    records.FAULT,
    records.END,
    records.ACK,
    records.NOTE,
    records.BLOB,
    records.SECTOR,
    records.WAKE,
    records.COURSE,
    records.TRIAL,
    records.MASKED,
)


def parse(
    buf: "bytes | bytearray | memoryview", at: int
) -> "tuple[int, int, int, int, int, bytes, int] | None":
    """Return (kind, low half of seq, boot, up_s, up_ms, payload, offset behind it) of the record at
    `at`, or None when there is no complete record with a correct CRC."""
    if at + records.OVERHEAD > len(buf) or buf[at] & _TAG_MASK != _TAG:
        return None
    tag, n, seq, boot, up = struct.unpack_from(records.HEAD, buf, at)
    start = at + records.HEAD_SIZE
    if n == _LONG:
        n = buf[start] | buf[start + 1] << 8
        start += 2
        # A short payload in the long form is an error: each record has one form only.
        if not _LONG <= n <= records.MAX_PAYLOAD:
            return None
    end = start + n
    if end + records.CRC_SIZE > len(buf):
        return None
    body = bytes(memoryview(buf)[at:end])
    if struct.unpack_from("<I", buf, end)[0] != binascii.crc32(body) & 0xFFFFFFFF:
        return None
    payload = body[start - at :]
    return tag - _TAG, seq, boot, up // 100, up % 100 * 10, payload, end + records.CRC_SIZE


def full_seq(record: tuple, before: int) -> int:
    """Return the full sequence number of a parsed record. before: that of the record before it,
    or -1."""
    if record[0] == records.SECTOR and len(record[5]) >= 9:
        return struct.unpack_from("<I", record[5], 5)[0]
    return records.follow_seq(record[1], before)


def scan(buf: "bytes | bytearray | memoryview", until: "int | None" = None) -> "tuple[list, list]":
    """Return ([record, ...], [(start, end), ...]): the valid records in `buf` as `parse` returns
    them, with full sequence numbers, and the ranges that hold none (damage, an interrupted write).
    No record is searched from `until` on (default: the end of `buf`)."""
    found = []
    gaps = []
    at = 0
    lost = -1
    seq = -1
    end = len(buf) if until is None else until
    while at < end:
        record = parse(buf, at)
        if record is None:
            if lost < 0:
                lost = at
            at += 1
            continue
        if lost >= 0:
            gaps.append((lost, at))
            lost = -1
        seq = full_seq(record, seq)
        found.append((record[0], seq) + record[2:])
        at = record[6]
    if lost >= 0:
        gaps.append((lost, end))
    return found, gaps
