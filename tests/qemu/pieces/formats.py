"""Frames of the link."""

from tests.fuzz import mutate
from wrap.link import frames


def lines(rng, out, count):
    """True frames, changed, in pieces of any size."""
    reader = frames.LineReader()
    for _ in range(count):
        raw = frames.encode(rng.some(rng.below(60)).replace(b"\n", b""))
        if rng.below(2):
            raw = mutate.made(rng, [raw])
        at = 0
        while at < len(raw):
            end = min(len(raw), at + 1 + rng.below(64))
            while at < end:
                event = reader.take(raw, at, end)
                at = reader.at
                out.add(event, reader.body() if event == frames.OK else None)
