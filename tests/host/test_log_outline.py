"""A long log is read without what happened inside of sessions; all else is as in the whole log."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from pbmwrap.logs import jsonl
from pbmwrap.logs.archive import Archive, WrapArchive
from pbmwrap.logs.decode import Decoded, decode_extents, decode_only, decode_outline
from pbmwrap.logs.notes import list_notes
from pbmwrap.logs.summary import WrapInfo, summarize_sessions
from pbmwrap.web.sessions import SessionBook
from tests.host.log_maker import LogMaker
from wrap.rules import states
from wrap.storage import payloads, record_reader, records

INFO = WrapInfo("u1", (("red", 660), ("nir", 850)), (("skin", "skin"), ("board", "board")))
INSIDE = (records.SAMPLE, records.STATE, records.WAKE)


def add_sector(log: LogMaker, blobs: int) -> None:
    """A sector's head; with 20 names its payload is longer than 254 bytes."""
    names = [(bytes([n] * 8), n) for n in range(blobs)]
    log.add(records.SECTOR, payloads.pack_sector(len(log.raw), log.seq, bytes(32), names))


DOES: dict[str, Callable[[LogMaker, int], object]] = {
    "power": lambda log, n: log.power_on(),
    "clock": lambda log, n: log.clock(1_790_000_000 + n * 7),
    "start": lambda log, n: log.start(n),
    "lit": lambda log, n: log.lit(n),
    "sample": lambda log, n: log.sample(n),
    "no sensors": lambda log, n: log.add(records.SAMPLE, payloads.pack_sample(2, [], [], [])),
    "odd sample": lambda log, n: log.add(records.SAMPLE, b"\x21\x22\x00"),
    "new sample": lambda log, n: log.add(records.SAMPLE, b"\x22\x11\x00\x00\x00\x00\x00"),
    "text state": lambda log, n: log.state(n, states.RUNNING, states.PAUSED, "its own words"),
    "pause": lambda log, n: log.state(n, states.RUNNING, states.PAUSED, "button"),
    "resume": lambda log, n: log.state(n, states.PAUSED, states.RAMP_UP, "button"),
    "wake": lambda log, n: log.add(records.WAKE, payloads.pack_wake("asked", 5000)),
    "odd wake": lambda log, n: log.add(records.WAKE, b"\x01\x07\x00\x00"),
    "fault": lambda log, n: log.fault(n),
    "lost": lambda log, n: log.lost(n),
    "sector": lambda log, n: add_sector(log, n % 3),
    "long sector": lambda log, n: add_sector(log, 20),
    "end": lambda log, n: log.end(n, states.BY_TIME),
    "odd end": lambda log, n: log.add(records.END, b"\x01\x05"),
    "session": lambda log, n: log.session(n),
    "new kind": lambda log, n: log.add(31, b"\x01abc"),
    "gap": lambda log, n: setattr(log, "seq", log.seq + n),
}
STORY = st.lists(
    st.tuples(st.sampled_from([*DOES, "session", "session", "sample"]), st.integers(1, 3)),
    max_size=25,
)
HARM = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 40), st.binary(max_size=3)))


def tell(story: list[tuple[str, int]]) -> bytes:
    log = LogMaker()
    for what, number in story:
        log.up_ms += 1000
        DOES[what](log, number)
    return log.raw


def harm(raw: bytes, harms: list[tuple[int, int, bytes]]) -> list[tuple[int, bytes]]:
    """Replace bytes at some places, and leave out some in the middle."""
    for at, count, by in harms:
        raw = raw[:at] + by + raw[at + count :] if at < len(raw) else raw
    middle = len(raw) // 2
    return [(0, raw)] if not harms else [(0, raw[:middle]), (middle + len(harms), raw[middle:])]


def keep(folder: Path, runs: list[tuple[int, bytes]]) -> WrapArchive:
    kept = Archive(folder).wrap("u1")
    kept.merge_log(jsonl.Log(pieces=runs))
    return Archive(folder).wrap("u1")


@given(STORY, HARM)
@example([("power", 1), ("session", 1), ("long sector", 1), ("session", 2)], [])
@example([("power", 1), ("lit", 1), ("sample", 1), ("gap", 1), ("end", 1)], [])
def test_an_outline_leaves_out_only_the_insides_of_whole_sessions(
    story: list[tuple[str, int]], harms: list[tuple[int, int, bytes]]
) -> None:
    runs = harm(tell(story), harms)
    whole, outline = decode_extents(runs), decode_outline(runs)
    kept = {entry.offset: entry for entry in outline.entries}
    for entry in whole.entries:
        if entry.offset in kept:
            assert kept.pop(entry.offset) == entry
        else:
            assert entry.kind in INSIDE
    assert not kept
    assert replace(whole, entries=()) == replace(outline, entries=())


@given(STORY, HARM, st.integers(0, 4))
def test_one_boot_is_decoded_as_in_the_whole_log(
    story: list[tuple[str, int]], harms: list[tuple[int, int, bytes]], boot: int
) -> None:
    runs = harm(tell(story), harms)
    only = [entry for entry in decode_only(runs, boot).entries if entry.boot == boot]
    whole = [entry for entry in decode_extents(runs).entries if entry.boot == boot]
    assert [entry.offset for entry in only] == [entry.offset for entry in whole]
    assert [entry.data for entry in only] == [entry.data for entry in whole]


@given(STORY, HARM)
def test_records_are_found_as_the_wrap_finds_them(
    story: list[tuple[str, int]], harms: list[tuple[int, int, bytes]]
) -> None:
    for base, data in harm(tell(story), harms):
        found, gaps = record_reader.scan(data)
        read = decode_extents([(base, data)])
        assert [
            (e.kind, e.seq, e.boot, e.up_s, e.up_ms, e.payload, e.offset + e.size - base)
            for e in read.entries
        ] == found
        assert [(start - base, end - base) for start, end in read.damage] == gaps


@given(STORY, HARM)
def test_a_summary_without_samples_is_the_same(
    story: list[tuple[str, int]], harms: list[tuple[int, int, bytes]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = keep(Path(folder), harm(tell(story), harms))

        def summarize(decoded: Decoded) -> list[object]:
            found = summarize_sessions(decoded, kept.clock(), INFO)
            return [replace(session, samples=()) for session in found]

        outline = summarize(kept.outline()), list(list_notes(kept))
        again = Archive(Path(folder)).wrap("u1")
        again.decoded()  # from here on nothing is left out
        assert outline == (summarize(again.decoded()), list(list_notes(again)))


@given(STORY, HARM, st.randoms())
def test_a_whole_file_is_read_as_its_lines_are(
    story: list[tuple[str, int]], harms: list[tuple[int, int, bytes]], random
) -> None:
    runs = harm(tell(story), harms)
    lines = [line.encode() for run in runs for line in jsonl.format_bytes(*run)]
    lines += [b'{"mark": {"boot": 1, "up_ms": 5, "unix_ms": 1790000000000}}\n', b'{"odd": 1}\n']
    for number in range(len(lines)):
        if random.random() < 0.05:
            at = random.randrange(len(lines[number]) - 1)
            lines[number] = lines[number][:at] + b"?" + lines[number][at + 1 :]
    if random.random() < 0.2:
        random.shuffle(lines)
    one = jsonl.read(lines, "file")
    whole = jsonl.read_content(b"".join(lines), "file")
    # Where the meaning beside a record is damaged, its bytes still count when their CRC is right.
    assert set(whole.problems) <= set(one.problems)
    known = dict(one.extents())
    for offset, raw in whole.extents():
        assert all(
            raw[at - offset : at - offset + len(its)] == its
            for at, its in known.items()
            if offset <= at < offset + len(raw)
        )
    if not one.problems:
        assert one.extents() == whole.extents()
        assert (one.marks, one.others, one.abouts) == (whole.marks, whole.others, whole.abouts)


def test_a_page_shows_a_session_with_its_samples(tmp_path: Path) -> None:
    log = LogMaker()
    for number in (1, 2, 3):
        log.power_on()
        log.clock(1_790_000_000 + 86_400 * number)
        log.session(number)
        log.lost(number)
    log.power_on()
    log.lit(4)
    log.sample(4)
    log.power_on("watchdog")
    keep(tmp_path, [(0, log.raw)])
    kept = Archive(tmp_path).wrap("u1")
    whole = summarize_sessions(kept.decoded(), kept.clock(), INFO)
    book = SessionBook(Archive(tmp_path))
    rows = {row["number"]: row for row in book.list_sessions()}
    for session in whole:
        shown = book.find_session("u1", session.number)
        assert shown is not None
        assert len(shown["samples"]["t_s"]) >= len(session.samples) > 0
        assert (shown["records_lost"], shown["reason"]) == (session.records_lost, session.reason)
        assert shown["restart_cause"] == session.restart_cause
        assert rows[session.number]["light_up_ms"] == session.light_up_ms
        assert tuple(shown["dose_uj"]) == session.dose_uj
