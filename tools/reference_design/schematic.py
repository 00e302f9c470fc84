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
from tools.reference_design.schematic_kit import Sheet, farad, ohm
from tools.reference_design.schematic_sensors import draw_sensors, is_esp32, mux_pins, sensor_net

IMAGES = parts.ROOT / "docs" / "img"
DRAWN = {"PBMWRAP_RP2040": "schematic-rp2040.svg", "PBMWRAP_ESP32": "schematic-esp32.svg"}


def draw(board: str) -> str:
    """The schematic of one board as SVG text; the same text for the same parts."""
    svg_config.text = "text"  # words stay words: tests and people can search them
    facts = parts.facts_of(board)
    schemdraw.use("svg")
    drawing = schemdraw.Drawing(show=False, fontsize=11, lw=1.4, unit=2)
    drawing.config(margin=1.0, bgcolor="white")
    sheet = Sheet(drawing)
    _feed(sheet, facts)
    _enable(sheet, facts)
    _lamps(sheet, facts)
    draw_sensors(sheet, facts)
    _controller(sheet, facts)
    draw_cut_off(sheet)
    text = drawing.get_imagedata("svg").decode()
    return text if text.endswith("\n") else text + "\n"


def _five(facts: Facts) -> str:
    """Return the pin that takes 5 V."""
    return "5V" if is_esp32(facts) else "VSYS"


def _feed(sheet: Sheet, facts: Facts) -> None:
    """Plug, fuse, polarity, bulk capacitor, 5 V: along y = 0."""
    sheet.title((-0.6, 2.2), "1  Feed (controller board)")
    sheet.terminal((0, 0), "12 V in", "left")
    sheet.terminal((0, -3), "0 V in", "left")
    sheet.line((0, -3), (1, -3))
    sheet.ground((1, -3))
    sheet.part(elm.Fuse(), (0, 0), (2, 0), "F1", f"{design.fuse_a():g} A slow")
    q1 = sheet.p_fet_drain_left((4.2, 0), "Q1")
    sheet.line((2, 0), q1.drain)
    gate = (q1.gate[0], -1.8)
    sheet.line(q1.gate, gate)
    sheet.dot(gate)
    sheet.part(elm.Resistor(), gate, (gate[0], -3.6), "R1", ohm(parts.POLARITY_OHM), "left")
    sheet.ground((gate[0], -3.6))
    sheet.line(gate, (5.2, -1.8))
    sheet.part(elm.Zener(), (5.2, -1.8), (5.2, 0), "D1", f"{parts.ZENER_V} V", "right")
    sheet.line(q1.source, (8.6, 0))
    sheet.dot((5.2, 0))
    sheet.part(
        elm.Capacitor2(polar=True),
        (7.6, 0),
        (7.6, -2),
        "C1",
        farad(parts.BULK_UF * 1e-6),
        "right",
    )
    sheet.dot((7.6, 0))
    sheet.ground((7.6, -2))
    sheet.net((8.6, 0), "V12", "right")
    _five_volts(sheet, facts)


def _five_volts(sheet: Sheet, facts: Facts) -> None:
    sheet.net((11, 0), "V12", "left")
    sheet.box((11.8, -0.9), 2.6, 1.8, "U1\n12 V to 5 V")
    sheet.line((11, 0), (11.8, 0))
    sheet.line((13.1, -0.9), (13.1, -1.4))
    sheet.ground((13.1, -1.4))
    sheet.part(elm.Schottky(), (14.4, 0), (16.4, 0), "D2", "")
    sheet.net((16.4, 0), _five(facts), "right")


def _enable(sheet: Sheet, facts: Facts) -> None:
    """Draw the series enable along y = -7."""
    sheet.title((-0.6, -5.2), "2  Series enable")
    y = -7.0
    sheet.net((4.6, y), "V12S", "left")
    sheet.line((4.6, y), (6.4, y))
    sheet.dot((5.4, y))
    q2 = sheet.p_fet_source_left((6.4, y), "Q2")
    node = (q2.gate[0], y - 2)
    sheet.line(q2.gate, node)
    sheet.dot(node)
    sheet.line(node, (5.4, node[1]))
    sheet.part(elm.Resistor(), (5.4, y), (5.4, node[1]), "R2", ohm(parts.ENABLE_UP_OHM), "left")
    bottom = (node[0], node[1] - 2)
    sheet.part(elm.Resistor(), node, bottom, "R3", ohm(parts.ENABLE_SERIES_OHM), "right")
    q3 = sheet.n_fet_gate_left(bottom, "Q3")
    sheet.ground(q3.source)
    _enable_gate(sheet, facts, q3.gate)
    sheet.line(q2.drain, (14.2, y))
    sheet.dot((10.4, y))
    down = (10.4, y - 2)
    sheet.part(elm.Capacitor(), (10.4, y), down, "C3", farad(parts.PAD_CAP_UF * 1e-6), "left")
    sheet.ground(down)
    sheet.dot((12.4, y))
    down = (12.4, y - 2)
    sheet.part(elm.Resistor(), (12.4, y), down, "R20", ohm(parts.BLEED_OHM), "right")
    sheet.ground(down)
    sheet.net((14.2, y), "FEED", "right")


def _enable_gate(sheet: Sheet, facts: Facts, gate: tuple[float, float]) -> None:
    x, y = gate
    pin = f"EN GPIO{facts.ENABLE_PIN}"
    if not is_esp32(facts):
        sheet.line(gate, (x - 3, y))
        sheet.dot((x - 1, y))
        down = ohm(parts.ENABLE_DOWN_OHM)
        sheet.part(elm.Resistor(), (x - 1, y), (x - 1, y - 2), "R4", down, "left")
        sheet.ground((x - 1, y - 2))
        sheet.net((x - 3, y), pin, "left")
        return
    sheet.dot((x - 0.4, y))
    sheet.line(gate, (x - 0.4, y))
    cap = farad(parts.ENABLE_RC_NF * 1e-9)
    sheet.part(elm.Capacitor(), (x - 0.4, y), (x - 0.4, y - 2), "C2", cap, "left")
    sheet.ground((x - 0.4, y - 2))
    series = ohm(parts.ENABLE_RC_OHM)
    sheet.part(elm.Resistor(), (x - 2.6, y), (x - 0.4, y), "R5", series)
    sheet.dot((x - 2.8, y))
    sheet.line((x - 2.6, y), (x - 4.4, y))
    down = ohm(parts.ENABLE_DOWN_ESP32_OHM)
    sheet.part(elm.Resistor(), (x - 2.8, y), (x - 2.8, y - 2), "R4", down, "left")
    sheet.ground((x - 2.8, y - 2))
    sheet.dot((x - 3.8, y))
    sheet.line((x - 3.8, y), (x - 3.8, y + 1))
    sheet.line((x - 3.8, y + 1), (x - 4.4, y + 1))
    sheet.net((x - 4.4, y), pin, "left")
    sheet.net((x - 4.4, y + 1), f"BACK GPIO{facts.ENABLE_BACK_PIN}", "left")


def _lamps(sheet: Sheet, facts: Facts) -> None:
    """Draw a column per channel."""
    sheet.title((20.4, 2.2), "3  Lamps")
    sheet.net((19.6, 0.6), "FEED", "left")
    last = 24.2 + 7.4 * (len(facts.CHANNELS) - 1)
    sheet.line((19.6, 0.6), (last, 0.6))
    sheet.frame((20.0, -5.6), (last + 4.4, 1.5), "in the pad")
    for number, channel in enumerate(facts.CHANNELS):
        _lamp(sheet, 24.2 + 7.4 * number, number, channel)


def _lamp(sheet: Sheet, x: float, number: int, channel: tuple) -> None:
    kind = parts.STRINGS[number]
    sheet.dot((x, 0.6))
    label = f"R{10 + number}"
    sheet.part(elm.Resistor(), (x, 0.6), (x, -1.4), label, ohm(kind.resistor_ohm), "right")
    sheet.part(elm.LED(), (x, -1.4), (x, -2.9), "", "", "right")
    sheet.part(elm.LED(), (x, -3.7), (x, -5.2), "", "", "right")
    sheet.dots((x, -3.3))
    chain = f"one resistor and {kind.series} LEDs\nof {kind.nm} nm in series,"
    sheet.note((x + 1.0, -2.5), f"{chain}\n{kind.strings} such strings")
    sheet.line((x, -5.2), (x, -6))
    fet = sheet.n_fet_gate_left((x, -6), f"Q{4 + number}")
    sheet.ground(fet.source)
    gx, gy = fet.gate
    sheet.dot((gx, gy))
    down = ohm(parts.GATE_DOWN_OHM)
    sheet.part(elm.Resistor(), (gx, gy), (gx, gy - 2), f"R{8 + number}", down, "left")
    sheet.ground((gx, gy - 2))
    sheet.part(elm.Resistor(), (gx - 2, gy), (gx, gy), f"R{6 + number}", ohm(parts.GATE_OHM))
    sheet.net((gx - 2, gy), f"{channel[0].upper()} GPIO{channel[2]}", "left")


def _controller(sheet: Sheet, facts: Facts) -> None:
    """The board as a box whose pins are the facts, and what hangs directly on it."""
    left, right = pins(facts)
    sheet.title((20.4, -11.6), f"5  Controller: {facts.BOARD}")
    sheet.chip((25.0, -13.0), facts.CHIP.upper(), left, right)
    x, y = 22.6, -23.4
    sheet.net((x, y), f"BUTTON GPIO{facts.BUTTON_PIN}", "left")
    sheet.part(elm.Button(), (x, y), (x + 2, y), "SW1", "")
    sheet.line((x + 2, y), (x + 2.6, y))
    sheet.ground((x + 2.6, y))
    if is_esp32(facts):
        y -= 2.0
        sheet.net((x, y), f"LED GPIO{facts.INDICATOR_PIN}", "left")
        sheet.part(elm.Resistor(), (x, y), (x + 2, y), "R18", ohm(parts.INDICATOR_OHM))
        sheet.part(elm.LED(), (x + 2, y), (x + 3.8, y), "D3", "", "below")
        sheet.ground((x + 3.8, y))
    if facts.BUZZER_PIN is not None:
        y -= 2.0
        sheet.net((x, y), f"BUZZER GPIO{facts.BUZZER_PIN}", "left")
        sheet.part(elm.Resistor(), (x, y), (x + 2, y), "R30", ohm(parts.BUZZER_OHM))
        sheet.part(elm.Crystal(), (x + 2, y), (x + 3.8, y), "BZ1", "", "below")
        sheet.ground((x + 3.8, y))
    _sense(sheet, facts)


def _sense(sheet: Sheet, facts: Facts) -> None:
    """Draw the input that senses light."""
    x, y = 28.6, -23.4
    sheet.box((x, y - 0.9), 3.4, 1.8, "U2: photodiode,\ncomparator")
    end = ohm(parts.SENSE_OHM)
    sheet.part(elm.Resistor(), (x + 3.4, y), (x + 5.6, y), "R19", end)
    sheet.dot((x + 5.6, y))
    cap = farad(parts.SENSE_UF * 1e-6)
    sheet.part(elm.Capacitor(), (x + 5.6, y), (x + 5.6, y - 2), "C7", cap, "right")
    sheet.ground((x + 5.6, y - 2))
    sheet.line((x + 5.6, y), (x + 6.2, y))
    sheet.net((x + 6.2, y), f"SENSE GPIO{facts.SENSE_PIN}", "right")


def pins(facts: Facts) -> tuple[list[str], list[str]]:
    """Return the names left and right of the controller, "NET GPIOn" or a supply."""
    left = [_five(facts), "GND", *(["3V3"] if is_esp32(facts) else ["ADC_VREF", "AGND", "3V3"])]
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
        (IMAGES / name).write_text(draw(board))


if __name__ == "__main__":
    main()
