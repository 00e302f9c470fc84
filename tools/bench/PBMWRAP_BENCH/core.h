// The wrap's step in C: its arithmetic, without registers. What firmware/wrap does in control/dose.py
// (meter), safety/temp_limits.py (judge, summarise), safety/derate.py (take), session/state_machine.py (advance)
// and control/lamps.py (decide, rise) for a session that runs, in the same integers.

#include <stdbool.h>
#include <stdint.h>

#define CHANNELS (2)
#define SENSORS (4)
#define STEPS (4)

#define OPEN (-1000000)
#define SHORT (1000000)
#define WINDOW (15)
#define ENOUGH (0xE880u)  // bit n: n, as 4 readings, has 3 ones or more
#define NEVER (-273150)
#define FULL (65535)
#define FADE_FULL (4096)
#define MAX_GAP_MS (3000)
#define STEP_MS (10)
#define STEP_LATE_MS (300)
#define SECOND_MS (1000)
#define RAMP_DOWN_MS (500)
#define ROOM_MIN_MC (5000)
#define DERATE_ZERO_MC (500)
#define DERATE_LINE_MC (1500)
#define DERATE_LAG (200 * 16)
#define DERATE_UP_Q (41)

enum { NONE, SKIN_HOT, BOARD_HOT, GROSS, SENSOR_OPEN, SENSOR_SHORT, COLD, LATE, READBACK, DEADMAN = 18 };
enum { RAMP_UP = 2, RUNNING = 3, RAMP_DOWN = 5, DONE = 6, FAULT = 7 };

// What a session is told at its beginning: words in this order, see bench_rig.py.
typedef struct {
    int32_t full_uw[CHANNELS], upper_uw[CHANNELS], ma[CHANNELS], supply_ma, calibrated;
    int32_t skin[SENSORS], trip_raw[SENSORS], gross_raw[SENSORS];
    int32_t cold_raw, raw_min, raw_max, trip_mc, warn_mc;
    int32_t steps, durations_ms[STEPS], duty[STEPS][CHANNELS];
    int32_t total_ms, dose_uj, cap_uj, ramp_ms;
    int32_t ain[SENSORS], select[SENSORS], select_lines, pin[CHANNELS], enable_pin, life_turns, watchdog_load;
} params_t;

typedef struct {
    uint32_t on_ms, rest, uj, nj, upper_uj, upper_nj;
} meter_t;

typedef struct {
    int32_t mc, max_mc;
    uint32_t over, cold, sum;
} sensor_t;

static struct {
    params_t p;
    const int32_t *knots;
    meter_t meters[CHANNELS];
    sensor_t sensors[SENSORS];
    uint32_t count, second_ms;
    int32_t hottest_mc, fine;
    bool warn, cold, fresh, rising;
    int32_t q, state, code, at_sensor;
    int32_t fade, active_ms, step, step_ms, rate_uw, slew;
    int32_t decided_fade, decided_q, decided_step;
    int32_t duties[CHANNELS], wanted[CHANNELS];
} s;

static void meter(uint32_t dt_ms) {
    if (dt_ms > MAX_GAP_MS) {
        dt_ms = MAX_GAP_MS;
    }
    for (int i = 0; i < CHANNELS; ++i) {
        meter_t *m = &s.meters[i];
        uint32_t rest = m->rest + (uint32_t)s.duties[i] * dt_ms;
        uint32_t ms = rest / FULL;
        m->rest = rest - ms * FULL;
        if (ms) {
            m->on_ms += ms;
            uint32_t nj = m->nj + ms * (uint32_t)s.p.full_uw[i];
            uint32_t uj = nj / 1000;
            m->uj += uj;
            m->nj = nj - uj * 1000;
            nj = m->upper_nj + ms * (uint32_t)s.p.upper_uw[i];
            uj = nj / 1000;
            m->upper_uj += uj;
            m->upper_nj = nj - uj * 1000;
        }
    }
}

static int32_t to_mc(int32_t raw) {
    if (raw < s.p.raw_min) {
        return SHORT;
    }
    if (raw >= s.p.raw_max) {
        return OPEN;
    }
    const int32_t *knot = &s.knots[raw >> 8];
    return knot[0] + ((knot[1] - knot[0]) * (raw & 255) >> 8);
}

static bool enough(uint32_t bits) {
    return ENOUGH >> bits & 1;
}

// One sensor's reading: its temperature, and the fault that it means.
static void judge(int i, int32_t raw) {
    sensor_t *at = &s.sensors[i];
    int32_t mc = to_mc(raw);
    bool trip = raw <= s.p.trip_raw[i];
    at->sum += (uint32_t)raw;
    at->over = (at->over << 1 | trip) & WINDOW;
    at->cold = (at->cold << 1 | (raw > s.p.cold_raw)) & WINDOW;
    at->mc = mc;
    int32_t code = NONE;
    if (mc == OPEN) {
        code = SENSOR_OPEN;
    } else if (mc == SHORT) {
        code = SENSOR_SHORT;
    } else {
        if (mc > at->max_mc) {
            at->max_mc = mc;
        }
        if (raw <= s.p.gross_raw[i]) {
            code = GROSS;
        } else if (trip && enough(at->over)) {
            code = s.p.skin[i] ? SKIN_HOT : BOARD_HOT;
        }
    }
    if (code && !s.code) {
        s.code = code;
        s.at_sensor = i;
    }
}

static void take(int32_t mc) {
    int32_t fine = mc * 16;
    if (s.fresh) {
        s.fine = fine;
    }
    s.fine += (fine - s.fine) >> 4;
    if (s.fine < fine - DERATE_LAG) {
        s.fine = fine - DERATE_LAG;
    }
    int32_t room = s.p.trip_mc - DERATE_ZERO_MC - (s.fine >> 4);
    int32_t q = room >= DERATE_LINE_MC ? FADE_FULL : room > 0 ? FADE_FULL * room / DERATE_LINE_MC : 0;
    s.q = q > s.q + DERATE_UP_Q && !s.fresh ? s.q + DERATE_UP_Q : q;
    s.fresh = false;
}

// Once a second: the derating, from the mean readings of that second.
static void second(uint32_t ms) {
    int32_t hottest = ROOM_MIN_MC;
    bool broken = ms >= 2 * SECOND_MS;
    for (int i = 0; i < SENSORS; ++i) {
        int32_t mc = to_mc((int32_t)(s.sensors[i].sum / s.count));
        s.sensors[i].sum = 0;
        broken |= mc == OPEN || mc == SHORT;
        if (s.p.skin[i] && mc > hottest) {
            hottest = mc;
        }
    }
    s.count = 0;
    take(broken ? s.hottest_mc : hottest);
    s.fresh = broken;
}

// After every sensor's reading was judged.
static void summarise(uint32_t dt_ms) {
    int32_t hottest = NEVER;
    bool cold = false;
    for (int i = 0; i < SENSORS; ++i) {
        if (s.p.skin[i] && s.sensors[i].mc > hottest) {
            hottest = s.sensors[i].mc;
        }
        cold |= enough(s.sensors[i].cold);
    }
    s.cold = cold;
    s.hottest_mc = hottest;
    s.warn = hottest > s.p.warn_mc;
    ++s.count;
    s.second_ms += dt_ms;
    if (s.second_ms >= SECOND_MS) {
        second(s.second_ms);
        s.second_ms = 0;
    }
}

static void stop(void) {
    if (s.state == RAMP_UP || s.state == RUNNING) {
        s.state = RAMP_DOWN;
    }
}

static void session_clock(int32_t dt_ms) {
    s.active_ms += dt_ms;
    s.step_ms += dt_ms;
    int32_t dose_uj = 0;
    for (int i = 0; i < CHANNELS; ++i) {
        dose_uj += (int32_t)s.meters[i].uj;
    }
    int32_t ahead_uj = s.rate_uw * (RAMP_DOWN_MS / 2) / 1000;
    if (s.p.calibrated && s.p.dose_uj > 0 && dose_uj + ahead_uj >= s.p.dose_uj) {
        stop();
    } else if (s.active_ms >= s.p.total_ms) {
        stop();
    } else {
        while (s.step_ms >= s.p.durations_ms[s.step]) {
            s.step_ms -= s.p.durations_ms[s.step];
            ++s.step;
        }
    }
}

static void advance(int32_t dt_ms) {
    if (s.state == RUNNING) {
        session_clock(dt_ms);
    } else if (s.state == RAMP_UP) {
        s.fade += FADE_FULL * dt_ms / s.p.ramp_ms;
        if (s.fade >= FADE_FULL) {
            s.fade = FADE_FULL;
            s.state = RUNNING;
        }
        session_clock(dt_ms);
    } else if (s.state == RAMP_DOWN) {
        int32_t fade = s.fade - FADE_FULL * dt_ms / RAMP_DOWN_MS;
        s.fade = fade > 0 ? fade : 0;
        if (s.fade == 0) {
            s.state = DONE;
        }
    }
    int32_t upper_uj = 0;
    for (int i = 0; i < CHANNELS; ++i) {
        upper_uj += (int32_t)s.meters[i].upper_uj;
    }
    if (upper_uj >= s.p.cap_uj) {
        stop();
    }
}

static void decide(void) {
    int32_t total = 0, rate = 0;
    for (int i = 0; i < CHANNELS; ++i) {
        s.wanted[i] = s.p.duty[s.step][i];
        total += s.wanted[i] * s.p.ma[i] / FULL;
    }
    for (int i = 0; i < CHANNELS; ++i) {
        if (total > s.p.supply_ma) {
            s.wanted[i] = s.wanted[i] * s.p.supply_ma / total;
        }
        s.wanted[i] = (s.wanted[i] * s.fade / FADE_FULL) * s.q / FADE_FULL;  // after the limit
        rate += s.p.full_uw[i] * (s.wanted[i] >> 4) / 4096;
    }
    s.rate_uw = rate;
    s.decided_fade = s.fade;
    s.decided_q = s.q;
    s.decided_step = s.step;
    s.rising = true;
}

// The duties of this step, from fade, derating and the session's step.
static void settle_duties(void) {
    if (s.fade != s.decided_fade || s.q != s.decided_q || s.step != s.decided_step) {
        decide();
    }
    if (!s.rising) {
        return;
    }
    s.rising = false;
    for (int i = 0; i < CHANNELS; ++i) {
        int32_t duty = s.duties[i] + s.slew;
        bool below = duty < s.wanted[i];
        s.rising |= below;
        s.duties[i] = below ? duty : s.wanted[i];
    }
}
