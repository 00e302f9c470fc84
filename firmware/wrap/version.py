"""Versions that host and device compare."""

PRODUCT = "pbmwrap"
VERSION = "0.1.0"
LINK_VERSION = 1
STORED = 1  # increment it when an older firmware could not read what this one stores
