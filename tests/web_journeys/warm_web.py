"""`pbmwrap` whose simulated wraps have lain on a leg in a warm room for hours.

So the light dims soon after a start, which would take an hour on the emulated chip otherwise.
Run as `python -m tests.web_journeys.warm_web web ...`.
"""

from __future__ import annotations

from pathlib import Path

from pbmwrap import __main__
from pbmwrap.twin import factory
from pbmwrap.twin.base import Twin

WARM_ROOM_C = 27.3  # skin of 33.9 C: a trip at 36 C dims from 34 C
_make_twin = factory.make_twin


def make_warm_twin(kind: str, state: Path | None = None, image: Path | None = None) -> Twin:
    twin = _make_twin(kind, state, image)
    twin.plant.change(ambient_c=WARM_ROOM_C)
    twin.plant.settle()
    return twin


if __name__ == "__main__":
    factory.make_twin = make_warm_twin
    __main__.run()
