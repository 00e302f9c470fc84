"""States what the build added to the firmware: its hash, the table of the board's thermistors, and
features of its C part.

Not named `image`: frozen, `wrap/image.py` and `wrap_image.py` would be the same C symbol.
"""

try:
    import wrap_image  # type: ignore

    PROGRAM_SHA256 = wrap_image.PROGRAM_SHA256
    CDC_NONBLOCKING = wrap_image.CDC_NONBLOCKING
    CLAIM_AT = wrap_image.CLAIM_AT
    RAM_TESTED = wrap_image.RAM_TESTED
    THERMISTOR = wrap_image.THERMISTOR
except ImportError:  # installed as files on a stock image
    PROGRAM_SHA256 = "files"
    CDC_NONBLOCKING = False
    CLAIM_AT = 0
    RAM_TESTED = False
    THERMISTOR = None
