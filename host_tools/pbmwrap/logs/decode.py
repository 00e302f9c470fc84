"""Log bytes to records. Raises on no bytes at all and invents no record: each passed its CRC."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pbmwrap.logs.context import fill_in
from wrap.storage import payloads, records

NAMES = {
    records.BOOT: "boot",
    records.CLOCK: "clock",
    records.START: "start",
    records.STATE: "state",
    records.SAMPLE: "sample",
    records.FAULT: "fault",
    records.END: "end",
    records.ACK: "ack",
    records.NOTE: "note",
    records.BLOB: "blob",
    records.SECTOR: "sector",
    records.WAKE: "wake",
}

_UNPACK: dict[int, Callable[[bytes], Any]] = {
    records.BOOT: payloads.unpack_boot,
    records.CLOCK: payloads.unpack_clock,
    records.START: payloads.unpack_start,
    records.STATE: payloads.unpack_state,
    records.SAMPLE: payloads.unpack_sample,
    records.FAULT: payloads.unpack_json,
    records.END: payloads.unpack_end,
    records.ACK: payloads.unpack_json,
    records.NOTE: payloads.unpack_json,
    records.BLOB: payloads.unpack_blob,
    records.SECTOR: payloads.unpack_sector,
    records.WAKE: payloads.unpack_wake,
}

LONGEST = records.MAX_PAYLOAD + records.OVERHEAD + 2  # bytes of a record
CUT_MOST = (
    LONGEST - 1 + records.CRC_SIZE
)  # that a cut write leaves: after it a CRC's room stays free


@dataclass(frozen=True)
class Entry:
    """One record. `data` is None when its type or schema is newer than this program, or unreadable.

    `offset` is absolute in the wrap's log, `size` in bytes, with head and CRC.
    """

    offset: int
    size: int
    kind: int
    seq: int
    boot: int
    up_s: int
    up_ms: int
    payload: bytes
    data: dict[str, Any] | None

    @property
    def name(self) -> str:
        """`sample`, or `type-200` for one that this program does not know."""
        return NAMES.get(self.kind, f"type-{self.kind}")

    @property
    def up_ms_total(self) -> int:
        """Uptime in ms."""
        return self.up_s * 1000 + self.up_ms


@dataclass(frozen=True)
class Decoded:
    """All records in the log's order. Ranges are absolute (start, end) offsets.

    damage: bytes that hold no true record. missing: dropped by the wrap before they were pulled.
    torn: the last damage reaches the end (a write cut short, a pull that stopped inside a record).
    unknown: (type, count). newer: records of a newer schema. unreadable: true ones without meaning.
    """

    entries: tuple[Entry, ...]
    damage: tuple[tuple[int, int], ...] = ()
    missing: tuple[tuple[int, int], ...] = ()
    torn: bool = False
    unknown: tuple[tuple[int, int], ...] = ()
    newer: int = 0
    unreadable: int = 0


def lost_of(entry: Entry) -> int | None:
    """Records that the wrap had lost since that boot, as a note of it tells; None in any other."""
    lost = entry.data.get("lost") if entry.kind == records.NOTE and entry.data else None
    return lost if type(lost) is int and lost > 0 else None


def lost_records(entries: Iterable[Entry]) -> int:
    """Records that the wrap lost before they reached the log, by its notes: the last of each
    boot counts."""
    lost = {entry.boot: n for entry in entries if (n := lost_of(entry)) is not None}
    return sum(lost.values())


def _data(kind: int, payload: bytes) -> dict[str, Any] | None:
    if kind not in _UNPACK or _is_newer(kind, payload):
        return None
    try:
        data = _UNPACK[kind](payload)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError, struct.error):
        return None
    return data if isinstance(data, dict) else None


def _is_newer(kind: int, payload: bytes) -> bool:
    return kind in _UNPACK and payloads.schema(payload) > payloads.SCHEMA


def _entries(data: bytes, base: int) -> tuple[list[Entry], list[tuple[int, int]]]:
    found, gaps = records.scan(data)
    out: list[Entry] = []
    for kind, seq, boot, up_s, up_ms, payload, end in found:
        size = records.size(payload)
        meaning = _data(kind, payload)
        out.append(Entry(base + end - size, size, kind, seq, boot, up_s, up_ms, payload, meaning))
    return out, [(base + start, base + end) for start, end in gaps]


def decode_extents(extents: Iterable[tuple[int, bytes]]) -> Decoded:
    """Decode runs of bytes, each with its absolute offset, in rising order."""
    entries: list[Entry] = []
    damage: list[tuple[int, int]] = []
    missing: list[tuple[int, int]] = []
    end: int | None = None
    for base, data in extents:
        if end is not None and base > end:
            missing.append((end, base))
        some, gaps = _entries(data, base)
        entries += some
        damage += gaps
        end = base + len(data)
    unknown = Counter(e.kind for e in entries if e.kind not in _UNPACK)
    newer = sum(_is_newer(e.kind, e.payload) for e in entries)
    silent = sum(e.data is None for e in entries)
    fill_in(entries)
    return Decoded(
        tuple(entries),
        tuple(damage),
        tuple(missing),
        bool(damage) and damage[-1][1] == end,
        tuple(sorted(unknown.items())),
        newer,
        silent - newer - unknown.total(),
    )


def decode(data: bytes, base: int = 0) -> Decoded:
    """Decode one run of log bytes. base: absolute offset of its first byte."""
    return decode_extents([(base, data)])
