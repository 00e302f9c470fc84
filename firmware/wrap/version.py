"""Versions that host and device compare."""

PRODUCT = "pbmwrap"
VERSION = "0.1.0"
LINK_VERSION = 1
# The oldest MicroPython for each chip, asked by the HAL, the installer, `doctor` and the toolchain.
# RP2040: what the firmware is built and tested with. ESP32: RMT can be stopped since 1.27, and LEDC
# reaches 100 % since 1.26 (docs/decisions/0017).
OLDEST_MICROPYTHON = {
    "rp2040": (1, 25),
    "esp32": (1, 27),
    "esp32s3": (1, 27),
    "esp32c3": (1, 27),
}
STORED = 1  # increment it when an older firmware could not read what this one stores
