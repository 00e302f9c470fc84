"""Facts of this board, nothing else: pins, lamp channels, sensors, supply.

Frozen into the image (or installed beside the `wrap` package). Units are in the names. A board may
list 2 to 4 channels and 2 to 4 sensors.
"""

BOARD = "PBMWRAP_RP2040"
CHIP = "rp2040"

# Lamp channels: name, wavelength nm, pin, current at full duty mA, worst-case irradiance at the
# skin at full duty uW/cm2 (used by every cap while the channel is not calibrated). GPIO2 is PWM
# slice 1, GPIO4 slice 2: one slice each, and both among the slices 0-3 that a stock soft reset
# stops. GPIO18 and GPIO20 share those slices and stay unconnected.
CHANNELS = (
    ("red", 660, 2, 900, 60000),
    ("nir", 850, 4, 900, 80000),
)
# A warmer for the sham arm of a blinded trial (docs/trial.md): resistors in the pad behind a switch
# of their own, as the lamps have one: ("warmer", "heat", pin, current at full duty mA). It gives no
# light and is in no protocol. GPIO6 is PWM slice 3. None: there is none.
WARMER = None
CARRIER_HZ = 1000
SUPPLY_MA = 1500  # lamps together; channels are scaled alike above it
PAD_CM2 = 600  # what the lamps heat; limits.BLIND_POWER_MW_CM2 is per cm2

ENABLE_PIN = 22  # series enable, pulled down in hardware
BUTTON_PIN = 14  # to ground, internal pull-up
INDICATOR_PIN = 25
# A passive piezo between this pin and ground, driven at 2.7 kHz; GPIO16 is PWM slice 0, no lamp's.
# None: there is none.
BUZZER_PIN = 16

# Input that is high while the LEDs give light (a photodiode or a shunt's comparator behind a filter
# of about 3 ms). None: an old pad without one; the self-test's record then says "not sensed".
SENSE_PIN = 21

# Sensors: name, role ("skin" or "board"), pin, ADC input, channel of the multiplexer (None: wired
# directly). Each is an NTC to ground with its pull-up to 3.3 V; 5.6 kOhm keeps 35-45 C between the
# RP2040's code steps at 1536 and 2560. skin-mid lies where the weight is, the other two at opposite
# corners. Two skin sensors need no multiplexer (docs/decisions/0020).
SENSORS = (
    ("skin-mid", "skin", 26, 0, None),
    ("skin-left", "skin", 27, 1, None),
    ("skin-right", "skin", 28, 2, 1),
    ("board", "board", 28, 2, 2),
)
MUX_PINS = (10, 11, 12)  # select lines A, B, C of a 4051; None: the board has no multiplexer
# Multiplexer inputs with known readings: channel, lowest and highest raw reading (0..65520).
# y0 is AGND. y7 is 5.1 kOhm 0.1 % to AGND under 5.6 kOhm 1 %: about 41 C. Bounds: the
# resistors' tolerances and 10 codes of the converter (160). A test computes them again.
MUX_REFERENCES = ((0, 0, 300), (7, 30890, 31570))
PULLUP_OHM = 5600
NTC_R25_OHM = 10000
NTC_BETA_K = 3950
