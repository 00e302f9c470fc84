"""Putting the firmware on a board: as files on stock MicroPython, or as a whole image."""
