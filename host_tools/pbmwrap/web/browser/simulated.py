"""A simulated wrap in a worker of its own: the firmware, the fake HAL and the thermal plant.

JavaScript calls `begin`, then `settle` until it returns true, then `advance` as its clock asks.
Bytes cross the border as hex digits.
"""

from __future__ import annotations

from binascii import hexlify, unhexlify
from typing import Any

from pbmwrap.facts import board_facts
from pbmwrap.twin.coupled import CoupledTwin
from pbmwrap.twin.fake_board import FakeBoard
from pbmwrap.twin.plant import Plant
from pbmwrap.web.controls import WorldControls
from wrap.hal import list_outputs
from wrap.storage.files import Files

UID = "sim0000000000001"
_KEPT_BYTES = 1 << 16  # that the wrap has sent and nobody has read


class _Wrap:
    def __init__(self, folder: str) -> None:
        facts = board_facts()
        self.plant = Plant(facts, settled=False)
        self.files = Files(folder)
        board = FakeBoard(self.files, facts, UID)
        self.twin = CoupledTwin(board, self.plant, len(list_outputs(facts)), len(facts.SENSORS))
        self.controls = WorldControls(self.twin)
        self.to_wrap = b""
        self.reported: dict[str, Any] | None = None


_wraps: list[_Wrap] = []


def begin(folder: str = "/flash") -> None:
    """Make the wrap. Its flash is a folder of this runtime and is lost with it."""
    _wraps[:] = [_Wrap(folder)]


def settle() -> bool:
    """Bring the plant nearer to its state at rest, then apply the power. Returns whether that is
    done. In pieces, because MicroPython frees memory only between two calls."""
    wrap = _wraps[0]
    if not wrap.plant.settle_part():
        return False
    wrap.twin.feed_sensors()
    wrap.twin.start()
    return True


def advance(ms: int, text: str = "") -> dict[str, Any]:
    """Let virtual time pass after the wrap has got the bytes in `text`. Returns {now_ms, out} and
    `world` where that has changed."""
    wrap = _wraps[0]
    controls = wrap.controls
    if controls.cable and text:
        wrap.to_wrap += unhexlify(text)
    if wrap.to_wrap:
        wrap.to_wrap = wrap.to_wrap[wrap.twin.write(wrap.to_wrap) :]
    controls.advance_ms(ms)
    out = wrap.twin.read()
    if not controls.cable:
        wrap.to_wrap = out = b""
    answer: dict[str, Any] = {"now_ms": wrap.twin.now_ms, "out": hexlify(out).decode()}
    state = controls.state()
    if state != wrap.reported:
        wrap.reported = state
        answer["world"] = state
    return answer


def change(control: str, value: Any) -> dict[str, Any]:
    """Set a control of the world (`WorldControls.change`). Returns the world's state."""
    controls = _wraps[0].controls
    controls.change(control, value)
    return controls.state()


def read_flash() -> dict[str, str]:
    """Return all files of the flash, as hex digits."""
    files = _wraps[0].files
    return {name: hexlify(files.read(name) or b"").decode() for name in sorted(files.names())}
