"""The record reader: never a record that was not written, and none lost that is whole.

Knows of the bytes only what `pack`, `scan` and the last item of a record (where the next begins)
say.
"""

from tests.fuzz import odd
from wrap.storage import records


def _same(found, buf):
    """Each record found stands there, bit for bit as it is packed, and none overlaps another."""
    at = 0
    for record in found:
        raw = records.pack(*record[:6])
        end = record[-1]
        assert end - len(raw) >= at, "records overlap"
        assert bytes(buf[end - len(raw) : end]) == raw, "a record that is not there"
        at = end


def _log(src):
    """[(record without its end, bytes)] that a wrap could have written."""
    out = []
    for seq in range(1 + src.below(6)):
        kind, boot = src.of(records.ALL_TYPES), src.byte()
        up_s, up_ms = src.byte() << 8, src.byte()
        payload = src.some(src.below(60)) if src.below(4) else b"\xa5" * src.byte()
        what = (kind, seq, boot, up_s, up_ms, payload)
        out.append((what, records.pack(*what)))
    return out


def _damaged(src, buf, whole):
    """`buf` with bytes flipped, cut out and put in; forgets in `whole` what they touch."""
    for _ in range(src.below(4)):
        at = (src.byte() << 8 | src.byte()) % (len(buf) + 1)
        cut, put = src.of(((1, 1), (0, 3), (7, 0), (1, 1), (300, 0)))
        piece = src.some(put)
        if buf[at : at + cut] == piece:
            continue
        buf = buf[:at] + piece + buf[at + cut :]
        moved = len(piece) - min(cut, len(buf) + cut - len(piece) - at)
        kept = []
        for what, start, end in whole:
            if end <= at:
                kept.append((what, start, end))
            elif start >= at + cut:
                kept.append((what, start + moved, end + moved))
        whole = kept
    return buf, whole


def _written(src):
    buf, whole, wrote = b"", [], []
    for what, raw in _log(src):
        whole.append((what, len(buf), len(buf) + len(raw)))
        wrote.append(what)
        buf += raw
    buf, whole = _damaged(src, buf, whole)
    found = records.scan(buf)[0]
    _same(found, buf)
    told = [tuple(record[:6]) for record in found]
    for what in told:
        assert what in wrote, "never written"
    for what, _, _ in whole:
        assert what in told, "lost though whole"


def one(data):
    src = odd.Choices(data)
    if src.below(2):
        _written(src)
        return
    buf = src.rest()
    _same(records.scan(buf)[0], buf)
    for at in range(min(4, len(buf))):
        record = records.parse(buf, at)
        assert record is None or at < record[-1] <= len(buf)
