"""Checks this machine, its USB and the wrap for `pbmwrap doctor`. Changes nothing."""
