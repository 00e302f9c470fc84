"""USB vendors of boards and bridges, from the USB ID lists of their makers."""

MAKERS = {
    "2e8a": "Raspberry Pi",
    "303a": "Espressif",
    "10c4": "CP210x bridge",
    "1a86": "CH340 bridge",
    "0403": "FTDI bridge",
}
NO_RESET_LINES = ("2e8a",)  # USB CDC of the chip itself: DTR and RTS restart nothing
