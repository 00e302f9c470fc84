"""The local archive never loses a byte; exports carry the whole log and come back the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.errors import InvalidFile, VerifyFailed
from pbmwrap.logs import archive as archive_module
from pbmwrap.logs.archive import Archive, WrapArchive, default_root
from pbmwrap.logs.clock import Mark
from pbmwrap.logs.decode import decode
from pbmwrap.logs.export import from_jsonl, to_csv, to_jsonl
from tests.host.log_maker import LogMaker
from wrap.session import states
from wrap.storage import payloads, records

HEAD = '{"pbmwrap": "log", "schema": 1, "uid": ""}\n'


@pytest.fixture
def kept(tmp_path: Path) -> WrapArchive:
    return Archive(tmp_path).wrap("e660583883")


def again(kept: WrapArchive) -> WrapArchive:
    """The archive as the next program run finds it."""
    return WrapArchive(kept.folder)


def test_the_default_place_is_the_users_data_folder():
    assert default_root().name == "logs"
    assert Archive().root == default_root()


def test_nothing_is_created_before_something_is_kept(tmp_path: Path):
    root = tmp_path / "deep" / "logs"
    archive = Archive(root)
    assert archive.uids() == []
    assert archive.wrap("abc").next_offset == 0
    assert archive.wrap("abc").extents() == []
    assert not root.exists()


@pytest.mark.parametrize("uid", ["", "..", "a/b", "a b", "x" * 65])
def test_an_id_that_could_leave_the_folder_is_refused(tmp_path: Path, uid: str):
    with pytest.raises(ValueError, match="no wrap id"):
        Archive(tmp_path).wrap(uid)


def test_bytes_are_kept_in_pieces_and_found_again(kept: WrapArchive):
    assert kept.append(0, b"abc") == 3
    assert again(kept).append(3, b"defg") == 7
    assert again(kept).extents() == [(0, b"abcdefg")]
    assert Archive(kept.folder.parent).uids() == ["e660583883"]


def test_what_is_known_is_compared_and_only_the_rest_appended(kept: WrapArchive):
    kept.append(10, b"abcdef")
    assert kept.append(12, b"cdefgh") == 18
    assert kept.append(10, b"abc") == 18
    assert again(kept).extents() == [(10, b"abcdefgh")]


def test_a_log_that_differs_is_refused_and_changes_nothing(kept: WrapArchive):
    kept.append(0, b"abcdef")
    with pytest.raises(VerifyFailed, match="differs from the copy"):
        kept.append(3, b"dXfghi")
    assert again(kept).extents() == [(0, b"abcdef")]


def test_a_gap_is_recorded(kept: WrapArchive):
    kept.append(0, b"abc")
    kept.append(100, b"xyz")
    kept.append(103, b"!")
    assert kept.gaps == [(3, 100)]
    assert again(kept).extents() == [(0, b"abc"), (100, b"xyz!")]
    assert again(kept).next_offset == 104
    assert kept.append(1, b"bc") == 104


def test_an_append_cut_short_is_forgotten_and_done_again(kept: WrapArchive, monkeypatch):
    kept.append(0, b"abc")

    def power_cut(*_):
        raise OSError("cut")

    monkeypatch.setattr(archive_module, "_replace", power_cut)
    with pytest.raises(OSError, match="cut"):
        kept.append(3, b"half of a pull")
    monkeypatch.undo()
    assert (kept.folder / "log.bin").read_bytes() == b"abchalf of a pull"
    after = again(kept)
    assert after.extents() == [(0, b"abc")]
    after.append(3, b"de")
    assert again(kept).extents() == [(0, b"abcde")]
    assert (kept.folder / "log.bin").read_bytes() == b"abcde"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"extents": [[1]]}', '{"extents": 3}'])
def test_an_index_that_cannot_be_read_is_told(kept: WrapArchive, text: str):
    kept.append(0, b"abc")
    (kept.folder / "index.json").write_text(text)
    with pytest.raises(InvalidFile, match="index cannot be read"):
        again(kept)


def test_a_log_shorter_than_its_index_is_told(kept: WrapArchive):
    kept.append(0, b"abc")
    (kept.folder / "log.bin").write_bytes(b"ab")
    with pytest.raises(InvalidFile, match="shorter than its index"):
        again(kept)
    (kept.folder / "log.bin").unlink()
    with pytest.raises(InvalidFile, match="shorter than its index"):
        again(kept)


def test_marks_survive_a_torn_line(kept: WrapArchive):
    assert kept.marks() == []
    kept.mark(Mark(1, 2000, 3000))
    with (kept.folder / "marks.jsonl").open("a") as out:
        out.write('{"boot": 2, "up_')
    kept.mark(Mark(3, 4, 5))
    assert again(kept).marks() == [Mark(1, 2000, 3000), Mark(3, 4, 5)]


def test_retiring_sets_the_copy_aside_whole(kept: WrapArchive):
    for text in (b"first", b"second"):
        kept.append(0, text)
        kept.retire()
        assert kept.next_offset == 0
    old = kept.folder.parent / "e660583883.old-2"
    assert WrapArchive(old).extents() == [(0, b"second")]
    assert Archive(kept.folder.parent).uids() == []


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=8))
def test_any_order_of_pulls_keeps_every_byte_once(tmp_path_factory, pulls):
    log = bytes(range(100))
    kept = WrapArchive(tmp_path_factory.mktemp("w") / "uid")
    expected: dict[int, int] = {}
    for start, size in pulls:
        end = max(expected, default=-1) + 1
        expected |= {k: log[k] for k in range(max(start, end), start + size)}
        kept.append(start, log[start : start + size])
    got = {s + k: byte for s, data in again(kept).extents() for k, byte in enumerate(data)}
    assert got == expected
    assert again(kept).next_offset == max(expected, default=-1) + 1


def dated_log() -> LogMaker:
    log = LogMaker()
    log.power_on()
    log.clock(1_790_000_000)
    log.session(1)
    log.power_on()
    log.start(2)
    log.sample(2)
    return log


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_per_sample_and_per_session():
    got = rows(to_csv(decode(dated_log().raw), (), ("skin", "board"), ("red",)))
    assert [(r["row"], r["session"]) for r in got] == [
        ("sample", "1"),
        ("sample", "1"),
        ("session", "1"),
        ("sample", "2"),
        ("session", "2"),
    ]
    assert got[0]["time_utc"] == "2026-09-21T14:13:30Z"
    assert (got[0]["uptime_s"], got[0]["active_s"], got[0]["state"]) == (
        "10.500",
        "10.000",
        "running",
    )
    assert (got[0]["skin_c"], got[0]["board_c"], got[0]["red_duty"]) == ("33.5", "", "1")
    assert (got[0]["2_duty"], got[0]["red_j_cm2"], got[0]["2_j_cm2"]) == ("0.0980392", "0.1", "")
    assert (got[2]["reason"], got[2]["skin_c"], got[2]["red_j_cm2"]) == ("time", "36.5", "6")
    assert got[2]["protocol"] == '{"id":"foot"}'
    assert (got[4]["reason"], got[4]["time_utc"]) == ("still running", "")


def test_an_archive_is_decoded_with_its_gaps(kept: WrapArchive):
    kept.append(0, dated_log().raw)
    kept.append(9000, dated_log().raw)
    got = again(kept).decoded()
    assert len(got.entries) == 2 * dated_log().seq
    assert got.missing == ((len(dated_log().raw), 9000),)


def test_csv_of_an_empty_log_is_its_heading():
    assert rows(to_csv(decode(b""))) == []


def test_csv_names_a_state_that_is_newer_by_number():
    log = LogMaker()
    log.start(1)
    log.sample(1)
    raw = decode(log.raw)
    sample = raw.entries[-1]
    assert sample.data is not None
    sample.data["state"] = len(states.NAMES)
    assert rows(to_csv(raw))[0]["state"] == str(len(states.NAMES))


def test_jsonl_tells_a_sectors_blobs_by_name():
    log = LogMaker()
    log.add(records.SECTOR, payloads.pack_sector(0, 0, bytes(32), [(b"\xa5" * 8, 77)]))
    line = json.loads(list(to_jsonl([(0, log.raw)]))[-1])
    assert line["data"]["blobs"] == [{"name": "a5" * 8, "offset": 77}]


def test_jsonl_is_readable_and_dated():
    lines = [json.loads(line) for line in to_jsonl([(7, dated_log().raw)], [Mark(2, 0, 9)], "u1")]
    assert lines[0] == {"pbmwrap": "log", "schema": 1, "uid": "u1"}
    assert lines[1] == {"mark": {"boot": 2, "up_ms": 0, "unix_ms": 9}}
    assert (lines[2]["type"], lines[2]["offset"], lines[2]["boot"]) == ("boot", 7, 1)
    assert lines[2]["unix_ms"] == 1_790_000_000_000
    assert lines[-1]["data"]["temps_mc"] == [33000, None]


@given(st.data())
def test_jsonl_gives_everything_back_even_damage(data):
    log = dated_log().raw
    cut = data.draw(st.integers(0, len(log)))
    torn = bytearray(log[cut:])
    for at in data.draw(st.lists(st.integers(0, len(log) - 1), max_size=3)):
        if at < len(torn):
            torn[at] ^= 0x55
    extents = [(0, log[:cut]), (cut + 1000, bytes(torn))]
    extents = [(start, raw) for start, raw in extents if raw]
    marks = [Mark(1, 2, 3)]
    assert from_jsonl("".join(to_jsonl(extents, marks, "u"))) == ("u", extents, marks)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "is empty"),
        ("{}\n", "line 1"),
        ('{"pbmwrap": "log", "schema": 9, "uid": ""}\n', "line 1 .*schema is not known"),
        ('{"pbmwrap": "log", "schema": 1, "uid": ""}\n{"offset": 1, "raw": "?"}\n', "line 2"),
        ('{"pbmwrap": "log", "schema": 1, "uid": ""}\n{"mark": {}}\n', "line 2"),
        ('{"pbmwrap": "log", "schema": 1, "uid": ""}\n7\n', "line 2"),
        (HEAD + '{"mark": 7}\n', "line 2"),
        (HEAD + '{"mark": {"boot": 1, "up_ms": 1, "unix_ms": 1e999}}\n', "unix_ms is not a whole"),
        (HEAD + '{"offset": 1e999, "raw": "QUJD"}\n', "offset is not a whole number"),
        (HEAD + '{"offset": -1, "raw": "QUJD"}\n', "offset is not a whole number"),
        (HEAD + "[" * 100_000, "line 2"),
    ],
)
def test_what_is_no_export_is_told_with_its_line(text: str, where: str):
    with pytest.raises(InvalidFile, match=where):
        from_jsonl(text)
