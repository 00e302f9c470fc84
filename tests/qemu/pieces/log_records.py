"""Compares records of every kind, whole, rotated, cut and damaged; and their payloads, damaged
too."""

import binascii
import struct

from tests.fuzz import odd
from tests.fuzz.targets import payloads as payload_target
from tests.fuzz.targets import records as record_target
from wrap.storage import payload_reader, payloads, record_reader, records

# What the reader of a payload may raise for bytes that are no payload.
_REFUSED = payload_target.REFUSED
_LENGTHS = (0, 1, 8, 9, 10, 59, 253, 254, 255, 256, 300, 3072)
_WINDOWS = record_target.WINDOWS
_HEADS = (0, 1, 254, 255, 256, 3072, 3073)  # a long record's length, true or not
_U32 = (0, 1, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_MC = (payloads.NO_TEMP, -327680, -327675, -5, -6, 4, 5, 0, 41000, 327670, 327675, 400000)
_DOSES = (payloads.NO_DOSE_UJ, 0, 1999, 2000, 0xFFFD * 2000, 0xFFFE * 2000, 0xFFFF * 2000)
_TEXTS = ("not-in-the-list", "x" * 59, "x" * 60, "x" * 61)
_BY = ("button", "link")
_WAKE = ("asked", "answered", "unanswered")


def _u32(rng):
    return rng.bits() if rng.below(3) else _U32[rng.below(len(_U32))]


def _size(rng):
    return rng.below(40) if rng.below(4) else _LENGTHS[rng.below(len(_LENGTHS))]


def _record(rng, seq):
    kind = record_reader.ALL_TYPES[rng.below(12)] if rng.below(8) else rng.below(32)
    payload = (rng.some(1 + rng.below(40)) * 3072)[: _size(rng)]
    up_s = rng.below(1 << 25) if rng.below(4) else (1 << 25) - 1
    at = rng.below(len(payload) + 1) if rng.below(2) else len(payload)
    head = kind, seq, rng.bits(), up_s, rng.below(1000)
    return b"".join(records.pack_pieces(*head, payload[:at], payload[at:]))


def _odd(rng):
    """Return a record with a right CRC around a head that may be wrong."""
    n = _HEADS[rng.below(len(_HEADS))]
    tag = (0xA0, 0xBF, 0xC0, 0x80, 0xE0, 0x20)[rng.below(6)]
    if n < 255:
        body = bytes([tag, n]) + rng.some(8) + bytes(n)
    else:
        body = bytes([tag, 255]) + rng.some(8) + struct.pack("<H", n) + bytes(n)
    if rng.below(4) == 0:  # long, though it need not be
        body = bytes([tag, 255]) + rng.some(8) + bytes([rng.below(255), 0]) + bytes(rng.below(255))
    return body + struct.pack("<I", binascii.crc32(body) & 0xFFFFFFFF)


def _log(rng):
    seq, out = _u32(rng), []
    for _ in range(1 + rng.below(5)):
        out.append(_odd(rng) if rng.below(6) == 0 else _record(rng, seq))
        seq += 1 if rng.below(8) else rng.below(70000)
    return b"".join(out)


def logs(rng, out, count):
    """Add what is found in a log: as it is, from the middle on, cut, with bytes changed."""
    for _ in range(count):
        buf = _log(rng)
        out.add(buf, record_reader.parse(buf, 0), record_reader.scan(buf[:400]))
        out.add(records.size_at(buf[: records.HEAD_SIZE + 2], 4096))
        kind, at = rng.below(4), rng.below(len(buf))
        if kind == 0:
            buf = buf[at:] + buf[:at]
        elif kind == 1:
            buf = record_target._damaged(odd.Choices(rng.some(40)), buf, [])[0]
        elif kind == 2:
            buf = buf[:at]
        buf = buf[:900]
        until, window = rng.below(len(buf) + 1), _WINDOWS[rng.below(len(_WINDOWS))]
        out.add(record_reader.scan(buf, until), record_reader.parse(buf, 0))
        out.add(record_target.walk(buf, until, window))
        out.add(records.size(_size(rng)))


def _numbers(rng, n, odd_ones):
    return [odd_ones[rng.below(len(odd_ones))] if rng.below(2) else rng.bits() for _ in range(n)]


def _temps(rng):
    most = 1 if rng.below(2) else 16
    return [
        _MC[rng.below(len(_MC))] if rng.below(2) else rng.below(700000) - 350000
        for _ in range(rng.below(most + 1) % 16)
    ]


def _reason(rng):
    n = rng.below(len(payloads.REASONS) + len(_TEXTS))
    return (payloads.REASONS + _TEXTS)[n]


def _sample(rng):
    duties = [rng.below(65536) for _ in range(rng.below(16))]
    return payloads.pack_sample(
        rng.below(16), _temps(rng), duties, _numbers(rng, len(duties), _DOSES)
    )


def _end(rng):
    on = _numbers(rng, rng.below(16), _U32)
    doses = _numbers(rng, len(on), _DOSES)
    faults = rng.below(300)
    head = (_u32(rng), _reason(rng), _u32(rng), _u32(rng), faults)
    return payloads.pack_end(*head, _temps(rng), on, doses) + rng.some(rng.below(40))


def _start(rng):
    return payloads.pack_start(_u32(rng), _BY[rng.below(2)], rng.some(8), rng.some(8), _u32(rng))


def _sector(rng):
    blobs = [(rng.some(8), _u32(rng)) for _ in range(rng.below(6))]
    return payloads.pack_sector(_u32(rng), _u32(rng), rng.some(32), blobs) + bytes(rng.below(14))


_PACKERS = (
    (_sample, payload_reader.unpack_sample),
    (_end, payload_reader.unpack_end),
    (_start, payload_reader.unpack_start),
    (_sector, payload_reader.unpack_sector),
    (
        lambda rng: payloads.pack_state(rng.below(16), rng.below(16), _reason(rng)),
        payload_reader.unpack_state,
    ),
    (lambda rng: payloads.pack_clock(_u32(rng)), payload_reader.unpack_clock),
    (
        lambda rng: payloads.pack_boot(("power", "brown-out")[rng.below(2)], "1.2.3", _u32(rng)),
        payload_reader.unpack_boot,
    ),
    (
        lambda rng: payloads.pack_wake(_WAKE[rng.below(3)], rng.below(65536000)),
        payload_reader.unpack_wake,
    ),
    (lambda rng: payloads.pack_blob(rng.some(8), rng.some(_size(rng))), payload_reader.unpack_blob),
    (lambda rng: payloads.pack_json({"code": rng.below(40)}), payload_reader.unpack_json),
)


def _damaged(rng, raw):
    """Cut `raw` or change some of its bytes. None is left between 128 and 254: MicroPython and
    CPython differ in which bytes are UTF-8, but agree that 255 is not."""
    raw = bytearray(raw[: rng.below(len(raw) + 1)] if rng.below(2) else raw)
    for _ in range(rng.below(4)):
        if raw:
            raw[rng.below(len(raw))] = rng.below(256)
    return bytes([b if b == 255 else b & 127 for b in raw])


def _unpacked(numbers):
    """Return what was unpacked. The hex text of no bytes is b"" on MicroPython, "" on CPython."""
    return {k: "" if isinstance(v, bytes) and not v else v for k, v in numbers.items()}


def contents(rng, out, count):
    """Add what payloads unpack to, whole and damaged. Damaged JSON is not compared: MicroPython
    reads a text that ends inside a list or an object, CPython refuses it."""
    for _ in range(count):
        pack, unpack = _PACKERS[rng.below(len(_PACKERS))]
        raw = pack(rng)
        out.add(raw, payload_reader.schema(rng.some(rng.below(2))), _unpacked(unpack(raw)))
        if unpack != payload_reader.unpack_json:
            try:
                out.add(_unpacked(unpack(_damaged(rng, raw))))
            except _REFUSED:
                out.add("refused")
