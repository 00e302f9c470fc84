"""Tries what records carry: any numbers come back as they went in, and any bytes are read or
refused with an error that every reader of a log expects."""

import struct

from tests.fuzz import odd
from wrap.storage import payload_reader
from wrap.storage import payloads as p

REFUSED = (ValueError, KeyError, IndexError, TypeError, getattr(struct, "error", ValueError))
_UNPACK = (
    payload_reader.unpack_boot,
    payload_reader.unpack_clock,
    payload_reader.unpack_blob,
    payload_reader.unpack_start,
    payload_reader.unpack_state,
    payload_reader.unpack_sample,
    payload_reader.unpack_end,
    payload_reader.unpack_wake,
    payload_reader.unpack_sector,
    payload_reader.unpack_json,
)
_TEXTS = ("", "button", "moved", "a reason of no list", "x" * 60, "fault")


def _u32(src):
    return src.byte() | src.byte() << 8 | src.byte() << 16 | src.byte() << 24


def _u16(src):
    return src.byte() | src.byte() << 8


def _mc(src):
    """Return a temperature that can be kept, in mC, or none."""
    return p.NO_TEMP if src.below(4) == 0 else (_u16(src) - 32768) * 3


def _kept_mc(mc):
    return None if mc == p.NO_TEMP else max(-32767, min(32767, (mc + 5) // 10)) * 10


def _dose(src):
    return p.NO_DOSE_UJ if src.below(4) == 0 else _u32(src) % p.NO_DOSE_UJ


def _sample(src):
    state = src.below(16)
    temps = [_mc(src) for _ in range(src.below(16))]
    duties = [_u16(src) for _ in range(src.below(16))]
    doses = [_dose(src) for _ in duties]
    unpacked = payload_reader.unpack_sample(p.pack_sample(state, temps, duties, doses))
    assert unpacked["state"] == state and unpacked["temps_mc"] == [_kept_mc(mc) for mc in temps]
    assert [abs(a - b) <= 128 for a, b in zip(unpacked["duties_u16"], duties)] == [True] * len(
        duties
    )
    for got, dose in zip(unpacked["doses_uj"], doses):
        assert got == (None if dose == p.NO_DOSE_UJ else min(dose // 2000, 0xFFFE) * 2000)


def _end(src):
    numbers = [_u32(src), _u32(src), _u32(src)]
    reason = src.of(_TEXTS)
    temps = [_mc(src) for _ in range(src.below(16))]
    on = [_u32(src) for _ in range(src.below(16))]
    doses = [_dose(src) for _ in on]
    seal = src.some(32)
    raw = p.pack_end(numbers[0], reason, numbers[1], numbers[2], 300, temps, on, doses) + seal
    unpacked = payload_reader.unpack_end(raw)
    assert [unpacked["session"], unpacked["active_ms"], unpacked["paused_ms"]] == numbers
    assert unpacked["reason"] == reason and unpacked["faults"] == 255 and unpacked["on_ms"] == on
    assert unpacked["max_mc"] == [_kept_mc(mc) for mc in temps] and unpacked["seal"] == seal.hex()
    assert unpacked["dose_uj"] == [None if d == p.NO_DOSE_UJ else d for d in doses]


def _start(src):
    session, unix_s, by = _u32(src), _u32(src), src.of(("button", "link"))
    names = [(src.some(8) + bytes(8))[:8] for _ in (0, 1)]
    unpacked = payload_reader.unpack_start(p.pack_start(session, by, names[0], names[1], unix_s))
    assert (unpacked["session"], unpacked["unix_s"], unpacked["by"]) == (session, unix_s, by)
    assert [unpacked["protocol_blob"], unpacked["cal_blob"]] == [name.hex() for name in names]


def _sector(src):
    start, seq, chain = _u32(src), _u32(src), (src.some(32) + bytes(32))[:32]
    blobs = [((src.some(8) + bytes(8))[:8], _u32(src)) for _ in range(src.below(5))]
    unpacked = payload_reader.unpack_sector(p.pack_sector(start, seq, chain, blobs))
    assert (unpacked["start"], unpacked["seq"], unpacked["chain"]) == (start, seq, chain.hex())
    assert unpacked["blobs"] == blobs


def _small(src):
    reason, old, new = src.of(_TEXTS), src.below(16), src.below(16)
    unpacked = payload_reader.unpack_state(p.pack_state(old, new, reason))
    assert unpacked == {"old": old, "new": new, "reason": reason}
    unix_s, resets = _u32(src), _u32(src)
    assert payload_reader.unpack_clock(p.pack_clock(unix_s)) == {"unix_s": unix_s}
    unpacked = payload_reader.unpack_boot(p.pack_boot("power", "1.2.3", resets))
    assert unpacked == {"cause": "power", "version": "1.2.3", "resets": resets}
    what, ms = src.of(("asked", "answered", "unanswered")), _u16(src) * 1000
    assert payload_reader.unpack_wake(p.pack_wake(what, ms)) == {"wake": what, "active_ms": ms}
    name, raw = (src.some(8) + bytes(8))[:8], src.rest()
    assert payload_reader.unpack_blob(p.pack_blob(name, raw)) == {"name": name.hex(), "raw": raw}


_THERE_AND_BACK = (_sample, _end, _start, _sector, _small)


def one(data):
    src = odd.Choices(data)
    kind = src.byte()
    if kind & 1:
        src.of(_THERE_AND_BACK)(src)
        return
    unpack = src.of(_UNPACK)
    try:
        unpacked = unpack(src.rest())
    except REFUSED:
        return
    assert isinstance(unpacked, dict) or unpack == payload_reader.unpack_json
