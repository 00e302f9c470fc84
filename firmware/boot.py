# First code of every boot and soft reset: drives the outputs to their safe level.
# A stock soft reset stops PWM at the level that the pin has, so this must come before all else.
# ruff: noqa: E402 - what is searched while modules load is set first
import sys

# No file of the REPL's filesystem takes the place of these modules (main.py does the same).
_path, sys.path[:] = sys.path[:], [".frozen"]
from machine import Pin

import board_facts

sys.path[:] = _path
_pins = [board_facts.ENABLE_PIN] + [_c[2] for _c in board_facts.CHANNELS]
_warmer = getattr(board_facts, "WARMER", None)
if _warmer is not None:
    _pins.append(_warmer[2])
for _pin in _pins:
    Pin(_pin, Pin.OUT, value=0)  # H-13
Pin(board_facts.INDICATOR_PIN, Pin.OUT, value=0)
if getattr(board_facts, "BUZZER_PIN", None) is not None:
    Pin(board_facts.BUZZER_PIN, Pin.OUT, value=0)
