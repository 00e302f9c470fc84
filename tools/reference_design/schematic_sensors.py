"""The schematic's block of thermistors, with an ESP32's reference or the RP2040's multiplexer."""

from __future__ import annotations

import schemdraw.elements as elm

from tools.reference_design import parts
from tools.reference_design.parts import Facts
from tools.reference_design.schematic_kit import Sheet, format_farad, format_ohm


def is_esp32(facts: Facts) -> bool:
    return facts.CHIP.startswith("esp32")


def draw_sensors(sheet: Sheet, facts: Facts) -> None:
    """A divider per sensor, three in a row; then the reference or the multiplexer."""
    sheet.draw_title((-0.6, -15.6), "4  Thermistors")
    in_pad = "RT1 to RT4" if is_esp32(facts) else "RT1 to RT4 and R36"
    end = "GND" if is_esp32(facts) else "AGND"
    sheet.draw_note(
        (4.6, -15.6), f"{in_pad} are in the pad; TGND is their own ground wire to {end}."
    )
    cap = format_farad(parts.ADC_NF * 1e-9)
    supply = "3V3" if is_esp32(facts) else "ADC_VREF"
    places = [(1.4 + 6.6 * (n % 3), -17.0 - 7.6 * (n // 3)) for n in range(5)]
    for place, sensor, refs in zip(places, facts.SENSORS, parts.SENSOR_REFS, strict=False):
        ntc, pullup, series, filtered = refs
        sheet.draw_divider(
            place,
            supply=supply,
            upper=(pullup, format_ohm(facts.PULLUP_OHM)),
            lower=(ntc, f"{format_ohm(facts.NTC_R25_OHM)}\n{sensor[0]}"),
            series=(series, format_ohm(parts.ADC_SERIES_OHM)),
            cap=(filtered, cap),
            net=sensor_net(sensor),
            lower_end="TGND",
        )
    if is_esp32(facts):
        sheet.draw_divider(
            places[4],
            supply=supply,
            upper=("R16", format_ohm(facts.PULLUP_OHM)),
            lower=("R17", format_ohm(facts.PULLUP_OHM)),
            series=None,
            cap=("C6", cap),
            net=f"REF GPIO{facts.REFERENCE_PIN}",
        )
    else:
        sheet.draw_divider(
            places[4],
            supply=supply,
            upper=("R35", format_ohm(facts.PULLUP_OHM)),
            lower=("R36", f"{format_ohm(parts.MUX_REFERENCE_OHM)}\n0.1 %"),
            series=None,
            cap=("C13", cap),
            net="Y7",
            lower_end="TGND",
        )
        _draw_multiplexer(sheet, facts, cap)


def sensor_net(sensor: tuple) -> str:
    """Where its filter goes: a pin, or an input of the multiplexer."""
    name = sensor[0].upper()
    return f"{name} GPIO{sensor[2]}" if sensor[4] is None else f"{name} Y{sensor[4]}"


def mux_pins(facts: Facts) -> list[str]:
    """The multiplexer's output and select lines, as they stand at the controller."""
    pin = next(s[2] for s in facts.SENSORS if s[4] is not None)
    selects = zip("ABC", facts.MUX_PINS, strict=True)
    return [f"MUX GPIO{pin}", *(f"MUX_{line} GPIO{select}" for line, select in selects)]


def _draw_multiplexer(sheet: Sheet, facts: Facts, cap: str) -> None:
    """U3 with its unused inputs on ADC_VREF and its own supply's capacitor."""
    inputs = {s[4]: sensor_net(s) for s in facts.SENSORS if s[4] is not None}
    left = [inputs.get(n, f"Y{n}") for n in range(8)]
    left[0] = "Y0 AGND"
    sheet.draw_chip((17.6, -26.8), f"U3\n{parts.MUX_PART}", left, [*mux_pins(facts), "VCC 3V3"])
    sheet.draw_note((22.8, -32.0), "GND, VEE and\nthe inhibit pin: AGND")
    x, y = 28.2, -28.6
    sheet.draw_net((x, y), "ADC_VREF", "top")
    idle = format_ohm(parts.MUX_IDLE_OHM)
    sheet.draw_part(elm.Resistor(), (x, y), (x, y - 2), "R37", idle, "left")
    sheet.draw_net((x, y - 2), "Y3 Y4 Y5 Y6", "right")
    x += 4.4
    sheet.draw_net((x, y), "VCC 3V3", "top")
    sheet.draw_part(elm.Capacitor(), (x, y), (x, y - 2), "C14", cap, "right")
    sheet.draw_ground((x, y - 2))
