"""Runs of bytes with absolute offsets: their union, and what of a run is not kept yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

Extent = tuple[int, bytes]


class Conflict(ValueError):
    """Two runs say different things of the byte at `offset`."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"different bytes at offset {offset}")
        self.offset = offset


def _compare(offset: int, one: bytes | bytearray, other: bytes | bytearray) -> None:
    """Both begin at `offset` and are equally long. Raises Conflict at their first difference."""
    if one != other:
        at = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
        raise Conflict(offset + at)


def join(pieces: Iterable[Extent]) -> list[Extent]:
    """The union: rising runs with gaps between them. Pieces may come in any order and overlap.

    Raises Conflict when two pieces differ where they overlap.
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
        _compare(offset, kept[offset - start : offset - start + known], raw[:known])
        kept += raw[known:]
    return [(offset, bytes(raw)) for offset, raw in out]


def fresh(kept: Sequence[Extent], offset: int, data: bytes) -> list[Extent]:
    """The parts of `data` that `kept` (rising, not touching) lacks.

    Raises Conflict when the rest is not the same as what is kept.
    """
    out: list[Extent] = []
    at, end = offset, offset + len(data)
    for start, have in kept:
        low, high = max(start, at), min(start + len(have), end)
        if low >= high:
            continue
        _compare(low, have[low - start : high - start], data[low - offset : high - offset])
        if at < low:
            out.append((at, data[at - offset : low - offset]))
        at = high
    if at < end:
        out.append((at, data[at - offset :]))
    return out


def gaps(extents: Sequence[Extent]) -> list[tuple[int, int]]:
    """(start, end) offsets between the runs."""
    ends = [start + len(raw) for start, raw in extents]
    return list(zip(ends, [start for start, _ in extents[1:]], strict=False))
