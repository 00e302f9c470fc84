"""What the control step may cost. The emulated chip's cycles are exact, so each bound is what was
measured and 3 % for what a change elsewhere moves; a change that needs more says why here."""

# Medians of 200 steps in a running session, us: 117.85, of which 54.9 are 24 conversions. What is
# measured is tools/bench/peers.py's "wrap": FastStep.step as App.turn calls it.
STEP_US = 121.4
# Once a second the sensors' behaviour and the heat balance are judged, of four sensors: 3,493 us.
# It was 3,171 to 3,749 in images that differ in names elsewhere only, before the cache of
# attributes had 1,024 places (boards/PBMWRAP_RP2040/mpconfigboard.h).
SECOND_US = 3520.0
# A reading over the gross limit to pins low, ms: 11.41 where it changes behind its conversion, in
# the step before the second's work. The goal is 12.
GROSS_MS = 11.75
# No garbage in the steps, the background work and the wire checks of a running session, so no
# collection.
STEP_BYTES = 0
# A push of telemetry allocates nothing; a status with its request 48 bytes, of which 32 are UTC in
# seconds, too large for a small integer.
PUSH_BYTES = 0
STATUS_BYTES = 64
# Start of a step against the ideal 10 ms grid, with no host and with one that floods, us: 2 and,
# where a slice of the link or a record's writing ends late, less than 1,000.
JITTER_CALM_US = 50.0
JITTER_FLOOD_US = 1000.0
# 476,104 bytes of 524,288 before the small files and the log. It was 424,084 before the
# multiplexer, the wire check, the buzzer, doubled stores and the power limit, and 445,596 with
# them. Machine code for what is done with every sensor of a step, and people, holds, plans and the
# light for a calibration and the blinded trial made the rest. The lines that are written field by
# field (wrap_json.c) made 2.4 KB: 481,716.
# 3.2 KB for a shorter start: the table of the thermistors (1 KB), the search of frozen modules, the
# count of the heap in C: 484,868. 3.2 KB for requests that allocate nothing: the reader of lines in
# C beside the plain one, and requests that are known: 488,124. 1.9 KB for lines that are written
# without the heap where the C module is missing, which the image carries along: 491,092. 1.4 KB for
# a log that is read record by record: 492,516. 1.1 KB for readers of records in modules of their
# own, which files leave out, and for what finds the heap full: 494,164. 2.6 KB for what a full heap
# lets wait: records that are made later, a piece that is kept for them, answers that are written
# field by field: 496,848. 0.5 KB for records and files that are written in pieces: 497,696. 0.4
# KB for sectors in raw flash in a module of their own, which files leave out: 498,100. 0.3 KB for
# much damage that waits for a person: 498,372.
IMAGE_BYTES = 498_400
NEWER_IMAGE_BYTES = 499_900  # with the newest MicroPython of `make newest`, 1.26.1: 499,660
# Power-on to the first `hello`, ms: 239, 295 at the first boot of all, which makes the stores, and
# 290 with a log that has filled its ring, whose 352 sectors all have a head. The goals are 300,
# 400 and 300.
READY_MS = 247
FIRST_READY_MS = 298
FULL_LOG_READY_MS = 293
