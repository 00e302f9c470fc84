# First code after every boot and soft reset: drives the outputs to their safe level, nothing else.
# `pbmwrap install --files` writes the board's pins here: enable, lamps, indicator, buzzer.
from machine import Pin

PINS = ()
for _pin in PINS:
    Pin(_pin, Pin.OUT, value=0)
