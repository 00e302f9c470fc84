// A test of the RAM at every start of the chip (not at a soft reset: Python's objects are in it).
//
// The heap, not yet in use, gets March C-: up or down: w0; up: r0 w1; up: r1 w0; down: r0 w1;
// down: r1 w0; r0. It finds cells that are stuck, that cannot change, wrong addresses, and most
// cells that change with others. Four words are taken at a time: they lie in four different banks
// (RP2040 datasheet 2.6.2), so each bank's words are visited one by one, as a March test wants.
// All other RAM (variables, stacks) is in use: each word is inverted and put back with interrupts
// off, which finds stuck cells only.

#pragma GCC optimize("O2")  // the rest is built for size, but a start waits for this

#include "hardware/structs/watchdog.h"
#include "hardware/sync.h"

#define RAM_WHOLE (0x52414D31u)  // hal/rp2040/integrity.py waits for it; anything else is an address
#define STRIPE (4)  // words

typedef volatile uint32_t word_t;

extern char __GcHeapStart, __GcHeapEnd, __StackTop;

// Write zeros everywhere.
static void clear(word_t *p, uint32_t stripes) {
    for (; stripes; --stripes, p += STRIPE) {
        p[0] = 0;
        p[1] = 0;
        p[2] = 0;
        p[3] = 0;
    }
}

// Read `expect` and write its complement, or only read; from `p` on in steps of `step` words.
static word_t *march(word_t *p, uint32_t stripes, int step, uint32_t expect, bool write) {
    for (; stripes; --stripes, p += step) {
        uint32_t bad = p[0] ^ expect;
        bad |= p[1] ^ expect;
        bad |= p[2] ^ expect;
        bad |= p[3] ^ expect;
        if (bad) {
            return p;
        }
        if (write) {
            p[0] = ~expect;
            p[1] = ~expect;
            p[2] = ~expect;
            p[3] = ~expect;
        }
    }
    return NULL;
}

static word_t *march_c(word_t *from, uint32_t stripes) {
    word_t *last = from + (stripes - 1) * STRIPE;
    clear(from, stripes);
    word_t *bad = march(from, stripes, STRIPE, 0, true);
    bad = bad ? bad : march(from, stripes, STRIPE, ~0u, true);
    bad = bad ? bad : march(last, stripes, -STRIPE, 0, true);
    bad = bad ? bad : march(last, stripes, -STRIPE, ~0u, true);
    return bad ? bad : march(from, stripes, STRIPE, 0, false);
}

// Invert each word and put it back. Holds everything in registers: its own stack is tested, too.
static __attribute__((noinline)) word_t *invert(word_t *from, word_t *to) {
    uint32_t interrupts = save_and_disable_interrupts();
    word_t *bad = NULL;
    for (word_t *p = from; p != to && !bad; ++p) {
        uint32_t was = *p;
        *p = ~was;
        if (*p != ~was) {
            bad = p;
        }
        *p = was;
        if (*p != was) {
            bad = p;
        }
    }
    restore_interrupts(interrupts);
    return bad;
}

void pbmwrap_test_ram(void) {
    watchdog_hw->scratch[1] = 0;
    uintptr_t heap = ((uintptr_t)&__GcHeapStart + 15) & ~15u, end = (uintptr_t)&__GcHeapEnd;
    word_t *bad = invert((word_t *)SRAM_BASE, (word_t *)heap);
    bad = bad ? bad : invert((word_t *)end, (word_t *)&__StackTop);
    bad = bad ? bad : march_c((word_t *)heap, (end - heap) / (4 * STRIPE));
    watchdog_hw->scratch[1] = bad ? (uintptr_t)bad : RAM_WHOLE;  // H-20
}
