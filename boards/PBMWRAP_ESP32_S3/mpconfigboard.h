// The wrap on an ESP32-S3 board. Pins are in board_facts.py and pins.csv.
#define MICROPY_HW_BOARD_NAME               "pbmwrap ESP32-S3"
#define MICROPY_HW_MCU_NAME                 "ESP32-S3"

// No radio is ever switched on.
#define MICROPY_PY_BLUETOOTH                (0)

// The link is the chip's own USB-Serial-JTAG port, which tells when it can take bytes; TinyUSB's
// does not, and waits up to 500 ms for a host that does not read.
#define MICROPY_HW_ENABLE_USBDEV            (0)
#define MICROPY_HW_USB_CDC                  (0)
#define MICROPY_HW_ESP_USB_SERIAL_JTAG      (1)
#define MICROPY_HW_ENABLE_UART_REPL         (0)
