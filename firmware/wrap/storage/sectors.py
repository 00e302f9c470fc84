"""Sectors that are erased as a whole and then filled from front to back, for the log and the small
files in flash. Both classes have the same interface:

n, size         number of sectors, usable bytes of each
window          bytes to read at a time: few where they are copied into the heap
heads(byte, n)  yield (i, its first `n` bytes) of each sector that begins with this byte
read(i, at, n)  return at most `n` bytes of sector `i` from offset `at`
feed(i, n, take)  call take(piece) with the first `n` bytes of sector `i`, piece by piece
filled_bytes(i)  return the offset from which on nothing seems written; written 0xFF bytes may lie
                behind it
is_ready(i)     return whether the sector is erased for certain
program(i, at, pieces)  add these bytes behind the last ones in one write; raw flash is read back,
                of a file what it took is counted; raises OSError
erase(i)        make the sector ready; raises OSError
"""

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from wrap.hal.contract import FlashArea
    from wrap.storage.files import Files, NoFiles

    AnySectors: TypeAlias = "NorSectors | FileSectors"

_PAGE = const(256)
_EIO = const(5)
_MARK = b"ERASED\x0d\x0a"
_SECTOR = const(4096)
_SEGMENT = const(8192)
BLANK = b"\xff" * 256
_BLANK_PAGES = b"\xff" * 512
_WINDOW = const(512)


class NorSectors:
    """Uses `n` sectors of the raw flash area `flash` from `first` on (see `Hal.open_flash`).

    An erase that a power cut interrupts can look complete. So a complete one leaves a mark in the
    sector's last 8 bytes, and a sector without it is erased again before use.
    """

    def __init__(self, flash: "FlashArea", first: int, n: int) -> None:
        self._flash = flash
        self._mem = flash.mem
        self._base = first * _SECTOR
        self._pages = bytearray(2 * _PAGE)
        self._first_page = memoryview(self._pages)[:_PAGE]
        self._second_page = memoryview(self._pages)[_PAGE:]
        self.n = n
        self.size = _SECTOR - len(_MARK)
        self.window = self.size if isinstance(flash.mem, memoryview) else _WINDOW

    def heads(self, byte: int, n: int) -> "Iterator[tuple[int, bytearray | memoryview]]":
        mem, at = self._mem, self._base
        begin = bytes([byte])
        for i in range(self.n):
            if mem[at : at + 1] == begin:
                yield i, mem[at : at + n]
            at += _SECTOR

    def read(self, i: int, at: int, n: int) -> "bytearray | memoryview":
        start = self._base + i * _SECTOR + at
        return self._mem[start : start + n]

    def feed(
        self, i: int, n: int, take: "Callable[[bytes | bytearray | memoryview], object]"
    ) -> None:
        for at in range(0, n, self.window):
            take(self.read(i, at, min(self.window, n - at)))

    def filled_bytes(self, i: int) -> int:
        # From the end, a page at a time: most sectors are full. No slice of a memoryview copies.
        mem = self._mem
        start = self._base + i * _SECTOR
        at = start + self.size
        page = at & (_PAGE - 1)
        blank = BLANK[:page]
        while at > start:
            at -= page
            if mem[at : at + page] != blank:
                return at - start + len(bytes(mem[at : at + page]).rstrip(b"\xff"))
            page = _PAGE
            blank = BLANK
        return 0

    def is_ready(self, i: int) -> bool:
        marked = bytes(self.read(i, self.size, len(_MARK))) == _MARK
        return marked and self.filled_bytes(i) == 0

    def program(self, i: int, at: int, pieces: "tuple[bytes | bytearray, ...]") -> None:
        self._write_pages(self._base + i * _SECTOR + at, pieces)
        # Neither the chip nor the HAL verifies what it programs: worn flash shows only
        # here.
        for piece in pieces:
            if self.read(i, at, len(piece)) != piece:
                raise OSError(_EIO)
            at += len(piece)

    def _write_pages(self, to: int, pieces: "tuple[bytes | bytearray, ...]") -> None:
        """Program page by page from offset `to` of the flash on. 0xFF bytes of a page leave the
        flash unchanged."""
        pages = self._pages
        pages[:] = _BLANK_PAGES
        at = to & (_PAGE - 1)
        to -= at
        for piece in pieces:
            size, done = len(piece), 0
            while done < size:
                # What fits into the buffer, as a session's records do, needs no slice of its own.
                n = min(2 * _PAGE - at, size - done)
                pages[at : at + n] = piece if n == size else memoryview(piece)[done : done + n]
                at += n
                done += n
                while at >= _PAGE:
                    self._flash.program(to, self._first_page)
                    self._first_page[:] = self._second_page
                    self._second_page[:] = BLANK
                    to += _PAGE
                    at -= _PAGE
        if at:
            self._flash.program(to, self._first_page)

    def erase(self, i: int) -> None:
        self._flash.erase(self._base + i * _SECTOR)
        if (
            self.filled_bytes(i)
            or bytes(self.read(i, self.size, len(_MARK))) != BLANK[: len(_MARK)]
        ):
            raise OSError(_EIO)
        self.program(i, self.size, (_MARK,))


class FileSectors:
    """Uses `n` files of at most `size` bytes in `files`, on a filesystem that keeps what was closed
    (littlefs). An append costs that filesystem an erase."""

    def __init__(self, files: "Files | NoFiles", n: int = 80, size: int = _SEGMENT) -> None:
        self._files = files
        self.n = n
        self.size = size
        self.window = _WINDOW

    def _file_name(self, i: int) -> str:
        return "log.%03d" % i

    def heads(self, byte: int, n: int) -> "Iterator[tuple[int, bytes]]":
        begin = bytes([byte])
        for i in range(self.n):
            if self.read(i, 0, 1) == begin:
                yield i, self.read(i, 0, n)

    def read(self, i: int, at: int, n: int) -> bytes:
        if self._files.size(self._file_name(i)) <= at:
            return b""
        return self._files.read_at(self._file_name(i), at, n)

    def feed(
        self, i: int, n: int, take: "Callable[[bytes | bytearray | memoryview], object]"
    ) -> None:
        self._files.feed(self._file_name(i), n, take)

    def filled_bytes(self, i: int) -> int:
        return max(0, self._files.size(self._file_name(i)))

    def is_ready(self, i: int) -> bool:
        return self._files.size(self._file_name(i)) < 0

    def program(self, i: int, at: int, pieces: "tuple[bytes | bytearray, ...]") -> None:
        if self.filled_bytes(i) != at:
            raise OSError(_EIO)
        self._files.append(self._file_name(i), pieces)

    def erase(self, i: int) -> None:
        self._files.remove(self._file_name(i))
