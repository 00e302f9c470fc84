# The wrap on a Pico-shaped board: RP2040, 2 MB flash.
set(PICO_BOARD "pico")
set(PICO_PLATFORM "rp2040")
set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)

list(APPEND MICROPY_SOURCE_BOARD ${MICROPY_BOARD_DIR}/board.c ${MICROPY_BOARD_DIR}/frozen_names.c
     ${MICROPY_BOARD_DIR}/ram_test.c ${MICROPY_BOARD_DIR}/wrap_crc.c ${MICROPY_BOARD_DIR}/wrap_json.c ${MICROPY_BOARD_DIR}/wrap_usb.c)
set(MICROPY_DEF_BOARD CFG_TUD_CDC_TX_BUFSIZE=1024)

# MicroPython 1.25 defines MICROPY_HW_USB_CDC_TX_TIMEOUT without asking, and takes bytes one by one.
# The file that does so is compiled with this header in front: MicroPython's own tree stays as it is.
set_source_files_properties(
    ${MICROPY_DIR}/shared/tinyusb/mp_usbd_cdc.c
    PROPERTIES COMPILE_OPTIONS "-include;${MICROPY_BOARD_DIR}/cdc_port.h"
)
# Frozen modules are found by frozen_names.c, in the same way.
set_source_files_properties(
    ${MICROPY_DIR}/py/frozenmod.c
    PROPERTIES COMPILE_OPTIONS "-include;${MICROPY_BOARD_DIR}/frozen_names.h"
)

# Compiled for speed rather than size, see docs/benchmarks.md: collecting garbage, SHA-256, base64.
set_source_files_properties(
    ${MICROPY_BOARD_DIR}/frozen_names.c
    ${MICROPY_BOARD_DIR}/wrap_crc.c
    ${MICROPY_DIR}/py/gc.c
    ${MICROPY_DIR}/extmod/modbinascii.c
    ${MICROPY_DIR}/lib/mbedtls/library/sha256.c
    PROPERTIES COMPILE_OPTIONS "-O2"
)
