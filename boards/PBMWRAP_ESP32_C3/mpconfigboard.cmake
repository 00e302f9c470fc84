# The wrap on an ESP32-C3 with 4 MB of flash or more, without PSRAM. ESP-IDF's own radio settings stay.
set(IDF_TARGET esp32c3)

configure_file(${MICROPY_BOARD_DIR}/sdkconfig.board ${CMAKE_BINARY_DIR}/sdkconfig.wrap @ONLY)
set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    ${CMAKE_BINARY_DIR}/sdkconfig.wrap
)
set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
