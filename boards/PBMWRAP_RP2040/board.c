// What this board adds to MicroPython in C: dark outputs, and a USB port that never holds up a step.

#include "py/mphal.h"
#include "py/pystack.h"
#include "shared/runtime/pyexec.h"
#include "hardware/gpio.h"
#ifndef NO_QSTR  // the pass that collects qstrs has no tinyusb headers
#include "tusb.h"
#endif

void pbmwrap_dark(void) {
    // Level, direction, then the function: no order of these shows a high level in between.
    gpio_clr_mask(PBMWRAP_DARK_PINS);  // H-13
    gpio_set_dir_out_masked(PBMWRAP_DARK_PINS);
    for (uint pin = 0; pin < NUM_BANK0_GPIOS; ++pin) {
        if (PBMWRAP_DARK_PINS & (1u << pin)) {
            gpio_set_function(pin, GPIO_FUNC_SIO);
        }
    }
}

// 6 KB; the wrap takes 1680 bytes (docs/benchmarks.md). A RuntimeError where it ends.
static mp_obj_t frames[1536];

void pbmwrap_frames(void) {
    mp_pystack_init(frames, frames + MP_ARRAY_SIZE(frames));
}

#define STOCK_PATIENCE_MS (500)
#define STALL_MS (2)

// A write waits from `waiting_since_ms` on; `stalled` means that a wait was in vain.
static volatile bool waiting, stalled;
static mp_uint_t waiting_since_ms;

// TinyUSB: the host took a packet.
void tud_cdc_tx_complete_cb(uint8_t itf) {
    (void)itf;
    waiting = stalled = false;
}

// Asked again and again while a write finds too little room. A host that reads takes a packet
// within a millisecond, so 2 ms without one means nobody reads: from then on the answer is 0 and
// writes return at once, until the host takes one again. The raw REPL (mpremote) keeps the stock
// patience: nothing is controlled there, and a slow host must not lose output.
mp_uint_t pbmwrap_cdc_patience_ms(void) {
    if (pyexec_mode_kind == PYEXEC_MODE_RAW_REPL) {
        return STOCK_PATIENCE_MS;
    }
    mp_uint_t now_ms = mp_hal_ticks_ms();
    if (!waiting) {
        waiting = true;
        waiting_since_ms = now_ms;
    }
    if (now_ms - waiting_since_ms >= STALL_MS) {
        stalled = true;
    }
    return stalled ? 0 : STOCK_PATIENCE_MS;
}
