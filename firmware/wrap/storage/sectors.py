"""Sectors that are erased as a whole and then filled from front to back, for the log and the small
files in flash. `FileSectors` and `NorSectors` (nor_sectors.py) have the same interface:

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

    from wrap.storage.files import Files, NoFiles
    from wrap.storage.nor_sectors import NorSectors

    AnySectors: TypeAlias = "NorSectors | FileSectors"

_EIO = const(5)
_SEGMENT = const(8192)
_WINDOW = const(512)


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
