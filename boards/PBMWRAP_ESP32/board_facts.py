"""Facts of this board, nothing else: pins, lamp channels, sensors, supply.

Frozen into the image (or installed beside the `wrap` package). Units are in the names. A board may
list 2 to 4 channels and 2 to 4 sensors. tests/esp32/test_boards.py holds the pins against tables of
those that start, program or power the chip.
"""

BOARD = "PBMWRAP_ESP32"
CHIP = "esp32"
LINK = "uart"  # through a bridge on GPIO1 and GPIO3, without flow control

# Lamp channels: name, wavelength nm, pin, current at full duty mA, worst-case irradiance at the
# skin at full duty uW/cm2 (used by every cap while the channel is not calibrated). These pins
# float from reset until boot.py, with no pulse; the gates' pull-downs keep them dark.
CHANNELS = (
    ("red", 660, 18, 900, 60000),
    ("nir", 850, 19, 900, 80000),
)
CARRIER_HZ = 1000
SUPPLY_MA = 1500  # lamps together; channels are scaled alike above it
PAD_CM2 = 600  # what the lamps heat; limits.BLIND_POWER_MW_CM2 is per cm2

ENABLE_PIN = 23  # series enable, pulled down by 4.7 kOhm: RMT may switch a pull-up on
ENABLE_BACK_PIN = 22  # wired to ENABLE_PIN and reads it back
BUTTON_PIN = 21  # to ground, internal pull-up
INDICATOR_PIN = 27  # an LED to ground
# A passive piezo between this pin and ground, driven at 2.7 kHz. None: there is none.
BUZZER_PIN = 26

# Input that is high while the LEDs give light (a photodiode or a shunt's comparator behind a filter
# of about 3 ms). None: an old pad without one; the self-test's record then says "not sensed".
SENSE_PIN = 25

# Sensors: name, role ("skin" or "board"), pin, ADC1 channel, channel of a multiplexer (None: wired
# directly). Each is an NTC to ground with its pull-up to 3.3 V. 10 kOhm keeps 3 to 100 C inside the
# converter's 150 to 2450 mV. skin-mid lies where the weight is, the other two at opposite corners.
# GPIO39 is pulled low for 80 ns when a converter is switched on (errata 3.11). The filter's 100 nF
# leaves tens of millivolts of that, and the reading is too hot, so the board sensor takes it.
SENSORS = (
    ("skin-mid", "skin", 34, 6, None),
    ("skin-left", "skin", 35, 7, None),
    ("skin-right", "skin", 33, 5, None),
    ("board", "board", 39, 3, None),
)
MUX_PINS = None  # no multiplexer
REFERENCE_PIN = 32  # the middle of two equal resistors (10 kOhm, 0.1 %) from 3.3 V to ground
PULLUP_OHM = 10000
NTC_R25_OHM = 10000
NTC_BETA_K = 3950
