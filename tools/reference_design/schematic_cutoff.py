"""The schematic's block of the thermal cut-off S1: nothing in it is shared with the controller."""

from __future__ import annotations

import schemdraw.elements as elm

from tools.reference_design import parts
from tools.reference_design.schematic_kit import Sheet, format_farad, format_ohm

_TOP = -37.6
# Reference of the bead, its resistor and its capacitor; the net; U4's input.
_BEADS = (
    ("RT5", "R40", "C20", "B1", "beside RT1"),
    ("RT6", "R41", "C21", "B2", "beside RT2"),
    ("RT7", "R42", "C22", "B3", "beside RT3"),
)


def draw_cut_off(sheet: Sheet) -> None:
    """Beads and references in one row, comparators, diodes and the MOSFET below."""
    sheet.draw_title((-0.6, _TOP + 1.8), "6  Thermal cut-off S1 (a board of its own)")
    sheet.draw_note(
        (14.0, _TOP + 1.8),
        "RT5, RT6 and RT7 are in the pad, on the skin side; SGND is their own ground wire.",
    )
    _draw_dividers(sheet)
    _draw_comparators(sheet)
    _draw_diodes(sheet)
    _draw_switch(sheet)


def _draw_dividers(sheet: Sheet) -> None:
    cap = format_farad(parts.S1_NF * 1e-9)
    top = format_ohm(parts.S1_TOP_OHM)
    for number, (bead, resistor, filtered, net, where) in enumerate(_BEADS):
        sheet.draw_divider(
            (1.4 + 6.6 * number, _TOP),
            supply="VS",
            upper=(resistor, f"{top}\n0.1 %"),
            lower=(bead, f"{format_ohm(parts.S1_R25_OHM)}\n{where}"),
            series=None,
            cap=(filtered, cap),
            net=net,
            lower_end="SGND",
        )
    x = 1.4 + 6.6 * len(_BEADS)
    sheet.draw_divider(
        (x, _TOP),
        supply="VS",
        upper=("R43", f"{top}\n0.1 %"),
        lower=("R44", f"{format_ohm(parts.S1_LOW_OHM)}\n0.1 %"),
        series=None,
        cap=("C23", cap),
        net="TRIP",
    )
    trim = (x + 4.4, _TOP - 3.2)
    sheet.draw_net(trim, "TRIP", "top")
    down = (trim[0], trim[1] - 2)
    sheet.draw_part(elm.Resistor(), trim, down, "R45", format_ohm(parts.S1_TRIM_OHM), "right")
    sheet.draw_ground(down)
    high, low = parts.S1_OPEN_OHM
    x += 8.6
    sheet.draw_net((x, _TOP), "VS", "top")
    sheet.draw_part(elm.Resistor(), (x, _TOP), (x, _TOP - 2), "R46", format_ohm(high), "left")
    sheet.draw_dot((x, _TOP - 2))
    sheet.draw_part(elm.Resistor(), (x, _TOP - 2), (x, _TOP - 4), "R47", format_ohm(low), "left")
    sheet.draw_ground((x, _TOP - 4))
    sheet.draw_line((x, _TOP - 2), (x + 0.8, _TOP - 2))
    sheet.draw_net((x + 0.8, _TOP - 2), "OPEN", "right")


def _draw_comparators(sheet: Sheet) -> None:
    """U4 with its pins: three beads that are too hot, and one that is open."""
    left = ["B1 +5", "TRIP -4", "B2 +7", "TRIP -6", "B3 +9", "TRIP -8", "OPEN +11", "ANY -10"]
    right = ["2 OUT", "1 OUT", "14 OUT", "13 OUT", "3 VS", "12 GND"]
    sheet.draw_chip((1.6, _TOP - 6.4), f"U4\n{parts.S1_PART}", left, right)


def _draw_diodes(sheet: Sheet) -> None:
    x, y = 11.4, _TOP - 7.2
    sheet.draw_note((x - 0.4, y + 0.9), "one bead that is open is enough")
    for number, (_, _, _, net, _) in enumerate(_BEADS):
        at = y - 1.5 * number
        sheet.draw_net((x, at), net, "left")
        sheet.draw_part(elm.Diode(), (x, at), (x + 2, at), f"D{5 + number}", "")
        sheet.draw_dot((x + 2, at))
    bottom = y - 1.5 * (len(_BEADS) - 1)
    sheet.draw_line((x + 2, y), (x + 2, bottom))
    sheet.draw_part(
        elm.Resistor(),
        (x + 2, bottom),
        (x + 2, bottom - 2),
        "R48",
        format_ohm(parts.S1_ANY_OHM),
        "left",
    )
    sheet.draw_ground((x + 2, bottom - 2))
    sheet.draw_line((x + 2, y - 1.5), (x + 2.8, y - 1.5))
    sheet.draw_net((x + 2.8, y - 1.5), "ANY", "right")
    x = 17.6
    sheet.draw_note((x - 0.4, y + 0.9), "latch: OUT low keeps B1 low")
    sheet.draw_net((x, y), "B1", "left")
    sheet.draw_part(elm.Diode(), (x, y), (x + 2, y), "D4", "")
    sheet.draw_net((x + 2, y), "OUT", "right")
    y -= 2.4
    sheet.draw_net((x - 0.6, y), "V12", "left")
    feed = format_ohm(parts.S1_FEED_OHM)
    sheet.draw_part(elm.Resistor(), (x - 0.6, y), (x + 1.4, y), "R50", feed)
    sheet.draw_dot((x + 1.4, y))
    cap = format_farad(parts.S1_FEED_UF * 1e-6)
    sheet.draw_part(elm.Capacitor2(polar=True), (x + 1.4, y), (x + 1.4, y - 2), "C24", cap, "right")
    sheet.draw_ground((x + 1.4, y - 2))
    sheet.draw_line((x + 1.4, y), (x + 2.2, y))
    sheet.draw_net((x + 2.2, y), "VS", "right")


def _draw_switch(sheet: Sheet) -> None:
    """Q6 in the feed, on only while OUT is high."""
    x, y = 28.0, _TOP - 7.2
    sheet.draw_net((x - 2.4, y), "V12", "left")
    sheet.draw_line((x - 2.4, y), (x, y))
    sheet.draw_dot((x - 1.4, y))
    q6 = sheet.p_fet_source_left((x, y), "Q6")
    node = (q6.gate[0], y - 2)
    sheet.draw_line(q6.gate, node)
    sheet.draw_dot(node)
    sheet.draw_line(node, (x - 1.4, node[1]))
    up = format_ohm(parts.S1_GATE_UP_OHM)
    sheet.draw_part(elm.Resistor(), (x - 1.4, y), (x - 1.4, node[1]), "R51", up, "left")
    bottom = (node[0], node[1] - 2)
    sheet.draw_part(
        elm.Resistor(), node, bottom, "R52", format_ohm(parts.S1_GATE_SERIES_OHM), "right"
    )
    q7 = sheet.n_fet_gate_left(bottom, "Q7")
    sheet.draw_ground(q7.source)
    gx, gy = q7.gate
    sheet.draw_line((gx - 1.6, gy), (gx, gy))
    sheet.draw_dot((gx - 0.8, gy))
    pull = format_ohm(parts.S1_OUT_OHM)
    sheet.draw_part(elm.Resistor(), (gx - 0.8, gy), (gx - 0.8, gy - 2), "R49", pull, "right")
    sheet.draw_net((gx - 0.8, gy - 2), "VS", "right")
    sheet.draw_net((gx - 1.6, gy), "OUT", "left")
    sheet.draw_line(q6.drain, (q6.drain[0] + 2.0, y))
    sheet.draw_net((q6.drain[0] + 2.0, y), "V12S", "right")
