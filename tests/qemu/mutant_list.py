"""Lists hand-made changes of the device package, and the piece that has to detect each."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """Describes a change. file: below wrap. old: text that it has once; new: its replacement."""

    piece: str
    file: str
    old: str
    new: str


_RECORDS = (
    ("if not _LONG <= n", "if not _LONG < n"),
    ("<= n <= MAX_PAYLOAD", "<= n < MAX_PAYLOAD"),
    ("short = n < _LONG", "short = n < _LONG - 1"),
    ("(_OVERHEAD if n < _LONG else _OVERHEAD + 2)", "(_OVERHEAD if n <= _LONG else _OVERHEAD + 2)"),
    ("crc32(more, binascii.crc32(payload, ", "crc32(payload, binascii.crc32(more, "),
    ("out[start + len(payload) : start + n] = more", "out[start : start + len(more)] = more"),
    ("up_s * 100 + up_ms // 10", "up_s * 100 + (up_ms + 5) // 10"),
    ("((low - before - 1) & 0xFFFF)", "((low - before - 1) & 0x7FFF)"),
    ("boot & 0xFFFF", "boot & 0x7FFF"),
)
_RECORD_READER = (
    ("if not _LONG <= n", "if not _LONG < n"),
    ("<= n <= records.MAX_PAYLOAD", "<= n < records.MAX_PAYLOAD"),
    ("tag - _TAG, seq", "tag & 15, seq"),
    ("buf[at] & _TAG_MASK != _TAG", "buf[at] & 0xA0 != _TAG"),
    ("at + records.OVERHEAD > len(buf)", "at + records.OVERHEAD >= len(buf)"),
    ("if end + records.CRC_SIZE > len(buf)", "if end + records.CRC_SIZE >= len(buf)"),
    ("up % 100 * 10", "up % 100"),
    ("len(record[5]) >= 9", "len(record[5]) > 9"),
    ("gaps.append((lost, end))", "gaps.append((lost, end - 1))"),
    ("while at < end:", "while at <= end - 1 - (until is not None):"),
)
_PAYLOADS = (
    ("(mc + 5) // 10", "mc // 10"),
    ("max(-32767, min", "max(-32768, min"),
    ("(d + 128) // 257", "d // 257"),
    ("min(NO_DOSE - 1, dose", "min(NO_DOSE, dose"),
    ("min(255, fault_count)", "fault_count & 255"),
    ("text.encode()[:60]", "text.encode()[:59]"),
    ("active_ms // 1000)", "(active_ms + 999) // 1000 & 0xFFFF)"),
    ("range(41, len(p) - 11, 12)", "range(41, len(p) - 12, 12)"),
    ("old << 4 | new", "old << 4 ^ new << 1"),
)
_PAYLOAD_READER = (
    ("range(1, 2 * c, 2)", "range(0, 2 * c, 2)"),
    ("if n < len(payloads.REASONS)", "if n < len(payloads.REASONS) - 1"),
    ("bytes(p[end : end + payloads.SEAL])", "bytes(p[end : end + payloads.SEAL - 1])"),
    ("payload[0] & 15 if payload", "payload[0] & 7 if payload"),
    ("end = at + 2 + p[at + 1]", "end = at + 2 + (p[at + 1] & 63)"),
)


def _of(piece: str, file: str, pairs: tuple[tuple[str, str], ...]) -> tuple[Mutant, ...]:
    return tuple(Mutant(piece, file, old, new) for old, new in pairs)


MUTANTS = (
    *_of("records", "storage/records.py", _RECORDS),
    *_of("records", "storage/record_reader.py", _RECORD_READER),
    *_of("payloads", "storage/payloads.py", _PAYLOADS),
    *_of("payloads", "storage/payload_reader.py", _PAYLOAD_READER),
)
