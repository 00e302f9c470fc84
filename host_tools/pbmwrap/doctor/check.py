"""One finding of doctor's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["good", "note", "bad"]


@dataclass(frozen=True)
class Check:
    """`note` is worth reading, `bad` stops something from working; `hint` says how to mend it."""

    name: str
    level: Level
    text: str
    hint: str = ""
