"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["good", "note", "bad"]


@dataclass(frozen=True)
class Check:
    """A result. level: `note` is worth reading, `bad` prevents something from working; hint: how to
    correct it."""

    name: str
    level: Level
    text: str
    hint: str = ""
