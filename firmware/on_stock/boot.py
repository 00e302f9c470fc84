# First code of every boot and of every soft reset: outputs to their safe level, nothing else.
# `pbmwrap install --files` writes the board's pins here: enable, lamps, indicator, buzzer.
from machine import Pin

PINS = ()
for _pin in PINS:
    Pin(_pin, Pin.OUT, value=0)
