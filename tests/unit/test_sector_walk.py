"""A wrap reads a sector record by record with little of it in the heap, as a host reads it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets.records import CopiedSector, check_walk
from wrap.storage import payloads, record_reader, records
from wrap.storage.log import SectorWalk

SIZE = 4088


def pack_any(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from([records.NOTE, records.BLOB, records.SAMPLE, records.SECTOR]))
    payload = draw(st.binary(max_size=30))
    if kind == records.SECTOR:
        payload = payloads.pack_sector(7, draw(st.integers(0, 1 << 20)), bytes(32), [])
    elif draw(st.integers(0, 9)) == 0:
        payload = bytes(draw(st.integers(250, 900)))
    return records.pack(kind, draw(st.integers(0, 70000)), draw(st.integers(0, 3)), 1, 0, payload)


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    parts = [
        pack_any(draw) if draw(st.integers(0, 3)) else draw(st.binary(max_size=20))
        for _ in range(draw(st.integers(0, 12)))
    ]
    raw = bytearray(b"".join(parts)[:SIZE])
    for _ in range(draw(st.integers(0, 2)) if raw else 0):
        raw[draw(st.integers(0, len(raw) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(raw)


@given(contents(), st.sampled_from([120, 512, SIZE]), st.data())
def test_a_walk_finds_what_a_scan_finds(raw: bytes, window: int, data: st.DataObject) -> None:
    until = data.draw(st.integers(0, len(raw)))
    found, gaps = record_reader.scan(raw, until)
    check_walk(found, gaps, raw, until, window)


def test_the_last_record_may_end_behind_what_seems_written() -> None:
    raw = records.pack(records.NOTE, 5, 1, 1, 0, b"x" * 20)
    walk = SectorWalk(CopiedSector(raw, 512), 0, len(raw) - 4, SIZE)  # type: ignore[arg-type]
    assert walk.go_to_last() and (walk.seq, walk.end) == (5, len(raw))
    shorter = SectorWalk(CopiedSector(raw[:-1], 512), 0, len(raw) - 4, SIZE)  # type: ignore[arg-type]
    assert not shorter.go_to_last() and shorter.gap == 0
