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


def pack_pieces(
    kind: int, seq: int, boot: int, up_s: int, up_ms: int, payload: bytes, more: bytes = b""
) -> "tuple[bytes, ...]":
    """Return a record's bytes in the pieces in which they are written. A long payload is one of
    them: a stock board's heap may have no room for a copy. kind 0..31, seq u32, boot u16, up_s
    below 2^25, up_ms 0..999; payload and `more`, which follows it: at most MAX_PAYLOAD bytes."""
    n = len(payload) + len(more)
    short = n < _LONG
    start = HEAD_SIZE if short else HEAD_SIZE + 2
    out = bytearray(start + n + CRC_SIZE if short else start)
    struct.pack_into(
        HEAD,
        out,
        0,
        _TAG | kind,
        n if short else _LONG,
        seq & 0xFFFF,
        boot & 0xFFFF,
        up_s * 100 + up_ms // 10,
    )
    if not short:
        struct.pack_into("<H", out, HEAD_SIZE, n)
        crc = binascii.crc32(more, binascii.crc32(payload, binascii.crc32(out)))
        return out, payload, more, struct.pack("<I", crc)  # type: ignore - as good as bytes
    out[start : start + len(payload)] = payload
    if more:
        out[start + len(payload) : start + n] = more
    crc = binascii.crc32(memoryview(out)[:-CRC_SIZE])
    struct.pack_into("<I", out, start + n, crc)
    return (out,)  # type: ignore - as good as bytes, and no copy


def pack(kind: int, seq: int, boot: int, up_s: int, up_ms: int, payload: bytes) -> bytes:
    """Return a record's bytes in one piece, see `pack_pieces`."""
    return b"".join(pack_pieces(kind, seq, boot, up_s, up_ms, payload))


def size(n: int) -> int:
    """Return the bytes of a record with a payload of `n` bytes."""
    return n + (_OVERHEAD if n < _LONG else _OVERHEAD + 2)


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
