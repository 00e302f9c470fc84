// Forced in front of frozenmod.c only: another name for MicroPython's own search of frozen modules,
// which frozen_names.c replaces.
#define mp_find_frozen_module pbmwrap_stock_find_frozen
