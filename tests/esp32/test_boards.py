"""Compares the boards' pins with what the chips do with them, and the boards' files with each
other.

Tables: ESP-IDF, docs/en/api-reference/peripherals/gpio.rst (strapping, SPI0/1, USB-JTAG, GPI,
UART); the datasheets' sections on strapping pins, on power-up glitches and on the pins at reset.
"""

from __future__ import annotations

import csv
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.esp32.chip import KINDS
from tests.esp32.world import BOARDS, ROOT, facts_of

FORBIDDEN: dict[str, dict[str, tuple[int, ...]]] = {
    "esp32": {
        "strapping": (0, 2, 5, 12, 15),
        "flash": (6, 7, 8, 9, 10, 11),
        "PSRAM, or the flash of some packages": (16, 17),
        "the bridge's UART": (1, 3),
        "JTAG, which gives pulses at reset": (12, 13, 14, 15),
        "not bonded out": (20, 24, 28, 29, 30, 31, 37, 38),
        # ESP32 errata 3.11: these are pulled low for 80 ns as a converter is switched on.
        "disturbed by the converters": (36, 39),
    },
    "esp32s3": {
        "strapping": (0, 3, 45, 46),
        "flash and PSRAM": (26, 27, 28, 29, 30, 31, 32),
        "octal flash and PSRAM": (33, 34, 35, 36, 37),
        "USB": (19, 20),
        "UART0, where the boot ROM talks": (43, 44),
        "JTAG": (39, 40, 41, 42),
        # Datasheet, power-up glitches: high, unlike GPIO1 to 17, which are low for 60 us.
        "high at power-up": (18, 19, 20),
        "seen high for 30 ms in a start": (21,),
        "the development kits' RGB LED": (38, 48),
        "not bonded out": (22, 23, 24, 25),
    },
    "esp32c3": {
        "strapping": (2, 8, 9),
        "flash": (12, 13, 14, 15, 16, 17),
        "the flash's supply": (11,),
        "USB": (18, 19),
        "the boot ROM's output": (21,),
    },
}
# What may use such a pin all the same, and why.
ALLOWED = {
    ("esp32c3", "SENSE"): "what the boot ROM prints meets an input behind R19",
    ("esp32", "NTC_BOARD"): "80 ns of low are filtered, and what is left reads too hot",
    ("esp32c3", "REFERENCE"): "GPIO2 does not decide about the boot mode",
    ("esp32c3", "BUTTON"): "held at power-up it keeps the boot ROM waiting, dark",
    ("esp32c3", "LED"): "GPIO8 decides only while GPIO9 is low",
}
# Datasheet, pins at reset: pulled up before any program runs. Inputs only.
PULLED_UP = {"esp32": (), "esp32s3": (), "esp32c3": (6, 20)}


def outputs(facts: Any) -> dict[str, int]:
    lamps = {"LAMP_" + c[0].upper(): c[2] for c in facts.CHANNELS}
    return lamps | {
        "ENABLE": facts.ENABLE_PIN,
        "LED": facts.INDICATOR_PIN,
        "BUZZER": facts.BUZZER_PIN,
    }


def analogs(facts: Any) -> dict[str, int]:
    ntcs = {"NTC_" + s[0].upper().replace("-", "_"): s[2] for s in facts.SENSORS}
    return ntcs | {"REFERENCE": facts.REFERENCE_PIN}


def pins(facts: Any) -> dict[str, int]:
    inputs = {"ENABLE_BACK": facts.ENABLE_BACK_PIN, "BUTTON": facts.BUTTON_PIN}
    inputs["SENSE"] = facts.SENSE_PIN
    return outputs(facts) | inputs | analogs(facts)


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> tuple[Path, Any]:
    return ROOT / "boards" / request.param, facts_of(request.param)


def test_no_pin_starts_programs_or_powers_the_chip(board: tuple[Path, Any]) -> None:
    facts = board[1]
    bad = {
        f"{name} on GPIO{pin}: {why}"
        for name, pin in pins(facts).items()
        for why, table in FORBIDDEN[facts.CHIP].items()
        if pin in table and (facts.CHIP, name) not in ALLOWED
    }
    assert bad == set()


def test_each_pin_has_one_use(board: tuple[Path, Any]) -> None:
    numbers = list(pins(board[1]).values())
    assert len(numbers) == len(set(numbers)) == 13


def test_what_drives_can_drive_and_is_not_pulled_up_at_reset(board: tuple[Path, Any]) -> None:
    facts = board[1]
    driven = outputs(facts)
    assert not {*KINDS[facts.CHIP].inputs_only} & set(driven.values())
    driven.pop("BUZZER")  # a piezo is silent on a level that stands
    assert not {*PULLED_UP[facts.CHIP]} & set(driven.values())


def test_the_button_has_a_pull_up_and_the_enables_return_a_pull_down(
    board: tuple[Path, Any],
) -> None:
    """Pins for input only have no pulls."""
    facts = board[1]
    assert facts.BUTTON_PIN not in KINDS[facts.CHIP].inputs_only
    assert facts.ENABLE_BACK_PIN not in KINDS[facts.CHIP].inputs_only


def test_sensors_are_on_the_first_converter(board: tuple[Path, Any]) -> None:
    """The radio uses ADC2 too. The channel stated for each pin is that of the chip."""
    facts = board[1]
    first = KINDS[facts.CHIP].adc1
    assert set(analogs(facts).values()) <= set(first)
    order = (36, 37, 38, 39, 32, 33, 34, 35) if facts.CHIP == "esp32" else first
    assert [order.index(s[2]) for s in facts.SENSORS] == [s[3] for s in facts.SENSORS]


def test_names_and_facts_agree(board: tuple[Path, Any]) -> None:
    folder, facts = board
    assert folder.name == facts.BOARD
    with (folder / "pins.csv").open() as file:
        named = {name: int(pin.removeprefix("GPIO")) for name, pin in csv.reader(file)}
    assert named == pins(facts)
    reported = json.loads((folder / "board.json").read_text())
    assert reported["mcu"] == facts.CHIP
    # Where ESP-IDF's bootloader is expected: ports/esp32/boards/*/board.json.
    wanted = "0x1000" if facts.CHIP == "esp32" else "0"
    assert reported["deploy_options"]["flash_offset"] == wanted
    cmake = (folder / "mpconfigboard.cmake").read_text()
    assert f"set(IDF_TARGET {facts.CHIP})" in cmake
    assert "manifest.py" in cmake and "sdkconfig.board" in cmake


def test_the_link_is_the_one_that_the_image_is_built_with(board: tuple[Path, Any]) -> None:
    folder, facts = board
    header = (folder / "mpconfigboard.h").read_text()
    settings = dict(re.findall(r"#define (MICROPY_HW_\w+)\s+\((\d)\)", header))
    jtag = facts.LINK in ("usb", "jtag")
    assert settings.get("MICROPY_HW_ESP_USB_SERIAL_JTAG", "0") == str(int(jtag))
    assert settings["MICROPY_HW_ENABLE_UART_REPL"] == str(int(not jtag))
    if facts.LINK == "usb":  # the chip could do both: not TinyUSB, which waits
        assert settings["MICROPY_HW_USB_CDC"] == settings["MICROPY_HW_ENABLE_USBDEV"] == "0"


def partitions(folder: Path) -> list[tuple[str, int, int]]:
    text = (folder / "partitions.csv").read_text()
    rows = [line.split(",") for line in text.splitlines() if line[:1] != "#"]
    return [(row[0].strip(), int(row[3], 16), int(row[4], 16)) for row in rows]


def test_the_flash_is_divided_without_gap_or_overlap(board: tuple[Path, Any]) -> None:
    """ESP-IDF, "Partition Tables": applications begin at multiples of 64 KiB, all else of 4."""
    parts = partitions(board[0])
    assert parts[0][1] == 0x9000
    for (_, at, size), (_, following, _) in pairwise(parts):
        assert at + size == following
    assert sum(parts[-1][1:]) == 4 << 20
    sizes = {name: size for name, _, size in parts}
    assert all(size % 4096 == 0 for size in sizes.values())
    assert {name: at for name, at, _ in parts}["factory"] % 65536 == 0
    assert sizes["wraplog"] == 352 * 4096  # the RP2040's
    assert sizes["wrapstore"] // 4096 % 2 == 0  # two banks
    assert "vfs" in sizes


def test_the_storage_room_asks_for_partitions_that_are_there(board: tuple[Path, Any]) -> None:
    room = (ROOT / "firmware/wrap/hal/esp32/flash.py").read_text()
    asked = set(re.findall(r'label="(\w+)"', room))
    assert asked <= {name for name, _, _ in partitions(board[0])} and len(asked) == 2


def test_sdkconfig_keeps_every_watchdog_and_the_brown_out_detector(
    board: tuple[Path, Any],
) -> None:
    text = (board[0] / "sdkconfig.board").read_text()
    for name in ("ESP_BROWNOUT_DET", "ESP_INT_WDT", "ESP_TASK_WDT_EN", "ESP_TASK_WDT_INIT"):
        assert f"CONFIG_{name}=y" in text
    assert "@MICROPY_BOARD_DIR@/partitions.csv" in text
