// Module bench_step: one control step in C, for the ratio that tools/bench/peers.py measures.
// It does what FastStep does in a session that runs at its level, in the firmware's integers:
// control/dose.py (book), safety/temp_limits.py (judge, conclude), the session's clock and caps, PWM
// and its read-back, dead-man, watchdog. It neither lights lamps nor puts them out. Sections of the
// data sheet: firmware/wrap/hal/rp2040/registers.py.

#include <string.h>

#include "py/runtime.h"
#include "hardware/gpio.h"
#include "hardware/structs/adc.h"
#include "hardware/structs/iobank0.h"
#include "hardware/structs/pio.h"
#include "hardware/structs/pwm.h"
#include "hardware/structs/sio.h"
#include "hardware/structs/timer.h"
#include "hardware/structs/watchdog.h"

#define CHANNELS (2)
#define SENSORS (4)
#define KNOTS (257)
#define OPEN_MC (-1000000)  // Thermistor's values for a reading beyond its table
#define SHORT_MC (1000000)
#define WINDOW (15)
#define ENOUGH (0xE880u)  // bit n is set when n, as 4 readings, has 3 ones or more
#define COLDEST_MC (-273150)
#define FULL (65535)
#define MAX_GAP_MS (3000)
#define LATE_MS (300)
#define CONVERSIONS (6)
#define SETTLE_CYCLES (50)
#define SPINS (4096)  // limit for all conversions of a sensor; about 25 each are needed

// Numbers of rules/faults.py and rules/states.py.
enum { NONE, SKIN_HOT, BOARD_HOT, GROSS, SENSOR_OPEN, SENSOR_SHORT, COLD, LATE, READBACK,
       DEADMAN = 18 };
enum { RUNNING = 3, RAMP_DOWN = 5, FAULT = 7 };

// A session and its board: the words of bench_rig.pack_config, in this order.
static struct {
    int32_t full_uw[CHANNELS], upper_uw[CHANNELS], duty[CHANNELS], pin[CHANNELS];
    int32_t skin[SENSORS], trip_raw[SENSORS], gross_raw[SENSORS], ain[SENSORS], select[SENSORS];
    int32_t select_lines, cold_raw, raw_min, raw_max, warn_mc, total_ms, cap_uj;
    int32_t enable_pin, life_turns, watchdog_load;
} cfg;

// Words only: memory() shows them in this order.
static struct {
    int32_t state, code, sensor, active_ms, hottest_mc, warn, cold;
    uint32_t on_ms[CHANNELS], rest[CHANNELS], uj[CHANNELS], nj[CHANNELS];
    uint32_t upper_uj[CHANNELS], upper_nj[CHANNELS];
    int32_t mc[SENSORS], max_mc[SENSORS];
    uint32_t over_bits[SENSORS], cold_bits[SENSORS], sum[SENSORS];
} s;

static const int32_t *knots;  // the thermistor's table, which the caller keeps
static uint32_t top[CHANNELS], div_[CHANNELS], cc[CHANNELS], then_us;

// Add `ms` at full duty to a dose in uJ/cm2 and its remainder in nJ/cm2.
static void add_dose(uint32_t *uj, uint32_t *nj, uint32_t ms, int32_t uw) {
    uint32_t total = *nj + ms * (uint32_t)uw;
    *uj += total / 1000;
    *nj = total % 1000;
}

// Add the light of the last `dt_ms`.
static void book(uint32_t dt_ms) {
    dt_ms = MIN(dt_ms, MAX_GAP_MS);
    for (int i = 0; i < CHANNELS; ++i) {
        uint32_t rest = s.rest[i] + (uint32_t)cfg.duty[i] * dt_ms;
        uint32_t ms = rest / FULL;
        s.rest[i] = rest - ms * FULL;
        s.on_ms[i] += ms;
        add_dose(&s.uj[i], &s.nj[i], ms, cfg.full_uw[i]);
        add_dose(&s.upper_uj[i], &s.upper_nj[i], ms, cfg.upper_uw[i]);
    }
}

static int32_t to_mc(int32_t raw) {
    if (raw < cfg.raw_min) {
        return SHORT_MC;
    }
    if (raw >= cfg.raw_max) {
        return OPEN_MC;
    }
    const int32_t *knot = &knots[raw >> 8];
    return knot[0] + ((knot[1] - knot[0]) * (raw & 255) >> 8);
}

// Take the reading of sensor `i`: temperature, filters, and the fault that it means.
static void judge(int i, int32_t raw) {
    int32_t mc = to_mc(raw), code = NONE;
    bool trip = raw <= cfg.trip_raw[i];
    s.sum[i] += (uint32_t)raw;
    s.over_bits[i] = (s.over_bits[i] << 1 | trip) & WINDOW;
    s.cold_bits[i] = (s.cold_bits[i] << 1 | (raw > cfg.cold_raw)) & WINDOW;
    s.mc[i] = mc;
    if (mc == OPEN_MC) {
        code = SENSOR_OPEN;
    } else if (mc == SHORT_MC) {
        code = SENSOR_SHORT;
    } else {
        s.max_mc[i] = MAX(s.max_mc[i], mc);
        if (raw <= cfg.gross_raw[i]) {
            code = GROSS;
        } else if (trip && (ENOUGH >> s.over_bits[i] & 1)) {
            code = cfg.skin[i] ? SKIN_HOT : BOARD_HOT;
        }
    }
    if (code && !s.code) {
        s.code = code;
        s.sensor = i;
    }
}

// After every reading: what all sensors say together, then the session's clock and caps.
static void conclude(uint32_t dt_ms) {
    s.hottest_mc = COLDEST_MC;
    s.cold = false;
    for (int i = 0; i < SENSORS; ++i) {
        if (cfg.skin[i]) {
            s.hottest_mc = MAX(s.hottest_mc, s.mc[i]);
        }
        s.cold |= ENOUGH >> s.cold_bits[i] & 1;
    }
    s.warn = s.hottest_mc > cfg.warn_mc;
    if (!s.code) {
        s.code = s.cold ? COLD : dt_ms > LATE_MS ? LATE : NONE;
    }
    s.active_ms += s.code ? 0 : (int32_t)dt_ms;
    int32_t upper_uj = (int32_t)(s.upper_uj[0] + s.upper_uj[1]);
    bool ended = s.active_ms >= cfg.total_ms || upper_uj >= cfg.cap_uj;
    s.state = s.code ? FAULT : ended ? RAMP_DOWN : RUNNING;
}

static uint32_t elapsed_ms(void) {
    uint32_t ms = (timer_hw->timerawl - then_us) / 1000;
    then_us += ms * 1000;  // the rest of a millisecond counts in the next step
    return ms;
}

static uint32_t converter(int i, uint32_t more) {
    return (adc_hw->cs & ADC_CS_TS_EN_BITS) | ADC_CS_EN_BITS | more |
           (uint32_t)cfg.ain[i] << ADC_CS_AINSEL_LSB;
}

// Convert sensor `i` again and again. What an interrupted step left is discarded first; meanwhile
// the multiplexer settles.
static void start(int i) {
    uint32_t spins = SPINS, chosen = (uint32_t)cfg.select[i];
    sio_hw->gpio_set = chosen;
    sio_hw->gpio_clr = (uint32_t)cfg.select_lines ^ chosen;
    while (!(adc_hw->cs & ADC_CS_READY_BITS) && --spins) {
    }
    while (!(adc_hw->fcs & ADC_FCS_EMPTY_BITS) && --spins) {
        (void)adc_hw->fifo;
    }
    adc_hw->cs = converter(i, 0);
    busy_wait_at_least_cycles(SETTLE_CYCLES);
    adc_hw->cs = converter(i, ADC_CS_START_MANY_BITS);
}

// Return 6 conversions without the lowest and the highest, times 4; 0, a shorted sensor, when they
// do not come. The last one is under way when the converter is stopped, so that the next input can
// be selected as soon as it is here.
static int32_t collect(int i) {
    uint32_t total = 0, lowest = 4095, highest = 0, spins = SPINS;
    for (int n = 1; n <= CONVERSIONS; ++n) {
        while ((adc_hw->fcs & ADC_FCS_EMPTY_BITS) && --spins) {
        }
        if (!spins || n == CONVERSIONS - 1) {
            adc_hw->cs = converter(i, 0);
        }
        if (!spins) {
            return 0;
        }
        uint32_t code = adc_hw->fifo;
        total += code;
        lowest = MIN(lowest, code);
        highest = MAX(highest, code);
    }
    return (int32_t)(total - lowest - highest) * 4;
}

static pwm_slice_hw_t *slice(int i) {
    return &pwm_hw->slice[cfg.pin[i] >> 1 & 7];
}

static void write_lamps(void) {
    for (int i = 0; i < CHANNELS; ++i) {
        uint32_t shift = cfg.pin[i] & 1 ? 16 : 0;
        uint32_t count = ((uint32_t)cfg.duty[i] * (top[i] + 1) + FULL / 2) / FULL;
        hw_write_masked(&slice(i)->cc, count << shift, 0xFFFFu << shift);
    }
}

// Whether the lamps' PWM is as it was when the session began.
static bool verified(void) {
    for (int i = 0; i < CHANNELS; ++i) {
        if (slice(i)->cc != cc[i] || slice(i)->csr != PWM_CH0_CSR_EN_BITS ||
            slice(i)->div != div_[i] || slice(i)->top != top[i] ||
            iobank0_hw->io[cfg.pin[i]].ctrl != GPIO_FUNC_PWM) {
            return false;
        }
    }
    return true;
}

// init(words, knots): begin a session. words: array of cfg's words; knots: the thermistor's table.
static mp_obj_t bench_init(mp_obj_t words, mp_obj_t table) {
    mp_buffer_info_t from, curve;
    mp_get_buffer_raise(words, &from, MP_BUFFER_READ);
    mp_get_buffer_raise(table, &curve, MP_BUFFER_READ);
    if (from.len != sizeof(cfg) || curve.len != KNOTS * sizeof(int32_t)) {
        mp_raise_ValueError(MP_ERROR_TEXT("wrong number of words"));
    }
    memcpy(&cfg, from.buf, sizeof(cfg));
    memset(&s, 0, sizeof(s));
    knots = curve.buf;
    s.state = RUNNING;
    for (int i = 0; i < SENSORS; ++i) {
        s.max_mc[i] = COLDEST_MC;
    }
    for (int i = 0; i < CHANNELS; ++i) {
        top[i] = slice(i)->top;
        div_[i] = slice(i)->div;
        cc[i] = slice(i)->cc;
    }
    adc_hw->fcs = ADC_FCS_EN_BITS | ADC_FCS_OVER_BITS | ADC_FCS_UNDER_BITS;
    then_us = timer_hw->timerawl;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(bench_init_obj, bench_init);

// step(): one step; returns state + 16 * fault. The converter works while the dose is booked and
// while the sensor before is judged.
static mp_obj_t bench_step(void) {
    start(0);
    uint32_t dt_ms = elapsed_ms();
    book(dt_ms);
    int32_t raw = collect(0);
    for (int i = 1; i < SENSORS; ++i) {
        start(i);
        judge(i - 1, raw);
        raw = collect(i);
    }
    judge(SENSORS - 1, raw);
    conclude(dt_ms);
    if (s.state == RUNNING) {
        write_lamps();
        bool enabled = sio_hw->gpio_in & 1u << cfg.enable_pin;
        s.code = !enabled ? DEADMAN : verified() ? NONE : READBACK;
        s.state = s.code ? FAULT : RUNNING;
    }
    if (s.state == RUNNING) {
        if (!(pio0_hw->fstat & 1u << PIO_FSTAT_TXFULL_LSB)) {
            pio0_hw->txf[0] = (uint32_t)cfg.life_turns;  // another life for the dead-man
        }
        watchdog_hw->load = (uint32_t)cfg.watchdog_load;
    }
    return MP_OBJ_NEW_SMALL_INT(s.state + 16 * s.code);
}
static MP_DEFINE_CONST_FUN_OBJ_0(bench_step_obj, bench_step);

// compute(raws, dt_ms): a step without its registers, on the readings of an array of "i".
static mp_obj_t bench_compute(mp_obj_t raws, mp_obj_t dt_ms) {
    mp_buffer_info_t from;
    mp_get_buffer_raise(raws, &from, MP_BUFFER_READ);
    book((uint32_t)mp_obj_get_int(dt_ms));
    for (int i = 0; i < SENSORS; ++i) {
        judge(i, ((const int32_t *)from.buf)[i]);
    }
    conclude((uint32_t)mp_obj_get_int(dt_ms));
    return MP_OBJ_NEW_SMALL_INT(s.state + 16 * s.code);
}
static MP_DEFINE_CONST_FUN_OBJ_2(bench_compute_obj, bench_compute);

// memory(): the words of `s`.
static mp_obj_t bench_memory(void) {
    return mp_obj_new_bytearray_by_ref(sizeof(s), &s);
}
static MP_DEFINE_CONST_FUN_OBJ_0(bench_memory_obj, bench_memory);

static const mp_rom_map_elem_t bench_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_bench_step) },
    { MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&bench_init_obj) },
    { MP_ROM_QSTR(MP_QSTR_step), MP_ROM_PTR(&bench_step_obj) },
    { MP_ROM_QSTR(MP_QSTR_compute), MP_ROM_PTR(&bench_compute_obj) },
    { MP_ROM_QSTR(MP_QSTR_memory), MP_ROM_PTR(&bench_memory_obj) },
};
static MP_DEFINE_CONST_DICT(bench_globals, bench_globals_table);

const mp_obj_module_t bench_step_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&bench_globals,
};
MP_REGISTER_MODULE(MP_QSTR_bench_step, bench_step_module);
