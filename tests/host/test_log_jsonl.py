"""Logs as JSON lines: export and import lose nothing, and damage is reported by line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.errors import InvalidFile, VerifyFailed
from pbmwrap.logs import extents, jsonl
from pbmwrap.logs.archive import WrapArchive
from pbmwrap.logs.clock import Mark
from pbmwrap.logs.jsonl import Log
from tests.host.log_maker import dated_log
from wrap.storage import payloads, records

MARKS = st.builds(Mark, st.integers(0, 5), st.integers(0, 9), st.integers(0, 9))
ABOUTS = st.dictionaries(st.sampled_from(["fw", "boot", "uptime_s"]), st.integers(), min_size=1)
OTHERS = st.sampled_from(['{"weather": "fair"}', '{"x":  [1, "é"]}', '{"y": null}'])


def text(log: Log) -> str:
    return "".join(jsonl.format_log(log, log.extents()))


def parsed(words: str) -> Log:
    return jsonl.read(words.encode().splitlines(keepends=True), "f")


def content(log: Log) -> tuple:
    """Return what must be kept for any order of lines."""
    abouts = sorted(map(json.dumps, log.abouts))
    return log.uid, log.extents(), sorted(log.marks), abouts, sorted(log.others)


@st.composite
def logs(draw) -> Log:
    """Make a log with gaps, damage and torn ends."""
    raw = bytearray(dated_log().raw)
    for at in draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[at] ^= 0x55
    cut = draw(st.integers(0, len(raw)))
    gap = draw(st.integers(0, 1000))
    pieces = [(draw(st.integers(0, 9)), bytes(raw[:cut])), (cut + gap + 9, bytes(raw[cut:]))]
    log = Log("u1", jsonl.SCHEMA, [piece for piece in pieces if piece[1]])
    log.marks = draw(st.lists(MARKS, max_size=3, unique=True))
    log.abouts = draw(st.lists(ABOUTS, max_size=2, unique_by=json.dumps))
    log.others = draw(st.lists(OTHERS, max_size=2, unique=True))
    return log


def test_a_sectors_blobs_are_listed_by_name():
    head = payloads.pack_sector(0, 0, bytes(32), [(b"\xa5" * 8, 77)])
    raw = records.pack(records.SECTOR, 0, 1, 0, 0, head)
    line = json.loads(text(Log("u1", jsonl.SCHEMA, [(0, raw)])).splitlines()[-1])
    assert line["data"]["blobs"] == [{"name": "a5" * 8, "offset": 77}]


@given(logs())
def test_everything_comes_back_even_damage_and_what_is_not_known(log):
    back = parsed(text(log))
    assert back.problems == []
    assert content(back) == content(log)


@given(logs())
def test_export_and_import_of_an_archive_lose_nothing_and_twice_changes_nothing(
    tmp_path_factory, log
):
    folder = tmp_path_factory.mktemp("w")
    one, other = WrapArchive(folder / "a" / "u1"), WrapArchive(folder / "b" / "u1")
    one.merge_log(log)
    exported = "".join(one.format_lines())
    assert content(parsed(exported)) == content(log)
    other.merge_log(parsed(exported))
    if other.file.exists():
        size = other.file.stat().st_size
        assert WrapArchive(other.folder).merge_log(parsed(exported)) == 0
        assert other.file.stat().st_size == size
    again = WrapArchive(other.folder)
    assert content(parsed("".join(again.format_lines()))) == content(log)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=6), st.randoms())
def test_the_order_of_imports_does_not_matter(tmp_path_factory, spots, random):
    source = dated_log().raw[:100]
    parts = [Log("u", 2, [(at, source[at : at + size])]) for at, size in spots]
    folder = tmp_path_factory.mktemp("w")
    one, other = WrapArchive(folder / "a"), WrapArchive(folder / "b")
    for part in parts:
        one.merge_log(part)
    random.shuffle(parts)
    for part in parts:
        other.merge_log(part)
    assert one.extents() == other.extents() == WrapArchive(other.folder).extents()


@given(logs(), st.integers(0, 5000))
def test_a_conflicting_log_is_refused_whole(tmp_path_factory, log, at):
    kept = WrapArchive(tmp_path_factory.mktemp("w") / "u1")
    kept.merge_log(log)
    if not log.pieces:
        return
    offset, raw = log.pieces[at % len(log.pieces)]
    at %= len(raw)
    before = kept.file.read_bytes()
    wrong = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
    other = Log("u1", 2, [(offset, wrong), (99999, b"more")], [Mark(7, 7, 7)])
    with pytest.raises(VerifyFailed, match=f"at offset {offset + at};"):
        kept.merge_log(other)
    assert kept.file.read_bytes() == before


def test_what_contradicts_itself_is_refused():
    with pytest.raises(extents.Conflict, match="offset 2"):
        Log("u", 2, [(0, b"abc"), (2, b"X")]).extents()


def test_lines_are_readable_and_dated(tmp_path: Path):
    kept = WrapArchive(tmp_path / "u1")
    kept.append(7, dated_log().raw)
    kept.add_mark(Mark(2, 0, 9))
    lines = [json.loads(line) for line in kept.format_lines()]
    assert lines[0] == {"pbmwrap": "log", "schema": 2, "uid": "u1"}
    assert lines[1] == {"mark": {"boot": 2, "up_ms": 0, "unix_ms": 9}}
    assert (lines[2]["type"], lines[2]["offset"], lines[2]["boot"]) == ("boot", 7, 1)
    assert lines[2]["unix_ms"] == 1_790_000_000_000
    assert lines[-1]["data"]["temps_mc"] == [33000, None]
    assert lines[-1]["session"] == 2


def test_an_export_of_the_first_schema_is_read():
    old = (
        '{"pbmwrap": "log", "schema": 1, "uid": "u1"}\n'
        '{"mark": {"boot": 1, "up_ms": 2, "unix_ms": 3}}\n'
        '{"offset": 5, "raw": "YWJj", "type": "note", "seq": 0, "boot": 1, "data": {}}\n'
    )
    log = parsed(old)
    assert (log.uid, log.schema, log.problems) == ("u1", 1, [])
    assert (log.extents(), log.marks) == ([(5, b"abc")], [Mark(1, 2, 3)])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "it is not JSON"),
        ("7", "it is not a JSON object"),
        ('{"offset": 1, "raw": "?"}', "base64|padding|Only"),
        ('{"offset": -1, "raw": "YQ=="}', "offset is not a whole number"),
        ('{"offset": true, "raw": "YQ=="}', "offset is not a whole number"),
        ('{"offset": 1e999, "raw": "YQ=="}', "offset is not a whole number"),
        ('{"mark": {"boot": 1, "up_ms": 1, "unix_ms": 1e999}}', "unix_ms is not a whole number"),
        ('{"mark": {"boot": 1, "up_ms": 1, "unix_ms": 1e14}}', "unix_ms is not a whole number"),
        ('{"pbmwrap": "log", "uid": "", "schema": 1e999}', "schema is not a whole number"),
        ('{"raw": "YQ=="}', "'offset' is missing"),
        ('{"offset": 1, "raw": "YQ==", "crc": "00000000"}', "do not match its CRC"),
        ('{"offset": 1, "raw": 3}', "."),
        ('{"mark": {"boot": 1}}', "'up_ms' is missing"),
        ('{"about": 1}', "."),
        ("[" * 100_000, "."),
        ('{"pbmwrap": "log"}', "'uid' is missing"),
    ],
)
def test_a_line_that_is_not_well_is_named_and_the_others_count(line: str, why: str):
    log = parsed(text(Log("u1", 2, [(0, b"abc")])) + line + '\n{"offset": 3, "raw": "ZA=="}\n')
    (problem,) = log.problems
    assert problem.startswith("f:3: ")
    assert re.search(why, problem)
    assert log.extents() == [(0, b"abcd")]


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path):
    lines = text(Log("u1", 2, [(0, b"abc")]))
    file = tmp_path / "x.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + lines.replace("\n", "\r\n").encode())
    log = jsonl.read_file(file)
    assert (log.uid, log.extents(), log.problems) == ("u1", [(0, b"abc")], [])
    file.write_text(lines, encoding="utf-16")
    with pytest.raises(InvalidFile, match="is UTF-16 text"):
        jsonl.read_file(file)


def test_a_file_that_is_missing_or_not_an_export_is_refused(tmp_path: Path):
    file = tmp_path / "x.jsonl"
    with pytest.raises(InvalidFile, match="cannot be read"):
        jsonl.read_file(file)
    for words in ("", "{}\n", "hello"):
        file.write_text(words)
        with pytest.raises(InvalidFile, match="its first line is missing"):
            jsonl.read_file(file)
