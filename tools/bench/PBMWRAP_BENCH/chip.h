// The wrap's step in C: its registers. Datasheet sections as in firmware/wrap/hal/rp2040/registers.py.

#include "hardware/gpio.h"
#include "hardware/structs/adc.h"
#include "hardware/structs/iobank0.h"
#include "hardware/structs/pio.h"
#include "hardware/structs/pwm.h"
#include "hardware/structs/sio.h"
#include "hardware/structs/timer.h"
#include "hardware/structs/watchdog.h"

#define CONVERSIONS (6)
#define SETTLE_CYCLES (50)
#define SPINS (4096)  // for all conversions of a sensor; some 25 each are needed

static struct {
    pwm_slice_hw_t *slice[CHANNELS];
    uint32_t shift[CHANNELS], top[CHANNELS], div[CHANNELS], cc[CHANNELS];
    uint32_t lamp_mask, enable_mask;
    uint32_t then_us;
} chip;

// Take what PWM was set up with, and the FIFO of the converter into use.
static void chip_begin(void) {
    chip.lamp_mask = 0;
    chip.enable_mask = 1u << s.p.enable_pin;
    for (int i = 0; i < CHANNELS; ++i) {
        uint32_t pin = (uint32_t)s.p.pin[i];
        chip.slice[i] = &pwm_hw->slice[pin >> 1 & 7];
        chip.shift[i] = pin & 1 ? 16 : 0;
        chip.top[i] = chip.slice[i]->top;
        chip.div[i] = chip.slice[i]->div;
        chip.lamp_mask |= 1u << pin;
    }
    adc_hw->fcs = ADC_FCS_EN_BITS | ADC_FCS_OVER_BITS | ADC_FCS_UNDER_BITS;
    chip.then_us = timer_hw->timerawl;
}

// Whole milliseconds since the last call; what is left of one counts in the next.
static uint32_t elapsed_ms(void) {
    uint32_t ms = (timer_hw->timerawl - chip.then_us) / 1000;
    chip.then_us += ms * 1000;
    return ms;
}

static uint32_t converter_idle(uint32_t ain) {
    return (adc_hw->cs & ADC_CS_TS_EN_BITS) | ADC_CS_EN_BITS | ain << ADC_CS_AINSEL_LSB;
}

// Convert sensor `i` again and again. What an interrupted step left behind is waited for and thrown
// away first; meanwhile the multiplexer settles.
static void start(int i) {
    uint32_t spins = SPINS, ain = (uint32_t)s.p.ain[i], chosen = (uint32_t)s.p.select[i];
    sio_hw->gpio_set = chosen;
    sio_hw->gpio_clr = (uint32_t)s.p.select_lines ^ chosen;
    while (!(adc_hw->cs & ADC_CS_READY_BITS) && --spins) {
    }
    while (!(adc_hw->fcs & ADC_FCS_EMPTY_BITS) && --spins) {
        (void)adc_hw->fifo;
    }
    adc_hw->cs = converter_idle(ain);
    busy_wait_at_least_cycles(SETTLE_CYCLES);
    adc_hw->cs = converter_idle(ain) | ADC_CS_START_MANY_BITS;
}

// 6 conversions without the lowest and the highest, times 4; 0, a shorted sensor, when they do not come. The last one is under way when
// the converter is told to stop, so the next input can be selected as soon as it is here.
static int32_t collect(int i) {
    uint32_t total = 0, lowest = 4095, highest = 0, spins = SPINS, ain = (uint32_t)s.p.ain[i];
    for (int n = 1; n <= CONVERSIONS; ++n) {
        while (adc_hw->fcs & ADC_FCS_EMPTY_BITS) {
            if (--spins == 0) {
                adc_hw->cs = converter_idle(ain);
                return 0;
            }
        }
        uint32_t code = adc_hw->fifo;
        total += code;
        if (n == CONVERSIONS - 1) {
            adc_hw->cs = converter_idle(ain);
        }
        lowest = MIN(lowest, code);
        highest = MAX(highest, code);
    }
    return (int32_t)(total - lowest - highest) * 4;
}

static void write_lamps(void) {
    for (int i = 0; i < CHANNELS; ++i) {
        uint32_t count = ((uint32_t)s.duties[i] * (chip.top[i] + 1) + 32767) / FULL;
        chip.cc[i] = count;
        hw_write_masked(&chip.slice[i]->cc, count << chip.shift[i], 0xFFFFu << chip.shift[i]);
    }
}

// Lamps and enable at their pads, now, whatever PWM and PIO do.
static void dark(void) {
    uint32_t pins = chip.lamp_mask | chip.enable_mask;
    sio_hw->gpio_clr = pins;
    sio_hw->gpio_oe_set = pins;
    for (int i = 0; i < CHANNELS; ++i) {
        gpio_set_function((uint32_t)s.p.pin[i], GPIO_FUNC_SIO);
        s.duties[i] = 0;
    }
    gpio_set_function((uint32_t)s.p.enable_pin, GPIO_FUNC_SIO);
}

// Whether pads and PWM hold what was written: `lit`, PWM at both lamps; else every pad low.
static bool holds(bool lit) {
    if (!lit) {
        return !(sio_hw->gpio_in & (chip.lamp_mask | chip.enable_mask));
    }
    for (int i = 0; i < CHANNELS; ++i) {
        const pwm_slice_hw_t *slice = chip.slice[i];
        if ((slice->cc >> chip.shift[i] & 0xFFFF) != chip.cc[i] || (slice->csr & 0x3F) != 1 ||
            slice->div != chip.div[i] || slice->top != chip.top[i] ||
            iobank0_hw->io[s.p.pin[i]].ctrl != GPIO_FUNC_PWM) {
            return false;
        }
    }
    return true;
}

static bool enabled(void) {
    return sio_hw->gpio_in & chip.enable_mask;
}

// A verified step: another life for the dead-man, and for the chip.
static void heartbeat(bool lit) {
    if (lit && !(pio0_hw->fstat & 1u << PIO_FSTAT_TXFULL_LSB)) {
        pio0_hw->txf[0] = (uint32_t)s.p.life_turns;
    }
    watchdog_hw->load = (uint32_t)s.p.watchdog_load;
}
