"""Tries the host's log reader: true records with any payload, and all that is made of them:
sessions, clock, CSV, JSON lines, reports, the verdict over chain and seals."""

from __future__ import annotations

from pbmwrap.logs import jsonl
from pbmwrap.logs.clock import Mark, make_clock
from pbmwrap.logs.decode import Decoded, decode, decode_extents
from pbmwrap.logs.export_csv import format_csv
from pbmwrap.logs.extents import Conflict, Extent
from pbmwrap.logs.summary import WrapInfo, summarize_sessions
from pbmwrap.logs.to_report import make_report
from pbmwrap.logs.verify import verify_log
from tests.fuzz import odd
from wrap.storage import payloads, record_reader, records

KEYS = ("session", "reason", "active_ms", "paused_ms", "dose_uj", "on_ms", "max_mc", "faults")
KEYS += ("code", "detail", "sensor", "wake", "by", "cal", "temp_mc", "limit_mc", "raw", "uw")
_JSON = (records.FAULT, records.ACK, records.NOTE)
_WRAP = WrapInfo("fuzz").with_default_board()


def _u32(src: odd.Choices) -> int:
    return int.from_bytes((src.some(4) + bytes(4))[:4], "little")


def _payload(src: odd.Choices, kind: int, seq: int, names: list[bytes]) -> bytes:
    """Return what a wrap would write, as far as it goes; or bytes; or odd JSON."""
    way = src.below(8)
    if way == 0:
        return bytes([src.below(3)]) + src.some(src.below(64))
    if kind in _JSON or way == 1:
        text = odd.thing(src, KEYS) if src.below(4) else odd.value(src)
        return b"\x01" + text.encode("utf-8", "surrogatepass")
    n, c, state = src.below(4), src.below(4), src.below(16)
    doses = [_u32(src) for _ in range(c)]
    made = {
        records.BOOT: lambda: payloads.pack_boot("power", "1.0", _u32(src)),
        records.CLOCK: lambda: payloads.pack_clock(_u32(src)),
        records.BLOB: lambda: payloads.pack_blob(_name(src, names), odd.value(src).encode()),
        records.START: lambda: payloads.pack_start(
            src.below(3), "link", _name(src, names), _name(src, names), _u32(src)
        ),
        records.STATE: lambda: payloads.pack_state(src.below(16), src.below(16), "moved"),
        records.SAMPLE: lambda: payloads.pack_sample(state, [src.byte()] * n, [9] * c, doses),
        records.END: lambda: (
            payloads.pack_end(
                src.below(3), "x", _u32(src), _u32(src), src.byte(), [src.byte()] * n, doses, doses
            )
            + src.some(32)
        ),
        records.WAKE: lambda: payloads.pack_wake("asked", src.byte() * 1000),
        records.SECTOR: lambda: payloads.pack_sector(_u32(src), seq, bytes(32), []),
    }
    return made[kind]() if kind in made else src.some(src.below(64))


def _name(src: odd.Choices, names: list[bytes]) -> bytes:
    if not names or src.below(4) == 0:
        names.append((src.some(8) + bytes(8))[:8])
    return names[src.below(len(names))]


def _log(src: odd.Choices) -> tuple[bytes, list[bytes]]:
    raw, kept, names = b"", [], []
    for seq in range(1 + src.below(8)):
        kind = src.of((*record_reader.ALL_TYPES, records.END, records.NOTE, records.START, 0, 31))
        kept.append(_payload(src, kind, seq, names)[: records.MAX_PAYLOAD])
        raw += records.pack(kind, seq, src.below(2), src.byte() << 16, src.below(999), kept[-1])
    return raw, kept


def _read_all(decoded: Decoded, marks: list[Mark] | None = None) -> None:
    """Make everything that is made of a log."""
    for entry in decoded.entries:
        assert entry.data is None or isinstance(entry.data, dict)
        assert entry.name
    sessions = summarize_sessions(decoded, make_clock(decoded, marks or ()), _WRAP)
    for session in sessions:
        report = make_report(session, _WRAP)
        assert report.session_id == session.number and isinstance(report.end_reason, str)
        assert session.when_utc and session.when_local
    assert format_csv(sessions, _WRAP)


def _out_and_in(data: bytes, base: int) -> None:
    """Check that any bytes through JSON lines are the same bytes again, and can be verified."""
    extents: list[Extent] = [(base, data)] if data else []
    decoded = decode_extents(extents)
    _read_all(decoded)
    log = jsonl.Log("fuzz", jsonl.SCHEMA, extents, [Mark(1, 2, 3)])
    back = _read("".join(jsonl.format_log(log, extents, make_clock(decoded))))
    assert (back.uid, back.extents(), back.marks) == ("fuzz", extents, log.marks)
    assert not back.problems
    verdict = verify_log(extents)
    assert verdict.records == len(decoded.entries) and verdict.sealed <= verdict.records


def _read(text: str) -> jsonl.Log:
    return jsonl.read(text.encode("utf-8", "surrogatepass").splitlines(keepends=True), "f")


def _read_back(src: odd.Choices) -> None:
    """Read lines that no export has: each is taken or named, and what was taken is read like any
    log."""
    lines = ['{"pbmwrap":"log","schema":%s,"uid":"u"}' % (odd.value(src, 1) if src.below(2) else 2)]
    for _ in range(src.below(4)):
        lines.append('{"offset":%s,"raw":"QUJDRA=="}' % odd.value(src, 1))
        mark = [odd.value(src, 1) if src.below(4) == 0 else src.byte() for _ in range(3)]
        lines.append('{"mark":{"boot":%s,"up_ms":%s,"unix_ms":%s}}' % tuple(mark))
        lines.append(odd.thing(src, ("offset", "raw", "mark", "uid", "about", "crc")))
    log = _read("\n".join(lines[: 1 + src.below(len(lines))]))
    assert all(problem.startswith("f:") for problem in log.problems)
    try:
        runs = log.extents()
    except Conflict:
        return
    decoded = decode_extents(runs)
    _read_all(decoded, log.marks)
    again = _read("".join(jsonl.format_log(log, runs, make_clock(decoded, log.marks))))
    assert (again.extents(), again.marks, again.problems) == (runs, log.marks, [])


def one(data: bytes) -> None:
    src = odd.Choices(data)
    way = src.below(5)
    if way == 4:
        _read_back(src)
        return
    if way == 0:
        base = src.byte()
        _out_and_in(src.rest(), base)
        return
    raw, kept = _log(src)
    decoded = decode(raw)
    assert [entry.payload for entry in decoded.entries] == kept
    assert not decoded.damage and not decoded.torn
    counted = sum(n for _, n in decoded.unknown) + decoded.newer + decoded.unreadable
    assert counted == sum(entry.data is None for entry in decoded.entries)
    _read_all(decoded)
    if way == 1:
        _out_and_in(raw, src.byte())
