"""The HAL of the RP2040; `board.py` implements the contract of `wrap.hal.contract`."""
