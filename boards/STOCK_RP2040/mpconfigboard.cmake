# Stands for stock MicroPython in tests: a Raspberry Pi Pico with none of our modules.
set(PICO_BOARD "pico")
set(PICO_PLATFORM "rp2040")
set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
