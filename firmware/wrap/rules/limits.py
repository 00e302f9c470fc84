"""Every safety limit, defined once and shared with the host.

Settings and protocols may only be stricter than a default. No default may exceed its hard limit
(`*_HARD*`), which `wrap.safety.limit_check` verifies at boot and at build time. Units are in the
names: `_MC` thousandths of a degree C, `_MJ` mJ/cm2, `_UW` uW/cm2, `_PM` permille.

Sources: IEC 60601-1 ed. 2 (41 C for an applied part), ed. 3 table 24 (43 C for long contact), WALT
2010/2022 (doses), Harding and Jeavons (photosensitivity band of 3 to 60 Hz).
"""

SKIN_TRIP_MC = 41000
SKIN_TRIP_HARD_MC = 43000
HEAT_TEST_MOST_MC = 42000  # hottest reading of a heat test that allows more power: 43 C - 1 K
HEAT_TEST_LEAST_MC = 25000  # lower: a mistake of units, or a thermocouple beside the pad
SKIN_DERATE_MC = 39000  # full light up to this temperature, none at SKIN_TRIP_MC
SKIN_TRIP_MIN_MC = 36000  # with a stricter trip than this, light would never turn on
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

# A calibration is accepted from this share of the board's stated worst case to CAL_MOST_UW. The
# worst case is the brightest spot of the smallest pad in the build guide (100 cm2, all tolerances
# at their upper end). The dimmest real pad has its LEDs on 600 cm2 (4.9 % of the worst case by the
# guide's table), a cover with a transmission of 0.6 instead of 0.7, and LEDs aged to 70 %: 2.9 %. A
# lower value is a mistake of units.
CAL_LEAST_PM = 25
CAL_MOST_UW = 200000
# No meter for this light is better than about 2.5 %, and its placement adds to that.
CAL_UNC_LEAST_PM = 30
CAL_UNC_MOST_PM = 500
# Peak of the irradiance over the pad by its mean. An even field has 1; above 5 the mean says
# nothing about the pad, or the units are wrong.
CAL_PEAK_LEAST_PM = 1000
CAL_PEAK_MOST_PM = 5000
CAL_UPPER_MOST_UW = 300000  # upper bound at the brightest place, which DoseMeter can integrate

# Calibration light: a meter lies under the pad, no person. docs/safety.md, "The calibration light".
CAL_LIGHT_S = 900  # most seconds of one lighting: 2 min of warm-up and 75 readings of 10 s
CAL_LIGHT_HOUR_S = 1800  # most light in 60 min with it, light of sessions included
# Skin sensors warmer than the board by more than this have a person behind them. At rest a pad has
# one temperature, and two NTCs of 1 % differ by at most 0.9 K. Light warms what lies under the pad.
CAL_DARK_GAP_MC = 1500
CAL_LIT_GAP_MC = 2500

RAMP_UP_MS = 2000
RAMP_UP_MIN_MS = 500
RAMP_DOWN_MS = 500

PULSE_MIN_HZ = 10
PULSE_MAX_HZ = 5000
FLICKER_MIN_HZ = 3
FLICKER_MAX_HZ = 60
VISIBLE_MAX_NM = 780  # shorter wavelengths are visible, and can trigger seizures

SITE_DAY = 1  # sessions per site in any 24 h; manufacturers' manuals: at most two
SITE_DAY_HARD = 2
SITE_WEEK = 5
SITE_WEEK_HARD = 7
# Light of the whole wrap in any 24 h, for all sites together: two feet or hands and one more area
# at 20 min each. Studies treat an area for 5 to 20 min a day. The limits above count by a site's
# name, which a user can change; this one does not.
LIGHT_DAY_S = 3600
LIGHT_DAY_HARD_S = 7200  # twice a day, as SITE_DAY_HARD
SITE_GAP_S = 21600  # from start to start; has an effect only with more than one session a day
COUNTS_S = 60  # a session with more light than this counts, whatever its protocol
CLOCK_DRIFT_S = 120  # a host's clock up to this far behind the wrap's own count is accepted
CLOCK_MOST_S = 15552000  # 180 days: with a longer gap between two clocks, one is wrong

WAKE_S = 300
WAKE_HARD_S = 600
WAKE_MIN_S = 3  # a shorter time would only annoy the user
WAKE_ANSWER_S = 60

# How much a host can make the wrap write (wrap.link.budget). With a faulty program the log's ring
# (docs/decisions/0012) then covers 10 days, with a program that fills it on purpose 3 days
# (tests/unit/test_host_writes.py). The store wears fastest by protocols of 2 KB: with all slots
# full a bank takes four of them before its other half is erased, so 100,000 erases last for 4 years
# of one write a minute without a pause.
HOST_WRITES = 60  # most at once; the setup of a new wrap takes about 35
HOST_WRITE_S = 60  # time after which one more is allowed
HOST_START_WRITES = 4  # cost of a session: 8 records until its end, two files before light
HOST_PUT_WRITES = 3  # cost of a protocol: 2 KB in the store, and in the log at its next start
HOLDS_MOST = 16  # holds at the same time, for all people

# A blinded trial (wrap.session.trial). A quarter of near infrared warms skin by 0.9 K over dark,
# half by 2.1 K, on the default plant after 20 minutes (tests/trial/warmth.py); 1 K can be felt.
TRIAL_NIR_PM = 250
VISIBLE_NM = 700  # light beyond it is hardly seen: it is what a sham leaves out
TRIAL_GLOW_PM = 20  # of visible light, the same in both arms
TRIAL_HIDE_S = 3600  # skin and board stay warm after the light: readings stay hidden for this time
CLOCK_SAME_S = 2  # a host's clock this close to the wrap's own is not stored again

PAUSE_TIMEOUT_S = 300
LEASE_MS = 3000
LEASE_MAX_MS = 10000
WATCHDOG_MS = 2000
WATCHDOG_HARD_MS = 8000

DEADMAN_MS = 150  # the enable drops by itself after this time without a verified step
DEADMAN_HARD_MS = 500
DEADMAN_FLASH_MS = 300  # the same while flash is written with interrupts off
HEARTBEAT_MS = 100  # a timer switches the lamps off when Python has hung for this time
RESETS_MOST = 3  # unexpected resets, after which the wrap stays in a fault
RESETS_CALM_S = 600  # time without one after which the count is cleared
PROGRAM_CHUNK_MS = 50  # period of the check of a 2 KB chunk of the program: 11 s for 440 KB

STEP_MS = 10
STEP_LATE_MS = 300  # a step later than this is a fault while light is on; a flash erase fits

# Limits of the means of one second (wrap.safety.sensor_check and heat_balance). H-12
DERATE_ZERO_MC = 500  # no light this close below the trip: heat stored in the pad still arrives
RATE_MC_S = 2000  # a sensor in a worn pad cannot change faster
STUCK_MC = 100
STUCK_S = 60
# Skin that turns from cooling to warming changes little, but more than this.
STUCK_SKIN_STILL_MC = 40
# A change of the board and heat that are worth this much change the skin temperature too.
STUCK_SKIN_MC = 4000
STUCK_BOARD_MC = 3000  # heat worth this much changes the board temperature
STUCK_MOVED_MC = 200  # change of the skin that confirms that heat
PAIR_MC = 3000
SPREAD_MC = 2000  # most difference between skin sensors before light, with the wrap flat
SPREAD_MORE_MC = 500  # growth of the difference in light, compared with its start
SPREAD_RISE_PM = 500  # share of the hottest sensor's rise that unequal heating explains
PAIR_S = 10
SLIP_MC = 3000  # a movement of the wearer lowers a reading by up to 2.6 K (docs/safety.md)
BALANCE_S = 30
ROOM_MAX_MC = 40000
ROOM_MIN_MC = 5000
HEAT_SPARE_MW = 2000  # error of the balance: noise, delay of the filters, light from outside
HEAT_SPARE_PM = 300  # error of the power that was set: LEDs and drivers +-15 %, heat share
HEAT_HOLD_S = 10
ROOM_SHIFT_MW = 3000  # a room that warms by 4 K in a session
WEAK_PM = 550  # with this share of the set heat missing, lamps are weak or have failed
WEAK_LEAST_MW = 3000  # less heat than this cannot be judged
COVERED_PM = 550  # covered: the pad loses less than this share of what it lost before
COVERED_STEADY_PM = 400  # or, when warm, less than this share of the power that was set
COVERED_AFTER_S = 450  # after the last rise of the power by more than a quarter

# Power (wrap.safety.power_limit). Derived by simulation: docs/safety.md, "The blind power".
BLIND_POWER_MW_CM2 = 9  # electric power of all lamps by pad area that is safe without sensors
WORN_MIN_MC = 28000  # skin under a wrap
WORN_MAX_MC = 38000
REFERENCE_WAIT_MS = 35000  # time that a start waits for the balance's dark reference (BALANCE_S)

# Wiring (wrap.safety.wire_check): changes that no sensor can make in two steps, since RATE_MC_S is
# 20 mK a step.
WIRE_MC = 300  # between a dark step and the lit ones on both sides
WIRE_EDGE_MC = 600  # as the enable opens or drops
WIRE_CHECK_MS = 10000  # period of the dark step of 10 ms
