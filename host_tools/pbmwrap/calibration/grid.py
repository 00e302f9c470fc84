"""The points of the pad's treatment area that are measured, and their neighbours."""

from __future__ import annotations

from collections.abc import Iterator

Point = tuple[int, int]  # row, column, from 0
SIDE_MOST = 9


def list_points(rows: int, columns: int) -> list[Point]:
    """Return the points row by row, every second row backwards, so that the head moves little."""
    out: list[Point] = []
    for row in range(rows):
        line = range(columns) if row % 2 == 0 else range(columns - 1, -1, -1)
        out += [(row, column) for column in line]
    return out


def list_neighbours(point: Point) -> Iterator[Point]:
    """Yield the eight places around a point, also outside the grid."""
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            if row or column:
                yield point[0] + row, point[1] + column


def name_point(point: Point) -> str:
    """Return a point as a chart is labelled: row A, B, ... and column 1, 2, ..."""
    return f"{chr(ord('A') + point[0])}{point[1] + 1}"
