"""Installs the firmware: as files on stock MicroPython, or as a whole image."""
