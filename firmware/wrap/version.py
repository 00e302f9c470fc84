"""Versions that host and device compare."""

PRODUCT = "pbmwrap"
VERSION = "0.1.0"
LINK_VERSION = 1
