"""Times of a press of a twin's button, as the firmware's gestures need them."""

from __future__ import annotations

SHORT_MS = 100
LONG_MS = 1300  # the firmware's long press is one second
DOUBLE_GAP_MS = 150  # the firmware waits 400 ms for a second press


def list_edges(kind: str | None, held_ms: int | None = None) -> list[tuple[int, bool]]:
    """Return (milliseconds from now, whether the button goes down). kind: "short", "long" or
    "double"; held_ms: how long it is held, by default as the kind needs it."""
    held_ms = (LONG_MS if kind == "long" else SHORT_MS) if held_ms is None else held_ms
    edges: list[tuple[int, bool]] = []
    for n in range(2 if kind == "double" else 1):
        start = n * (held_ms + DOUBLE_GAP_MS)
        edges += [(start, True), (start + held_ms, False)]
    return edges
