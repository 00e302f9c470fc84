"""The bytes of log records. Where they are stored is in `log`. Shared with the host.

    0xA0 + type | payload length u8 | sequence u16 | boot u16 | uptime in 10 ms u32 | payload
    | crc32 u32

Little-endian; the CRC covers everything before it. A length of 255 means that a u16 with the
payload's length follows the head. The sequence is the low half of a number that the SECTOR record
at the head of each sector states in full. A payload starts with its schema version, so that a newer
host reads older logs and an older host skips what it does not know.
"""

import binascii
import struct

from wrap.compat import const

RESIDUE = 0x2144DF1C  # the CRC of what ends with its own CRC
_TAG = const(0xA0)
_TAG_MASK = const(0xE0)
_LONG = const(255)
KIND_MASK = 0x1F
LONG = 255  # the length of a record whose payload has its length behind the head
HEAD = "<BBHHI"
HEAD_SIZE = 10
CRC_SIZE = 4
_OVERHEAD = const(14)
OVERHEAD = HEAD_SIZE + CRC_SIZE  # with a payload shorter than 255 bytes
MAX_PAYLOAD = 3072

BOOT = 1
CLOCK = 2
START = 3
STATE = 4
SAMPLE = 5
FAULT = 6
END = 7
ACK = 8
NOTE = 9
BLOB = 10
SECTOR = 11
WAKE = 12
COURSE = 13
TRIAL = 14
MASKED = 15
ALL_TYPES = (
    BOOT,
    CLOCK,
    START,
    STATE,
    SAMPLE,
    FAULT,
    END,
    ACK,
    NOTE,
    BLOB,
    SECTOR,
    WAKE,
    COURSE,
    TRIAL,
    MASKED,
)


def pack(kind: int, seq: int, boot: int, up_s: int, up_ms: int, payload: bytes) -> bytes:
    """Return a record's bytes. kind 0..31, seq u32, boot u16, up_s below 2^25, up_ms 0..999,
    payload of at most MAX_PAYLOAD bytes."""
    n = len(payload)
    start = HEAD_SIZE if n < _LONG else HEAD_SIZE + 2
    end = start + n
    out = bytearray(end + CRC_SIZE)
    struct.pack_into(
        HEAD,
        out,
        0,
        _TAG | kind,
        n if n < _LONG else _LONG,
        seq & 0xFFFF,
        boot & 0xFFFF,
        up_s * 100 + up_ms // 10,
    )
    if n >= _LONG:
        struct.pack_into("<H", out, HEAD_SIZE, n)
    out[start:end] = payload
    struct.pack_into("<I", out, end, binascii.crc32(memoryview(out)[:end]) & 0xFFFFFFFF)
    return out  # type: ignore - as good as bytes, and no copy


def size(payload: bytes) -> int:
    """Return the bytes of a record with this payload."""
    return len(payload) + OVERHEAD + (0 if len(payload) < _LONG else 2)


def parse(
    buf: "bytes | bytearray | memoryview", at: int
) -> "tuple[int, int, int, int, int, bytes, int] | None":
    """Return (kind, low half of seq, boot, up_s, up_ms, payload, offset behind it) of the record at
    `at`, or None when there is no complete record with a correct CRC."""
    if at + OVERHEAD > len(buf) or buf[at] & _TAG_MASK != _TAG:
        return None
    tag, n, seq, boot, up = struct.unpack_from(HEAD, buf, at)
    start = at + HEAD_SIZE
    if n == _LONG:
        n = buf[start] | buf[start + 1] << 8
        start += 2
        # A short payload in the long form is an error: each record has one form only.
        if not _LONG <= n <= MAX_PAYLOAD:
            return None
    end = start + n
    if end + CRC_SIZE > len(buf):
        return None
    body = bytes(memoryview(buf)[at:end])
    if struct.unpack_from("<I", buf, end)[0] != binascii.crc32(body) & 0xFFFFFFFF:
        return None
    payload = body[start - at :]
    return tag - _TAG, seq, boot, up // 100, up % 100 * 10, payload, end + CRC_SIZE


def begins_with(buf: "bytes | bytearray | memoryview", kind: int, least: int) -> bool:
    """Return whether `buf` begins with an intact record of this kind with a short payload of at
    least `least` bytes. Takes a fifth of the time of `parse`: a boot asks for each sector."""
    size = len(buf)
    if size < _OVERHEAD or buf[0] != _TAG | kind:
        return False
    n = buf[1]
    end = n + _OVERHEAD
    if n < least or n == _LONG or end > size:
        return False
    return binascii.crc32(buf[:end]) == RESIDUE


def size_at(head: "bytes | bytearray | memoryview", room: int) -> int:
    """Return the bytes of the record that begins with `head` (its first HEAD_SIZE + 2 bytes), or 0
    when it is none, or longer than `room`. The CRC is not checked."""
    if room < _OVERHEAD or len(head) < HEAD_SIZE + 2 or head[0] & _TAG_MASK != _TAG:
        return 0
    n = head[1]
    if n == _LONG:
        n = head[HEAD_SIZE] | head[HEAD_SIZE + 1] << 8
        # A short payload in the long form is an error: each record has one form only.
        if not _LONG <= n <= MAX_PAYLOAD:
            return 0
        n += 2
    n += _OVERHEAD
    return n if n <= room else 0


def follow_seq(low: int, before: int) -> int:
    """Return the smallest number above `before` with the low half `low`."""
    return before + 1 + ((low - before - 1) & 0xFFFF)


def full_seq(record: tuple, before: int) -> int:
    """Return the full sequence number of a parsed record. before: that of the record before it,
    or -1."""
    if record[0] == SECTOR and len(record[5]) >= 9:
        return struct.unpack_from("<I", record[5], 5)[0]
    return follow_seq(record[1], before)


def scan(buf: "bytes | bytearray | memoryview", until: "int | None" = None) -> "tuple[list, list]":
    """Return ([record, ...], [(start, end), ...]): the valid records in `buf` as `parse` returns
    them, with full sequence numbers, and the ranges that hold none (damage, an interrupted write).

    No record is searched from `until` on (default: the end of `buf`): each byte that begins no
    record costs 50 us on the chip."""
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
