"""Facts of this board, nothing else: pins, lamp channels, sensors, supply.

Frozen into the image (or installed beside the `wrap` package). Units are in the names. A board may
list 2 to 4 channels and 2 to 4 sensors. tests/esp32/test_boards.py holds the pins against tables of
those that start, program or power the chip.
"""

BOARD = "PBMWRAP_ESP32_C3"
CHIP = "esp32c3"
LINK = "jtag"  # USB-Serial-JTAG, on GPIO18 and GPIO19

# Lamp channels: name, wavelength nm, pin, current at full duty mA, worst-case irradiance at the
# skin at full duty uW/cm2 (used by every cap while the channel is not calibrated). Neither
# has a pull or a pulse at reset (GPIO6 has a pull-up: it is the buzzer).
CHANNELS = (
    ("red", 660, 10, 900, 60000),
    ("nir", 850, 5, 900, 80000),
)
CARRIER_HZ = 1000
SUPPLY_MA = 1500  # lamps together; channels are scaled alike above it
PAD_CM2 = 600  # what the lamps heat; limits.BLIND_POWER_MW_CM2 is per cm2

ENABLE_PIN = 7  # series enable, pulled down by 4.7 kOhm: RMT may switch a pull-up on
ENABLE_BACK_PIN = 20  # wired to ENABLE_PIN and reads it back
# To ground, internal pull-up. The last free pin: held while power comes, the boot ROM waits for a
# download, dark, until the plug is pulled.
BUTTON_PIN = 9
INDICATOR_PIN = 8  # an LED to ground; any level here boots from flash
# A passive piezo between this pin and ground, driven at 2.7 kHz. None: there is none.
BUZZER_PIN = 6

# Input that is high while the LEDs give light (a photodiode or a shunt's comparator behind a filter
# of about 3 ms). None: an old pad without one; the self-test's record then says "not sensed".
SENSE_PIN = 21  # the boot ROM talks on it: behind R19 that harms nothing

# Sensors: name, role ("skin" or "board"), pin, ADC1 channel, channel of a multiplexer (None: wired
# directly). Each is an NTC to ground with its pull-up to 3.3 V. 10 kOhm keeps 3 to 100 C inside the
# converter's 150 to 2450 mV. skin-mid lies where the weight is, the other two at opposite corners.
# ADC1 has five inputs, and one of them is GPIO2, a strapping pin that does not decide the boot mode
# (datasheet, boot mode control). It has the reference, whose level never changes.
SENSORS = (
    ("skin-mid", "skin", 0, 0, None),
    ("skin-left", "skin", 1, 1, None),
    ("skin-right", "skin", 3, 3, None),
    ("board", "board", 4, 4, None),
)
MUX_PINS = None  # no multiplexer
REFERENCE_PIN = 2  # the middle of two equal resistors (10 kOhm, 0.1 %) from 3.3 V to ground
PULLUP_OHM = 10000
NTC_R25_OHM = 10000
NTC_BETA_K = 3950
