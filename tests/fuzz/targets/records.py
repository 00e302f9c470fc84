"""Tries the record readers: never a record that was not written, and none lost that is whole. The
wrap's own, which goes from record to record, finds what the host's finds.

Knows of the bytes only what `pack`, `scan` and the last item of a record (where the next begins)
say.
"""

from tests.fuzz import odd
from wrap.storage import record_reader, records
from wrap.storage.log import SectorWalk

WINDOWS = (120, 512, 4096)  # bytes that a sector gives at once: a record's head is not longer


class CopiedSector:
    """Holds one sector that is copied to be read, at most `window` bytes at once.

    longest: the most bytes that were asked for."""

    def __init__(self, content, window):
        self.content = content
        self.size = len(content)
        self.window = window
        self.longest = 0

    def read(self, _i, at, n):
        self.longest = max(self.longest, n)
        return self.content[at : at + n]


def walk(buf, until, window):
    """Return what a walk over `buf` finds: ([(kind, seq, boot, the payload's first 100 bytes, end),
    ...], where the bytes behind the last record begin that are none or -1)."""
    sector = CopiedSector(buf, window)
    steps = SectorWalk(sector, 0, until, len(buf))
    found = []
    while steps.go_on():
        found.append((steps.kind, steps.seq, steps.boot, steps.payload(100), steps.end))
    assert sector.longest <= window
    return found, steps.gap


def check_walk(found, gaps, buf, until, window):
    """Check that a walk finds the records of a scan."""
    walked, gap = walk(buf, until, window)
    assert walked == [(r[0], r[1], r[2], r[5][:100], r[6]) for r in found]
    end = found[-1][6] if found else 0
    behind = [start for start, stop in gaps if stop == until and start >= end]
    assert gap == (behind[0] if behind else -1)


def _same(found, gaps, buf, until):
    """Check that each record found stands there, bit for bit as it is packed; they and the gaps
    fill all."""
    pieces = list(gaps)
    for record in found:
        raw = records.pack(*record[:6])
        start = record[6] - len(raw)
        if record[0] == records.SECTOR:  # the payload's own number counts, see `full_seq`
            raw = records.pack(record[0], buf[start + 2] | buf[start + 3] << 8, *record[2:6])
        assert bytes(buf[start : record[6]]) == raw, "a record that is not there"
        pieces.append((start, record[6]))
    at = 0
    for start, end in sorted(pieces):
        assert start == at and end > at, "bytes in two places, or in none"
        at = end
    assert at == until or (at > until and found and found[-1][6] == at)


def _log(src):
    """Return the records that a wrap could have written, as bytes."""
    out = []
    for seq in range(1 + src.below(6)):
        kind, boot = src.of(record_reader.ALL_TYPES), src.byte()
        up_s, up_ms = src.byte() << 8, src.below(100) * 10
        payload = src.some(src.below(60))
        if src.below(4) == 0:
            payload = bytes([0xA0 + kind]) * (src.byte() * 4)
        out.append(records.pack(kind, seq, boot, up_s, up_ms, payload))
    return out


def _damaged(src, buf, whole):
    """Return `buf` with bytes flipped, cut out and put in; forgets in `whole` what they touch."""
    for _ in range(src.below(4)):
        at = (src.byte() << 8 | src.byte()) % (len(buf) + 1)
        cut, put = src.of(((1, 1), (0, 3), (7, 0), (1, 1), (300, 0)))
        piece = src.some(put)
        if buf[at : at + cut] == piece:
            continue
        moved = len(piece) - min(cut, len(buf) - at)
        buf = buf[:at] + piece + buf[at + cut :]
        kept = []
        for start, end in whole:
            if end <= at:
                kept.append((start, end))
            elif start >= at + cut:
                kept.append((start + moved, end + moved))
        whole = kept
    return buf, whole


def _covered(place, reported):
    """A record that has lost its last byte may take the next one's first for it."""
    return any([start < place[0] < end for start, end in reported])


def _written(src):
    """Return a log, some of it damaged. Records inside a payload count as written: they come to
    light when the one around them is damaged."""
    buf, whole = b"", []
    for raw in _log(src):
        whole.append((len(buf), len(buf) + len(raw)))
        buf += raw
    wrote = buf
    buf, whole = _damaged(src, buf, whole)
    found, gaps = record_reader.scan(buf)
    _same(found, gaps, buf, len(buf))
    check_walk(found, gaps, buf, len(buf), src.of(WINDOWS))
    reported = []
    for record in found:
        end = record[6]
        start = end - records.size(len(record[5]))
        reported.append((start, end))
        assert wrote.find(buf[start:end]) >= 0, "never written"
    for place in whole:
        assert place in reported or _covered(place, reported), "lost though whole"


def one(data):
    src = odd.Choices(data)
    if src.below(2):
        _written(src)
        return
    until = (src.byte() << 8 | src.byte()) * src.below(2)
    window = src.of(WINDOWS)
    buf = src.rest()
    until = until % (len(buf) + 1) if until else len(buf)
    found, gaps = record_reader.scan(buf, until)
    _same(found, gaps, buf, until)
    check_walk(found, gaps, buf, until, window)
    for at in range(min(4, len(buf))):
        record = record_reader.parse(buf, at)
        assert record is None or at < record[6] <= len(buf)
