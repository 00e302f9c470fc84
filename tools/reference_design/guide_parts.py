"""The guide's tables of pins and of parts' values: facts only, no arithmetic of their own."""

from __future__ import annotations

from tools.reference_design import design, parts
from tools.reference_design.guide_text import format_table
from tools.reference_design.parts import Facts
from tools.reference_design.schematic_kit import format_farad, format_ohm

_NAMES = ("RP2040 (Pico)", "ESP32 (DevKit)", "ESP32-S3", "ESP32-C3")
_FED = {"rp2040": "ADC_VREF, pin 35"}
_Y_PINS = (13, 14, 15, 12, 1, 5, 2, 4)  # of a 4051, y0 to y7
_LINKS = {"uart": "the board's USB bridge", "usb": "its own USB port", "jtag": "its own USB port"}


def _format_gpio(pin: int | None) -> str:
    return "-" if pin is None else f"GPIO{pin}"


def _load_boards() -> list[Facts]:
    return [parts.facts_of(b) for b in parts.BOARDS]


def _is_esp32(facts: Facts) -> bool:
    return facts.CHIP.startswith("esp32")


def wiring_table() -> str:
    """Every board's pins."""
    boards = _load_boards()
    rows = []
    for number, kind in enumerate(parts.STRINGS):
        pins = [_format_gpio(b.CHANNELS[number][2]) for b in boards]
        rows.append([f"net {kind.channel.upper()}: R{6 + number}, gate of Q{4 + number}", *pins])
    rows.append(["net EN: series enable", *(_format_gpio(b.ENABLE_PIN) for b in boards)])
    rows.append(["R4, EN to ground", *(format_ohm(_pulled_down_pins(b)) for b in boards)])
    back = [_format_gpio(getattr(b, "ENABLE_BACK_PIN", None)) for b in boards]
    rows.append(["net BACK: a wire from EN's pin, before R5", *back])
    for number, sensor in enumerate(boards[0].SENSORS):
        ntc, _, series, _ = parts.SENSOR_REFS[number]
        places = [_format_place(b.SENSORS[number]) for b in boards]
        rows.append([f"net {sensor[0].upper()}: {series} from {ntc}", *places])
    output = [_mux_output(b) for b in boards]
    rows.append(["net MUX: output of U3 (pin 3)", *output])
    for line, pin in enumerate((11, 10, 9)):
        selects = [_format_gpio(b.MUX_PINS[line] if b.MUX_PINS else None) for b in boards]
        rows.append([f"net MUX_{'ABC'[line]}: U3, pin {pin}", *selects])
    rows.append(
        [
            "R12, R13, R31, R32: pull-up of the thermistors",
            *(format_ohm(b.PULLUP_OHM) for b in boards),
        ]
    )
    rows.append(["that pull-up hangs on", *(_FED.get(b.CHIP, "3V3") for b in boards)])
    reference = [_format_gpio(getattr(b, "REFERENCE_PIN", None)) for b in boards]
    rows.append(["net REF: middle of R16 and R17", *reference])
    rows.append(["net SENSE: R19 from U2", *(_format_gpio(b.SENSE_PIN) for b in boards)])
    rows.append(["net BUZZER: R30, BZ1 to ground", *(_format_gpio(b.BUZZER_PIN) for b in boards)])
    rows.append(["SW1 to ground", *(_format_gpio(b.BUTTON_PIN) for b in boards)])
    rows.append(["indicator", *(_format_indicator(b) for b in boards)])
    rows.append(["5 V of D2 to", *("5V" if _is_esp32(b) else "VSYS, pin 39" for b in boards)])
    rows.append(["link", *(_LINKS[getattr(b, "LINK", "usb")] for b in boards)])
    return format_table(("what", *_NAMES), rows)


def _format_place(sensor: tuple) -> str:
    """A pin, or the multiplexer's input with U3's pin."""
    return (
        _format_gpio(sensor[2])
        if sensor[4] is None
        else f"U3 y{sensor[4]}, pin {_Y_PINS[sensor[4]]}"
    )


def _mux_output(facts: Facts) -> str:
    return _format_gpio(next((s[2] for s in facts.SENSORS if s[4] is not None), None))


def _pulled_down_pins(facts: Facts) -> int:
    return parts.ENABLE_DOWN_ESP32_OHM if _is_esp32(facts) else parts.ENABLE_DOWN_OHM


def _format_indicator(facts: Facts) -> str:
    where = "by R18 and D3" if _is_esp32(facts) else "the board's own LED"
    return f"{_format_gpio(facts.INDICATOR_PIN)}, {where}"


def value_table() -> str:
    """What each reference of the schematic is."""
    p, (red, nir) = parts, parts.STRINGS
    pico, esp32 = p.facts_of("PBMWRAP_RP2040"), p.facts_of("PBMWRAP_ESP32")
    pullups = f"{format_ohm(pico.PULLUP_OHM)}, 1 % (RP2040); {format_ohm(esp32.PULLUP_OHM)}, 0.1 % (ESP32)"
    ntc = f"NTC {format_ohm(pico.NTC_R25_OHM)} at 25 C, B {pico.NTC_BETA_K}, 1 %"
    rows = [
        ("F1", f"{design.fuse_a():g} A slow", "shorts; it protects cables, not skin"),
        ("Q1, R1, D1", f"P-MOSFET, {format_ohm(p.POLARITY_OHM)}, {p.ZENER_V} V Zener", "a plug the wrong way round does nothing"),
        ("C1", f"{format_farad(p.BULK_UF * 1e-6)}, 25 V", "the 1 kHz of the lamps"),
        ("U1, D2", f"12 V to 5 V, {p.CONTROLLER_A:g} A at 12 V; Schottky 1 A", "the controller; USB cannot feed back into U1"),
        ("Q2, R2, R3", f"P-MOSFET, {format_ohm(p.ENABLE_UP_OHM)}, {format_ohm(p.ENABLE_SERIES_OHM)}", "series enable: R2 holds it open"),
        ("Q3, R4", "small N-MOSFET, R4 by board (section 4)", "drives Q2; R4 keeps a chip in reset dark"),
        ("R5, C2 (ESP32)", f"{format_ohm(p.ENABLE_RC_OHM)}, {format_farad(p.ENABLE_RC_NF * 1e-9)}", "bridge the change from one wave of RMT to the next"),
        ("S1: U4, Q6, Q7", f"{p.S1_PART}; P-MOSFET as Q2; small N-MOSFET as Q3", f"thermal cut-off, opens at {p.CUTOFF_C:g} C +-{p.CUTOFF_TOLERANCE_K:g} K, section 8"),
        ("RT5, RT6, RT7", ntc, "S1's own beads, skin side, beside RT1, RT2, RT3"),
        ("R40, R41, R42, R43, R44, R45", f"4 x {format_ohm(p.S1_TOP_OHM)} and {format_ohm(p.S1_LOW_OHM)}, 0.1 %, thin film of one type; {format_ohm(p.S1_TRIM_OHM)}, 1 %", "S1: above the beads; TRIP"),
        ("C20, C21, C22, C23", format_farad(p.S1_NF * 1e-9), "S1: all four alike, or ripple moves the point"),
        ("R46, R47, R48, D5, D6, D7", f"{format_ohm(p.S1_OPEN_OHM[0])}, {format_ohm(p.S1_OPEN_OHM[1])}, {format_ohm(p.S1_ANY_OHM)}; 1N4148 class", "S1: a bead that is open opens the feed"),
        ("D4, R49", f"1N4148 class, {format_ohm(p.S1_OUT_OHM)}", "S1's latch: it holds until the plug is pulled"),
        ("R50, C24", f"{format_ohm(p.S1_FEED_OHM)}, {format_farad(p.S1_FEED_UF * 1e-6)}, 25 V", "S1's own supply from V12"),
        ("R51, R52", f"{format_ohm(p.S1_GATE_UP_OHM)}, {format_ohm(p.S1_GATE_SERIES_OHM)}", "R51 holds Q6 open"),
        ("C3, R20", f"{format_farad(p.PAD_CAP_UF * 1e-6)} ceramic, {format_ohm(p.BLEED_OHM)}", "edges at the cable; FEED reads 0 V when open"),
        ("Q4, Q5", "N-MOSFET, one a channel", "lamp switches, low side"),
        ("R6, R7", format_ohm(p.GATE_OHM), "gate resistors"),
        ("R8, R9", format_ohm(p.GATE_DOWN_OHM), "**gate pull-downs, part of the safety of the device**"),
        ("R10, R11", f"{red.strings} x {format_ohm(red.resistor_ohm)}, {nir.strings} x {format_ohm(nir.resistor_ohm)}, 1 %, 1/2 W", "one a string: red, near infrared"),
        ("RT1, RT2, RT3, RT4", ntc, "skin side: middle, two opposite corners; hottest place of the LED board"),
        ("R12, R13, R31, R32", pullups, "pull-ups of the thermistors"),
        ("R14, R15, R33, R34, C4, C5, C11, C12", f"{format_ohm(p.ADC_SERIES_OHM)}, {format_farad(p.ADC_NF * 1e-9)}", "filter, beside the chip or U3; 12 V on a sensor's wire sends less into the pin"),
        ("U3, C14 (RP2040)", f"{p.MUX_PART}, {format_farad(p.ADC_NF * 1e-9)}", "multiplexer for RT3 and RT4, section 7"),
        ("R35, R36, C13 (RP2040)", f"{format_ohm(pico.PULLUP_OHM)}, 1 %; {format_ohm(p.MUX_REFERENCE_OHM)}, 0.1 %; {format_farad(p.ADC_NF * 1e-9)}", "a reading that is known: about 41 C; R36 in the pad, on TGND"),
        ("R37 (RP2040)", format_ohm(p.MUX_IDLE_OHM), "U3's unused inputs to ADC_VREF"),
        ("R16, R17, C6 (ESP32)", f"{format_ohm(esp32.PULLUP_OHM)}, 0.1 %; {format_farad(p.ADC_NF * 1e-9)}", "half of 3.3 V, the reference"),
        ("R18, D3 (ESP32)", f"{format_ohm(p.INDICATOR_OHM)}, any LED", "indicator"),
        ("SW1", "closes to ground", "start, pause, end: any press while lit makes dark"),
        ("BZ1, R30", f"passive piezo, {p.BUZZER_HZ / 1000:g} kHz; {format_ohm(p.BUZZER_OHM)}", "buzzer: wakes a sleeper, section 3"),
        ("U2, R19, C7", f"{format_ohm(p.SENSE_OHM)}, {format_farad(p.SENSE_UF * 1e-6)}", "light sense, section 3: **part of the safety of the device**"),
    ]  # fmt: skip
    return format_table(("reference", "value", "what for"), rows)
