// The wrap on an ESP32 board. Pins are in board_facts.py and pins.csv.
#define MICROPY_HW_BOARD_NAME               "pbmwrap ESP32"
#define MICROPY_HW_MCU_NAME                 "ESP32"

// No radio is ever switched on.
#define MICROPY_PY_BLUETOOTH                (0)

// The link is UART0, through the board's bridge.
#define MICROPY_HW_ENABLE_UART_REPL         (1)
