"""The drawings of docs/build-a-wrap.md are what their source draws, with the boards' pins."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from tools.reference_design import parts, schematic
from tools.reference_design.guide_parts import value_table
from tools.reference_design.schematic_kit import format_farad, format_ohm


def words(board: str) -> Counter[str]:
    """Every line of text in the drawing."""
    root = ET.fromstring(schematic.draw_board(board))
    found: Counter[str] = Counter()
    for node in root.iter():
        if node.tag.endswith("text") or node.tag.endswith("tspan"):
            found.update([(node.text or "").strip()])
    return found


@pytest.mark.parametrize("board", schematic.DRAWN)
def test_the_drawing_in_the_repository_is_what_its_source_draws(board: str) -> None:
    kept = (schematic.IMAGES / schematic.DRAWN[board]).read_text()
    assert kept == schematic.draw_board(board), "run `make schematic`"


@pytest.mark.parametrize("board", schematic.DRAWN)
def test_every_pin_of_the_board_stands_at_the_chip_and_at_what_it_drives(board: str) -> None:
    found = words(board)
    left, right = schematic.list_controller_pins(parts.facts_of(board))
    pins = [name for name in left + right if "GPIO" in name]
    own_led = f"LED GPIO{parts.facts_of(board).INDICATOR_PIN}"
    lone = {own_led} if board == "PBMWRAP_RP2040" else set()  # that LED is on the board itself
    assert {n: found[n] for n in pins} == {n: 1 if n in lone else 2 for n in pins}


@pytest.mark.parametrize("board", schematic.DRAWN)
def test_values_are_those_of_the_parts_and_the_facts(board: str) -> None:
    facts, found = parts.facts_of(board), words(board)
    parts_seen = {
        format_ohm(facts.PULLUP_OHM): len(facts.SENSORS),
        format_ohm(parts.GATE_OHM): len(facts.CHANNELS),
        format_ohm(parts.ENABLE_SERIES_OHM): 1,
        format_farad(parts.BULK_UF * 1e-6): 1,
        **{format_ohm(kind.resistor_ohm): 1 for kind in parts.STRINGS},
    }
    assert {value: found[value] >= n for value, n in parts_seen.items()} == dict.fromkeys(
        parts_seen, True
    )


@pytest.mark.parametrize("board", schematic.DRAWN)
def test_every_reference_is_drawn_once_and_explained_in_the_guide(board: str) -> None:
    reported = set(re.findall(r"[A-Z]+\d+", value_table()))
    found = words(board)
    refs = [w for w in found if re.fullmatch(r"(R|C|Q|F|D|S|SW|RT|U)\d+", w)]
    assert len(refs) > 30
    assert {r: found[r] for r in refs} == dict.fromkeys(refs, 1)
    warmer = {"Q8", "R85", "R86"}  # of the optional warmer, which section 16 explains
    guide = (parts.ROOT / "docs" / "build-a-wrap.md").read_text(encoding="utf-8")
    section = guide.split("## 16. A warmer")[1]
    assert warmer <= set(re.findall(r"\| ([A-Z]+\d+) \|", section)) and warmer.isdisjoint(reported)
    assert set(refs) - warmer <= reported and warmer <= set(refs)


@pytest.mark.parametrize("board", schematic.DRAWN)
def test_the_warmer_is_drawn_as_section_16_has_it(board: str) -> None:
    guide = (parts.ROOT / "docs" / "build-a-wrap.md").read_text(encoding="utf-8")
    text = " ".join(words(board))
    assert f"R60 to R84: {parts.WARMER_COUNT} x {format_ohm(parts.WARMER_OHM)}" in text
    assert f"| R60 to R84 | {parts.WARMER_COUNT} x {format_ohm(parts.WARMER_OHM)}," in guide
    assert f"WARMER {parts.WARMER_PINS[board]}" in text and "Two ways off" in text
    if board == "PBMWRAP_RP2040":
        pin = parts.WARMER_PINS[board].removeprefix("GPIO")
        assert f'WARMER = ("warmer", "heat", {pin}, 900)' in guide
