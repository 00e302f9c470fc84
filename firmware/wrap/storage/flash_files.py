"""Small files in bare flash, with the calls of `Files`: each write is a new entry, the
newest of a name counts, nothing is written in place.

    0x5A | length of the name u8 | length of the data u16 (0xFFFF: removed) | name | data
    | crc32 u32

Two banks of sectors. One is in force: the one whose head, written last, has the higher number. When
it is full, what still counts in it is written into the other, and then that one's head. So a power
cut at any moment leaves the old bank or the new one. Banks are erased by `tidy`, in the dark.
"""

import binascii
import struct

from wrap.compat import const

_TAG = const(0x5A)
_OVERHEAD = const(8)
_GONE = const(0xFFFF)
_ENOSPC = const(28)
_KNOWN = "?"  # this entry's place says that what is broken before it, a power cut left so
_BANK = b"PBMB"
_HEADS = (0, 32)  # twice: one flipped bit must not lose a bank
_FIRST = const(64)  # of the first sector's entries
_CRC = const(4)  # left out behind what is broken: the next entry could make it whole
_PLENTY = const(3)  # quarters of a bank that may be used before `tidy` moves on


def _entry(name, data):
    raw = name.encode()
    size = _GONE if data is None else len(data)
    body = struct.pack("<BBH", _TAG, len(raw), size) + raw + (data or b"")
    return body + struct.pack("<I", binascii.crc32(body) & 0xFFFFFFFF)


def _parse(buf, at):
    """(name, data at, data length or _GONE, next at), or None where no whole entry begins."""
    if at + _OVERHEAD > len(buf) or buf[at] != _TAG:
        return None
    _, n, size = struct.unpack_from("<BBH", buf, at)
    data = at + 4 + n
    end = data + (0 if size == _GONE else size)
    if end + 4 > len(buf):
        return None
    crc = binascii.crc32(bytes(buf[at:end])) & 0xFFFFFFFF
    if struct.unpack_from("<I", buf, end)[0] != crc:
        return None
    try:
        return bytes(buf[at + 4 : data]).decode(), data, size, end + 4
    except ValueError:
        return None


class FlashFiles:
    """sectors: an even number of wrap.storage.sectors. damaged: something is broken that no power
    cut explains, so any file may be missing, or older than it was."""

    missing = ""

    def __init__(self, sectors):
        self._s = sectors
        self._m = sectors.n // 2
        self._where = {}  # name: (sector, data at, size)
        self.damaged = False
        self._torn = False  # the last entry was cut short; the next write says so
        self._idle = False  # nothing is left to tidy
        self._rotten = False  # damage that the next bank will not have
        numbers = [self._number(0), self._number(1)]
        self._bank = 1 if numbers[1] > numbers[0] else 0
        self._n = max(numbers)
        if self._n:
            self._load()
            self._rotten = self.damaged
        else:
            self._begin()

    # ---- banks

    def _number(self, bank):
        """Of a bank whose head is whole; else 0."""
        found = 0
        for at in _HEADS:
            head = bytes(self._s.read(bank * self._m, at, 12))
            magic, number, crc = struct.unpack("<4sII", head)
            if magic == _BANK and crc == binascii.crc32(head[:8]) & 0xFFFFFFFF:
                found = max(found, number)
        return found

    def _begin(self):
        """No bank is whole: the flash is new, or badly damaged, and then what is there is taken."""
        for bank in (0, 1):
            self._bank = bank
            self._load()
            if self._where:
                self.damaged = True
                self._move()
                return
        self.damaged = False  # what another program left
        self._torn = False
        self._bank = 1
        self._move()

    def _load(self):
        self._open = False  # broken bytes that nothing has explained yet
        base = self._bank * self._m
        self._i, self._at = base, _FIRST
        for i in range(base, base + self._m):
            self._look(i, _FIRST if i == base else 0)
        self._torn = self._open
        if self._torn:
            self._at += _CRC

    def _look(self, i, at):
        buf = self._s.read(i, 0, self._s.size)
        end = self._s.filled(i)
        while at < end:
            entry = _parse(buf, at)
            if entry is None:
                self._open = True
                at += 1
                continue
            name, data, size, at = entry
            if name != _KNOWN:
                self.damaged = self.damaged or self._open
                self._where[name] = (i, data, size)
            self._open = False
        if end:
            self._i, self._at = i, max(at, end)

    def _move(self):
        """Write what counts into the other bank, then put it in force. Raises OSError."""
        old = [(name, self.read(name)) for name in self._where]
        old = [(name, data) for name, data in old if data is not None]
        while self._clean():
            pass
        kept = self._bank, self._i, self._at, self._where
        try:
            self._fill(1 - self._bank, old)
        except OSError:
            self._bank, self._i, self._at, self._where = kept
            raise
        self._n += 1
        self._torn = self._idle = False
        self._rotten = False

    def _fill(self, bank, old):
        self._bank = bank
        self._i, self._at, self._where = bank * self._m, _FIRST, {}
        for name, data in old:
            self._put(name, data)
        head = struct.pack("<4sI", _BANK, self._n + 1)
        head += struct.pack("<I", binascii.crc32(head) & 0xFFFFFFFF)
        for at in _HEADS:
            self._s.program(bank * self._m, at, head)

    def _clean(self):
        """Erase one sector of the bank that is not in force; False when all of it is ready."""
        base = (1 - self._bank) * self._m
        for i in range(base, base + self._m):
            if not self._s.ready(i):
                self._s.erase(i)
                return True
        return False

    def tidy(self):
        """A bounded piece of what must be done in the dark: True when something was. Raises
        OSError."""
        if self._idle:
            return False
        if self._clean():
            return True
        full = (self._i % self._m) * 4 >= self._m * _PLENTY
        self._idle = not (full or self._rotten)
        if not self._idle:
            self._move()
        return not self._idle

    # ---- entries

    def _put(self, name, data):
        entry = _entry(name, data)
        if self._at + len(entry) > self._s.size:
            if self._i % self._m + 1 >= self._m:
                raise OSError(_ENOSPC)
            self._i += 1
            self._at = 0
            self._idle = False
        try:
            self._s.program(self._i, self._at, entry)
        except OSError:
            self._at = max(self._at, self._s.filled(self._i)) + _CRC
            self._torn = True
            raise
        if name != _KNOWN:
            size = _GONE if data is None else len(data)
            self._where[name] = (self._i, self._at + 4 + len(name), size)
        self._at += len(entry)

    def _add(self, name, data):
        if self._torn:
            self._put(_KNOWN, b"")
            self._torn = False
        self._put(name, data)

    def _append(self, name, data):
        try:
            self._add(name, data)
        except OSError:  # the bank is full, or worn in that place
            self._move()
            self._add(name, data)

    # ---- the calls of Files

    def names(self):
        return [name for name in self._where if self._where[name][2] != _GONE]

    def size(self, name):
        place = self._where.get(name)
        return -1 if place is None or place[2] == _GONE else place[2]

    def read(self, name):
        if self.size(name) < 0:
            return None
        i, at, size = self._where[name]
        return bytes(self._s.read(i, at, size))

    def write(self, name, data):
        """Replace the file by `data`, all or nothing. Raises OSError."""
        if len(data) + _OVERHEAD + len(name) > self._s.size - _FIRST:
            raise OSError(_ENOSPC)
        self._append(name, data)

    def remove(self, name):
        if self.size(name) >= 0:
            self._append(name, None)
