"""Calculates with runs of bytes at absolute offsets: their union, what is new in one, the gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import eq, itemgetter

Extent = tuple[int, bytes]  # (absolute offset of the first byte, bytes)


class Conflict(ValueError):
    """Two runs have different bytes at `offset`."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"different bytes at offset {offset}")
        self.offset = offset


def _compare_bytes(offset: int, one: bytes | bytearray, other: bytes | bytearray) -> None:
    """Compare two runs of the same offset and length. Raises Conflict at the first difference."""
    if one != other:
        at = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
        raise Conflict(offset + at)


def join_extents(pieces: Iterable[Extent]) -> list[Extent]:
    """Join pieces, which may overlap and come in any order, to rising runs with gaps between them.

    Raises Conflict if two pieces differ where they overlap.
    """
    out: list[tuple[int, bytearray]] = []
    for offset, raw in sorted(pieces, key=itemgetter(0)):
        if not raw:
            continue
        if not out or offset > out[-1][0] + len(out[-1][1]):
            out.append((offset, bytearray(raw)))
            continue
        start, kept = out[-1]
        known = min(len(raw), start + len(kept) - offset)
        _compare_bytes(offset, kept[offset - start : offset - start + known], raw[:known])
        kept += raw[known:]
    return [(offset, bytes(raw)) for offset, raw in out]


def join_following(offsets: list[int], raws: list[bytes]) -> list[Extent]:
    """Join pieces, each of which begins where the one before ends; else return them as they are."""
    ends = accumulate(map(len, raws), initial=offsets[0] if offsets else 0)
    if all(map(eq, offsets, ends)):
        return [(offsets[0], b"".join(raws))] if offsets else []
    return list(zip(offsets, raws, strict=True))


def cut(kept: Sequence[Extent], spans: Iterable[tuple[int, int]]) -> list[Extent]:
    """Cut the bytes with the offsets (start, end) out of runs; both in rising order."""
    out: list[Extent] = []
    for start, end in spans:
        for first, raw in kept:
            low, high = max(start, first), min(end, first + len(raw))
            if low < high:
                out.append((low, raw[low - first : high - first]))
    return out


def find_new(kept: Sequence[Extent], offset: int, data: bytes) -> list[Extent]:
    """Find the parts of `data` that `kept` (as `join_extents` returns it) does not have.

    Raises Conflict if the other parts differ from `kept`.
    """
    out: list[Extent] = []
    at, end = offset, offset + len(data)
    for start, have in kept:
        low, high = max(start, at), min(start + len(have), end)
        if low >= high:
            continue
        _compare_bytes(low, have[low - start : high - start], data[low - offset : high - offset])
        if at < low:
            out.append((at, data[at - offset : low - offset]))
        at = high
    if at < end:
        out.append((at, data[at - offset :]))
    return out


def find_gaps(extents: Sequence[Extent]) -> list[tuple[int, int]]:
    """Find (start, end) offsets between the runs."""
    ends = [start + len(raw) for start, raw in extents]
    return list(zip(ends, [start for start, _ in extents[1:]], strict=False))
