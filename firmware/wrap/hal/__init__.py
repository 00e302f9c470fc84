"""The hardware abstraction layer: the only package that imports `machine`. Its interface is in
`contract.py`."""

from wrap.compat import const
from wrap.rules import limits

try:
    from time import ticks_us  # type: ignore - MicroPython's
except ImportError:  # CPython, and MicroPython on a machine without a clock
    ticks_us = int

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from wrap.hal.contract import BoardFacts, Hal

# When the package began to load. A HAL subtracts it to find out when the chip had started:
# importing .mpy files from a filesystem takes seconds (rp2040/board.py, reset_cause).
LOADED_US = ticks_us()

# Bits that a HAL's `inputs` returns.
PRESSED = 1
LIGHT = 2


def list_outputs(facts: "Any") -> "tuple[tuple[str, int, int, int, int], ...]":
    """Return CHANNELS of the board's facts (`contract.BoardFacts`), and behind them its warmer, if
    it has one, as a channel without wavelength and irradiance: everything that a pin and the enable
    drive."""
    warmer = getattr(facts, "WARMER", None)
    if warmer is None:
        return facts.CHANNELS
    name, _, pin, ma = warmer
    # H-65: whatever switches the lamps off, at any layer, switches it off as well.
    return facts.CHANNELS + ((name, 0, pin, ma, 0),)


def find_warmer_shares(outputs: "tuple[tuple, ...]") -> "tuple[int, ...]":
    """Return the permille of each channel's intensity at which the warmer takes the current of that
    channel, 0 for channels that a sham does not hide; () without a warmer. outputs:
    `list_outputs`, whose last has the wavelength 0 when it is a warmer."""
    last = outputs[-1]
    if last[1]:
        return ()
    return tuple([c[3] * 1000 // last[3] if c[1] >= limits.VISIBLE_NM else 0 for c in outputs])


def open_board(facts: "BoardFacts") -> "Hal":
    """Return the HAL (see `contract.Hal`) of the chip that `facts` names. Raises ValueError for a
    chip without one."""
    if facts.CHIP == "rp2040":
        from wrap.hal.rp2040.board import Rp2040

        return Rp2040(facts)  # type: ignore - the stubs: ticks are not integers
    if facts.CHIP.startswith("esp32"):
        from wrap.hal.esp32.board import Esp32

        return Esp32(facts)  # type: ignore - as above
    raise ValueError("no HAL for chip " + facts.CHIP)
