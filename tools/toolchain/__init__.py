"""Builds MicroPython, the images and the emulators that the firmware and its tests need."""
