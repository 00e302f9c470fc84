// Module bench_step: one step of the wrap in C, a peer for measurements. See peers.py beside this
// folder for what is measured and tests/emulator/test_bench_peers.py for what it is compared with.

#include <string.h>

#include "py/objarray.h"
#include "py/runtime.h"

#include "core.h"
#include "chip.h"

#define KNOTS (257)
#define NO_STEP (-1)

// init(numbers, knots): a session at the beginning of its ramp. numbers: array of params_t's words;
// knots: the thermistor's array of 257 words, which the caller keeps.
static mp_obj_t bench_init(mp_obj_t numbers, mp_obj_t knots) {
    mp_buffer_info_t from, table;
    mp_get_buffer_raise(numbers, &from, MP_BUFFER_READ);
    mp_get_buffer_raise(knots, &table, MP_BUFFER_READ);
    if (from.len != sizeof(params_t) || table.len != KNOTS * sizeof(int32_t)) {
        mp_raise_ValueError(MP_ERROR_TEXT("wrong number of words"));
    }
    memset(&s, 0, sizeof(s));
    memcpy(&s.p, from.buf, sizeof(s.p));
    if (s.p.steps < 1 || s.p.steps > STEPS || s.p.ramp_ms < 1) {
        mp_raise_ValueError(MP_ERROR_TEXT("no session"));
    }
    s.knots = table.buf;
    for (int i = 0; i < SENSORS; ++i) {
        s.sensors[i].max_mc = NEVER;
    }
    s.fresh = true;
    s.q = FADE_FULL;
    s.state = RAMP_UP;
    s.decided_step = NO_STEP;
    s.slew = MAX(1, FULL * STEP_MS / s.p.ramp_ms);
    chip_begin();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(bench_init_obj, bench_init);

static void need_init(void) {
    if (!s.knots) {
        mp_raise_ValueError(MP_ERROR_TEXT("init first"));
    }
}

static void fail(int32_t code) {
    dark();
    s.code = code;
    s.state = FAULT;
    s.fade = 0;
}

static bool lit(void) {
    return s.state == RAMP_UP || s.state == RUNNING || s.state == RAMP_DOWN;
}

// step(): one step; returns state + 16 * fault. The converter works while the dose is booked and while
// the sensor before is judged.
static mp_obj_t bench_step(void) {
    need_init();
    start(0);
    uint32_t dt_ms = elapsed_ms();
    if (lit()) {
        meter(dt_ms);
    }
    int32_t raw = collect(0);
    for (int i = 1; i < SENSORS; ++i) {
        start(i);
        judge(i - 1, raw);
        raw = collect(i);
    }
    judge(SENSORS - 1, raw);
    summarise(dt_ms);
    if (lit() && !s.code) {
        s.code = s.cold ? COLD : dt_ms > STEP_LATE_MS ? LATE : NONE;
    }
    if (s.code && s.state != FAULT) {
        fail(s.code);
    }
    advance((int32_t)dt_ms);
    if (lit()) {
        settle_duties();
        write_lamps();
        if (!enabled()) {
            fail(DEADMAN);
        }
    } else {
        dark();
    }
    if (holds(lit())) {
        heartbeat(lit());
    } else {
        fail(READBACK);
    }
    return MP_OBJ_NEW_SMALL_INT(s.state + 16 * s.code);
}
static MP_DEFINE_CONST_FUN_OBJ_0(bench_step_obj, bench_step);

// convert(): nothing but a step's 24 conversions; returns the sum of the readings.
static mp_obj_t bench_convert(void) {
    need_init();
    int32_t total = 0;
    for (int i = 0; i < SENSORS; ++i) {
        start(i);
        total += collect(i);
    }
    return MP_OBJ_NEW_SMALL_INT(total);
}
static MP_DEFINE_CONST_FUN_OBJ_0(bench_convert_obj, bench_convert);

// The parts of a step with inputs of the caller's, for comparisons.

// meter(duty0, duty1, dt_ms): book light of these duties.
static mp_obj_t bench_meter(mp_obj_t duty0, mp_obj_t duty1, mp_obj_t dt_ms) {
    s.duties[0] = mp_obj_get_int(duty0);
    s.duties[1] = mp_obj_get_int(duty1);
    meter((uint32_t)mp_obj_get_int(dt_ms));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(bench_meter_obj, bench_meter);

// check(raws, dt_ms): judge readings, an array of "i"; returns the fault they mean.
static mp_obj_t bench_check(mp_obj_t raws, mp_obj_t dt_ms) {
    need_init();
    mp_buffer_info_t from;
    mp_get_buffer_raise(raws, &from, MP_BUFFER_READ);
    if (from.len != SENSORS * sizeof(int32_t)) {
        mp_raise_ValueError(MP_ERROR_TEXT("wrong number of readings"));
    }
    s.code = NONE;
    for (int i = 0; i < SENSORS; ++i) {
        judge(i, ((const int32_t *)from.buf)[i]);
    }
    summarise((uint32_t)mp_obj_get_int(dt_ms));
    return MP_OBJ_NEW_SMALL_INT(s.code);
}
static MP_DEFINE_CONST_FUN_OBJ_2(bench_check_obj, bench_check);

// advance(dt_ms): session clock and duties, without writing them.
static mp_obj_t bench_advance(mp_obj_t dt_ms) {
    need_init();
    advance(mp_obj_get_int(dt_ms));
    settle_duties();
    return MP_OBJ_NEW_SMALL_INT(s.state);
}
static MP_DEFINE_CONST_FUN_OBJ_1(bench_advance_obj, bench_advance);

// state(): ((state, fault, sensor), (fade, active ms, step, step ms, rate uW, q, duty, duty),
// (hottest mC, warn, cold), a tuple for each channel, a tuple for each sensor)
static mp_obj_t numbers(size_t n, const int32_t *values) {
    mp_obj_t out[8];
    for (size_t i = 0; i < n; ++i) {
        out[i] = mp_obj_new_int(values[i]);
    }
    return mp_obj_new_tuple(n, out);
}

static mp_obj_t bench_state(void) {
    int32_t where[] = {s.state, s.code, s.at_sensor};
    int32_t light[] = {
        s.fade, s.active_ms, s.step, s.step_ms, s.rate_uw, s.q, s.duties[0], s.duties[1]
    };
    int32_t heat[] = {s.hottest_mc, s.warn, s.cold};
    mp_obj_t out[3 + CHANNELS + SENSORS] = {numbers(3, where), numbers(8, light), numbers(3, heat)};
    for (int i = 0; i < CHANNELS; ++i) {
        out[3 + i] = numbers(6, (const int32_t *)&s.meters[i]);
    }
    for (int i = 0; i < SENSORS; ++i) {
        out[3 + CHANNELS + i] = numbers(5, (const int32_t *)&s.sensors[i]);
    }
    return mp_obj_new_tuple(MP_ARRAY_SIZE(out), out);
}
static MP_DEFINE_CONST_FUN_OBJ_0(bench_state_obj, bench_state);

static const mp_rom_map_elem_t bench_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_bench_step) },
    { MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&bench_init_obj) },
    { MP_ROM_QSTR(MP_QSTR_step), MP_ROM_PTR(&bench_step_obj) },
    { MP_ROM_QSTR(MP_QSTR_convert), MP_ROM_PTR(&bench_convert_obj) },
    { MP_ROM_QSTR(MP_QSTR_meter), MP_ROM_PTR(&bench_meter_obj) },
    { MP_ROM_QSTR(MP_QSTR_check), MP_ROM_PTR(&bench_check_obj) },
    { MP_ROM_QSTR(MP_QSTR_advance), MP_ROM_PTR(&bench_advance_obj) },
    { MP_ROM_QSTR(MP_QSTR_state), MP_ROM_PTR(&bench_state_obj) },
};
static MP_DEFINE_CONST_DICT(bench_globals, bench_globals_table);

const mp_obj_module_t bench_step_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&bench_globals,
};
MP_REGISTER_MODULE(MP_QSTR_bench_step, bench_step_module);
