# First code of every boot and of every soft reset: outputs to their safe level, nothing else.
# A stock soft reset stops PWM at whatever level the pin had, so this must come before all.
from machine import Pin

import board_facts

for _pin in [board_facts.ENABLE_PIN] + [_c[2] for _c in board_facts.CHANNELS]:
    Pin(_pin, Pin.OUT, value=0)  # H-13
Pin(board_facts.INDICATOR_PIN, Pin.OUT, value=0)
if getattr(board_facts, "BUZZER_PIN", None) is not None:
    Pin(board_facts.BUZZER_PIN, Pin.OUT, value=0)
