# The wrap's program, and what is measured against it.
# ruff: noqa: F821 - MicroPython defines these functions for manifests
include("$(BOARD_DIR)/manifest.py")
freeze("modules")
