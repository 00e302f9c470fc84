"""The local archive loses no byte to interrupted writes, repeated pulls or contradictions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.errors import InvalidFile, VerifyFailed
from pbmwrap.logs.archive import Archive, WrapArchive, default_root
from pbmwrap.logs.clock import Mark
from pbmwrap.logs.decode import decode
from tests.host.log_maker import PROTOCOL, LogMaker, dated_log


@pytest.fixture
def kept(tmp_path: Path) -> WrapArchive:
    return Archive(tmp_path).wrap("e660583883")


def again(kept: WrapArchive) -> WrapArchive:
    """Open the archive as the next run of the program does."""
    return WrapArchive(kept.folder)


def lines(kept: WrapArchive) -> list[dict]:
    return [json.loads(line) for line in kept.file.read_text().splitlines()]


def test_the_default_place_is_the_users_data_folder():
    assert default_root().name == "logs"
    assert Archive().root == default_root()


def test_nothing_is_created_before_something_is_kept(tmp_path: Path):
    root = tmp_path / "deep" / "logs"
    archive = Archive(root)
    assert archive.uids() == []
    assert archive.wrap("abc").next_offset == 0
    assert archive.wrap("abc").extents() == []
    assert archive.wrap("abc").append(0, b"") == 0
    assert not root.exists()


@pytest.mark.parametrize("uid", ["", "..", "a/b", "a b", "ab\n", "x" * 65])
def test_an_id_that_could_leave_the_folder_is_refused(tmp_path: Path, uid: str):
    with pytest.raises(ValueError, match="not a wrap id"):
        Archive(tmp_path).wrap(uid)


def test_bytes_are_kept_in_pieces_and_found_again(kept: WrapArchive):
    assert kept.append(0, b"abc") == 3
    assert again(kept).append(3, b"defg") == 7
    assert again(kept).extents() == [(0, b"abcdefg")]
    assert Archive(kept.folder.parent).uids() == ["e660583883"]


def test_what_is_known_is_compared_and_only_the_rest_appended(kept: WrapArchive):
    kept.append(10, b"abcdef")
    assert kept.append(12, b"cdefgh") == 18
    size = kept.file.stat().st_size
    assert kept.append(10, b"abc") == 18
    assert kept.file.stat().st_size == size
    assert again(kept).extents() == [(10, b"abcdefgh")]


def test_a_log_that_differs_is_refused_and_changes_nothing(kept: WrapArchive):
    kept.append(0, b"abcdef")
    before = kept.file.read_bytes()
    with pytest.raises(VerifyFailed, match=r"differs from the copy in .* at offset 4"):
        kept.append(3, b"dXfghi")
    assert kept.file.read_bytes() == before
    assert again(kept).extents() == [(0, b"abcdef")]


def test_a_gap_is_kept_and_filled_by_later_bytes(kept: WrapArchive):
    kept.append(0, b"abc")
    kept.append(100, b"xyz")
    kept.append(103, b"!")
    assert kept.gaps == [(3, 100)]
    assert again(kept).extents() == [(0, b"abc"), (100, b"xyz!")]
    assert again(kept).next_offset == 104
    assert kept.append(1, b"bcd") == 104
    assert again(kept).gaps == [(4, 100)]


def test_a_line_is_a_record_with_its_meaning_and_schema(kept: WrapArchive):
    kept.append(0, dated_log().raw)
    head, first, _, blob, _, start, *_ = lines(kept)
    assert head == {"pbmwrap": "log", "schema": 2, "uid": "e660583883"}
    assert (first["type"], first["schema"], first["session"]) == ("boot", 1, None)
    assert (blob["type"], blob["data"]["raw"]) == ("blob", PROTOCOL.decode())
    assert (start["type"], start["session"], start["data"]["by"]) == ("start", 1, "button")
    assert len(lines(kept)) == 1 + dated_log().seq


@given(st.lists(st.integers(0, len(dated_log().raw)), max_size=6))
def test_pulls_that_stop_inside_records_still_give_a_line_per_record(tmp_path_factory, cuts):
    raw = dated_log().raw
    kept = WrapArchive(tmp_path_factory.mktemp("w") / "uid")
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), len(raw)], strict=True):
        assert kept.append(low, raw[low:high]) == high
        kept = again(kept)
    assert kept.extents() == [(0, raw)]
    typed = [line["offset"] for line in lines(kept) if "type" in line]
    assert typed == [entry.offset for entry in decode(raw).entries]


def test_only_the_bytes_count_not_what_was_once_read_from_them(kept: WrapArchive):
    kept.append(0, dated_log().raw)
    reported = again(kept).decoded()
    said = [line | {"type": "lie", "data": None} if "raw" in line else line for line in lines(kept)]
    kept.file.write_text("".join(json.dumps(line) + "\n" for line in said))
    assert again(kept).decoded() == reported


def test_an_append_cut_short_is_forgotten_and_done_again(kept: WrapArchive):
    kept.append(0, b"abc")
    whole = kept.file.read_bytes()
    kept.append(3, b"half of a pull")
    long = kept.file.read_bytes()
    for cut in range(len(whole), len(long) - 1):
        kept.file.write_bytes(long[:cut])
        after = again(kept)
        assert (after.extents(), after.problems) == ([(0, b"abc")], [])
        after.append(3, b"de")
        assert again(kept).extents() == [(0, b"abcde")]
        assert again(kept).problems == []


def test_even_a_head_cut_short_is_written_again(kept: WrapArchive):
    kept.folder.mkdir()
    kept.file.write_text('{"pbmwrap": "lo')
    again(kept).append(0, b"abc")
    assert [line.get("pbmwrap") for line in lines(kept)] == ["log", None]


def test_a_last_line_that_only_lost_its_end_counts(kept: WrapArchive):
    kept.append(0, b"abc")
    kept.file.write_bytes(kept.file.read_bytes()[:-1])
    assert again(kept).append(3, b"d") == 4
    assert again(kept).extents() == [(0, b"abcd")]
    assert again(kept).problems == []


def test_two_programs_that_append_at_once_lose_nothing(kept: WrapArchive):
    kept.append(0, b"abc")
    one, other = again(kept), again(kept)
    one.append(3, b"de")
    other.append(3, b"def")
    one.append(5, b"fg")
    assert again(kept).extents() == [(0, b"abcdefg")]
    assert again(kept).problems == []


@pytest.mark.parametrize("line", ["?", "7", '{"offset": 3}x', '{"raw": "AA=="}', "\udcff"])
def test_a_damaged_line_is_named_and_costs_only_itself(kept: WrapArchive, line: str):
    kept.append(0, b"abc")
    with kept.file.open("a", errors="surrogateescape") as out:
        out.write(line + "\n")
    after = again(kept)
    assert len(after.problems) == 1
    assert after.problems[0].startswith(f"{kept.file}:3: ")
    assert after.append(3, b"de") == 5
    assert again(kept).extents() == [(0, b"abcde")]


def test_a_flipped_bit_in_kept_bytes_is_named_and_the_bytes_can_come_again(kept: WrapArchive):
    kept.append(0, b"abc")
    kept.append(9, b"defg")
    kept.file.write_text(kept.file.read_text().replace("YWJj", "YWJk"))
    after = again(kept)
    assert after.problems == [f"{kept.file}:2: its bytes do not match its CRC"]
    assert after.extents() == [(9, b"defg")]
    after.append(0, b"abc")
    assert again(kept).extents() == [(0, b"abc"), (9, b"defg")]


def test_lines_that_contradict_each_other_raise(kept: WrapArchive):
    kept.append(0, b"abc")
    other = Archive(kept.folder.parent).wrap("other")
    other.append(1, b"XY")
    with kept.file.open("a") as out:
        out.write(other.file.read_text().splitlines()[1] + "\n")
    with pytest.raises(InvalidFile, match="different bytes at offset 1"):
        again(kept)


def test_marks_survive_a_torn_line(kept: WrapArchive):
    assert kept.list_marks() == []
    kept.add_mark(Mark(1, 2000, 3000))
    with kept.file.open("a") as out:
        out.write('{"mark": {"boot": 2, "up_')
    again(kept).add_mark(Mark(3, 4, 5))
    again(kept).add_mark(Mark(3, 4, 5))
    assert again(kept).list_marks() == [Mark(1, 2000, 3000), Mark(3, 4, 5)]


def test_an_answer_to_hello_is_kept_only_if_it_differs(kept: WrapArchive):
    assert kept.about() == {}
    hello = {"fw": "1", "boot": 3, "uptime_s": 9, "state": "idle"}
    kept.add_about(hello)
    kept.add_about(hello | {"uptime_s": 10, "state": "done"})
    assert again(kept).about() == hello
    again(kept).add_about(hello | {"fw": "2", "boot": 4})
    assert again(kept).about()["fw"] == "2"
    assert len(lines(kept)) == 3


def test_retiring_sets_the_copy_aside_whole(kept: WrapArchive):
    for text in (b"first", b"second"):
        kept.append(0, text)
        kept.retire_copy()
        assert kept.next_offset == 0
    old = kept.folder.parent / "e660583883.old-2"
    assert WrapArchive(old).extents() == [(0, b"second")]
    assert Archive(kept.folder.parent).uids() == ["e660583883.old-1", "e660583883.old-2"]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=8))
def test_any_order_of_pulls_keeps_every_byte(tmp_path_factory, pulls):
    log = bytes(range(100))
    kept = WrapArchive(tmp_path_factory.mktemp("w") / "uid")
    for start, size in pulls:
        kept.append(start, log[start : start + size])
    expected = {k: log[k] for start, size in pulls for k in range(start, start + size)}
    for found in (kept, again(kept)):
        got = {s + k: byte for s, data in found.extents() for k, byte in enumerate(data)}
        assert got == expected
        assert found.next_offset == max(expected, default=-1) + 1


def test_an_archive_is_decoded_with_its_gaps(kept: WrapArchive):
    kept.append(0, dated_log().raw)
    kept.append(9000, dated_log().raw)
    got = again(kept).decoded()
    assert len(got.entries) == 2 * dated_log().seq
    assert got.missing == ((len(dated_log().raw), 9000),)


def test_many_records_in_one_boot_are_kept(kept: WrapArchive):
    log = LogMaker()
    log.power_on()
    for number in range(1, 40):
        log.session(number)
    kept.append(0, log.raw)
    assert again(kept).decoded() == decode(log.raw)
