# Frozen into the image. Frozen boot.py and main.py come before files of that name in the flash.
# ruff: noqa: F821 - MicroPython defines these functions for manifests
freeze("$(PORT_DIR)/modules", ("flashbdev.py",))
freeze("$(BOARD_DIR)/modules")  # _boot.py
freeze("$(BOARD_DIR)/../../firmware", ("boot.py", "main.py"))
package("wrap", base_path="$(BOARD_DIR)/../../firmware", opt=0)
module("board_facts.py", base_path="$(BOARD_DIR)")
module("wrap_image.py", base_path="$(BOARD_DIR)/generated")  # tools/toolchain writes it
