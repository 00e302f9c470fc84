// Module wrap_json: reads and writes lines of the link in buffers that exist, for
// wrap/link/frames.py and json_writer.py. So a push of telemetry and a request that was asked before
// allocate nothing here. What made a value may have, as UTC in seconds, an object above 2^30.

#include <string.h>

#include "py/obj.h"
#include "py/objint.h"
#include "py/objlist.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/runtime.h"
#ifndef NO_QSTR
#include "lib/uzlib/uzlib.h"
#endif

#define SEAL (10)  // bytes behind the JSON: star, eight digits of the CRC, newline
#define DIGITS (11)  // most of an integer of 32 bits, with its sign
#define ID_DIGITS (10)  // most of the id of a request
#define ID_END (1 << 30)  // ids are below

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

// Writes the eight digits of the CRC-32 of `n` bytes.
static uint8_t *write_crc(uint8_t *to, const uint8_t *bytes, size_t n) {
    uint32_t crc = ~uzlib_crc32(bytes, n, 0xFFFFFFFF);
    for (int shift = 28; shift >= 0; shift -= 4) {
        *to++ = "0123456789abcdef"[crc >> shift & 15];
    }
    return to;
}

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

// An integer beyond the small ones, as UTC in seconds is.
static void put_large(writer_t *self, mp_obj_t value) {
    mp_int_t number;
    if (mpz_as_int_checked(&((mp_obj_int_t *)MP_OBJ_TO_PTR(value))->mpz, &number)) {
        put_number(self, number);
    } else {
        put_dumped(self, value);
    }
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
    } else if (mp_obj_is_exact_type(value, &mp_type_int)) {
        put_large(self, value);
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
    uint8_t *to = self->to + self->at;
    *to++ = '*';
    to = write_crc(to, self->to + self->from, self->at - self->from);
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

// LineReader: as the one of wrap/link/frames.py, which says what its functions do.
typedef struct _reader_t {
    mp_obj_base_t base;
    size_t limit;
    size_t n;  // bytes of a line that starts with an at-sign; 0: noise, or nothing yet
    size_t end;  // index behind the JSON of the last valid line, which begins at 1
    size_t tail;  // index behind its id
    size_t at;
    bool overrun;
    uint8_t line[];
} reader_t;

enum { OK, SKIPPED, BAD_CRC, TOO_LONG };

static mp_obj_t reader_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    size_t limit = mp_obj_get_int(args[0]);
    reader_t *self = mp_obj_malloc_var(reader_t, line, uint8_t, limit, type);
    self->limit = limit;
    self->n = self->at = 0;
    self->end = self->tail = 1;
    self->overrun = false;
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t reader_reset(mp_obj_t self_in) {
    reader_t *self = MP_OBJ_TO_PTR(self_in);
    self->n = 0;
    self->overrun = false;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(reader_reset_obj, reader_reset);

// Checks the line at its newline.
static int finish_line(reader_t *self) {
    size_t n = self->n;
    bool overrun = self->overrun;
    self->n = 0;
    self->overrun = false;
    if (n == 0) {
        return SKIPPED;
    }
    if (overrun) {
        return TOO_LONG;
    }
    if (self->line[n - 1] == '\r') {
        --n;
    }
    if (n < SEAL || self->line[n - SEAL + 1] != '*') {
        return BAD_CRC;
    }
    self->end = self->tail = n - SEAL + 1;
    uint8_t digits[SEAL - 2];
    write_crc(digits, self->line + 1, self->end - 1);
    return memcmp(digits, self->line + self->end + 1, sizeof(digits)) ? BAD_CRC : OK;
}

// take(buf, at, end)
static mp_obj_t reader_take(size_t n_args, const mp_obj_t *args) {
    reader_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[1], &buffer, MP_BUFFER_READ);
    size_t end = MIN((size_t)mp_obj_get_int(args[3]), buffer.len);
    size_t at = MIN((size_t)mp_obj_get_int(args[2]), end);
    const uint8_t *bytes = buffer.buf, *stop = bytes + end, *from = bytes + at;
    const uint8_t *newline = memchr(from, '\n', stop - from);
    if (newline) {
        stop = newline;
    }
    if (self->n == 0) {
        from = memchr(from, '@', stop - from);
    }
    if (from) {
        size_t size = stop - from;
        if (size > self->limit - self->n) {
            size = self->limit - self->n;
            self->overrun = true;
        }
        memcpy(self->line + self->n, from, size);
        self->n += size;
    }
    if (!newline) {
        self->at = end;
        return mp_const_none;
    }
    self->at = newline + 1 - bytes;
    return MP_OBJ_NEW_SMALL_INT(finish_line(self));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(reader_take_obj, 4, 4, reader_take);

static mp_obj_t reader_body(mp_obj_t self_in) {
    reader_t *self = MP_OBJ_TO_PTR(self_in);
    return mp_obj_new_bytes(self->line + 1, self->end - 1);
}
static MP_DEFINE_CONST_FUN_OBJ_1(reader_body_obj, reader_body);

// Whether the line from index `at` to the end of its JSON is `bytes_in`.
static mp_obj_t compare_line(reader_t *self, size_t at, mp_obj_t bytes_in) {
    mp_buffer_info_t bytes;
    mp_get_buffer_raise(bytes_in, &bytes, MP_BUFFER_READ);
    return mp_obj_new_bool(
        bytes.len == self->end - at && memcmp(bytes.buf, self->line + at, bytes.len) == 0);
}

static mp_obj_t reader_is_body(mp_obj_t self_in, mp_obj_t bytes) {
    return compare_line(MP_OBJ_TO_PTR(self_in), 1, bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_2(reader_is_body_obj, reader_is_body);

static mp_obj_t reader_ends_with(mp_obj_t self_in, mp_obj_t bytes) {
    reader_t *self = MP_OBJ_TO_PTR(self_in);
    return compare_line(self, self->tail, bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_2(reader_ends_with_obj, reader_ends_with);

static mp_obj_t reader_number(mp_obj_t self_in) {
    reader_t *self = MP_OBJ_TO_PTR(self_in);
    static const char head[] = "{\"i\":";
    const size_t first = sizeof(head);  // behind the at-sign and the head
    size_t at = first;
    uint64_t number = 0;
    if (self->end < first || memcmp(self->line + 1, head, sizeof(head) - 1) != 0) {
        return MP_OBJ_NEW_SMALL_INT(-1);
    }
    for (; at < self->end && at < first + ID_DIGITS && unichar_isdigit(self->line[at]); ++at) {
        number = 10 * number + self->line[at] - '0';
    }
    bool plain = at == first + 1 || (at > first && self->line[first] != '0');
    if (!plain || at == self->end || self->line[at] != ',' || number >= ID_END) {
        return MP_OBJ_NEW_SMALL_INT(-1);
    }
    self->tail = at;
    return MP_OBJ_NEW_SMALL_INT(number);
}
static MP_DEFINE_CONST_FUN_OBJ_1(reader_number_obj, reader_number);

// The attribute `at` is read and set; the others are functions.
static void reader_attr(mp_obj_t self_in, qstr name, mp_obj_t *dest) {
    reader_t *self = MP_OBJ_TO_PTR(self_in);
    if (name != MP_QSTR_at) {
        dest[1] = MP_OBJ_SENTINEL;
    } else if (dest[0] == MP_OBJ_NULL) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->at);
    } else if (dest[1] != MP_OBJ_NULL) {
        self->at = mp_obj_get_int(dest[1]);
        dest[0] = MP_OBJ_NULL;
    }
}

static const mp_rom_map_elem_t reader_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_reset), MP_ROM_PTR(&reader_reset_obj) },
    { MP_ROM_QSTR(MP_QSTR_take), MP_ROM_PTR(&reader_take_obj) },
    { MP_ROM_QSTR(MP_QSTR_body), MP_ROM_PTR(&reader_body_obj) },
    { MP_ROM_QSTR(MP_QSTR_is_body), MP_ROM_PTR(&reader_is_body_obj) },
    { MP_ROM_QSTR(MP_QSTR_number), MP_ROM_PTR(&reader_number_obj) },
    { MP_ROM_QSTR(MP_QSTR_ends_with), MP_ROM_PTR(&reader_ends_with_obj) },
};
static MP_DEFINE_CONST_DICT(reader_locals, reader_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    reader_type,
    MP_QSTR_LineReader,
    MP_TYPE_FLAG_NONE,
    make_new, reader_make_new,
    attr, reader_attr,
    locals_dict, &reader_locals
    );

static const mp_rom_map_elem_t wrap_json_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_wrap_json) },
    { MP_ROM_QSTR(MP_QSTR_LineReader), MP_ROM_PTR(&reader_type) },
    { MP_ROM_QSTR(MP_QSTR_Writer), MP_ROM_PTR(&writer_type) },
};
static MP_DEFINE_CONST_DICT(wrap_json_globals, wrap_json_globals_table);

const mp_obj_module_t wrap_json_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&wrap_json_globals,
};
MP_REGISTER_MODULE(MP_QSTR_wrap_json, wrap_json_module);
