"""Small files in raw flash, with the interface of `Files`. Each write adds an entry; the newest
entry of a name counts, and nothing is overwritten.

    0x5A | length of the name u8 | length of the data u16 (0xFFFF: removed) | name | data
    | crc32 u32

There are two banks of sectors. The one whose head has the higher number is in force. When it is
full, the entries that count are copied into the other bank, whose head is written last. So a power
cut at any moment leaves the old bank or the new one. `tidy` erases banks while nothing is lit.
"""

import binascii
import struct

from wrap.compat import const
from wrap.errors import WRITE_ERRORS

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable

    from wrap.storage.sectors import AnySectors

_TAG = const(0x5A)
_OVERHEAD = const(8)
_GONE = const(0xFFFF)
_NOWHERE = (0, 0, _GONE)  # place of a file that was never written
_ENOSPC = const(28)
_TORN = "?"  # name of an entry that marks the damaged bytes before it as left by a power cut
_BANK = b"PBMB"
_HEADS = (0, 32)  # the head is written twice: one flipped bit must not lose a bank
_FIRST = const(64)  # offset of the first entry in a bank's first sector
_CRC = const(4)  # skipped behind damaged bytes, which the next entry could complete otherwise
_ALL = const(99)
_NAME_MOST = const(16)  # letters of text behind a "Z" are no length of a name
_PLENTY = const(3)  # quarters of a bank that may be used before `tidy` changes banks


def _pack_entry(
    name: str, data: "bytes | bytearray | None", more: bytes
) -> "tuple[bytes | bytearray, ...]":
    """Return an entry's bytes: head with name, data, `more` of them, CRC. data: None removes the
    file."""
    raw = name.encode()
    size = _GONE if data is None else len(data) + len(more)
    head = struct.pack("<BBH", _TAG, len(raw), size) + raw
    data = data or b""
    crc = binascii.crc32(more, binascii.crc32(data, binascii.crc32(head)))
    return head, data, more, struct.pack("<I", crc)


def _parse_entry(
    buf: "bytes | bytearray | memoryview", at: int
) -> "tuple[str, int, int, int] | None":
    """Return (name, offset of the data, their length or _GONE, offset behind the entry) of the
    entry at `at`, or None where there is no valid entry."""
    if at + _OVERHEAD > len(buf) or buf[at] != _TAG:
        return None
    _, n, size = struct.unpack_from("<BBH", buf, at)
    data = at + 4 + n
    end = data + (0 if size == _GONE else size)
    # Damage can state any length: an entry that would end behind its sector is none.
    if end + 4 > len(buf):
        return None
    crc = binascii.crc32(bytes(buf[at:end])) & 0xFFFFFFFF
    if struct.unpack_from("<I", buf, end)[0] != crc:
        return None
    try:
        return bytes(buf[at + 4 : data]).decode(), data, size, end + 4
    except ValueError:
        return None


def _seems_entry(buf: "bytes | bytearray | memoryview", at: int) -> bool:
    """Return whether a damaged entry seems to begin at `at`: tag, and a name with an ending of one
    character, as the stores' files have."""
    if buf[at] != _TAG or at + 4 > len(buf) or not 2 < buf[at + 1] < _NAME_MOST:
        return False
    dot = at + 2 + buf[at + 1]
    return dot < len(buf) and buf[dot] == 0x2E


class FlashFiles:
    """Keeps the files in `sectors`, of which there is an even number. damaged: there is damage that
    no power cut explains, so any file may be missing or outdated. lost: of how many entries, as far
    as it shows."""

    missing = ""

    def __init__(self, sectors: "AnySectors") -> None:
        self._s = sectors
        self._m = sectors.n // 2
        self._where = {}  # name: (sector, data at, size)
        self.damaged = False
        self.lost = 0
        self._torn = False  # the last entry was interrupted; the next write marks it
        self._idle = False  # `tidy` has nothing to do
        self._rotten = False  # the bank has damage, which a copy would not have
        numbers = [self._bank_number(0), self._bank_number(1)]
        self._bank = 1 if numbers[1] > numbers[0] else 0
        self._n = max(numbers)
        if self._n:
            self._load_entries()
            self._rotten = self.damaged
        else:
            self._recover_bank()

    # ---- banks

    def _bank_number(self, bank: int) -> int:
        """Return the number in a bank's head, 0 without a valid head."""
        found = 0
        for at in _HEADS:
            head = bytes(self._s.read(bank * self._m, at, 12))
            magic, number, crc = struct.unpack("<4sII", head)
            if magic == _BANK and crc == binascii.crc32(head[:8]) & 0xFFFFFFFF:
                found = max(found, number)
        return found

    def _recover_bank(self) -> None:
        """Begin without a valid head: the flash is new, or damaged, and then the first bank that
        has entries is taken."""
        for bank in (0, 1):
            self._bank = bank
            self._load_entries()
            if self._where:
                self.damaged = True
                self.lost = _ALL  # the other bank may be the newer one
                self._change_bank()
                return
        self.damaged = False  # there was data of another program only
        self.lost = 0
        self._torn = False
        self._bank = 1
        self._change_bank()

    def _load_entries(self) -> None:
        """Read all entries of the bank in force."""
        self._open = 0  # entries in damaged bytes that no _TORN entry has explained yet
        self.lost = 0
        base = self._bank * self._m
        self._i, self._at = base, _FIRST
        for i in range(base, base + self._m):
            self._scan_sector(i, _FIRST if i == base else 0)
        if self._open:
            self._at += _CRC
        self._torn = self._open == 1  # a power cut interrupts one entry
        if self._open > 1:
            self.damaged = True
            self.lost += self._open

    def _scan_sector(self, i: int, at: int) -> None:
        """Read the entries of sector `i` from offset `at` on."""
        buf = self._s.read(i, 0, self._s.size)
        end = self._s.filled_bytes(i)
        while at < end:
            entry = _parse_entry(buf, at)
            if entry is None:
                # The next entry can begin at any byte: damage need not end with the
                # entry that it hit.
                if not self._open or _seems_entry(buf, at):
                    self._open += 1
                at += 1
                continue
            name, data, size, at = entry
            if name != _TORN:
                # After a power cut the next write would have begun with a _TORN
                # entry.
                self.damaged = self.damaged or self._open > 0
                self.lost += self._open
                self._where[name] = (i, data, size)
            self._open = 0
        if end:
            self._i, self._at = i, max(at, end)

    def _change_bank(self) -> None:
        """Copy the entries that count into the other bank and put it in force. Raises OSError; then
        the old bank stays in force."""
        old = [(name, self.read(name)) for name in self._where]
        old = [(name, data) for name, data in old if data is not None]
        while self._erase_next_sector():
            pass
        # All that `_fill_bank` changes, so that a failed write leaves the old bank in
        # force.
        kept = self._bank, self._i, self._at, self._where
        try:
            self._fill_bank(1 - self._bank, old)
        except WRITE_ERRORS:
            self._bank, self._i, self._at, self._where = kept
            raise
        self._n += 1
        self._torn = self._idle = False
        self._rotten = False

    def _fill_bank(self, bank: int, old: list) -> None:
        """Write the (name, data) pairs `old` into an erased bank, then its head."""
        self._bank = bank
        self._i, self._at, self._where = bank * self._m, _FIRST, {}
        for name, data in old:
            self._program_entry(name, data)
        head = struct.pack("<4sI", _BANK, self._n + 1)
        head += struct.pack("<I", binascii.crc32(head) & 0xFFFFFFFF)
        for at in _HEADS:
            self._s.program(bank * self._m, at, (head,))

    def _erase_next_sector(self) -> bool:
        """Erase one sector of the bank that is not in force. Returns False when all of it is
        ready."""
        base = (1 - self._bank) * self._m
        for i in range(base, base + self._m):
            if not self._s.is_ready(i):
                self._s.erase(i)
                return True
        return False

    def tidy(self) -> bool:
        """Erase one sector or change banks, if that is due; only while nothing is lit. Returns
        whether something was done. Raises OSError."""
        if self._idle:
            return False
        if self._erase_next_sector():
            return True
        full = (self._i % self._m) * 4 >= self._m * _PLENTY
        self._idle = not (full or self._rotten)
        if not self._idle:
            self._change_bank()
        return not self._idle

    # ---- entries

    def _program_entry(
        self, name: str, data: "bytes | bytearray | None", more: bytes = b""
    ) -> None:
        """Program an entry behind the last one. Raises OSError."""
        entry = _pack_entry(name, data, more)
        n = sum(map(len, entry))
        if self._at + n > self._s.size:
            if self._i % self._m + 1 >= self._m:
                raise OSError(_ENOSPC)
            self._i += 1
            self._at = 0
            self._idle = False
        # All that `_where` needs, before the flash has the entry: a full heap must not part them.
        size = _GONE if data is None else len(data) + len(more)
        place = self._i, self._at + 4 + len(name), size
        if name != _TORN and name not in self._where:
            self._where[name] = _NOWHERE
        try:
            self._s.program(self._i, self._at, entry)
        except WRITE_ERRORS:
            # What has reached the flash cannot be programmed again: the next entry goes
            # behind it.
            self._at = max(self._at, self._s.filled_bytes(self._i)) + _CRC
            self._torn = True
            raise
        self._at += n
        if name != _TORN:
            self._where[name] = place

    def _add_entry(self, name: str, data: "bytes | bytearray | None", more: bytes) -> None:
        """Program an entry, after a _TORN entry where one is due."""
        if self._torn:
            self._program_entry(_TORN, b"")
            self._torn = False
        self._program_entry(name, data, more)

    def _append_entry(self, name: str, data: "bytes | bytearray | None", more: bytes = b"") -> None:
        """Program an entry, in the other bank when this one does not take it."""
        try:
            self._add_entry(name, data, more)
        except OSError:  # the bank is full, or worn at this place
            self._change_bank()
            self._add_entry(name, data, more)

    # ---- the interface of Files

    def names(self) -> "list[str]":
        """Return all file names, in no order."""
        return [name for name in self._where if self._where[name][2] != _GONE]

    def size(self, name: str) -> int:
        """Return the file's size in bytes, or -1 when there is no such file."""
        place = self._where.get(name)
        return -1 if place is None or place[2] == _GONE else place[2]

    def read(self, name: str) -> "bytes | None":
        """Return the whole content, or None when there is no such file."""
        if self.size(name) < 0:
            return None
        i, at, size = self._where[name]
        return bytes(self._s.read(i, at, size))

    def read_at(self, name: str, offset: int, n: int) -> bytes:
        """Return at most `n` bytes from `offset`."""
        i, at, size = self._where[name]
        return bytes(self._s.read(i, at + offset, min(n, size - offset)))

    def feed(self, name: str, n: int, take: "Callable[[bytes], object]") -> None:
        """Call take(piece) with the first `n` bytes."""
        take(self.read_at(name, 0, n))

    def write(self, name: str, data: "bytes | bytearray", more: bytes = b"") -> None:
        """Replace the content by `data` and `more` atomically. Raises OSError."""
        # An entry lies within one sector, and a bank's first sector begins with its head.
        if len(data) + len(more) + _OVERHEAD + len(name) > self._s.size - _FIRST:
            raise OSError(_ENOSPC)
        self._append_entry(name, data, more)

    def remove(self, name: str) -> None:
        """Delete the file if there is one. Raises OSError."""
        if self.size(name) >= 0:
            self._append_entry(name, None)
