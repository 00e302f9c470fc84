"""Sectors that are erased as a whole and then filled from front to back: what the log and the flash
store are built on. Knows no records. Each kind here keeps the same contract:

n, size: how many, and bytes each. `read(i, at, n)`: bytes-like. `filled(i)`: a position from which
on nothing seems written (the true end may be later: written bytes may look erased). `ready(i)`:
erased, for certain. `program(i, at, data)`: add bytes behind what is there; on return they have
been read back. `erase(i)`: make it ready. Both raise OSError.
"""

from wrap.compat import const

_PAGE = const(256)
_EIO = const(5)
_MARK = b"ERASED\x0d\x0a"
_SECTOR = const(4096)
_SEGMENT = const(8192)
BLANK = b"\xff" * 256


class NorSectors:
    """`n` sectors from `first` on of a NOR flash: `flash.mem` (all of it, readable), `program(at,
    page)` and `erase(at)` with byte offsets.

    An erase that power cuts short can look finished. So one that did finish leaves a mark in the
    sector's last 8 bytes, and a sector without it is erased again before it is used.
    """

    def __init__(self, flash, first, n):
        self._flash = flash
        self._mem = flash.mem
        self._base = first * _SECTOR
        self._page = bytearray(_PAGE)
        self.n = n
        self.size = _SECTOR - len(_MARK)

    def read(self, i, at, n):
        start = self._base + i * _SECTOR + at
        return self._mem[start : start + n]

    def filled(self, i):
        """Looked for from the end, a page at a time."""
        at = self.size & ~(_PAGE - 1)
        while at >= 0:
            page = bytes(self.read(i, at, min(_PAGE, self.size - at)))
            if page != BLANK[: len(page)]:
                return at + len(page.rstrip(b"\xff"))
            at -= _PAGE
        return 0

    def ready(self, i):
        marked = bytes(self.read(i, self.size, len(_MARK))) == _MARK
        return marked and self.filled(i) == 0

    def program(self, i, at, data):
        self._write(i, at, data)
        if bytes(self.read(i, at, len(data))) != bytes(data):
            raise OSError(_EIO)

    def _write(self, i, at, data):
        """Page by page; what is 0xFF in a page leaves the flash as it is."""
        view = memoryview(data)
        page = self._page
        done = 0
        while done < len(data):
            inside = (at + done) & (_PAGE - 1)
            n = min(_PAGE - inside, len(data) - done)
            page[:] = BLANK
            page[inside : inside + n] = view[done : done + n]
            self._flash.program(self._base + i * _SECTOR + at + done - inside, page)
            done += n

    def erase(self, i):
        self._flash.erase(self._base + i * _SECTOR)
        if self.filled(i) or bytes(self.read(i, self.size, len(_MARK))) != BLANK[: len(_MARK)]:
            raise OSError(_EIO)
        self.program(i, self.size, _MARK)


class FileSectors:
    """`n` files of at most `size` bytes on a filesystem that keeps what was closed (littlefs): an
    append costs that filesystem an erase, and what `erase` removes is gone at once."""

    def __init__(self, files, n=80, size=_SEGMENT):
        self._files = files
        self.n = n
        self.size = size

    def _name(self, i):
        return "log.%03d" % i

    def read(self, i, at, n):
        if self._files.size(self._name(i)) <= at:
            return b""
        return self._files.read_at(self._name(i), at, n)

    def filled(self, i):
        return max(0, self._files.size(self._name(i)))

    def ready(self, i):
        return self._files.size(self._name(i)) < 0

    def program(self, i, at, data):
        if self.filled(i) != at:
            raise OSError(_EIO)
        self._files.append(self._name(i), data)
        if self._files.size(self._name(i)) != at + len(data):
            raise OSError(_EIO)

    def erase(self, i):
        self._files.remove(self._name(i))
