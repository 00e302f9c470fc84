# The wrap's own board with the peers of its control step added: for benchmarks, never for a wrap.
# From here on MicroPython takes header, pins and linker's facts from the wrap's folder.
set(BENCH_DIR ${MICROPY_BOARD_DIR})
get_filename_component(MICROPY_BOARD_DIR ${BENCH_DIR}/../PBMWRAP_RP2040 ABSOLUTE)
include(${MICROPY_BOARD_DIR}/mpconfigboard.cmake)
set(MICROPY_FROZEN_MANIFEST ${BENCH_DIR}/manifest.py)

list(APPEND MICROPY_SOURCE_BOARD ${BENCH_DIR}/bench_step.c)
set_source_files_properties(${BENCH_DIR}/bench_step.c PROPERTIES COMPILE_OPTIONS "-O2")
