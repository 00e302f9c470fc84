"""The HAL of the ESP32 family; `board.py` implements the contract of `wrap.hal.contract`."""
