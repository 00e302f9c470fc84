"""Simulators of the wrap: the firmware on CPython, on MicroPython and on the emulated RP2040."""

import sys

if sys.implementation.name == "cpython":  # the unix twin imports this package on MicroPython
    from pbmwrap.twin import compiled

    # Every import of rp2040py in this project is below this package or comes after it.
    compiled.install()
