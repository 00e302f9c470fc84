"""Guided calibration of the pad's irradiance (docs/calibration.md).

`steps` is a pure state machine: it reads no clock, no file and no wrap. The command `pbmwrap cal`
and a page of the web face both drive it.
"""
