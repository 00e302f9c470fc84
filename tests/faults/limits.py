"""What must hold, per kind of fault: the one table to change when a protection is built.

`ms`: from the cause to no light (enable low or every lamp low). `needs`: the protection that does
not exist yet; while it says something, cases that break the promise count as "unprotected", loudly,
and not as passed. Take it away, on one line, when the protection is there.

Virtual time: a step takes none here. What code costs is measured on the emulated chip.
"""

from __future__ import annotations

from dataclasses import dataclass

from pbmwrap.twin.fake_hal import PROGRAM
from wrap.rules import limits
from wrap.safety.integrity import CHUNK

STEP = 50  # docs/safety.md: sensor to pins low, gross limit, rails and 3 of 4
# The dead-man's life since the last verified step; the fake HAL sees it in whole steps.
HANG = limits.DEADMAN_MS + 2 * limits.STEP_MS
HANG_FLASH = limits.DEADMAN_FLASH_MS + 2 * limits.STEP_MS
SECONDS = 2_100  # means of a second held against those of the second before
NO_ROOM = 2 * 1000 + STEP  # the third try in a row to write a record
FADE = 560  # the soft end of 500 ms
NOW = 0
# Two rounds: a bit may turn over just behind the check. The fake HAL's program has few chunks.
PROGRAM_ROUNDS = 2 * -(-len(PROGRAM) // CHUNK) * limits.PROGRAM_CHUNK_MS + 2 * limits.STEP_MS


@dataclass(frozen=True)
class Bound:
    """`ms`: the limit, `flash_ms` when the wrap had just announced a flash write (0: the same);
    `needs`: what is missing until it can hold."""

    ms: int
    needs: str = ""
    flash_ms: int = 0


BOUNDS: dict[str, Bound] = {
    "skin-jump-down": Bound(SECONDS),
    "board-jump-down": Bound(SECONDS),
    "overrun-long": Bound(HANG, flash_ms=HANG_FLASH),
    "hang": Bound(HANG, flash_ms=HANG_FLASH),
    "power-cut": Bound(NOW),
    "power-cut-in-write": Bound(NOW),
    "brown-out": Bound(NOW),
    "brown-out-thrice": Bound(NOW),
    "settings-wrong": Bound(NOW),
    "settings-torn": Bound(NOW),
    "protocol-corrupt": Bound(NOW),
    "fault-store-corrupt": Bound(NOW),
    "program-flip": Bound(PROGRAM_ROUNDS),
    "program-flip-restart": Bound(NOW),
    "ram-bad": Bound(NOW),
    "memory-log.append-for-ever": Bound(NO_ROOM),
    "memory-records.pack_pieces-for-ever": Bound(NO_ROOM),
    "lease-lost": Bound(3000 + FADE),
    "host-stop": Bound(FADE + 100),
    "button-stuck": Bound(FADE),
}


def bound(kind: str) -> Bound:
    """What is promised for `kind`; STEP when the table does not name it."""
    return BOUNDS.get(kind, Bound(STEP))
