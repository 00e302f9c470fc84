// Module wrap_usb: the USB port without waiting and without a call for each byte, how much was
// allocated since the heap was last collected, and sleep to a microsecond. wrap/hal/rp2040/usb.py
// uses it.

#include "py/gc.h"
#include "py/mphal.h"
#include "py/mpstate.h"
#include "py/ringbuf.h"
#include "py/runtime.h"
#include "pico/time.h"
#include "shared/runtime/interrupt_char.h"
#ifndef NO_QSTR  // the pass that collects qstrs has no tinyusb headers
#include "tusb.h"
#include "shared/tinyusb/mp_usbd_cdc.h"
#endif

// MicroPython's own tud_cdc_rx_cb under another name, see cdc_port.h. It remembers, for its own
// reads (a REPL's), that bytes were left for want of room.
void pbmwrap_stock_rx_cb(uint8_t itf);

// Into the ring that REPL and link read from. As in MicroPython, Ctrl-C is taken out, forgets what
// came before it and interrupts.
static void keep(const uint8_t *data, size_t n) {
    size_t from = n;
    while (from > 0 && data[from - 1] != mp_interrupt_char) {
        --from;
    }
    if (from > 0) {
        stdin_ringbuf.iget = stdin_ringbuf.iput = 0;
        mp_sched_keyboard_interrupt();
    }
    ringbuf_put_bytes(&stdin_ringbuf, data + from, n - from);
}

// TinyUSB: bytes have arrived. A packet at a time: MicroPython's way, a byte at a time, takes ten
// times as long, between any two bytecodes of a step.
void tud_cdc_rx_cb(uint8_t itf) {
    uint8_t packet[CFG_TUD_CDC_EP_BUFSIZE];
    size_t n = 1;
    while (n > 0 && ringbuf_free(&stdin_ringbuf) > 0) {
        n = tud_cdc_n_read(itf, packet, MIN(ringbuf_free(&stdin_ringbuf), sizeof(packet)));
        keep(packet, n);
    }
    pbmwrap_stock_rx_cb(itf);
}

// read(buf): what has arrived, at most len(buf) bytes; returns how many. What comes behind a Ctrl-C
// is the REPL's.
static mp_obj_t wrap_usb_read(mp_obj_t buf) {
    mp_buffer_info_t to;
    mp_get_buffer_raise(buf, &to, MP_BUFFER_WRITE);
    tud_cdc_rx_cb(0);  // what a full ring had left with the stack
    size_t n = MIN(ringbuf_avail(&stdin_ringbuf), to.len);
    if (MP_STATE_MAIN_THREAD(mp_pending_exception) != MP_OBJ_NULL) {
        n = 0;
    }
    ringbuf_get_bytes(&stdin_ringbuf, to.buf, n);
    return MP_OBJ_NEW_SMALL_INT(n);
}
static MP_DEFINE_CONST_FUN_OBJ_1(wrap_usb_read_obj, wrap_usb_read);

// write(buf, at, end): as many bytes of buf[at:end] as there is room for, at once; returns how many.
// A closed port takes all and keeps the latest, as MicroPython's own write does; one whose host has
// vanished counts as closed but may take nothing.
static mp_obj_t wrap_usb_write(mp_obj_t buf, mp_obj_t at_in, mp_obj_t end_in) {
    mp_buffer_info_t from;
    mp_get_buffer_raise(buf, &from, MP_BUFFER_READ);
    size_t at = mp_obj_get_int(at_in), end = mp_obj_get_int(end_in);
    if (at > end || end > from.len) {
        mp_raise_ValueError(MP_ERROR_TEXT("outside the buffer"));
    }
    const uint8_t *bytes = (const uint8_t *)from.buf + at;
    size_t n = end - at;
    if (tud_cdc_connected()) {
        n = MIN(n, tud_cdc_write_available());
    }
    size_t done = 0;
    while (done < n) {
        done += tud_cdc_write(bytes + done, n - done);
        tud_cdc_write_flush();
    }
    return MP_OBJ_NEW_SMALL_INT(done);
}
static MP_DEFINE_CONST_FUN_OBJ_3(wrap_usb_write_obj, wrap_usb_write);

// allocated(): bytes given out since the last collection, in the time of a call (gc.mem_alloc
// walks the heap: 8.8 ms).
static mp_obj_t wrap_usb_allocated(void) {
    return MP_OBJ_NEW_SMALL_INT(MP_STATE_MEM(gc_alloc_amount) * MICROPY_BYTES_PER_GC_BLOCK);
}
static MP_DEFINE_CONST_FUN_OBJ_0(wrap_usb_allocated_obj, wrap_usb_allocated);

// heap_used(): bytes of the heap in use, as gc.mem_alloc, which also measures each piece and the
// longest gap, in 8 ms. heap_total(): its size, as gc.mem_alloc() + gc.mem_free().
static mp_obj_t wrap_usb_heap_used(void) {
    const uint8_t *table = MP_STATE_MEM(area).gc_alloc_table_start;
    size_t blocks = 0;
    for (size_t n = MP_STATE_MEM(area).gc_alloc_table_byte_len; n > 0; --n) {
        uint32_t four = *table++;  // blocks, two bits each; 0: free
        four = (four | four >> 1) & 0x55;
        four = (four & 0x33) + (four >> 2 & 0x33);
        blocks += (four & 0xF) + (four >> 4);
    }
    return MP_OBJ_NEW_SMALL_INT(blocks * MICROPY_BYTES_PER_GC_BLOCK);
}
static MP_DEFINE_CONST_FUN_OBJ_0(wrap_usb_heap_used_obj, wrap_usb_heap_used);

static mp_obj_t wrap_usb_heap_total(void) {
    return MP_OBJ_NEW_SMALL_INT(
        MP_STATE_MEM(area).gc_pool_end - MP_STATE_MEM(area).gc_pool_start);
}
static MP_DEFINE_CONST_FUN_OBJ_0(wrap_usb_heap_total_obj, wrap_usb_heap_total);

#if MICROPY_GC_SPLIT_HEAP
#error "wrap_usb.c counts a heap in one piece"
#endif

// wait_until(tick_ms): asleep until ticks_ms() becomes tick_ms, to the microsecond; at once when it
// has. time.sleep_ms(n) sleeps n milliseconds from whenever it is called, up to one too long.
static mp_obj_t wrap_usb_wait_until(mp_obj_t tick) {
    uint64_t now_ms = time_us_64() / 1000;
    int32_t wait_ms = (int32_t)(((uint32_t)mp_obj_get_int(tick) - (uint32_t)now_ms) << 2) >> 2;
    if (wait_ms > 0) {
        absolute_time_t due = from_us_since_boot((now_ms + wait_ms) * 1000);
        do {
            mp_event_handle_nowait();
        } while (!best_effort_wfe_or_timeout(due));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(wrap_usb_wait_until_obj, wrap_usb_wait_until);

static const mp_rom_map_elem_t wrap_usb_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_wrap_usb) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&wrap_usb_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&wrap_usb_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_wait_until), MP_ROM_PTR(&wrap_usb_wait_until_obj) },
    { MP_ROM_QSTR(MP_QSTR_allocated), MP_ROM_PTR(&wrap_usb_allocated_obj) },
    { MP_ROM_QSTR(MP_QSTR_heap_used), MP_ROM_PTR(&wrap_usb_heap_used_obj) },
    { MP_ROM_QSTR(MP_QSTR_heap_total), MP_ROM_PTR(&wrap_usb_heap_total_obj) },
};
static MP_DEFINE_CONST_DICT(wrap_usb_globals, wrap_usb_globals_table);

const mp_obj_module_t wrap_usb_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&wrap_usb_globals,
};
MP_REGISTER_MODULE(MP_QSTR_wrap_usb, wrap_usb_module);
