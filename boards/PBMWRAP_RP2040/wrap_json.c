// Module wrap_json: writes a line of the link field by field into a buffer that exists, for
// wrap/link/json_writer.py. A push of telemetry allocates nothing then, and status little.

#include <string.h>

#include "py/obj.h"
#include "py/objlist.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/runtime.h"
#ifndef NO_QSTR
#include "lib/uzlib/uzlib.h"
#endif

#define SEAL (10)  // bytes behind the JSON: star, eight digits of the CRC, newline
#define DIGITS (11)  // most of a small integer, with its sign

typedef struct _writer_t {
    mp_obj_base_t base;
    mp_obj_t buffer;
    mp_obj_t dumps;
    uint8_t *to;  // of the buffer, while a line is written
    size_t from;  // index of the line's JSON
    size_t at;  // index of the next byte
    size_t end;  // index that the JSON must not reach beyond
    bool lost;  // something did not fit, so the line is dropped
} writer_t;

static void put_bytes(writer_t *self, const void *bytes, size_t n) {
    if (self->lost || n > self->end - self->at) {
        self->lost = true;
        return;
    }
    memcpy(self->to + self->at, bytes, n);
    self->at += n;
}

static void put_byte(writer_t *self, char byte) {
    put_bytes(self, &byte, 1);
}

// What the code below does not write itself is written as link/server.py's dumps does, in the heap.
static void put_dumped(writer_t *self, mp_obj_t value) {
    mp_buffer_info_t json;
    mp_get_buffer_raise(mp_call_function_1(self->dumps, value), &json, MP_BUFFER_READ);
    put_bytes(self, json.buf, json.len);
}

static void put_number(writer_t *self, mp_int_t number) {
    char digits[DIGITS];
    char *first = digits + DIGITS;
    mp_uint_t left = number < 0 ? -(mp_uint_t)number : (mp_uint_t)number;
    do {
        *--first = '0' + left % 10;
        left /= 10;
    } while (left > 0);
    if (number < 0) {
        *--first = '-';
    }
    put_bytes(self, first, digits + DIGITS - first);
}

static void put_text(writer_t *self, mp_obj_t value) {
    size_t n;
    const char *text = mp_obj_str_get_data(value, &n);
    for (size_t i = 0; i < n; ++i) {
        if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\') {
            put_dumped(self, value);
            return;
        }
    }
    put_byte(self, '"');
    put_bytes(self, text, n);
    put_byte(self, '"');
}

static void put_value(writer_t *self, mp_obj_t value, bool in_list) {
    if (value == mp_const_none) {
        put_bytes(self, "null", 4);
    } else if (value == mp_const_true) {
        put_bytes(self, "true", 4);
    } else if (value == mp_const_false) {
        put_bytes(self, "false", 5);
    } else if (mp_obj_is_small_int(value)) {
        put_number(self, MP_OBJ_SMALL_INT_VALUE(value));
    } else if (mp_obj_is_str(value)) {
        put_text(self, value);
    } else if (!in_list && (mp_obj_is_type(value, &mp_type_list) || mp_obj_is_type(value, &mp_type_tuple))) {
        size_t n;
        mp_obj_t *items;
        mp_obj_get_array(value, &n, &items);
        put_byte(self, '[');
        for (size_t i = 0; i < n; ++i) {
            if (i > 0) {
                put_byte(self, ',');
            }
            put_value(self, items[i], true);
        }
        put_byte(self, ']');
    } else {
        put_dumped(self, value);
    }
}

static void put_field(writer_t *self, mp_obj_t name, mp_obj_t value) {
    put_text(self, name);
    put_byte(self, ':');
    put_value(self, value, false);
    put_byte(self, ',');
}

// Writer(buffer, dumps): `buffer` is a bytearray, dumps(value) returns JSON as bytes.
static mp_obj_t writer_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 2, 2, false);
    writer_t *self = mp_obj_malloc(writer_t, type);
    self->buffer = args[0];
    self->dumps = args[1];
    self->from = self->at = self->end = 0;
    self->lost = true;  // until a line is begun
    return MP_OBJ_FROM_PTR(self);
}

// begin_line(at, most, name, value, inner): begins a line at index `at` with {"name":value,"inner":{
// whose JSON has at most `most` bytes.
static mp_obj_t writer_begin_line(size_t n_args, const mp_obj_t *args) {
    writer_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(self->buffer, &buffer, MP_BUFFER_WRITE);
    size_t at = mp_obj_get_int(args[1]), most = mp_obj_get_int(args[2]);
    self->lost = buffer.len < SEAL + 1 || at > buffer.len - SEAL - 1;
    if (!self->lost) {
        self->to = buffer.buf;
        self->to[at] = '@';
        self->from = self->at = at + 1;
        self->end = self->from + MIN(most, buffer.len - SEAL - self->from);
        put_byte(self, '{');
        put_field(self, args[3], args[4]);
        put_text(self, args[5]);
        put_bytes(self, ":{", 2);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(writer_begin_line_obj, 6, 6, writer_begin_line);

// put(name, value): writes a field.
static mp_obj_t writer_put(mp_obj_t self_in, mp_obj_t name, mp_obj_t value) {
    writer_t *self = MP_OBJ_TO_PTR(self_in);
    if (!self->lost) {
        put_field(self, name, value);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(writer_put_obj, writer_put);

// end_line(): ends the line; returns the index behind it, or -1 when it was too long.
static mp_obj_t writer_end_line(mp_obj_t self_in) {
    writer_t *self = MP_OBJ_TO_PTR(self_in);
    if (!self->lost && self->to[self->at - 1] == ',') {
        --self->at;
    }
    put_bytes(self, "}}", 2);
    if (self->lost) {
        return MP_OBJ_NEW_SMALL_INT(-1);
    }
    self->lost = true;  // until the next line is begun
    const uint8_t *json = self->to + self->from;
    uint32_t crc = ~uzlib_crc32(json, self->at - self->from, 0xFFFFFFFF);
    uint8_t *to = self->to + self->at;
    *to++ = '*';
    for (int shift = 28; shift >= 0; shift -= 4) {
        *to++ = "0123456789abcdef"[crc >> shift & 15];
    }
    *to++ = '\n';
    return MP_OBJ_NEW_SMALL_INT(to - self->to);
}
static MP_DEFINE_CONST_FUN_OBJ_1(writer_end_line_obj, writer_end_line);

static const mp_rom_map_elem_t writer_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_begin_line), MP_ROM_PTR(&writer_begin_line_obj) },
    { MP_ROM_QSTR(MP_QSTR_put), MP_ROM_PTR(&writer_put_obj) },
    { MP_ROM_QSTR(MP_QSTR_end_line), MP_ROM_PTR(&writer_end_line_obj) },
};
static MP_DEFINE_CONST_DICT(writer_locals, writer_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    writer_type,
    MP_QSTR_Writer,
    MP_TYPE_FLAG_NONE,
    make_new, writer_make_new,
    locals_dict, &writer_locals
    );

static const mp_rom_map_elem_t wrap_json_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_wrap_json) },
    { MP_ROM_QSTR(MP_QSTR_Writer), MP_ROM_PTR(&writer_type) },
};
static MP_DEFINE_CONST_DICT(wrap_json_globals, wrap_json_globals_table);

const mp_obj_module_t wrap_json_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&wrap_json_globals,
};
MP_REGISTER_MODULE(MP_QSTR_wrap_json, wrap_json_module);
