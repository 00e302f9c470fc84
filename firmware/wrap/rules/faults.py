"""Fault codes with their names and texts, shared with the host.

A code is also the number that the indicator blinks (`wrap.ui.indicator`), and it is stored in
records: append new codes, never renumber.
"""

NONE = 0
SKIN_HOT = 1
BOARD_HOT = 2
GROSS = 3
SENSOR_OPEN = 4
SENSOR_SHORT = 5
COLD = 6
STEP_LATE = 7
READBACK = 8
EXCEPTION = 9
STORAGE = 10
SELF_TEST = 11
# 12 to 17 come from the checks that wrap.safety.thermal runs once a second.
RATE = 12
STUCK = 13
PAIR = 14
HOT_OFF = 15
SLIPPED = 16
LAMP_STUCK = 17
DEADMAN = 18
RESETS = 19
PROGRAM = 20
MEMORY = 21
LIGHT = 22
WIRING = 23
MULTIPLEXER = 24

NAMES = (
    "none",
    "skin-hot",
    "board-hot",
    "gross-hot",
    "sensor-open",
    "sensor-short",
    "cold",
    "step-late",
    "readback",
    "exception",
    "storage",
    "self-test",
    "rate",
    "stuck",
    "pair",
    "hot-off",
    "slipped",
    "lamp-stuck",
    "dead-man",
    "resets",
    "program",
    "memory",
    "light",
    "wiring",
    "multiplexer",
)

TEXTS = (
    "no fault",
    "the skin is hotter than its limit",
    "the LED board is hotter than its limit",
    "one reading was far beyond its limit",
    "a temperature sensor is open or unplugged",
    "a temperature sensor is shorted",
    "a temperature sensor reads colder than any pad in use",
    "a control step was too late",
    "a lamp output differs from what was set",
    "the firmware had an internal error",
    "the flash could not be written",
    "the self-test before light failed",
    "a temperature sensor changed faster than a pad can",
    "a temperature sensor did not change although the pad must have",
    "temperature sensors disagree",
    "the pad warms while its lamps are off",
    "the skin sensor has come off the skin",
    "the pad gets more heat than was set: a lamp stuck on, or a driver too strong",
    "the dead-man timer cut the light: no control step was verified in time",
    "the wrap restarted by itself three times",
    "the program in the flash is damaged",
    "the RAM failed its test at boot",
    "light is detected although the lamps are off",
    "a temperature reading follows the lamps' current: a ground wire or a leak, not heat",
    "the multiplexer of the temperature sensors does not switch, or their ground has corroded",
)
