"""The append-only record log in a ring of sectors. Knows bytes and offsets; what records mean is
elsewhere.

Offsets are absolute and never reused: the log is one stream of bytes, and each sector begins with a
SECTOR record that says at which offset, and carries the SHA-256 of the sector before. An END record
carries the SHA-256 of its own sector up to there. So every byte before a seal is under it, and a
change, a gap or another order shows. On return from `append` the record is in flash.

Sectors are erased ahead, by `prepare`, while nothing is lit: an append erases only when none is
ready. Read errors of single bits cost the records they hit and nothing else.
"""

import hashlib
from array import array

from wrap.compat import const
from wrap.storage import payloads, records
from wrap.storage.mend import NONE, begins, length, mend

AHEAD = const(2)  # sectors kept erased: some three sessions
_BLOBS = const(4)  # remembered in each sector's head
_HEAD_MOST = const(120)  # of a SECTOR record
_HEAD_LEAST = const(41)  # of its payload
_SEQ = const((1 << 30) - 1)  # the last number; a wrap that lives for ever begins again at 0
_EIO = const(5)


class Log:
    """sectors: see wrap.storage.sectors. first, end: offsets of the oldest byte kept and of the
    next to come. seq: of the next record; boot: of the last one. torn: bytes behind the last record
    that power cut short. skipped: sectors that could not be erased."""

    def __init__(self, sectors):
        self._s = sectors
        self._starts = array("I", [NONE] * sectors.n)
        self._head = -1
        self._at = 0
        self._ready = []
        self._blobs = []
        self._bad = []
        self._last_read = 0
        self._pad = 0  # bytes to leave out before the next record
        self.first = self.end = self.seq = self.boot = self.torn = 0
        self._find()
        if self._head >= 0:
            self._recover()
        self._look_ahead()

    @property
    def skipped(self):
        return len(self._bad)

    def _find(self):
        """The offset at which each sector begins, and the newest of them."""
        newest = -1
        for i in range(self._s.n):
            start = self._start_of(i)
            if start is not None:
                self._starts[i] = start
                if start > newest:
                    newest = start
                    self._head = i
        if self._head < 0 and begins(self._s):
            self._starts[0] = self._head = 0
        if self._head >= 0:
            self._head = mend(self._s, self._starts, self._head)
            self.first = min(self._starts)

    def _start_of(self, i):
        head = self._s.read(i, 0, _HEAD_MOST)
        if not len(head) or head[0] != 0xA0 + records.SECTOR:
            return None
        record = records.parse(head, 0)
        if record is None or len(record[5]) < _HEAD_LEAST:
            return None
        told = payloads.unpack_sector(record[5])
        return told["start"] if told["start"] < NONE and told["seq"] <= _SEQ else None

    def _recover(self):
        """Sequence, boot and known blobs go on after the last true record."""
        i = self._head
        start = self._starts[i]
        self._at = length(self._s, i)
        self.end = start + self._at
        found, gaps = records.scan(self._s.read(i, 0, self._at))
        if gaps and gaps[-1][1] == self._at:
            self.torn = self._at - gaps[-1][0]
            self._pad = records.CRC_SIZE
        for record in found:
            self._know(record, start)
        self.seq = (found[-1][1] + 1) & _SEQ
        self.boot = found[-1][2]

    def _know(self, record, start):
        if record[0] == records.SECTOR and len(record[5]) >= _HEAD_LEAST:
            self._blobs = payloads.unpack_sector(record[5])["blobs"]
        elif record[0] == records.BLOB:
            at = start + record[6] - records.size(record[5])
            self._remember(bytes(record[5][1:9]), at)

    # ---- erasing

    def _look_ahead(self):
        """What is erased already behind the newest sector."""
        i = self._after(self._head)
        while len(self._ready) < AHEAD and self._starts[i] == NONE and self._s.ready(i):
            self._ready.append(i)
            i = self._after(i)
        # The next to be erased, its head gone: power went while it was, and it would be a hole.
        hurt = len(self._ready) < AHEAD and i != self._head and self._start_of(i) is None
        if hurt and self._starts[i] != NONE:
            self._drop(i)

    def _drop(self, i):
        self._starts[i] = NONE
        self.first = min(self._starts)

    def _after(self, i):
        n = self._s.n
        i = (i + 1) % n
        while i in self._bad:
            i = (i + 1) % n
        return i

    def prepared(self):
        """Enough sectors are erased ahead."""
        return len(self._ready) >= AHEAD

    def prepare(self):
        """Erase one more sector, the oldest; only while nothing is lit. Raises OSError."""
        tries = 3
        while True:
            i = self._after(self._ready[-1] if self._ready else self._head)
            if i == self._head or i in self._ready:
                raise OSError(_EIO)
            try:
                self._erase(i)
                return
            except OSError:
                self._bad.append(i)
                tries -= 1
                if not tries:
                    raise

    def _erase(self, i):
        if self._starts[i] != NONE:
            self._drop(i)
        self._s.erase(i)
        self._ready.append(i)

    # ---- writing

    def fits(self, payload):
        """Whether a record can be appended without erasing."""
        return len(self._ready) > 0 or self._room() >= records.size(payload) + payloads.SEAL

    def _room(self):
        return self._s.size - self._at - self._pad if self._head >= 0 else 0

    def append(self, kind, boot, up_s, up_ms, payload):
        """Write one record. Raises OSError; then nothing counts as written and the same call may be
        tried again."""
        size = records.size(payload) + (payloads.SEAL if kind == records.END else 0)
        if self._room() < size:
            self._next(boot, up_s, up_ms)
        try:
            self._put(kind, boot, up_s, up_ms, payload)
        except OSError:  # once more, in another place
            self._next(boot, up_s, up_ms)
            self._put(kind, boot, up_s, up_ms, payload)

    def _put(self, kind, boot, up_s, up_ms, payload):
        if self._pad:
            self._leave_out()
        if kind == records.END:
            payload = self._sealed(payload, boot, up_s, up_ms)
        at = self.end
        self._program(self._head, records.pack(kind, self.seq, boot, up_s, up_ms, payload))
        if kind == records.BLOB:
            self._remember(bytes(payload[1:9]), at)

    def _leave_out(self):
        """A write that power cut may lack only its last byte, and the next one could begin with it:
        then that would be whole, and the next one lost."""
        self._s.program(self._head, self._at, b"\xff" * self._pad)
        self._at += self._pad
        self.end += self._pad
        self._pad = 0

    def _program(self, i, data):  # H-38
        start = self.end - self._at
        try:
            self._s.program(i, self._at, data)
        except OSError:
            filled = self._s.filled(i)
            if filled > self._at:
                self._at = filled
                self._pad = records.CRC_SIZE
            self.end = start + self._at
            raise
        self._at += len(data)
        self.end += len(data)
        self.seq += 1

    def _next(self, boot, up_s, up_ms):
        """Go on in the next sector."""
        if not self._ready:
            self.prepare()
        i = self._ready[0]
        chain = self.chain()
        payload = payloads.pack_sector(self.end, self.seq, chain, self._blobs)
        data = records.pack(records.SECTOR, self.seq, boot, up_s, up_ms, payload)
        self._ready.pop(0)
        self._s.program(i, 0, data)
        self._pad = 0
        self._starts[i] = self.end
        if self._head < 0:
            self.first = self.end
        self._head = i
        self._at = len(data)
        self.end += len(data)
        self.seq += 1

    def chain(self):
        """SHA-256 of the newest sector's bytes so far; of nothing when there is none."""
        return self._digest().digest()

    def _digest(self):
        digest = hashlib.sha256()
        if self._head >= 0:
            digest.update(self._s.read(self._head, 0, self._at))
        return digest

    def _sealed(self, payload, boot, up_s, up_ms):  # H-38
        """The payload with SHA-256 over the sector and this record up to there behind it."""
        blank = bytes(payloads.SEAL)
        data = records.pack(records.END, self.seq, boot, up_s, up_ms, payload + blank)
        digest = self._digest()
        digest.update(data[: -payloads.SEAL - records.CRC_SIZE])
        return payload + digest.digest()

    def blob(self, raw):
        """(name, whether it must be written): what `raw` is called in other records. It is written
        again before the ring could drop it."""
        name = hashlib.sha256(raw).digest()[:8]
        quarter = self._s.n * self._s.size // 4
        for known, offset in self._blobs:
            if known == name and offset >= self.first and self.end - offset < quarter:
                return name, False
        return name, True

    def _remember(self, name, offset):
        self._blobs = [b for b in self._blobs if b[0] != name][1 - _BLOBS :] + [(name, offset)]

    # ---- reading

    def read(self, offset, n):
        """At most `n` bytes from `offset` (first <= offset <= end), never past a sector's end. What
        is lost altogether reads as erased: a host must get past it."""
        if offset >= self.end or offset < self.first:
            return b""
        i, stop = self._sector_of(offset)
        at = offset - self._starts[i]
        n = min(n, stop - offset)
        data = bytes(self._s.read(i, at, max(0, min(n, self._s.size - at))))
        return data or b"\xff" * n

    def _sector_of(self, offset):
        """(sector, the offset at which the next one begins)"""
        i = self._last_read
        if self._starts[i] <= offset:
            stop = self._stop(i)
            if offset < stop:
                return i, stop
            i = self._behind(i)
            if offset < self._stop(i):
                self._last_read = i
                return i, self._stop(i)
        self._last_read = i = self._search(offset)
        return i, self._stop(i)

    def _behind(self, i):
        """The next sector: physically behind it, but for bad and erased ones."""
        k = self._after(i)
        while self._starts[k] == NONE and k != i:
            k = self._after(k)
        return k

    def _stop(self, i):
        return self.end if i == self._head else self._starts[self._behind(i)]

    def _search(self, offset):
        """Back from where it would be if every sector behind it were full: to look at all of them
        takes 10 ms on the chip."""
        n = self._s.n
        i = (self._head - (self.end - offset) // self._s.size) % n
        while self._starts[i] > offset:
            i = (i - 1) % n
        return i
