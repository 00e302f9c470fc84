"""Twins by name. Their modules are loaded only when one is asked for: they are heavy."""

from __future__ import annotations

from pathlib import Path

from pbmwrap.twin.base import Twin


def make_twin(kind: str, state: Path | None = None) -> Twin:
    """A twin, not started yet. kind: "sim" or "rp2040"; state: the folder that keeps its flash."""
    if kind == "sim":
        from pbmwrap.twin.sim import SimTwin

        return SimTwin(state)
    from pbmwrap.twin.rp2040 import Rp2040Twin

    return Rp2040Twin(state)
