"""The frame parser: any stream, and a frame behind it that must still be read."""

import binascii

from wrap.link import frames
from wrap.link.frames import BAD_CRC, MAX_REQUEST, OK, SKIPPED, TOO_LONG

_LIMITS = (MAX_REQUEST, 16, MAX_REQUEST, frames.MAX_ANSWER)
_reader = frames.LineReader()


def _feed(reader, raw):
    """[(event, body)] of every finished line."""
    out = []
    for byte in raw:
        event = reader.feed(byte)
        if event is not None:
            out.append((event, reader.body() if event == OK else None))
    return out


def _judged(line, limit):
    """What a line without its newline is, said in other words than the reader's."""
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


def _resync(body):
    """After whatever came, a line end and a frame: it is read."""
    line = frames.encode(body)
    assert _feed(_reader, b"\n" + line)[-1] == (OK, body)
    assert hex_of(line) == binascii.crc32(body) & 0xFFFFFFFF


def hex_of(line):
    return frames.hex8(line, len(line) - 9)


def one(data):
    limit = _LIMITS[data[0] & 3] if data else MAX_REQUEST
    reader = _reader if limit == MAX_REQUEST else frames.LineReader(limit)
    raw = data[1:] + b"\n"
    told = _feed(reader, raw)
    assert told == [_judged(line, limit) for line in raw.split(b"\n")[:-1]]
    assert len(reader._line) == limit
    _reader.feed(data[0] if data else 64)
    _resync(data[1:200].replace(b"\n", b""))
    _feed(_reader, data)
    _reader.reset()
    assert _feed(_reader, frames.encode(b"{}")) == [(OK, b"{}")]
