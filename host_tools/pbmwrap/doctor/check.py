"""One finding of doctor's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["good", "note", "bad"]


@dataclass(frozen=True)
class Check:
    """`note` is worth reading, `bad` keeps something from working. `hint`: how to correct it."""

    name: str
    level: Level
    text: str
    hint: str = ""
