"""The arithmetic behind docs/build-a-wrap.md: pure functions with units in their names.

`python -m tools.reference_design` prints every table of the guide; `make schematic` writes them
into it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from tools.reference_design import irradiance, parts
from tools.reference_design.parts import Facts, Strings
from wrap.hal.contract import BoardFacts
from wrap.safety.power_limit import PowerLimit
from wrap.safety.thermistor import FULL, Thermistor


def cable_ohm() -> float:
    """Both ways."""
    return parts.COPPER_OHM_MM2_PER_M * 2 * parts.CABLE_M / parts.CABLE_MM2


def path_ohm() -> float:
    """What all lamps' current passes, once."""
    return sum(parts.PATH_OHM.values()) + cable_ohm()


@dataclass(frozen=True)
class Corner:
    """How far supply, LEDs and resistors are off: 0 nominal, 1 most current, -1 least."""

    way: int = 0

    @property
    def supply_v(self) -> float:
        return parts.SUPPLY_V * (1 + self.way * parts.SUPPLY_TOLERANCE)

    def leds_v(self, kind: Strings) -> float:
        return kind.series * (kind.vf_v - self.way * kind.vf_bin_v)

    def string_ohm(self, kind: Strings) -> float:
        return kind.resistor_ohm * (1 - self.way * parts.RESISTOR_TOLERANCE)


NOMINAL, MOST, LEAST = Corner(0), Corner(1), Corner(-1)


def channel_ma(lit: Sequence[Strings], corner: Corner = NOMINAL) -> list[float]:
    """Current of each channel at full duty while all of `lit` are on, mA."""
    siemens = [k.strings / (corner.string_ohm(k) + parts.LAMP_FET_OHM * k.strings) for k in lit]
    wanted = sum(
        g * (corner.supply_v - corner.leds_v(k)) for g, k in zip(siemens, lit, strict=True)
    )
    total_a = wanted / (1 + path_ohm() * sum(siemens))
    feed_v = corner.supply_v - path_ohm() * total_a
    return [1000 * g * (feed_v - corner.leds_v(k)) for g, k in zip(siemens, lit, strict=True)]


def alone_ma(kind: Strings, corner: Corner = NOMINAL) -> float:
    """The same while the channel is alone: the board's facts' current."""
    return channel_ma([kind], corner)[0]


def corner_share(kind: Strings) -> float:
    """How much more than nominal the most current is."""
    return alone_ma(kind, MOST) / alone_ma(kind) - 1


def peak_a(corner: Corner = NOMINAL) -> float:
    """All channels on at once, and the controller."""
    return sum(channel_ma(parts.STRINGS, corner)) / 1000 + parts.CONTROLLER_A


def resistor_w(kind: Strings, corner: Corner = NOMINAL) -> float:
    """One string's resistor at full duty."""
    amps = alone_ma(kind, corner) / 1000 / kind.strings
    return amps * amps * corner.string_ohm(kind)


def led_mw(kind: Strings) -> float:
    """Radiant power of one LED, channel alone, full duty."""
    return alone_ma(kind) / kind.strings * kind.vf_v * kind.efficiency


def count_leds(kind: Strings) -> int:
    return kind.series * kind.strings


def supply_share(facts: Facts) -> float:
    """What the firmware leaves of full duty when all channels are on."""
    return min(1.0, facts.SUPPLY_MA / sum(c[3] for c in facts.CHANNELS))


def even_mw_cm2(kind: Strings, area_cm2: float) -> float:
    """A channel's mean irradiance at the cover, alone, full duty."""
    return irradiance.mean_mw_cm2(count_leds(kind), led_mw(kind), parts.COUPLING, area_cm2)


def both_mw_cm2(facts: Facts, area_cm2: float) -> float:
    """The channels' sum when all are on, at the supply's limit."""
    ma = channel_ma(parts.STRINGS)
    alone = [(even_mw_cm2(k, area_cm2), alone_ma(k)) for k in parts.STRINGS]
    sum_mw = sum(mw * now / then for (mw, then), now in zip(alone, ma, strict=True))
    return sum_mw * supply_share(facts)


def leds_per_cm2(kind: Strings, mw_cm2: float) -> float:
    """LEDs of one channel that give `mw_cm2` at full duty, the same current in each."""
    return mw_cm2 / (led_mw(kind) * parts.COUPLING)


def led_electric_mw(kind: Strings) -> float:
    """One LED's part of the supply's power, its string's resistor included."""
    return alone_ma(kind) / kind.strings * parts.SUPPLY_V / kind.series


def brightest_mw_cm2(kind: Strings, area_cm2: float, distance_cm: float) -> float:
    """The brightest spot of bare LEDs at the cover: most current, best coupling, just above one."""
    ratio = irradiance.spacing_cm(count_leds(kind), area_cm2) / distance_cm
    most = alone_ma(kind, MOST) / alone_ma(kind) * parts.COUPLING_MOST / parts.COUPLING
    return even_mw_cm2(kind, area_cm2) * most * irradiance.extreme_irradiances(ratio)[1]


def electric_mw_cm2(facts: Facts, area_cm2: float) -> float:
    """Power of the lamps per area at the supply's limit: light and heat, as the stand-in has it."""
    return facts.SUPPLY_MA * parts.SUPPLY_V / area_cm2


def blind_share(facts: Facts) -> float:
    """Of all lamps' full current: what the firmware allows while no heat test is recorded."""
    whole = cast(BoardFacts, facts)  # read from the board's own file
    return PowerLimit(whole).allowed_ma(0, False, False) / sum(c[3] for c in facts.CHANNELS)


def shared_mw_cm2(facts: Facts, lit: Sequence[Strings], area_cm2: float, share: float) -> float:
    """Irradiance of `lit` together while all lamps may draw `share` of their full current."""
    ma = channel_ma(lit)
    full_ma = sum(c[3] for c in facts.CHANNELS)
    duty = min(1.0, share * full_ma / sum(c[3] for c in facts.CHANNELS if _is_lit(c, lit)))
    each = (even_mw_cm2(k, area_cm2) * now / alone_ma(k) for k, now in zip(lit, ma, strict=True))
    return duty * sum(each)


def _is_lit(channel: tuple, lit: Sequence[Strings]) -> bool:
    return channel[0] in [kind.channel for kind in lit]


def ground_ohm(facts: Facts, raw: int) -> float:
    """In the thermistors' ground wire (RP2040): what moves U3's reading of y7 by `raw`."""
    wanted_v = parts.LOGIC_V * raw / FULL
    low, high = 0.0, 1000.0
    while high - low > 0.01:
        middle = (low + high) / 2
        if _reference_v(facts, middle) - _reference_v(facts, 0.0) < wanted_v:
            low = middle
        else:
            high = middle
    return low


def _reference_v(facts: Facts, wire_ohm: float) -> float:
    """At y7: five dividers' current, skin and board at 37 C, in the wire that they share."""
    lower = [ntc_ohm(facts, 37.0)] * len(facts.SENSORS) + [float(parts.MUX_REFERENCE_OHM)]
    siemens = sum(1 / (facts.PULLUP_OHM + ohm) for ohm in lower)
    ground_v = parts.LOGIC_V * wire_ohm * siemens / (1 + wire_ohm * siemens)
    share = parts.MUX_REFERENCE_OHM / (parts.MUX_REFERENCE_OHM + facts.PULLUP_OHM)
    return ground_v + (parts.LOGIC_V - ground_v) * share


def too_cold_k(facts: Facts, celsius: float, wire_ohm: float) -> float:
    """How much too cold a sensor reads with `wire_ohm` in the thermistors' ground wire."""
    share = _reference_v(facts, wire_ohm) - _reference_v(facts, 0.0)
    moved = (
        share
        / parts.LOGIC_V
        / (1 - parts.MUX_REFERENCE_OHM / (parts.MUX_REFERENCE_OHM + facts.PULLUP_OHM))
    )
    seen = divider_share(facts, celsius) * (1 - moved) + moved
    curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)
    return celsius - curve.mc(round(FULL * seen)) / 1000


def fuse_a() -> float:
    """The smallest fuse that the worst peak loads no more than a fuse should be."""
    return min(f for f in parts.FUSES_A if f * parts.FUSE_LOAD >= peak_a(MOST))


def ripple_v(hz: float) -> float:
    """At the bulk capacitor at half duty, if the supply gave the mean alone: I D (1-D) / (f C).

    Good while it is small against the supply, so for the carrier and not for slow pulses.
    """
    return peak_a() * 0.25 / (hz * parts.BULK_UF * 1e-6)


def bulk_for_uf(hz: float, ripple: float) -> float:
    """The capacitor that would keep the same to `ripple` volts."""
    return peak_a() * 0.25 / (hz * ripple) * 1e6


def ripple_a() -> float:
    """Effective current in the bulk capacitor in that case, any frequency: I sqrt(D (1-D))."""
    return peak_a() * 0.5


# Dividers


def ntc_ohm(facts: Facts, celsius: float) -> float:
    inverse = 1 / (celsius + 273.15) - 1 / 298.15
    return facts.NTC_R25_OHM * math.exp(facts.NTC_BETA_K * inverse)


def divider_share(facts: Facts, celsius: float) -> float:
    """Of the divider's supply, at the input."""
    ohm = ntc_ohm(facts, celsius)
    return ohm / (ohm + facts.PULLUP_OHM)


def convert_to_code12(facts: Facts, celsius: float) -> int:
    """The 12-bit code by the firmware's own curve."""
    curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)
    return curve.raw_at(round(celsius * 1000)) >> 4


def code_celsius(facts: Facts, code: int) -> float:
    """Temperature of a 12-bit code, by the same curve."""
    curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)
    return curve.mc(code * (FULL // 4095)) / 1000


def wrong_pull_up_k(facts: Facts, celsius: float) -> float:
    """By how much a Pico reads too cold whose pull-ups hang on 3V3 and not on its reference."""
    share = parts.LOGIC_V / (parts.LOGIC_V - parts.PICO_VREF_DROP_V)
    curve = Thermistor(facts.NTC_R25_OHM, facts.NTC_BETA_K, facts.PULLUP_OHM)
    raw = round(FULL * divider_share(facts, celsius) * share)
    return celsius - curve.mc(raw) / 1000


def step_away(code: int) -> int:
    """Codes to the nearest of the RP2040's code steps."""
    return min(abs(code - step) for step in parts.STEPS_RP2040)


def self_heat_mw(facts: Facts, celsius: float) -> float:
    amps = parts.LOGIC_V / (ntc_ohm(facts, celsius) + facts.PULLUP_OHM)
    return amps * amps * ntc_ohm(facts, celsius) * 1000


# Gates


def edge_us() -> float:
    """A lamp gate's way through its plateau: the lamp's rise or fall."""
    drive_ma = 1000 * (parts.LOGIC_V - parts.LAMP_FET_PLATEAU_V) / (parts.GATE_OHM + parts.PIN_OHM)
    return parts.LAMP_FET_QGD_NC / drive_ma


def gate_held_v(pull_down_ohm: float) -> float:
    """At a pin whose own pull-up is on while its pull-down holds it."""
    return parts.LOGIC_V * pull_down_ohm / (pull_down_ohm + parts.CHIP_PULL_UP_OHM)


def enable_vgs_v(supply_v: float) -> float:
    """Of Q2 while it is on."""
    return supply_v * parts.ENABLE_UP_OHM / (parts.ENABLE_UP_OHM + parts.ENABLE_SERIES_OHM)


def enable_off_us() -> float:
    """Q2's gate back through its pull-up to where the slowest part has let go."""
    tau_us = parts.P_FET_CISS_NF * parts.ENABLE_UP_OHM / 1000
    return tau_us * math.log(enable_vgs_v(parts.SUPPLY_V) / parts.P_FET_VTH_MIN_V)


def rc_to_v_us(volts: float) -> float:
    """ESP32: from the enable's fall until Q3's gate has sunk to `volts`."""
    tau_us = parts.ENABLE_RC_OHM * parts.ENABLE_RC_NF / 1000
    return tau_us * math.log(parts.LOGIC_V / volts)
