"""The only rooms that know a chip. The contract is in `contract.py`."""

try:
    from time import ticks_us  # type: ignore - MicroPython's
except ImportError:  # CPython, and MicroPython on a machine without a clock
    ticks_us = int

# When the package began to load: what comes from files takes seconds until it runs, and a HAL wants
# to know when the chip had started (rp2040.py, reset_cause).
LOADED_US = ticks_us()

# Bits of what a HAL's `inputs` returns.
PRESSED = 1
LIGHT = 2


def open_board(facts):
    """The HAL of the chip that `facts` names. Raises ValueError for a chip without one."""
    if facts.CHIP == "rp2040":
        from wrap.hal.rp2040.board import Rp2040

        return Rp2040(facts)
    if facts.CHIP.startswith("esp32"):
        from wrap.hal.esp32.board import Esp32

        return Esp32(facts)
    raise ValueError("no HAL for chip " + facts.CHIP)
