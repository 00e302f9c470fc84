"""The parts of the reference wrap of docs/build-a-wrap.md, each value once. No arithmetic.

Pins, channels, dividers and the supply's limit are the boards' (`boards/*/board_facts.py`).
Nobody has built this wrap: values are chosen by arithmetic (`tools/reference_design/design.py`).
"""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[2]
BOARDS = ("PBMWRAP_RP2040", "PBMWRAP_ESP32", "PBMWRAP_ESP32_S3", "PBMWRAP_ESP32_C3")


Facts = SimpleNamespace  # one board's board_facts.py


def facts_of(board: str) -> Facts:
    """Read the facts of one board."""
    return Facts(**runpy.run_path(str(ROOT / "boards" / board / "board_facts.py")))


@dataclass(frozen=True)
class Strings:
    """One channel's LEDs: `strings` side by side, each `series` LEDs and one resistor.

    `vf_v`: one LED's forward voltage at about 60 mA; `vf_bin_v`: half the width of the voltage bin.
    `efficiency`: radiant share of the LED's own power. A data sheet's typical values.
    """

    channel: str
    nm: int
    vf_v: float
    vf_bin_v: float
    series: int
    strings: int
    resistor_ohm: float
    efficiency: float = 0.42  # docs/decisions/0003: 40 to 45 %


STRINGS = (
    Strings("red", 660, vf_v=2.1, vf_bin_v=0.05, series=4, strings=15, resistor_ohm=56),
    Strings("nir", 850, vf_v=1.5, vf_bin_v=0.05, series=6, strings=15, resistor_ohm=47),
)
RESISTOR_TOLERANCE = 0.01

SUPPLY_V = 12.0
SUPPLY_TOLERANCE = 0.05
SUPPLY_A = 3.0
CONTROLLER_A = 0.1  # at 12 V, with the 5 V converter's losses: a Pico needs a third of it
BULK_UF = 1000.0

# Resistances in the lamps' way, in ohm, both channels together unless said otherwise.
PATH_OHM = {"fuse F1": 0.03, "Q1": 0.02, "Q2": 0.02, "cut-off S1": 0.02}
LAMP_FET_OHM = 0.03  # each channel its own
CABLE_M = 1.5
CABLE_MM2 = 0.5
COPPER_OHM_MM2_PER_M = 0.0175

# What the schematic shows: reference, text. R1 to R4 stand once per channel or sensor.
WARMER_OHM = 330  # each of the resistors of the optional warmer (docs/build-a-wrap.md, section 16)
WARMER_COUNT = 25
WARMER_PINS = {"PBMWRAP_RP2040": "GPIO6", "PBMWRAP_ESP32": "free pin"}
GATE_OHM = 100
GATE_DOWN_OHM = 10_000
ENABLE_UP_OHM = 10_000
ENABLE_SERIES_OHM = 4_700
ENABLE_DOWN_OHM = 10_000  # RP2040
ENABLE_DOWN_ESP32_OHM = 4_700
ENABLE_RC_OHM = 10_000  # ESP32
ENABLE_RC_NF = 100  # ESP32
ADC_SERIES_OHM = 1_000
ADC_NF = 100
# A sensor's thermistor, pull-up, series resistor and filter capacitor, in the order of SENSORS.
SENSOR_REFS = (
    ("RT1", "R12", "R14", "C4"),
    ("RT2", "R13", "R15", "C5"),
    ("RT3", "R31", "R33", "C11"),
    ("RT4", "R32", "R34", "C12"),
)
MUX_PART = "74HC4051"  # RP2040, at 3.3 V
MUX_REFERENCE_OHM = 5_100  # to AGND at y7, 0.1 %
MUX_IDLE_OHM = 10_000  # from ADC_VREF to y3, y4, y5 and y6
INDICATOR_OHM = 1_000  # ESP32
SENSE_OHM = 1_000
SENSE_UF = 3.3
BUZZER_OHM = 220
BUZZER_HZ = 2700
POLARITY_OHM = 10_000
ZENER_V = 12
PAD_CAP_UF = 1
BLEED_OHM = 10_000

# Transistors: what their data sheets may say at most (or at least), for the arithmetic.
LAMP_FET_QGD_NC = 3.0
LAMP_FET_CISS_NF = 1.0
LAMP_FET_PLATEAU_V = 1.8
LAMP_FET_VTH_MIN_V = 0.7
SMALL_FET_VTH_V = (0.8, 1.5)
P_FET_CISS_NF = 2.0
P_FET_VTH_MIN_V = 1.0
P_FET_FULL_V = 4.5
P_FET_LIMIT_V = 20.0
PIN_OHM = 50  # of a chip's output
LOGIC_V = 3.3
PICO_VREF_DROP_V = 150e-6 * 200  # Pico data sheet, "Using the ADC": current and filter
CHIP_PULL_UP_OHM = 45_000  # an ESP32's, when it is on

# Optics: share of the LEDs' light that leaves the cover towards skin (assumed: 0.6 to 0.8).
COUPLING = 0.7
COUPLING_MOST = 0.8
TARGETS_MW_CM2 = (10, 20, 50, 100)
DISTANCES_CM = (1.0, 2.0, 3.0)
AREAS_CM2 = (600, 450, 300, 200, 100)
REFERENCE_CM2 = 600  # the pad that docs/decisions/0003 and the firmware's heat balance mean

# S1, the thermal cut-off: three NTCs of its own on the skin side, a quad comparator, a latch, a
# P-MOSFET. Bounds are those of a data sheet over 0 to 50 C. RT5 to RT7 sit beside RT1 to RT3.
S1_R25_OHM = 10_000
S1_BETA_K = 3950
S1_R25_TOLERANCE = 0.01
S1_BETA_TOLERANCE = 0.01
S1_BEAD_MW_PER_K = 2.0  # heat that warms the bead by 1 K, at least
S1_TOP_OHM = 47_000  # above each bead, and above S1_LOW_OHM
S1_LOW_OHM = 5_100  # with S1_TRIM_OHM beside it: a bead's resistance where S1 opens
S1_TRIM_OHM = 1_000_000  # 1 %
S1_RESISTOR_TOLERANCE = 0.001
S1_PART = "LM339B"
S1_OFFSET_V = 0.005  # of a comparator
S1_BIAS_A = 250e-9  # out of each input of a comparator, at most; at least none
S1_FEED_OHM = 330  # with S1_FEED_UF: its own supply from V12, without the lamps' 1 kHz
S1_FEED_UF = 47
S1_DRAW_A = 0.0035
S1_NF = 100  # at each bead and at S1_LOW_OHM: the same time constant, or ripple moves the point
S1_OUT_OHM = 47_000
S1_OPEN_OHM = (47_000, 100_000)  # an open bead is more than this share of the supply, 1 %
S1_ANY_OHM = 4_700_000  # to ground behind the beads' diodes
S1_DIODE_V = 0.4  # of one of them with so little current, at least
S1_GATE_UP_OHM = 10_000
S1_GATE_SERIES_OHM = 4_700
CUTOFF_C = 41.0
CUTOFF_TOLERANCE_K = 0.8
CUTOFF_LATEST_C = CUTOFF_C + CUTOFF_TOLERANCE_K
CUTOFF_EARLIEST_C = CUTOFF_C - CUTOFF_TOLERANCE_K
CUTOFF_LAG_S = 20.0  # time constant of a bead in place, at most
LEAST_CM2 = 450  # of a pad with these LEDs: on a smaller one S1 lets skin pass 43 C
DUMMY_OHM = 15
STEPS_RP2040 = (512, 1536, 2560, 3584)
FUSES_A = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0)
FUSE_LOAD = 0.75  # of its rating, as a fuse in a warm case is used
