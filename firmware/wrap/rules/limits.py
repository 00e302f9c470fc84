"""Every number that keeps a person safe, once. Shared with the host.

Settings and protocols may only be stricter than the default column; nothing, compiled in or not,
may pass the hard column (`*_HARD*`; limit_check.py, at boot and at build time). Units are in the
names: `_mc` milli-degree C, `_mj` mJ/cm2, `_pm` permille.
Sources: IEC 60601-1 ed. 2 (41 C applied part), ed. 3 table 24 (43 C long contact), WALT 2010/2022
doses, Harding & Jeavons' photosensitivity band (3-60 Hz).
"""

SKIN_TRIP_MC = 41000
SKIN_TRIP_HARD_MC = 43000
HEAT_TEST_MOST_MC = 42000  # hottest reading of a heat test that allows more power: 1 K below 43 C
HEAT_TEST_LEAST_MC = 25000  # below: a slip of units, or a thermocouple that lay beside the pad
SKIN_DERATE_MC = 39000  # light is full up to here and none at SKIN_TRIP_MC
SKIN_TRIP_MIN_MC = 36000  # a stricter trip below this would never let light on
DERATE_BAND_MC = 2000  # derating begins this far below the trip in force
BOARD_TRIP_MC = 60000
BOARD_TRIP_HARD_MC = 70000
PLAUSIBLE_MIN_MC = 5000
GROSS_MARGIN_MC = 4000
FILTER_OF = 4
FILTER_COUNT = 3

SESSION_MAX_S = 1200
SESSION_HARD_S = 1800
DOSE_CAP_MJ = 60000
DOSE_CAP_HARD_MJ = 120000  # by the board's stated worst case, whatever a calibration says

# A calibration is believed between this share of the board's stated worst case and CAL_MOST_UW. The
# worst case is the brightest spot of the smallest pad that the build guide computes (100 cm2, all
# tolerances up); the dimmest real pad has its LEDs on 600 cm2 (4.9 % of it by the guide's table), a
# cover that passes 0.6 in place of 0.7, and LEDs aged to 70 %: 2.9 %. Less is a slip of units.
CAL_LEAST_PM = 25
CAL_MOST_UW = 200000
CAL_UNC_LEAST_PM = 30  # no meter for this light is better than some 2.5 %, and it has to be placed
CAL_UNC_MOST_PM = 500

RAMP_UP_MS = 2000
RAMP_UP_MIN_MS = 500
RAMP_DOWN_MS = 500

PULSE_MIN_HZ = 10
PULSE_MAX_HZ = 5000
FLICKER_MIN_HZ = 3
FLICKER_MAX_HZ = 60
VISIBLE_MAX_NM = 780  # a channel below this wavelength is seen and can trigger seizures

SITE_DAY = 1  # sessions per site in any 24 h; makers' manuals: at most two
SITE_DAY_HARD = 2
SITE_WEEK = 5
SITE_WEEK_HARD = 7
# Light of the whole wrap in any 24 h, whatever its sites are called: two feet or hands and one more
# area at 20 min each. Studies treat an area for 5 to 20 min a day; a site's own limit counts names.
LIGHT_DAY_S = 3600
LIGHT_DAY_HARD_S = 7200  # as SITE_DAY_HARD: twice a day
SITE_GAP_S = 21600  # from beginning to beginning; matters only beyond one session a day
COUNTS_S = 60  # light for longer makes a session count, whatever its protocol
CLOCK_DRIFT_S = 120  # a host's clock this far behind the wrap's own count is the same clock
CLOCK_MOST_S = 15552000  # 180 days: a longer gap between two clocks is a wrong clock

WAKE_S = 300
WAKE_HARD_S = 600
WAKE_MIN_S = 3  # shorter would only be a nuisance
WAKE_ANSWER_S = 60

# What a host can make the wrap write (link/budget.py). Under a program gone wrong the log's ring
# (decisions/0012) then lasts 10 days, under one made to fill it 3 (tests/unit/test_host_writes.py).
# The store wears most by protocols of 2 KB: with all slots full a bank takes four before its other
# half is erased, so 100,000 erases take 4 years of one write a minute without a pause.
HOST_WRITES = 60  # at once: a wrap set up anew takes some 35
HOST_WRITE_S = 60  # one more after each
HOST_START_WRITES = 4  # a session's start: 8 records until its end, two files before light
HOST_PUT_WRITES = 3  # a protocol: up to 2 KB into the store, and into the log at its next start
CLOCK_SAME_S = 2  # a host's clock closer to the wrap's own tells nothing new

PAUSE_TIMEOUT_S = 300
LEASE_MS = 3000
LEASE_MAX_MS = 10000
WATCHDOG_MS = 2000
WATCHDOG_HARD_MS = 8000

DEADMAN_MS = 150  # the enable falls by itself when no step has been verified for so long
DEADMAN_HARD_MS = 500
DEADMAN_FLASH_MS = 300  # the same while flash is written, with interrupts off
HEARTBEAT_MS = 100  # a timer darkens the lamps when Python has hung for so long
RESETS_MOST = 3  # unexpected ones; the wrap then stays in a fault
RESETS_CALM_S = 600  # without one: they are forgotten
PROGRAM_CHUNK_MS = 50  # a chunk of 2 KB of the program is checked so often: 11 s for 440 KB

STEP_MS = 10
STEP_LATE_MS = 300  # a step later than this (a flash erase fits) is a fault while light is on
SAMPLE_S = 10

# What the means of one second are held against (watch.py, model.py). H-12
DERATE_ZERO_MC = 500  # no light from this far below the trip: heat stored in the pad still arrives
RATE_MC_S = 2000  # a bead in a pad cannot change faster while worn
STUCK_MC = 100
STUCK_S = 60
STUCK_SKIN_STILL_MC = 40  # skin that turns from cooling to warming is nearly still, yet not so
STUCK_SKIN_MC = 4000  # a board that changed, and heat that came, for so much move the skin
STUCK_BOARD_MC = 3000  # nor can heat for so much leave the board where it was
STUCK_MOVED_MC = 200  # and the skin shows that the heat was there
PAIR_MC = 3000
SPREAD_MC = 2000  # skin sensors of a wrap that lies flat agree so far before light
SPREAD_MORE_MC = 500  # and in light they may part by so much more than as it began
SPREAD_RISE_PM = 500  # and this share of the hottest one's rise is unequal heating, not a lie
PAIR_S = 10
SLIP_MC = 3000  # a wearer who moves lets a bead read 2.6 K less (docs/safety.md)
BALANCE_S = 30
ROOM_MAX_MC = 40000
ROOM_MIN_MC = 5000
HEAT_SPARE_MW = 2000  # the balance's own error: noise, the filters' delay, light from outside
HEAT_SPARE_PM = 300  # and of what was written: LEDs and drivers +-15 %, heat share
HEAT_HOLD_S = 10
ROOM_SHIFT_MW = 3000  # a room that warms by 4 K in a session
WEAK_PM = 550  # a pad that misses so much of the heat written has lamps that are weak or out
WEAK_LEAST_MW = 3000  # less heat than this cannot be judged
COVERED_PM = 550  # the pad loses less than this share of what it lost before
COVERED_STEADY_PM = 400  # or, when warm, less than this share of what was written
COVERED_AFTER_S = 450  # after the last rise of the power by more than a quarter

# Power (power_limit.py). Derived on the plant: docs/safety.md, "The blind power".
BLIND_POWER_MW_CM2 = 9  # electric power of all lamps by pad area: safe whatever the sensors read
WORN_MIN_MC = 28000  # skin under a wrap
WORN_MAX_MC = 38000
REFERENCE_WAIT_MS = 35000  # a start waits so long for the balance's dark reference (BALANCE_S)

# Wiring (wire_check.py): what no bead can do in a step or two, RATE_MC_S being 20 mK a step.
WIRE_MC = 300  # between a dark step and the lit ones on both sides
WIRE_EDGE_MC = 600  # as the enable opens or drops
WIRE_CHECK_MS = 10000  # lamps are out for a step of 10 ms so often
