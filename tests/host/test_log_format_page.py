"""docs/log-format.md: its record types, fields and frame are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wrap.storage import payload_reader, payloads, record_reader, records

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "log-format.md").read_text("utf-8")
KNOWN = {
    "BOOT": payload_reader.unpack_boot(payloads.pack_boot("power", "1", 1)),
    "CLOCK": payload_reader.unpack_clock(payloads.pack_clock(1)),
    "START": payload_reader.unpack_start(payloads.pack_start(1, "link", bytes(8), bytes(8), 1)),
    "STATE": payload_reader.unpack_state(payloads.pack_state(0, 1, "link")),
    "SAMPLE": payload_reader.unpack_sample(payloads.pack_sample(3, [1000], [1], [1])),
    "END": payload_reader.unpack_end(payloads.pack_end(1, "dose", 1, 1, 0, [1000], [1], [1])),
    "BLOB": payload_reader.unpack_blob(payloads.pack_blob(bytes(8), b"x")),
    "SECTOR": payload_reader.unpack_sector(payloads.pack_sector(0, 0, bytes(32), [])),
    "WAKE": payload_reader.unpack_wake(payloads.pack_wake("asked", 1)),
}


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    part = TEXT.split(heading, 1)[1].split("\n#", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[2:]]


def test_the_types_are_those_of_the_code() -> None:
    shown = {cells[1].strip(): int(cells[0]) for cells in rows("\n## Types\n")}
    assert tuple(shown.values()) == record_reader.ALL_TYPES
    assert shown == {name: getattr(records, name) for name in shown}


@pytest.mark.parametrize("name", KNOWN)
def test_every_field_of_a_record_is_described(name: str) -> None:
    described = {cells[0].strip(): " ".join(cells[1:]) for cells in rows("\n### Fields\n")}
    missing = [key for key in KNOWN[name] if not re.search(rf"\b{key}\b", described[name])]
    assert missing == []


def test_a_record_has_the_described_frame() -> None:
    head = [cells[0].strip() for cells in rows("\n## A record\n")]
    assert head == ["1", "1", "0 or 2", "2", "2", "4", "n", "4"]
    raw = records.pack(records.WAKE, 0x20001, 0x30002, 5, 60, payloads.pack_wake("asked", 7000))
    assert raw[:2] == bytes([0xA0 + 12, 4])
    assert raw[2:10] == bytes([1, 0, 2, 0]) + (506).to_bytes(4, "little")
    assert len(raw) == 4 + records.OVERHEAD == 4 + 14
    assert records.size(255) == 255 + 16


def test_a_reason_is_a_number_in_the_list_or_a_text_behind_255() -> None:
    listed = payloads.pack_state(0, 1, payloads.REASONS[2])
    assert listed[2:] == bytes([2])
    assert payloads.pack_state(0, 1, "another")[2:] == bytes([255, 7]) + b"another"
