// Finds frozen modules by the hash of their name. MicroPython's own search, which measures and
// compares the names one by one, is asked three times for each import: 50 ms of a start.

#include <string.h>

#include "py/emitglue.h"
#include "py/frozenmod.h"

#if MICROPY_MODULE_FROZEN_STR
#error "frozen_names.c knows compiled modules only"
#endif

#define PLACES (144)  // files and folders; with more of them MicroPython's own search does all

extern const char mp_frozen_names[];
extern const mp_frozen_module_t *const mp_frozen_mpy_content[];
mp_import_stat_t pbmwrap_stock_find_frozen(const char *path, int *type, void **data);

// Per place: hash of the path; where it begins in mp_frozen_names; its module, FOLDER for a folder.
#define FOLDER (0xFFFF)
static uint16_t hashes[PLACES], starts[PLACES], modules[PLACES];
static size_t places;

static uint32_t add_to_hash(uint32_t hash, char c) {
    return hash * 33 ^ (uint8_t)c;
}

// The place of this path, or `places` when it is unknown.
static size_t find_place(const char *path, size_t len, uint16_t hash) {
    for (size_t i = 0; i < places; ++i) {
        if (hashes[i] == hash) {
            const char *name = mp_frozen_names + starts[i];
            char behind = memcmp(name, path, len) ? ' ' : name[len];
            if (behind == (modules[i] == FOLDER ? '/' : 0)) {
                return i;
            }
        }
    }
    return places;
}

static void add_place(const char *name, size_t len, uint16_t hash, uint16_t module) {
    if (module == FOLDER && find_place(name, len, hash) < places) {
        return;
    }
    if (places < PLACES) {
        hashes[places] = hash;
        starts[places] = name - mp_frozen_names;
        modules[places] = module;
    }
    ++places;
}

static void list_names(void) {
    const char *name = mp_frozen_names;
    for (uint16_t module = 0; *name && places <= PLACES; ++module) {
        uint32_t hash = 0;
        size_t len = 0;
        for (; name[len]; ++len) {
            if (name[len] == '/') {
                add_place(name, len, hash, FOLDER);
            }
            hash = add_to_hash(hash, name[len]);
        }
        add_place(name, len, hash, module);
        name += len + 1;
    }
}

mp_import_stat_t mp_find_frozen_module(const char *path, int *type, void **data) {
    if (places == 0) {
        list_names();
    }
    if (places > PLACES) {
        return pbmwrap_stock_find_frozen(path, type, data);
    }
    if (type != NULL) {
        *type = MP_FROZEN_NONE;
    }
    uint32_t hash = 0;
    size_t len = 0;
    for (; path[len]; ++len) {
        hash = add_to_hash(hash, path[len]);
    }
    size_t i = find_place(path, len, hash);
    if (i == places) {
        return MP_IMPORT_STAT_NO_EXIST;
    }
    if (modules[i] == FOLDER) {
        return MP_IMPORT_STAT_DIR;
    }
    if (type != NULL) {
        *type = MP_FROZEN_MPY;
        *data = (void *)mp_frozen_mpy_content[modules[i]];
    }
    return MP_IMPORT_STAT_FILE;
}
