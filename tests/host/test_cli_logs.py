"""The commands for logs: output, notes and errors."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pbmwrap.cli import logs_sql, main
from pbmwrap.logs.archive import Archive, WrapArchive
from pbmwrap.logs.clock import Mark
from pbmwrap.logs.decode import decode
from tests.host.log_maker import LogMaker, dated_log
from tests.host.log_store import HELLO
from wrap.storage import records


@pytest.fixture
def kept(monkeypatch, tmp_path: Path) -> WrapArchive:
    """Make the commands' archive, with one wrap's log."""
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PBMWRAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PBMWRAP_PORT", f"sim:{tmp_path / 'flash'}")
    archive = Archive(tmp_path / "data" / "logs").wrap("u1")
    archive.append(0, dated_log().raw)
    archive.add_about(HELLO)
    return archive


def logs(*words: str) -> Result:
    return CliRunner().invoke(main.app, ["logs", *words])


def damage_line(kept: WrapArchive, number: int) -> None:
    """Damage a line of the file, as a bad disk does."""
    lines = kept.file.read_bytes().splitlines(keepends=True)
    lines[number] = lines[number].replace(b'"raw": "', b'"raw": "AAAA')
    kept.file.write_bytes(b"".join(lines))


def test_a_query_is_a_table_csv_or_json(kept: WrapArchive):
    sql = "select session, protocol, max_skin_c, dose_total_j_cm2 from sessions"
    shown = logs("query", sql).stdout.splitlines()
    assert [line.split() for line in shown] == [
        ["session", "protocol", "max_skin_c", "dose_total_j_cm2"],
        ["1", "foot", "36.5"],
        ["2", "foot", "33"],
    ]
    assert logs("query", sql, "--csv").stdout.splitlines()[1] == "1,foot,36.5,"
    data = json.loads(logs("query", sql, "--json").stdout)["data"]
    assert data["rows"] == [[1, "foot", 36.5, None], [2, "foot", 33.0, None]]
    assert data["columns"][0] == {"name": "session", "type": "BIGINT"}


def test_a_wide_table_is_whole_in_a_pipe(kept: WrapArchive):
    names = [f"a_heading_of_{n:02d}_that_is_wide" for n in range(40)]
    columns = ", ".join(f"{n} as {name}" for n, name in enumerate(names))
    shown = logs("query", f"select {columns}, repeat('x', 3000) as wide").stdout.splitlines()
    assert shown[0].split() == [*names, "wide"]
    assert shown[1].split() == [*map(str, range(40)), "x" * 3000]
    every = logs("query", "select * from sessions").stdout.splitlines()
    heads = every[0].split()
    assert [heads[i] for i in (0, -1)] == ["uid", "firmware"] and "dose_total_j_cm2" in heads
    assert len(every) == 3


def test_a_table_shows_utc_to_the_second_where_the_column_says_utc(kept: WrapArchive):
    sql = "select when_utc from samples order by 1 limit 1"
    kept.add_mark(Mark(2, 600, 1_790_000_500_123))
    assert logs("query", sql).stdout.splitlines()[1].strip() == "2026-09-21 14:13:30"
    assert logs("query", sql, "--csv").stdout.splitlines()[1] == "2026-09-21T14:13:30"


def test_a_long_table_is_cut_with_a_note(kept: WrapArchive, monkeypatch):
    monkeypatch.setattr(logs_sql, "MAX_SHOWN", 3)
    shown = logs("query", "select * from range(5)").stdout
    assert "only the first 3 rows are shown" in shown
    assert len(logs("query", "select * from range(5)", "--csv").stdout.splitlines()) == 6


def test_the_schema_names_every_view_with_its_units(kept: WrapArchive):
    shown = logs("query", "--schema").stdout
    for words in ("sessions", "samples", "records", "wraps", "VARCHAR[]", "J/cm2", "UTC"):
        assert words in shown


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "needs a SELECT"),
        (("select 1", "--csv", "--json"), "choose either --csv or --json"),
        (("drop view sessions",), "one SELECT and nothing else"),
        (("select sesion from sessions",), 'Candidate bindings: "session"'),
    ],
)
def test_a_malformed_query_is_a_usage_error_in_one_line(kept: WrapArchive, words, why: str):
    result = logs("query", *words)
    assert result.exit_code == 2
    assert why in (result.stdout if "--json" in words else result.stderr)
    assert len((result.stdout + result.stderr).splitlines()) == 1


def test_a_rebuilt_cache_answers_the_same(kept: WrapArchive):
    sql = "select count(*) from records"
    assert logs("query", sql).stdout == logs("query", sql, "--rebuild").stdout


@pytest.mark.parametrize("words", [("list",), ("query", "select 1"), ("verify",)])
def test_records_of_a_newer_firmware_are_skipped_and_noted(kept: WrapArchive, words):
    last = kept.decoded().entries[-1]
    more = LogMaker()
    more.seq, more.boot = last.seq + 1, last.boot
    more.add(25, b"\x01future")
    more.add(records.SAMPLE, b"\x09future")
    kept.append(kept.next_offset, more.raw)
    result = logs(*words)
    assert result.exit_code == 0
    assert "unknown types (1 of type 25), skipped but kept in the archive" in result.stderr
    assert "1 record of a newer schema" in result.stderr


def test_damage_is_reported_with_its_place(kept: WrapArchive, tmp_path: Path):
    raw = bytearray(dated_log().raw)
    spot = decode(bytes(raw)).entries[5]
    raw[spot.offset + 3] ^= 1
    Archive(tmp_path / "data" / "logs").wrap("u2").append(0, bytes(raw))
    place = f"at offset {spot.offset} to {spot.offset + spot.size}"
    said = logs("list", "--wrap", "u2")
    assert said.stderr == f"note: wrap u2: 1 record damaged, {place}; see `pbmwrap logs verify`\n"
    verdict = logs("verify", "--wrap", "u2")
    assert verdict.exit_code == 10
    assert f"offset {spot.offset} to {spot.offset + spot.size}: 1 record is damaged" in (
        verdict.stdout
    )
    assert "errors found: import a complete export of it" in verdict.stdout


def test_a_log_without_records_is_reported(kept: WrapArchive, tmp_path: Path):
    Archive(tmp_path / "data" / "logs").wrap("u2").append(0, bytes(4000))
    said = logs("list", "--wrap", "u2")
    assert said.stdout == "no session is in the archive\n"
    assert "wrap u2: bytes that hold no record at offset 0 to 4000;" in said.stderr
    assert logs("verify", "--wrap", "u2").exit_code == 10


def test_a_torn_end_is_no_damage(kept: WrapArchive):
    kept.append(kept.next_offset, b"\xa5\x05torn")
    assert logs("list").stderr == ""


def test_a_damaged_line_is_reported_and_an_import_repairs_it(kept: WrapArchive, tmp_path: Path):
    good = tmp_path / "good.jsonl"
    assert logs("export", str(good)).exit_code == 0
    damage_line(kept, 4)
    listed, verdict = logs("list"), logs("verify")
    assert f"{kept.file}:5: its bytes do not match its CRC; its bytes are missing" in listed.stderr
    assert (verdict.exit_code, "bytes are missing" in verdict.stdout) == (10, True)
    assert "new bytes of wrap u1" in logs("import", str(good)).stdout
    end = len(dated_log().raw)
    assert "log.jsonl:5: its bytes do not match its CRC; no bytes are missing up to " in (
        logs("list").stderr
    )
    assert WrapArchive(kept.folder).extents() == [(0, dated_log().raw)]
    assert str(end) in logs("list").stderr
    assert logs("verify").exit_code == 0


def test_an_import_reports_damage_and_imports_the_rest(kept: WrapArchive, tmp_path: Path):
    file = tmp_path / "x.jsonl"
    logs("export", str(file))
    text = file.read_text().replace('"uid": "u1"', '"uid": "u9"')
    file.write_text(text + "rubbish\n")
    count = len(text.splitlines()) + 1
    result = logs("import", str(file))
    assert result.exit_code == 7
    assert f"{file}:{count}: it is not JSON" in result.stderr
    assert "1 damaged line skipped: import an undamaged copy as well" in result.stdout
    archive = Archive(kept.folder.parent)
    assert archive.wrap("u9").extents() == [(0, dated_log().raw)]


def test_one_bad_file_of_several_does_not_hold_up_the_others(kept: WrapArchive, tmp_path: Path):
    file = tmp_path / "x.jsonl"
    logs("export", str(file))
    result = logs("import", str(tmp_path / "none.jsonl"), str(file))
    assert result.exit_code == 7
    assert "none.jsonl was not imported: " in result.stderr
    assert f"{file}: 0 new bytes of wrap u1" in result.stdout


def test_a_log_that_contradicts_the_archive_is_refused_whole(kept: WrapArchive, tmp_path: Path):
    file, raw = tmp_path / "x.jsonl", bytes([dated_log().raw[0] ^ 1])
    said = {"offset": 0, "raw": base64.b64encode(raw).decode(), "crc": f"{zlib.crc32(raw):08x}"}
    head = {"pbmwrap": "log", "schema": 2, "uid": "u1"}
    file.write_text(json.dumps(head) + "\n" + json.dumps(said) + "\n")
    result = logs("import", str(file))
    assert result.exit_code == 10
    assert "its log differs from the copy in" in result.stderr
    assert logs("import", "--anew", str(file)).exit_code == 0
    archive = Archive(kept.folder.parent)
    assert archive.wrap("u1").extents() == [(0, dated_log().raw)]
    assert archive.wrap("u1.old-1").extents() == [(0, raw)]


def test_an_export_names_the_suffixes_it_accepts(kept: WrapArchive, tmp_path: Path):
    result = logs("export", str(tmp_path / "x.txt"))
    assert (result.exit_code, ".csv nor .jsonl" in result.stderr) == (2, True)
    result = logs("export", str(tmp_path / "no" / "x.csv"))
    assert (result.exit_code, "cannot be written: there is no folder" in result.stderr) == (7, True)


def test_a_pull_fills_the_gap_of_a_damaged_line(kept: WrapArchive, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "sim"))
    CliRunner().invoke(main.app, ["protocol", "flash", "minor-injury"])
    assert logs("pull").exit_code == 0
    archive = Archive(tmp_path / "sim" / "logs")
    (uid,) = archive.uids()
    before = archive.wrap(uid).extents()
    damage_line(archive.wrap(uid), 3)
    assert archive.wrap(uid).gaps != []
    pulled = json.loads(logs("pull", "--json").stdout)["data"]
    assert pulled["gaps"] == []
    (offset, raw), *rest = archive.wrap(uid).extents()
    assert (offset, rest) == (0, [])
    assert raw.startswith(before[0][1])
    assert logs("verify").exit_code == 0


def test_a_line_changed_with_its_crc_does_not_verify(
    kept: WrapArchive, monkeypatch, tmp_path: Path
):
    monkeypatch.setenv("PBMWRAP_DATA", str(tmp_path / "sim"))
    for _ in range(2):
        CliRunner().invoke(main.app, ["protocol", "flash", "minor-injury"])
        logs("pull")
    assert logs("verify").exit_code == 0
    (file,) = (tmp_path / "sim").rglob("log.jsonl")
    lines = file.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if '"type": "boot"' in line)
    said = json.loads(lines[place])
    raw = bytearray(base64.b64decode(said["raw"]))
    raw[12] ^= 1
    said |= {"raw": base64.b64encode(raw).decode(), "crc": f"{zlib.crc32(raw):08x}"}
    lines[place] = json.dumps(said)
    file.write_text("\n".join(lines) + "\n")
    assert logs("verify").exit_code == 10
