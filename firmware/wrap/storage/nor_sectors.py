"""Sectors in raw flash, with the interface that sectors.py states."""

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wrap.hal.contract import FlashArea

_PAGE = const(256)
_EIO = const(5)
_MARK = b"ERASED\x0d\x0a"
_SECTOR = const(4096)
_BLANK = b"\xff" * 256
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
        blank = _BLANK[:page]
        while at > start:
            at -= page
            if mem[at : at + page] != blank:
                return at - start + len(bytes(mem[at : at + page]).rstrip(b"\xff"))
            page = _PAGE
            blank = _BLANK
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
                    self._second_page[:] = _BLANK
                    to += _PAGE
                    at -= _PAGE
        if at:
            self._flash.program(to, self._first_page)

    def erase(self, i: int) -> None:
        self._flash.erase(self._base + i * _SECTOR)
        if (
            self.filled_bytes(i)
            or bytes(self.read(i, self.size, len(_MARK))) != _BLANK[: len(_MARK)]
        ):
            raise OSError(_EIO)
        self.program(i, self.size, (_MARK,))
