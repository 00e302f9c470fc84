// Board and hardware specific configuration of the wrap.
#define MICROPY_HW_BOARD_NAME                   "pbmwrap"
#define MICROPY_HW_FLASH_STORAGE_BYTES          (1536 * 1024)

// Lamps GPIO2 and GPIO4, a warmer's GPIO6, series enable GPIO22, buzzer GPIO16: board_facts.py says the same, a test
// compares them.
#define PBMWRAP_DARK_PINS                       ((1u << 2) | (1u << 4) | (1u << 6) | (1u << 22) | (1u << 16))

// Dark and silent before any Python, and again first thing in a soft reset: a stock one leaves lamps lit.
void pbmwrap_dark(void);
void pbmwrap_test_ram(void);
#define MICROPY_BOARD_STARTUP()                 do { pbmwrap_dark(); pbmwrap_test_ram(); } while (0)
#define MICROPY_BOARD_START_SOFT_RESET()        pbmwrap_dark()

// Blocks of 32 bytes in place of 16: half as many to walk through when garbage is collected.
#define MICROPY_ALLOC_GC_STACK_SIZE             (512)

// Attributes are found by a cache that the low bits of a name's number select. With 128 places names
// of a step collide by chance: a name that is new anywhere moved the longest step by 600 us.
#define MICROPY_OPT_MAP_LOOKUP_CACHE_SIZE       (1024)

// The frames of Python functions lie on a stack of their own, not in the heap (docs/decisions/0014).
void pbmwrap_frames(void);
#define MICROPY_ENABLE_PYSTACK                  (1)
#define MICROPY_PORT_INIT_FUNC                  pbmwrap_frames()
