"""The host's log reader: true records with any payload, and what is made of them."""

from __future__ import annotations

from pbmwrap.logs.decode import Decoded, decode
from pbmwrap.logs.sessions import clock_of, sessions
from tests.fuzz import odd
from wrap.storage import records

KEYS = ("session", "reason", "active_ms", "paused_ms", "dose_uj", "on_ms", "max_mc", "faults")
KEYS += ("code", "detail", "sensor", "wake", "by", "cal", "temp_mc", "limit_mc", "raw")


def _payload(src: odd.Choices) -> bytes:
    """Bytes, or a schema byte and odd JSON, where a type carries such."""
    if src.below(3) == 0:
        return bytes([src.below(3)]) + src.some(src.below(64))
    text = odd.thing(src, KEYS) if src.below(4) else odd.value(src)
    head = src.of((b"\x01", b"\x01\x01\0\0\0", b"\x01\x01\0\0\0\0\0\0\0\0\0", b""))
    return head + text.encode("utf-8", "surrogatepass")


def _log(src: odd.Choices) -> tuple[bytes, list[bytes]]:
    raw, payloads = b"", []
    for seq in range(1 + src.below(6)):
        kind = src.of((*records.ALL_TYPES, records.END, records.NOTE, 0, 200))
        payloads.append(_payload(src))
        raw += records.pack(kind, seq, src.below(2), src.byte() << 24, src.byte(), payloads[-1])
    return raw, payloads


def _told(decoded: Decoded) -> None:
    """Everything that a report asks of the sessions."""
    clock = clock_of(decoded)
    for entry in decoded.entries:
        assert entry.data is None or isinstance(entry.data, dict)
        assert clock.text(entry.boot, entry.up_ms_total) and entry.name
    for session in sessions(decoded):
        for name in ("protocol", "started_by", "calibrations", "active_ms", "dose_uj", "max_mc"):
            getattr(session, name)
        assert isinstance(session.reason, str) and session.on_ms is not session


def one(data: bytes) -> None:
    src = odd.Choices(data)
    if src.below(4) == 0:
        _told(decode(src.rest(), src.byte()))
        return
    raw, payloads = _log(src)
    decoded = decode(raw)
    assert [entry.payload for entry in decoded.entries] == payloads
    assert not decoded.damage and not decoded.torn
    counted = sum(n for _, n in decoded.unknown) + decoded.newer + decoded.unreadable
    assert counted == sum(entry.data is None for entry in decoded.entries)
    _told(decoded)
