"""Tries the frame parser: any stream in pieces of any size, and a frame behind it that must still
be read."""

import binascii

from wrap.link import frames
from wrap.link.frames import BAD_CRC, MAX_REQUEST, OK, SKIPPED, TOO_LONG

_LIMITS = (MAX_REQUEST, 16, MAX_REQUEST, frames.MAX_ANSWER)
_SIZES = (64, 7, 1, 300)  # the server's, and odd ones
_reader = frames.LineReader()


def _feed(reader, raw, size):
    """Return [(event, body)] of every finished line; `size` bytes are there at a time."""
    out = []
    for at in range(0, len(raw), size):
        end = min(len(raw), at + size)
        while at < end:
            event = reader.take(raw, at, end)
            assert at < reader.at <= end, "it does not go on"
            at = reader.at
            if event is not None:
                out.append((event, reader.body() if event == OK else None))
    return out


def judged(line, limit):
    """Return what a line without its newline is, said in other words than the reader's."""
    at = line.find(b"@")
    if at < 0:
        return SKIPPED, None
    line = line[at:]
    if len(line) > limit:
        return TOO_LONG, None
    line = line[:-1] if line[-1:] == b"\r" else line
    body = line[1:-9]
    if len(line) < 10 or line[-9:] != b"*%08x" % (binascii.crc32(body) & 0xFFFFFFFF):
        return BAD_CRC, None
    return OK, body


def _resync(body, size):
    """Check that a line end and a frame are read after whatever came."""
    assert _feed(_reader, b"\n" + frames.encode(body), size)[-1] == (OK, body)


def one(data):
    head = data[0] if data else 0
    limit = _LIMITS[head & 3]
    size = _SIZES[head >> 2 & 3]
    reader = _reader if limit == MAX_REQUEST else frames.LineReader(limit)
    raw = data[1:] + b"\n"
    reported = _feed(reader, raw, size)
    assert reported == [judged(line, limit) for line in raw.split(b"\n")[:-1]]
    # Private: `_line`, since a preallocated buffer that grows is slower and larger, not different.
    assert len(reader._line) == limit, "the line has grown"
    _feed(_reader, data[-40:], size)
    _resync(data[1:200].replace(b"\n", b""), size)
    _feed(_reader, data[:40], size)
    _reader.reset()
    assert _feed(_reader, frames.encode(b"{}"), size) == [(OK, b"{}")]
