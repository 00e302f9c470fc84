"""Fault scenarios on the emulated binary (docs/faults.md)."""
