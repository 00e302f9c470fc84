"""Where a log's sector belongs whose head is damaged: its neighbours tell. Used at boot only."""

from wrap.storage import records

NONE = (1 << 30) - 1  # a sector that is no part of the log; a small integer on the chip
_NEAR = 1024  # more records than a sector holds


def _records(sectors, i, filled):
    """Records of a sector; the last one's end may look erased."""
    return records.scan(sectors.read(i, 0, sectors.size), filled)[0]


def length(sectors, i):
    """Bytes of a sector that are part of the log, by what is in it."""
    filled = sectors.filled(i)
    found = _records(sectors, i, filled)
    return max(filled, found[-1][6] if found else 0)


def begins(sectors):
    """Whether sector 0 is a new log's first though its head is damaged: its records say so."""
    found = _records(sectors, 0, sectors.filled(0))
    return len(found) > 0 and found[0][1] < _NEAR


def mend(sectors, starts, head):
    """Fill in the offsets of sectors with a damaged head; returns the newest sector, which may be
    one of them."""
    n = sectors.n
    for k in range(n):
        i = (head + 1 + k) % n  # from the oldest place to the newest
        if starts[i] == NONE:
            _infer(sectors, starts, i)
    i = (head + 1) % n
    while starts[i] != NONE and starts[i] > starts[head]:
        head = i
        i = (i + 1) % n
    return head


def _infer(sectors, starts, i):
    before, after = (i - 1) % sectors.n, (i + 1) % sectors.n
    if starts[before] != NONE and _follows(sectors, before, i):
        starts[i] = starts[before] + length(sectors, before)
    elif starts[after] != NONE and _follows(sectors, i, after):
        starts[i] = max(0, starts[after] - length(sectors, i))


def _follows(sectors, a, b):
    """Whether the records of sector `b` come right after those of `a`. What an erase left standing
    of a sector's old records does not: its numbers are far behind."""
    first = _records(sectors, b, sectors.filled(b))
    last = _records(sectors, a, sectors.filled(a)) if first else []
    if not last:
        return False
    step = (first[0][1] - last[-1][1]) & 0xFFFF
    return 0 < step < _NEAR and first[0][2] >= last[-1][2]
