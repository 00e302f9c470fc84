# The port's default without the drivers of micropython-lib, which Debian's sources do not carry.
# ruff: noqa: F821 - MicroPython defines these functions for manifests
freeze("$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
