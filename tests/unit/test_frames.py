"""Frames: what was sent arrives however it is cut, and noise is never taken for a frame."""

import re
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrap.link import frames
from wrap.link.frames import (
    BAD_CRC,
    MAX_REQUEST,
    OK,
    SKIPPED,
    TOO_LONG,
    LineReader,
    encode,
    open_reader,
)

JSON = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200).map(str.encode)
NOISE = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from(list(b'@*\r{"i":1}0a'))).map(bytes),
)


def read(raw, reader=None, size=7):
    """(event, body) for every line in `raw`, taken `size` bytes at a time."""
    reader = reader or LineReader()
    out = []
    for start in range(0, len(raw), size):
        run = bytearray(raw[start : start + size])
        at = 0
        while at < len(run):
            event = reader.take(run, at, len(run))
            assert reader.at > at
            at = reader.at
            if event is not None:
                out.append((event, reader.body() if event == OK else b""))
    return out


@given(st.lists(st.one_of(NOISE, JSON.map(encode)), max_size=6), st.integers(1, 300))
def test_it_does_not_matter_how_bytes_are_cut(pieces, size):
    raw = b"\n".join(pieces)
    assert read(raw, size=size) == read(raw, size=1)


def test_the_bytes_of_a_frame_are_as_documented():
    assert encode(b'{"i":1}') == b'@{"i":1}*%08x\n' % crc32(b'{"i":1}')


@given(st.lists(JSON, min_size=1, max_size=5))
def test_what_was_sent_arrives(bodies):
    sent = b"".join(encode(b) for b in bodies)
    # An at-sign inside a body does not begin a frame, since the line began with one.
    assert read(sent) == [(OK, b) for b in bodies]


@given(JSON)
def test_a_carriage_return_before_the_newline_is_no_harm(body):
    assert read(encode(body)[:-1] + b"\r\n") == [(OK, body)]


@given(st.lists(NOISE, max_size=8), JSON)
def test_noise_never_raises_and_never_becomes_a_frame(noise, body):
    raw = b"\n".join(noise) + b"\n"
    events = read(raw + encode(body))
    assert events[-1] == (OK, body)
    sent = {line[1:-9] for line in raw.split(b"\n") if line == encode(line[1:-9])[:-1]}
    assert {b for event, b in events[:-1] if event == OK} <= sent


@given(JSON, st.data())
def test_a_line_with_a_changed_byte_is_never_taken(body, data):
    raw = bytearray(encode(body))
    at = data.draw(st.integers(0, len(raw) - 2))
    raw[at] ^= data.draw(st.integers(1, 255))
    assert OK not in [event for event, _ in read(bytes(raw))]


@given(st.binary(max_size=8).filter(lambda b: b"@" not in b and b"\n" not in b), JSON)
def test_a_banner_on_the_same_line_is_dropped(banner, body):
    assert read(banner + encode(body)) == [(OK, body)]


@pytest.mark.parametrize("size,event", [(MAX_REQUEST - 10, OK), (MAX_REQUEST - 9, TOO_LONG)])
def test_the_longest_line_is_240_bytes(size, event):
    assert read(encode(b"x" * size) + encode(b"{}")) == [
        (event, b"x" * size if event == OK else b""),
        (OK, b"{}"),
    ]


def test_noise_without_end_is_skipped_up_to_its_newline():
    assert read(b"x" * 5000 + b"\n" + encode(b"{}")) == [(SKIPPED, b""), (OK, b"{}")]
    assert read(b"x" * 5000 + encode(b"{}")) == [(OK, b"{}")]


@pytest.mark.parametrize(
    "line", [b"@", b"@\r", b"@*", b"@{}*0000000", b"@{}*0000000g", b"@{}*0000000G", b"@{}-4c61d4c5"]
)
def test_half_frames_are_bad(line):
    assert read(line + b"\n") == [(BAD_CRC, b"")]


def test_upper_case_digits_are_no_checksum():
    frame = encode(b"{}")
    assert frame.upper() != frame
    assert read(frame.upper()) == [(BAD_CRC, b"")]


def test_reset_forgets_a_half_line_even_a_long_one():
    for half in (b'@{"i":', b"@" + b"x" * 400):
        reader = LineReader()
        assert read(half, reader) == []
        reader.reset()
        assert read(b"\n" + encode(b"{}"), reader) == [(SKIPPED, b""), (OK, b"{}")]


HEADS = st.sampled_from(
    [b'{"i":', b'{"j":', b'{ "i":', b'{"i": ', b'{"i', b'{"i":-', b'{"i":0', b'{"i":"', b"", b"["]
)
IDS = st.one_of(
    st.integers(0, 1 << 31), st.sampled_from([(1 << 30) - 1, 1 << 30, 10**10, 10**20])
).map(b"%d".__mod__)
TAILS = st.sampled_from([b"", b",", b',"m":"status"}', b"}", b'.5,"m":"a"}', b'e3,"m":"a"}'])


@given(HEADS, st.one_of(IDS, st.just(b"")), TAILS)
def test_an_id_is_found_only_where_hosts_write_it_and_as_they_do(head, digits, tail):
    body = head + digits + tail
    reader = LineReader()
    assert read(encode(body), reader, size=500) == [(OK, body)]
    found = re.match(rb'\{"i":(0|[1-9][0-9]{0,9}),', body)
    number = int(found[1]) if found else 1 << 30
    if number < 1 << 30:
        assert reader.number() == number
        assert reader.ends_with(body[found.end() - 1 :])
        assert not reader.ends_with(body[found.end() :])
    else:
        assert reader.number() == -1
    assert reader.is_body(body)
    assert not reader.is_body(body + b" ")


def test_the_c_type_reads_where_the_image_has_it(monkeypatch):
    assert isinstance(open_reader(), LineReader)
    monkeypatch.setattr(frames, "NativeReader", lambda limit: ("native", limit))
    assert open_reader() == ("native", MAX_REQUEST)
