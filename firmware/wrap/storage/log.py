"""The append-only record log in a ring of sectors. Deals in bytes and offsets; what records mean is
in `records` and `payloads`.

Offsets are absolute and never reused: the log is one stream of bytes. Each sector begins with a
SECTOR record, which states the offset at which it begins and carries the SHA-256 of the sector
before. An END record carries the SHA-256 of its own sector up to itself. So every byte before a
seal is protected by it: a change, a gap or another order is detected. When `append` returns, the
record is in flash.

Sectors are erased in advance by `prepare`, while nothing is lit; an append erases only when no
erased sector is left. A bit error costs the record that it hits and no other: the offset of a
sector whose head is damaged is inferred from the adjacent sectors.
"""

import binascii
import hashlib
import struct
from array import array

from wrap.compat import const
from wrap.errors import WRITE_ERRORS
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.sectors import AnySectors

AHEAD = const(2)  # sectors kept erased: about three sessions
UNUSED = (1 << 30) - 1  # start of a sector that is not part of the log; a small integer on the chip
_BLOBS = const(4)  # BLOB records whose offsets each sector's head carries
_HEAD_MOST = const(120)  # bytes of a SECTOR record
_HEAD_LEAST = const(41)  # bytes of its payload without blobs
_BEGIN = const(11)  # of start and sequence number in a SECTOR record (`payloads.pack_sector`)
_MOST = const((1 << 30) - 1)  # UNUSED, and the highest sequence number, after which it wraps to 0
_NEAR = const(1024)  # more records than a sector holds
_EIO = const(5)
_TAG = const(0xA0)  # of the first byte of a record, see `records`
_TAG_MASK = const(0xE0)


def used_bytes(sectors: "AnySectors", i: int) -> int:
    """Return the bytes of sector `i` that are part of the log, judged by its content."""
    filled = sectors.filled_bytes(i)
    walk = SectorWalk(sectors, i, filled, sectors.size)
    return max(filled, walk.end if walk.go_to_last() else 0)


class SectorWalk:
    """Goes from record to record of a sector, as `record_reader.scan` finds them, with
    `sectors.window` bytes of it in the heap: as objects, those of a full sector do not fit.

    kind, seq, boot: of the record; seq is the full number. start, end: its place. gap: where the
    bytes behind the last record begin that are none, -1 without any."""

    def __init__(self, sectors: "AnySectors", i: int, until: int, size: int) -> None:
        """No record is searched from `until` on, and none is longer than `size` allows."""
        self._s = sectors
        self._i = i
        self._until = until
        self._size = size
        self._piece = memoryview(b"")
        self._piece_at = 0
        self._head = self._n = 0  # bytes of the record's head and of its payload
        self.kind = self.boot = self.start = self.end = 0
        self.seq = self.gap = -1

    def go_on(self) -> bool:
        """Go to the next record. Returns False when there is none."""
        at = self.end
        while at < self._until:
            byte = self._read(at, 1)
            if byte and byte[0] & _TAG_MASK == _TAG and self._read_record(at):
                self.gap = -1
                return True
            if self.gap < 0:
                self.gap = at
            at += 1
        return False

    def go_to_last(self) -> bool:
        """Go to the last record. Returns False when there is none."""
        while self.go_on():
            pass
        return self.end > 0

    def payload(self, most: int) -> bytes:
        """Return the payload, at most `most` bytes of it."""
        return bytes(self._read(self.start + self._head, min(most, self._n)))

    def _read_record(self, at: int) -> bool:
        """Take the record at `at`. Returns False when there is none with a correct CRC."""
        n = records.size_at(self._read(at, records.HEAD_SIZE + 2), self._size - at)
        if not n or self._compute_crc(at, n) != records.RESIDUE:
            return False
        head = self._read(at, records.HEAD_SIZE + 2)
        tag, short, low, boot, _ = struct.unpack_from(records.HEAD, head, 0)
        self._head = records.HEAD_SIZE if short < records.LONG else records.HEAD_SIZE + 2
        self._n = n - self._head - records.CRC_SIZE
        self.start, self.end = at, at + n
        self.kind, self.boot = tag & records.KIND_MASK, boot
        if self.kind == records.SECTOR and self._n >= 9:
            self.seq = struct.unpack_from("<I", self.payload(9), 5)[0]
        else:
            self.seq = records.follow_seq(low, self.seq)
        return True

    def _compute_crc(self, at: int, n: int) -> int:
        crc = 0
        while n:
            piece = self._read(at, min(n, self._s.window))
            if not piece:
                return -1  # the sector has fewer bytes
            crc = binascii.crc32(piece, crc)
            at += len(piece)
            n -= len(piece)
        return crc

    def _read(self, at: int, n: int) -> memoryview:
        """Return `n` bytes from `at`, fewer behind the end. n: at most a window."""
        if at < self._piece_at or at + n > self._piece_at + len(self._piece):
            size = min(self._s.window, self._size - at)
            self._piece = memoryview(self._s.read(self._i, at, size))
            self._piece_at = at
        at -= self._piece_at
        return self._piece[at : at + n]


def _stated_start(head: "bytes | bytearray | memoryview") -> "int | None":
    """Return the start that the head of a sector states, None when it is not valid."""
    if not records.begins_with(head, records.SECTOR, _HEAD_LEAST):
        return None
    # Here, since a boot asks for each sector: a function in `payloads` would take 4 ms more.
    start, seq = struct.unpack_from("<II", head, _BEGIN)
    return start if start < _MOST and seq <= _MOST else None


def _is_first(sectors: "AnySectors") -> bool:
    """Return whether sector 0 is the first of a new log by its records, though its head is
    damaged."""
    walk = SectorWalk(sectors, 0, sectors.filled_bytes(0), sectors.size)
    return walk.go_on() and walk.seq < _NEAR


def _infer_starts(sectors: "AnySectors", starts: "array[int]", head: int) -> int:
    """Fill in `starts` for sectors whose head is damaged. Returns the newest sector, which may be
    one of them."""
    n = sectors.n
    unused = UNUSED
    before = starts[head]
    for places in (range(head + 1, n), range(head + 1)):  # from the oldest place to the newest
        for i in places:
            start = starts[i]
            # One without a neighbour has nothing to be inferred from: most sectors of a young log.
            if start == unused and (before != unused or starts[i + 1 - n] != unused):
                _infer_start(sectors, starts, i)
                start = starts[i]
            before = start
    i = (head + 1) % n
    while starts[i] != UNUSED and starts[i] > starts[head]:
        head = i
        i = (i + 1) % n
    return head


def _infer_start(sectors: "AnySectors", starts: "array[int]", i: int) -> None:
    """Set the start of sector `i` when its records follow those of the sector before, or precede
    those of the sector behind."""
    before, after = (i - 1) % sectors.n, (i + 1) % sectors.n
    if starts[before] != UNUSED and _sector_follows(sectors, before, i):
        starts[i] = starts[before] + used_bytes(sectors, before)
    elif starts[after] != UNUSED and _sector_follows(sectors, i, after):
        starts[i] = max(0, starts[after] - used_bytes(sectors, i))


def _sector_follows(sectors: "AnySectors", a: int, b: int) -> bool:
    """Return whether the records of sector `b` come right after those of `a`. Old records that an
    interrupted erase left in `b` do not: their sequence numbers are far lower."""
    first = SectorWalk(sectors, b, sectors.filled_bytes(b), sectors.size)
    last = SectorWalk(sectors, a, sectors.filled_bytes(a), sectors.size)
    if not first.go_on() or not last.go_to_last():
        return False
    return 0 < (first.seq - last.seq) & 0xFFFF < _NEAR and first.boot >= last.boot


class Log:
    """Appends records to the ring of `sectors`, and reads it.

    first, end: offsets of the oldest byte kept and of the next byte to be written. starts: for each
    sector the offset at which it begins, or UNUSED. seq: sequence number of the next record. boot:
    boot number of the last record. torn: bytes behind the last record that a power cut left.
    skipped: sectors that could not be erased."""

    def __init__(self, sectors: "AnySectors") -> None:
        self._s = sectors
        self.starts = array("I", [UNUSED] * sectors.n)
        self._head = -1
        self._at = 0
        self._ready = []
        self._blobs = []
        self._bad = []
        self._last_read = 0
        self._pad = 0  # bytes to skip before the next record, see _write_padding
        self.first = self.end = self.seq = self.boot = self.torn = 0
        self._find_sectors()
        if self._head >= 0:
            self._recover_position()
        self._find_erased()

    @property
    def skipped(self) -> int:
        """Return the number of sectors that could not be erased."""
        return len(self._bad)

    def _find_sectors(self) -> None:
        """Find the start of each sector, and the newest sector."""
        newest = -1
        starts, find_start = self.starts, _stated_start  # as locals: a full log has 352 of them
        for i, head in self._s.heads(_TAG + records.SECTOR, _HEAD_MOST):
            start = find_start(head)
            if start is not None:
                starts[i] = start
                if start > newest:
                    newest = start
                    self._head = i
        if self._head < 0 and _is_first(self._s):
            self.starts[0] = self._head = 0
        if self._head >= 0:
            self._head = _infer_starts(self._s, self.starts, self._head)
            self.first = min(self.starts)

    def _recover_position(self) -> None:
        """Restore sequence number, boot number, known blobs and write position from the newest
        sector."""
        i = self._head
        start = self.starts[i]
        filled = self._s.filled_bytes(i)
        walk = SectorWalk(self._s, i, filled, self._s.size)
        while walk.go_on():
            self._learn_blob(walk, start)
        self._at = max(filled, walk.end)  # the last record's last bytes may look erased
        self.end = start + self._at
        if walk.gap >= 0:
            self.torn = self._at - walk.gap
            self._pad = records.CRC_SIZE
        self.seq = (walk.seq + 1) & _MOST
        self.boot = walk.boot

    def _learn_blob(self, walk: SectorWalk, start: int) -> None:
        """Take the offsets of blobs from a SECTOR or BLOB record of the sector that begins at
        `start`."""
        if walk.kind == records.SECTOR:
            payload = walk.payload(_HEAD_MOST)
            if len(payload) >= _HEAD_LEAST:
                self._blobs = payloads.sector_blobs(payload)
        elif walk.kind == records.BLOB:
            self._blobs = self._blobs_with(walk.payload(9)[1:], start + walk.start)

    # ---- erasing

    def _find_erased(self) -> None:
        """Find the sectors behind the newest one that are erased already."""
        i = self._next_sector(self._head)
        while len(self._ready) < AHEAD and self.starts[i] == UNUSED and self._s.is_ready(i):
            self._ready.append(i)
            i = self._next_sector(i)
        # The next sector to be erased has lost its head: a power cut hit its erase. Kept in the log
        # it would be a gap.
        if len(self._ready) < AHEAD and i != self._head and self.starts[i] != UNUSED:
            if _stated_start(self._s.read(i, 0, _HEAD_MOST)) is None:
                self._remove_sector(i)

    def _remove_sector(self, i: int) -> None:
        """Take sector `i` out of the log."""
        self.starts[i] = UNUSED
        self.first = min(self.starts)

    def _next_sector(self, i: int) -> int:
        """Return the next usable sector of the ring."""
        n = self._s.n
        i = (i + 1) % n
        while i in self._bad:
            i = (i + 1) % n
        return i

    def is_prepared(self) -> bool:
        """Return whether enough sectors are erased in advance."""
        return len(self._ready) >= AHEAD

    def prepare(self) -> None:
        """Erase one more sector, the oldest; only while nothing is lit. A sector that cannot be
        erased is skipped from then on. Raises OSError after three of them."""
        tries = 3
        while True:
            i = self._next_sector(self._ready[-1] if self._ready else self._head)
            if i == self._head or i in self._ready:
                raise OSError(_EIO)
            try:
                self._erase_sector(i)
                return
            except OSError:
                self._bad.append(i)
                tries -= 1
                if not tries:
                    raise

    def _erase_sector(self, i: int) -> None:
        """Take sector `i` out of the log and erase it. Raises OSError."""
        if self.starts[i] != UNUSED:
            self._remove_sector(i)
        self._s.erase(i)
        self._ready.append(i)

    # ---- writing

    def fits(self, n: int) -> bool:
        """Return whether a record of any type with a payload of `n` bytes can be appended without
        an erase."""
        return len(self._ready) > 0 or self._free_bytes() >= records.size(n + payloads.SEAL)

    def _free_bytes(self) -> int:
        """Return the bytes left in the newest sector."""
        return self._s.size - self._at - self._pad if self._head >= 0 else 0

    def append(
        self, kind: int, boot: int, up_s: int, up_ms: int, payload: bytes, more: bytes = b""
    ) -> None:
        """Write one record; see `records.pack_pieces` for the ranges. more: of the payload, none
        for an END. Raises OSError or MemoryError; then nothing counts as written, and the same call
        may be repeated."""
        n = len(payload) + len(more) + (payloads.SEAL if kind == records.END else 0)
        if self._free_bytes() < records.size(n):
            self._begin_sector(boot, up_s, up_ms)
        try:
            self._write_record(kind, boot, up_s, up_ms, payload, more)
        except OSError:  # once more, in another place
            self._begin_sector(boot, up_s, up_ms)
            self._write_record(kind, boot, up_s, up_ms, payload, more)

    def _write_record(
        self, kind: int, boot: int, up_s: int, up_ms: int, payload: bytes, more: bytes
    ) -> None:
        """Write one record to the newest sector, which has room for it. Raises OSError or
        MemoryError."""
        if self._pad:
            self._write_padding()
        blobs = self._blobs
        if kind == records.END:
            more = self._seal(boot, up_s, up_ms, payload)
        elif kind == records.BLOB:
            # Before the write: behind it nothing may fail for want of memory.
            blobs = self._blobs_with(bytes(payload[1:9]), self.end)
        self._program_record(
            records.size(len(payload) + len(more)),
            records.pack_pieces(kind, self.seq, boot, up_s, up_ms, payload, more),
        )
        self._blobs = blobs

    def _write_padding(self) -> None:
        """Skip the bytes of a CRC behind an interrupted write. It may lack only its last byte: the
        first byte of the next record could complete it, and the next record would be lost."""
        self._s.program(self._head, self._at, (b"\xff" * self._pad,))
        self._at += self._pad
        self.end += self._pad
        self._pad = 0

    def _program_record(self, n: int, pieces: "tuple[bytes, ...]") -> None:  # H-38
        """Write one record of `n` bytes behind the last one. Raises OSError or MemoryError; then
        the log ends behind what has reached the flash."""
        try:
            self._s.program(self._head, self._at, pieces)
        # Bytes of NOR flash that were programmed cannot be programmed again before an
        # erase, so the log goes on behind them.
        except WRITE_ERRORS:
            more = self._s.filled_bytes(self._head) - self._at
            if more > 0:
                self._at += more
                self.end += more
                self._pad = records.CRC_SIZE
            raise
        self._at += n
        self.end += n
        self.seq += 1

    def _begin_sector(self, boot: int, up_s: int, up_ms: int) -> None:
        """Write the head of the next sector and continue there. Raises OSError or MemoryError."""
        if not self._ready:
            self.prepare()
        i = self._ready[0]
        chain = self.chain()
        payload = payloads.pack_sector(self.end, self.seq, chain, self._blobs)
        pieces = records.pack_pieces(records.SECTOR, self.seq, boot, up_s, up_ms, payload)
        # Before the write: where it fails half-way, the sector is not erased any more.
        self._ready.pop(0)
        try:
            self._s.program(i, 0, pieces)
        except MemoryError:
            # While lit no other sector can be erased.
            if self._s.is_ready(i):
                self._ready.insert(0, i)
            raise
        self._pad = 0
        self.starts[i] = self.end
        if self._head < 0:
            self.first = self.end
        self._head = i
        self._at = records.size(len(payload))
        self.end += self._at
        self.seq += 1

    def chain(self) -> bytes:
        """Return the SHA-256 of the newest sector's bytes so far; of no bytes when there is no
        sector."""
        return self._digest_sector().digest()

    def _digest_sector(self) -> hashlib.sha256:
        """Return a SHA-256 object over the newest sector's bytes so far."""
        digest = hashlib.sha256()
        if self._head >= 0:
            self._s.feed(self._head, self._at, digest.update)
        return digest

    def _seal(self, boot: int, up_s: int, up_ms: int, payload: bytes) -> bytes:  # H-38
        """Return the SHA-256 over the sector and the END record with this payload up to the end of
        it."""
        blank = bytes(payloads.SEAL)
        data = records.pack(records.END, self.seq, boot, up_s, up_ms, payload + blank)
        digest = self._digest_sector()
        digest.update(data[: -payloads.SEAL - records.CRC_SIZE])
        return digest.digest()

    def blob(self, raw: bytes) -> "tuple[bytes, bool]":
        """Return (name of `raw` in other records, whether a BLOB record must be written for it). A
        blob is written again once a quarter of the ring lies behind it, before it is erased."""
        name = hashlib.sha256(raw).digest()[:8]
        quarter = self._s.n * self._s.size // 4
        for known, offset in self._blobs:
            if known == name and offset >= self.first and self.end - offset < quarter:
                return name, False
        return name, True

    def _blobs_with(self, name: bytes, offset: int) -> "list[tuple[bytes, int]]":
        """Return where the blobs were written last, with this one; only the newest _BLOBS."""
        return [b for b in self._blobs if b[0] != name][1 - _BLOBS :] + [(name, offset)]

    # ---- reading

    def read(self, offset: int, n: int) -> bytes:
        """Return at most `n` bytes from `offset`, never beyond the end of its sector; b"" outside
        first..end. Bytes that are lost read as 0xFF, so that a host can continue behind them."""
        if offset >= self.end or offset < self.first:
            return b""
        i, stop = self._sector_of(offset)
        at = offset - self.starts[i]
        n = min(n, stop - offset)
        data = bytes(self._s.read(i, at, max(0, min(n, self._s.size - at))))
        return data or b"\xff" * n

    def _sector_of(self, offset: int) -> "tuple[int, int]":
        """Return (sector that holds `offset`, the offset at which the next sector begins)."""
        i = self._last_read
        if self.starts[i] <= offset:
            stop = self._data_end(i)
            if offset < stop:
                return i, stop
            i = self._next_used(i)
            if offset < self._data_end(i):
                self._last_read = i
                return i, self._data_end(i)
        self._last_read = i = self._find_sector(offset)
        return i, self._data_end(i)

    def _next_used(self, i: int) -> int:
        """Return the next sector of the log, past bad and erased ones."""
        k = self._next_sector(i)
        while self.starts[k] == UNUSED and k != i:
            k = self._next_sector(k)
        return k

    def _data_end(self, i: int) -> int:
        """Return the offset at which the data of sector `i` end."""
        return self.end if i == self._head else self.starts[self._next_used(i)]

    def _find_sector(self, offset: int) -> int:
        """Return the sector that holds `offset`. Searches backwards from the place it would have if
        all sectors behind it were full: a search through all 352 takes 10 ms on the chip."""
        n = self._s.n
        i = (self._head - (self.end - offset) // self._s.size) % n
        while self.starts[i] > offset:
            i = (i - 1) % n
        return i
