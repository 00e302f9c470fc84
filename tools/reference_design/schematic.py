"""The wrap's schematic, drawn with schemdraw from the boards' facts and the parts of `parts.py`.

`make schematic` draws docs/img/schematic*.svg; tests/host/test_guide_schematic.py holds them to it.
"""

from __future__ import annotations

import schemdraw
import schemdraw.elements as elm
from schemdraw.backends.svg import config as svg_config

from tools.reference_design import design, parts
from tools.reference_design.parts import Facts
from tools.reference_design.schematic_cutoff import draw_cut_off
from tools.reference_design.schematic_kit import Sheet, format_farad, format_ohm
from tools.reference_design.schematic_sensors import draw_sensors, is_esp32, mux_pins, sensor_net

IMAGES = parts.ROOT / "docs" / "img"
DRAWN = {"PBMWRAP_RP2040": "schematic-rp2040.svg", "PBMWRAP_ESP32": "schematic-esp32.svg"}


def draw_board(board: str) -> str:
    """The schematic of one board as SVG text; the same text for the same parts."""
    svg_config.text = "text"  # words stay words: tests and people can search them
    facts = parts.facts_of(board)
    schemdraw.use("svg")
    drawing = schemdraw.Drawing(show=False, fontsize=11, lw=1.4, unit=2)
    drawing.config(margin=1.0, bgcolor="white")
    sheet = Sheet(drawing)
    _draw_feed(sheet, facts)
    _draw_enable(sheet, facts)
    _draw_lamps(sheet, facts)
    _draw_warmer(sheet, facts)
    draw_sensors(sheet, facts)
    _draw_controller(sheet, facts)
    draw_cut_off(sheet)
    text = drawing.get_imagedata("svg").decode()
    return text if text.endswith("\n") else text + "\n"


def _five_volt_pin(facts: Facts) -> str:
    """Return the pin that takes 5 V."""
    return "5V" if is_esp32(facts) else "VSYS"


def _draw_feed(sheet: Sheet, facts: Facts) -> None:
    """Plug, fuse, polarity, bulk capacitor, 5 V: along y = 0."""
    sheet.draw_title((-0.6, 2.2), "1  Feed (controller board)")
    sheet.draw_terminal((0, 0), "12 V in", "left")
    sheet.draw_terminal((0, -3), "0 V in", "left")
    sheet.draw_line((0, -3), (1, -3))
    sheet.draw_ground((1, -3))
    sheet.draw_part(elm.Fuse(), (0, 0), (2, 0), "F1", f"{design.fuse_a():g} A slow")
    q1 = sheet.p_fet_drain_left((4.2, 0), "Q1")
    sheet.draw_line((2, 0), q1.drain)
    gate = (q1.gate[0], -1.8)
    sheet.draw_line(q1.gate, gate)
    sheet.draw_dot(gate)
    sheet.draw_part(
        elm.Resistor(), gate, (gate[0], -3.6), "R1", format_ohm(parts.POLARITY_OHM), "left"
    )
    sheet.draw_ground((gate[0], -3.6))
    sheet.draw_line(gate, (5.2, -1.8))
    sheet.draw_part(elm.Zener(), (5.2, -1.8), (5.2, 0), "D1", f"{parts.ZENER_V} V", "right")
    sheet.draw_line(q1.source, (8.6, 0))
    sheet.draw_dot((5.2, 0))
    sheet.draw_part(
        elm.Capacitor2(polar=True),
        (7.6, 0),
        (7.6, -2),
        "C1",
        format_farad(parts.BULK_UF * 1e-6),
        "right",
    )
    sheet.draw_dot((7.6, 0))
    sheet.draw_ground((7.6, -2))
    sheet.draw_net((8.6, 0), "V12", "right")
    _five_volts(sheet, facts)


def _five_volts(sheet: Sheet, facts: Facts) -> None:
    sheet.draw_net((11, 0), "V12", "left")
    sheet.draw_box((11.8, -0.9), 2.6, 1.8, "U1\n12 V to 5 V")
    sheet.draw_line((11, 0), (11.8, 0))
    sheet.draw_line((13.1, -0.9), (13.1, -1.4))
    sheet.draw_ground((13.1, -1.4))
    sheet.draw_part(elm.Schottky(), (14.4, 0), (16.4, 0), "D2", "")
    sheet.draw_net((16.4, 0), _five_volt_pin(facts), "right")


def _draw_enable(sheet: Sheet, facts: Facts) -> None:
    """Draw the series enable along y = -7."""
    sheet.draw_title((-0.6, -5.2), "2  Series enable")
    y = -7.0
    sheet.draw_net((4.6, y), "V12S", "left")
    sheet.draw_line((4.6, y), (6.4, y))
    sheet.draw_dot((5.4, y))
    q2 = sheet.p_fet_source_left((6.4, y), "Q2")
    node = (q2.gate[0], y - 2)
    sheet.draw_line(q2.gate, node)
    sheet.draw_dot(node)
    sheet.draw_line(node, (5.4, node[1]))
    sheet.draw_part(
        elm.Resistor(), (5.4, y), (5.4, node[1]), "R2", format_ohm(parts.ENABLE_UP_OHM), "left"
    )
    bottom = (node[0], node[1] - 2)
    sheet.draw_part(
        elm.Resistor(), node, bottom, "R3", format_ohm(parts.ENABLE_SERIES_OHM), "right"
    )
    q3 = sheet.n_fet_gate_left(bottom, "Q3")
    sheet.draw_ground(q3.source)
    _enable_gate(sheet, facts, q3.gate)
    sheet.draw_line(q2.drain, (14.2, y))
    sheet.draw_dot((10.4, y))
    down = (10.4, y - 2)
    sheet.draw_part(
        elm.Capacitor(), (10.4, y), down, "C3", format_farad(parts.PAD_CAP_UF * 1e-6), "left"
    )
    sheet.draw_ground(down)
    sheet.draw_dot((12.4, y))
    down = (12.4, y - 2)
    sheet.draw_part(elm.Resistor(), (12.4, y), down, "R20", format_ohm(parts.BLEED_OHM), "right")
    sheet.draw_ground(down)
    sheet.draw_net((14.2, y), "FEED", "right")


def _enable_gate(sheet: Sheet, facts: Facts, gate: tuple[float, float]) -> None:
    x, y = gate
    pin = f"EN GPIO{facts.ENABLE_PIN}"
    if not is_esp32(facts):
        sheet.draw_line(gate, (x - 3, y))
        sheet.draw_dot((x - 1, y))
        down = format_ohm(parts.ENABLE_DOWN_OHM)
        sheet.draw_part(elm.Resistor(), (x - 1, y), (x - 1, y - 2), "R4", down, "left")
        sheet.draw_ground((x - 1, y - 2))
        sheet.draw_net((x - 3, y), pin, "left")
        return
    sheet.draw_dot((x - 0.4, y))
    sheet.draw_line(gate, (x - 0.4, y))
    cap = format_farad(parts.ENABLE_RC_NF * 1e-9)
    sheet.draw_part(elm.Capacitor(), (x - 0.4, y), (x - 0.4, y - 2), "C2", cap, "left")
    sheet.draw_ground((x - 0.4, y - 2))
    series = format_ohm(parts.ENABLE_RC_OHM)
    sheet.draw_part(elm.Resistor(), (x - 2.6, y), (x - 0.4, y), "R5", series)
    sheet.draw_dot((x - 2.8, y))
    sheet.draw_line((x - 2.6, y), (x - 4.4, y))
    down = format_ohm(parts.ENABLE_DOWN_ESP32_OHM)
    sheet.draw_part(elm.Resistor(), (x - 2.8, y), (x - 2.8, y - 2), "R4", down, "left")
    sheet.draw_ground((x - 2.8, y - 2))
    sheet.draw_dot((x - 3.8, y))
    sheet.draw_line((x - 3.8, y), (x - 3.8, y + 1))
    sheet.draw_line((x - 3.8, y + 1), (x - 4.4, y + 1))
    sheet.draw_net((x - 4.4, y), pin, "left")
    sheet.draw_net((x - 4.4, y + 1), f"BACK GPIO{facts.ENABLE_BACK_PIN}", "left")


def _draw_lamps(sheet: Sheet, facts: Facts) -> None:
    """Draw a column per channel."""
    sheet.draw_title((20.4, 2.2), "3  Lamps")
    sheet.draw_net((19.6, 0.6), "FEED", "left")
    last = 24.2 + 7.4 * (len(facts.CHANNELS) - 1)
    sheet.draw_line((19.6, 0.6), (last, 0.6))
    sheet.draw_frame((20.0, -5.6), (last + 4.4, 1.5), "in the pad")
    for number, channel in enumerate(facts.CHANNELS):
        _draw_lamp(sheet, 24.2 + 7.4 * number, number, channel)


def _draw_lamp(sheet: Sheet, x: float, number: int, channel: tuple) -> None:
    kind = parts.STRINGS[number]
    sheet.draw_dot((x, 0.6))
    label = f"R{10 + number}"
    sheet.draw_part(
        elm.Resistor(), (x, 0.6), (x, -1.4), label, format_ohm(kind.resistor_ohm), "right"
    )
    sheet.draw_part(elm.LED(), (x, -1.4), (x, -2.9), "", "", "right")
    sheet.draw_part(elm.LED(), (x, -3.7), (x, -5.2), "", "", "right")
    sheet.draw_ellipsis((x, -3.3))
    chain = f"one resistor and {kind.series} LEDs\nof {kind.nm} nm in series,"
    sheet.draw_note((x + 1.0, -2.5), f"{chain}\n{kind.strings} such strings")
    sheet.draw_line((x, -5.2), (x, -6))
    fet = sheet.n_fet_gate_left((x, -6), f"Q{4 + number}")
    sheet.draw_ground(fet.source)
    gx, gy = fet.gate
    sheet.draw_dot((gx, gy))
    down = format_ohm(parts.GATE_DOWN_OHM)
    sheet.draw_part(elm.Resistor(), (gx, gy), (gx, gy - 2), f"R{8 + number}", down, "left")
    sheet.draw_ground((gx, gy - 2))
    sheet.draw_part(
        elm.Resistor(), (gx - 2, gy), (gx, gy), f"R{6 + number}", format_ohm(parts.GATE_OHM)
    )
    sheet.draw_net((gx - 2, gy), f"{channel[0].upper()} GPIO{channel[2]}", "left")


def _draw_warmer(sheet: Sheet, facts: Facts) -> None:
    """Draw the optional warmer as one more load behind FEED, with a switch as a lamp's."""
    x = 24.2 + 7.4 * len(facts.CHANNELS) + 3.4
    first, last = 60, 60 + parts.WARMER_COUNT - 1
    sheet.draw_title((x - 3.4, 2.2), "3a  Warmer (optional: section 16)")
    sheet.draw_net((x - 2.6, 0.6), "FEED", "left")
    sheet.draw_line((x - 2.6, 0.6), (x, 0.6))
    sheet.draw_frame((x - 2.2, -5.6), (x + 5.6, 1.5), "in the pad")
    sheet.draw_part(elm.Resistor(), (x, 0.6), (x, -3.0), "", "")
    sheet.draw_note(
        (x + 0.6, -1.2),
        f"R{first} to R{last}: {parts.WARMER_COUNT} x {format_ohm(parts.WARMER_OHM)}\n"
        "side by side, spread over the\nwhole lit area, on the back\nof the LED board",
    )
    sheet.draw_line((x, -3.0), (x, -6))
    sheet.draw_note((x + 0.2, -4.2), "WARM")
    fet = sheet.n_fet_gate_left((x, -6), "Q8")
    sheet.draw_ground(fet.source)
    gx, gy = fet.gate
    sheet.draw_dot((gx, gy))
    down = format_ohm(parts.GATE_DOWN_OHM)
    sheet.draw_part(elm.Resistor(), (gx, gy), (gx, gy - 2), "R86", down, "left")
    sheet.draw_ground((gx, gy - 2))
    sheet.draw_part(elm.Resistor(), (gx - 2, gy), (gx, gy), "R85", format_ohm(parts.GATE_OHM))
    sheet.draw_net((gx - 2, gy), f"WARMER {parts.WARMER_PINS[facts.BOARD]}", "left")
    sheet.draw_note(
        (x + 1.5, -7.2),
        "Two ways off: its gate (R86 keeps it low),\nand Q2 or S1 in FEED.\n"
        "Read-back: its pin, as a lamp's.",
    )


def _draw_controller(sheet: Sheet, facts: Facts) -> None:
    """The board as a box whose pins are the facts, and what hangs directly on it."""
    left, right = list_controller_pins(facts)
    sheet.draw_title((20.4, -11.6), f"5  Controller: {facts.BOARD}")
    sheet.draw_chip((25.0, -13.0), facts.CHIP.upper(), left, right)
    x, y = 22.6, -23.4
    sheet.draw_net((x, y), f"BUTTON GPIO{facts.BUTTON_PIN}", "left")
    sheet.draw_part(elm.Button(), (x, y), (x + 2, y), "SW1", "")
    sheet.draw_line((x + 2, y), (x + 2.6, y))
    sheet.draw_ground((x + 2.6, y))
    if is_esp32(facts):
        y -= 2.0
        sheet.draw_net((x, y), f"LED GPIO{facts.INDICATOR_PIN}", "left")
        sheet.draw_part(elm.Resistor(), (x, y), (x + 2, y), "R18", format_ohm(parts.INDICATOR_OHM))
        sheet.draw_part(elm.LED(), (x + 2, y), (x + 3.8, y), "D3", "", "below")
        sheet.draw_ground((x + 3.8, y))
    if facts.BUZZER_PIN is not None:
        y -= 2.0
        sheet.draw_net((x, y), f"BUZZER GPIO{facts.BUZZER_PIN}", "left")
        sheet.draw_part(elm.Resistor(), (x, y), (x + 2, y), "R30", format_ohm(parts.BUZZER_OHM))
        sheet.draw_part(elm.Crystal(), (x + 2, y), (x + 3.8, y), "BZ1", "", "below")
        sheet.draw_ground((x + 3.8, y))
    _draw_sense_input(sheet, facts)


def _draw_sense_input(sheet: Sheet, facts: Facts) -> None:
    """Draw the input that senses light."""
    x, y = 28.6, -23.4
    sheet.draw_box((x, y - 0.9), 3.4, 1.8, "U2: photodiode,\ncomparator")
    end = format_ohm(parts.SENSE_OHM)
    sheet.draw_part(elm.Resistor(), (x + 3.4, y), (x + 5.6, y), "R19", end)
    sheet.draw_dot((x + 5.6, y))
    cap = format_farad(parts.SENSE_UF * 1e-6)
    sheet.draw_part(elm.Capacitor(), (x + 5.6, y), (x + 5.6, y - 2), "C7", cap, "right")
    sheet.draw_ground((x + 5.6, y - 2))
    sheet.draw_line((x + 5.6, y), (x + 6.2, y))
    sheet.draw_net((x + 6.2, y), f"SENSE GPIO{facts.SENSE_PIN}", "right")


def list_controller_pins(facts: Facts) -> tuple[list[str], list[str]]:
    """Return the names left and right of the controller, "NET GPIOn" or a supply."""
    left = [
        _five_volt_pin(facts),
        "GND",
        *(["3V3"] if is_esp32(facts) else ["ADC_VREF", "AGND", "3V3"]),
    ]
    left += [f"BUTTON GPIO{facts.BUTTON_PIN}", f"LED GPIO{facts.INDICATOR_PIN}"]
    left += [f"SENSE GPIO{facts.SENSE_PIN}"]
    if facts.BUZZER_PIN is not None:
        left += [f"BUZZER GPIO{facts.BUZZER_PIN}"]
    right = [f"{c[0].upper()} GPIO{c[2]}" for c in facts.CHANNELS]
    right += [f"EN GPIO{facts.ENABLE_PIN}"]
    if is_esp32(facts):
        right += [f"BACK GPIO{facts.ENABLE_BACK_PIN}", f"REF GPIO{facts.REFERENCE_PIN}"]
    right += [sensor_net(s) for s in facts.SENSORS if s[4] is None]
    if facts.MUX_PINS is not None:
        right += mux_pins(facts)
    return left, right


def main() -> None:
    for board, name in DRAWN.items():
        (IMAGES / name).write_text(draw_board(board))


if __name__ == "__main__":
    main()
