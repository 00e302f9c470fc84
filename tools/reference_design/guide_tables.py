"""Makes the tables of docs/build-a-wrap.md from the boards' facts and `design.py`.

Tables are between `<!-- table NAME -->` and `<!-- end -->`, single figures between
`<!-- figure NAME -->` and the same. `make schematic` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from tools.reference_design import cutoff, design, parts
from tools.reference_design.guide_cutoff import cutoff_peaks, tolerance_table
from tools.reference_design.guide_light import (
    blind_power_table,
    brightest_spot_table,
    light_table,
    spacing_table,
    target_table,
    unevenness_table,
    warmth_table,
)
from tools.reference_design.guide_parts import value_table, wiring_table
from tools.reference_design.guide_text import format_table

GUIDE = parts.ROOT / "docs" / "build-a-wrap.md"
_MARK = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)", re.S)
_FIGURE = re.compile(r"(<!-- figure (\w+) -->)[^<]*(<!-- end -->)")
_RP2040 = "PBMWRAP_RP2040"
_ESP32 = "PBMWRAP_ESP32"
_TEMPERATURES_C = (10, 25, 35, 37, 39, 41, 43, 45, 60)


def power_table() -> str:
    """Currents and heat of each channel."""
    both = dict(
        zip(
            (k.channel for k in parts.STRINGS),
            design.channel_ma(parts.STRINGS),
            strict=True,
        )
    )
    rows = []
    for k in parts.STRINGS:
        least, most = (design.alone_ma(k, c) for c in (design.LEAST, design.MOST))
        rows.append(
            (
                f"{k.channel}, {k.nm} nm",
                f"{k.series} x {k.vf_v:g} V = {k.series * k.vf_v:.1f} V",
                f"{k.strings} of {k.resistor_ohm:g} R",
                f"{design.count_leds(k)}",
                f"{design.alone_ma(k) / k.strings:.0f} mA",
                f"{design.alone_ma(k):.0f} mA ({least:.0f} to {most:.0f})",
                f"{both[k.channel]:.0f} mA",
                f"{design.alone_ma(k) * parts.SUPPLY_V / 1000:.1f} W",
                f"{design.resistor_w(k):.2f} W ({design.resistor_w(k, design.MOST):.2f})",
            )
        )
    head = ("channel", "LEDs of a string", "strings", "LEDs", "a string", "channel alone (corners)",
            "with the other on", "power alone", "each resistor (worst)")  # fmt: skip
    return format_table(head, rows)


def feed_table() -> str:
    """Supply, fuse, capacitor, cable."""
    hz = 1000
    amps = sum(design.channel_ma(parts.STRINGS)) / 1000
    facts = parts.facts_of(_RP2040)
    worst = design.peak_a(design.MOST)
    rows = [
        ("peak, both channels and controller", f"{design.peak_a():.2f} A; worst corner {worst:.2f} A"),
        ("mean of the lamps, held by the firmware (`SUPPLY_MA`)", f"{facts.SUPPLY_MA / 1000:.1f} A"),
        ("supply", f"{parts.SUPPLY_A:g} A: the worst peak is {100 * worst / parts.SUPPLY_A:.0f} % of it"),
        ("fuse F1", f"{design.fuse_a():g} A slow: the worst peak is {100 * worst / design.fuse_a():.0f} % of it"),
        (f"cable, {parts.CABLE_M:g} m of {parts.CABLE_MM2:g} mm2, both ways",
         f"{1000 * design.cable_ohm():.0f} mOhm, {design.cable_ohm() * amps:.2f} V at the lamps' peak"),
        ("whole path (fuse, Q1, Q2, S1, cable)", f"{1000 * design.path_ohm():.0f} mOhm, {design.path_ohm() * amps:.2f} V"),
        (f"ripple on C1 at {hz} Hz, half duty, a supply that gives the mean alone", f"at most {design.ripple_v(hz):.2f} V"),
        ("current C1 must bear (ripple rating)", f"{design.ripple_a():.1f} A"),
        ("the same ripple at 10 Hz would take", f"{design.bulk_for_uf(10, design.ripple_v(hz)) / 1000:.0f},000 uF: the supply carries slow pulses, C1 does not"),
    ]  # fmt: skip
    return format_table(("what", "figure"), rows)


def divider_table() -> str:
    """Readings of both chips by temperature."""
    pico, esp = parts.facts_of(_RP2040), parts.facts_of(_ESP32)
    rows = []
    for c in _TEMPERATURES_C:
        code = design.convert_to_code12(pico, c)
        rows.append(
            (
                f"{c}",
                f"{design.ntc_ohm(pico, c):.0f}",
                f"{code}",
                f"{design.step_away(code)}",
                f"{100 * design.divider_share(pico, c):.1f} %",
                f"{1000 * parts.LOGIC_V * design.divider_share(esp, c):.0f} mV",
                f"{design.self_heat_mw(pico, c):.2f} mW",
            )
        )
    head = (
        "C",
        "NTC, ohm",
        "RP2040 code",
        "codes to the nearest step",
        "RP2040 input, of ADC_VREF",
        "ESP32 input",
        "heat in the bead",
    )
    return format_table(head, rows)


def code_step_table() -> str:
    """Where the RP2040's code steps lie in temperature."""
    facts = parts.facts_of(_RP2040)
    rows = [(f"{s}", f"{design.code_celsius(facts, s):.1f} C") for s in parts.STEPS_RP2040]
    return format_table(("code step", "temperature"), rows)


def gate_table() -> str:
    """Times and voltages of gates."""
    low, high = parts.SMALL_FET_VTH_V
    most = parts.SUPPLY_V * (1 + parts.SUPPLY_TOLERANCE)
    rows = [
        ("lamp edge: 100 R and the pin into the gate's Miller charge", f"{design.edge_us():.1f} us; 0.1 % of the 1 kHz carrier is 1 us, 1 % of 5 kHz is 2 us"),
        ("lamp gate while a chip's own pull-up is on (none of the pins has one at reset)", f"{design.gate_held_v(parts.GATE_DOWN_OHM):.2f} V by 10 k; lowest threshold allowed {parts.LAMP_FET_VTH_MIN_V:g} V"),
        ("the enable's pin on an ESP32 while RMT's driver has a pull-up on (for a moment at a start)", f"{design.gate_held_v(parts.ENABLE_DOWN_ESP32_OHM):.2f} V by 4.7 k; lowest threshold of Q3 {low:g} V"),
        ("Q2 on: gate to source", f"-{design.enable_vgs_v(parts.SUPPLY_V):.1f} V (-{design.enable_vgs_v(most):.1f} V at +5 %): fully on from -{parts.P_FET_FULL_V:g} V, limit +-{parts.P_FET_LIMIT_V:g} V"),
        ("Q2 off after Q3 lets go", f"{design.enable_off_us():.0f} us"),
        ("ESP32: R5 and C2 bridge a gap in the enable of", f"{design.rc_to_v_us(high):.0f} us at least; a change from one wave to the next takes some microseconds"),
        ("ESP32: they keep the enable after its end for", f"{design.rc_to_v_us(low) / 1000:.1f} ms at most"),
    ]  # fmt: skip
    return format_table(("what", "figure"), rows)


def bench_voltage_table() -> str:
    """Return the voltages at the first power-up, with a dummy load and the controller's lines set by hand."""
    v = parts.SUPPLY_V
    gate = v - design.enable_vgs_v(v)
    amps = v / (parts.DUMMY_OHM + design.path_ohm() + parts.LAMP_FET_OHM)
    lit = v - amps * design.path_ohm()
    drain = f"{amps * parts.LAMP_FET_OHM:.2f} V"
    rows = [
        ("V12", f"{v:.1f} V", f"{v:.1f} V", f"{v:.1f} V", f"{lit:.1f} V or a little more"),
        ("V12S", f"{v:.1f} V", f"{v:.1f} V", f"{v:.1f} V", f"{lit:.1f} V or a little more"),
        ("EN", "0 V", f"{parts.LOGIC_V} V", "0 V", f"{parts.LOGIC_V} V"),
        ("gate of Q2", f"{v:.1f} V", f"{gate:.1f} V", f"{v:.1f} V", f"{gate:.1f} V"),
        ("FEED", "below 0.1 V", f"{v:.1f} V", "below 0.1 V", f"{lit:.1f} V"),
        ("gate of Q4", "0 V", "0 V", f"{parts.LOGIC_V} V", f"{parts.LOGIC_V} V"),
        ("drain of Q4", "below 0.1 V", f"{v:.1f} V", "0 V", drain),
        ("load current", "0", "0", "0", f"{amps:.2f} A"),
    ]  # fmt: skip
    return format_table(("node", "all low", "EN high alone", "RED high alone", "both high"), rows)


# The mark of each table in the guide, and what makes it.
MAKERS: dict[str, Callable[[], str]] = {
    "wiring": wiring_table,
    "values": value_table,
    "power": power_table,
    "feed": feed_table,
    "targets": target_table,
    "light": light_table,
    "warmth": warmth_table,
    "blind": blind_power_table,
    "even": unevenness_table,
    "spacing": spacing_table,
    "brightest": brightest_spot_table,
    "dividers": divider_table,
    "steps": code_step_table,
    "cutoff_peaks": cutoff_peaks,
    "tolerances": tolerance_table,
    "gates": gate_table,
    "bench": bench_voltage_table,
}


def sentence_figures() -> dict[str, str]:
    """Return the figures that are part of a sentence."""
    four = parts.STRINGS[0]
    five = replace(four, series=5, resistor_ohm=22)
    watts = sum(design.alone_ma(k) * parts.SUPPLY_V / 1000 for k in parts.STRINGS)
    lost = sum(design.resistor_w(k) * k.strings for k in parts.STRINGS)
    facts = parts.facts_of(_RP2040)
    _, low, high = facts.MUX_REFERENCES[1]
    allowed = (high - low) // 2, high - low
    wire = [design.ground_ohm(facts, raw) for raw in allowed]
    return {
        "wire": f"{wire[0]:.0f} to {wire[1]:.0f} ohm",
        "cold": f"{design.too_cold_k(facts, 41, wire[1]):.1f} K",
        "bag": f"{cutoff.seconds_on_bag(44.0, 33.0):.0f} s",
        "lag": f"{cutoff.seconds_on_bag(44.0, 33.0, 60.0):.0f} s",
        "vref": f"{design.wrong_pull_up_k(parts.facts_of(_RP2040), 41):.1f} K",
        "four": f"+{100 * design.corner_share(four):.0f} %",
        "five": f"+{100 * design.corner_share(five):.0f} %",
        "resistors": f"{100 * lost / watts:.0f} %",
    }


def put_in(text: str) -> str:
    """Return the guide with new tables and figures. Raises KeyError for an unknown mark."""
    single = sentence_figures()
    text = _MARK.sub(lambda m: f"{m[1]}{MAKERS[m[2]]()}\n{m[3]}", text)
    return _FIGURE.sub(lambda m: f"{m[1]}{single[m[2]]}{m[3]}", text)


def main() -> None:
    GUIDE.write_text(put_in(GUIDE.read_text()))


if __name__ == "__main__":
    main()
