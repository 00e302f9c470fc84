"""Small files in one folder of a filesystem (littlefs, or that of a PC), replaced atomically.

littlefs commits a file when it is closed and renames atomically over the old one, so a power cut
leaves either the old content or the new one.
"""

import os

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO, TypeAlias

    from wrap.storage.flash_files import FlashFiles

    AnyFiles: TypeAlias = "Files | FlashFiles | NoFiles"

_ENODEV = const(19)
_ENOSPC = const(28)
_PIECE = const(256)


def _write(file: "BinaryIO", data: "bytes | bytearray") -> None:
    """Write all of `data`. Raises OSError, also for a full filesystem that takes less."""
    if file.write(data) != len(data):
        raise OSError(_ENOSPC)


class Files:
    """Files in the folder `root`, which is made when it is missing. All errors are OSError."""

    missing = ""  # reason why there is no storage; "" here
    damaged = False  # True when a file may be missing or outdated
    lost = 0  # how many such files there may be

    def __init__(self, root: str) -> None:
        self._root = root
        self._last: "BinaryIO | None" = None
        try:
            os.mkdir(root)
        except OSError:
            os.stat(root)

    def _path_of(self, name: str) -> str:
        return self._root + "/" + name

    def _open(self, name: str, mode: str) -> "BinaryIO":
        """Open a file. Where modules fill the heap, it takes the place of the last one, which is
        kept until then though it is closed: there may be no other piece of 1.1 KB."""
        path = self._path_of(name)
        self._last = None
        self._last = file = open(path, mode)  # type: ignore - every mode is binary
        return file  # type: ignore - the same

    def names(self) -> "list[str]":
        """Return all file names, in no order."""
        return [n for n in os.listdir(self._root) if not n.endswith(".new")]

    def size(self, name: str) -> int:
        """Return the file's size in bytes, or -1 when there is no such file."""
        try:
            return os.stat(self._path_of(name))[6]
        except OSError:
            return -1

    def read(self, name: str) -> "bytes | None":
        """Return the whole content, or None when there is no such file."""
        size = self.size(name)
        if size < 0:
            return None
        with self._open(name, "rb") as f:
            return f.read(size)  # without a size, MicroPython's buffer grows by copies

    def read_at(self, name: str, offset: int, n: int) -> bytes:
        """Return at most `n` bytes from `offset`."""
        with self._open(name, "rb") as f:
            f.seek(offset)
            return f.read(n)

    def feed(
        self, name: str, n: int, take: "Callable[[bytes | bytearray | memoryview], object]"
    ) -> None:
        """Call take(piece) with the first `n` bytes, piece by piece."""
        piece = memoryview(bytearray(_PIECE))
        with self._open(name, "rb") as f:
            while n > 0:
                got = f.readinto(piece[: min(n, _PIECE)])  # type: ignore - each binary file has it
                if not got:
                    return
                take(piece[:got])
                n -= got

    def write(self, name: str, data: "bytes | bytearray", more: bytes = b"") -> None:
        """Replace the content by `data` and `more` atomically."""
        with self._open(name + ".new", "wb") as f:
            _write(f, data)
            _write(f, more)
        path = self._path_of(name)
        os.rename(path + ".new", path)

    def append(self, name: str, pieces: "tuple[bytes | bytearray, ...]") -> None:
        """Add the pieces at the end. They are in flash when this returns. Raises OSError; then none
        or some of the bytes are."""
        with self._open(name, "ab") as f:
            for piece in pieces:
                _write(f, piece)
        # Nothing behind it may fail: a record that counts as not written is written again.

    def remove(self, name: str) -> None:
        """Delete the file if there is one."""
        if self.size(name) >= 0:
            os.remove(self._path_of(name))

    def tidy(self) -> bool:
        """Return False: a filesystem has no deferred work (see `FlashFiles.tidy`)."""
        return False


class NoFiles:
    """Stands in for `Files` without storage: no file exists and every write fails with ENODEV.
    missing: the reason."""

    damaged = False
    lost = 0

    def __init__(self, why: str) -> None:
        self.missing = why

    def names(self) -> "list[str]":
        return []

    def size(self, name: str) -> int:
        return -1

    def read(self, name: str) -> "bytes | None":
        return None

    def read_at(self, name: str, offset: int, n: int) -> bytes:
        return b""

    def feed(
        self, name: str, n: int, take: "Callable[[bytes | bytearray | memoryview], object]"
    ) -> None:
        pass

    def write(self, name: str, data: "bytes | bytearray", more: bytes = b"") -> None:
        raise OSError(_ENODEV)

    def append(self, name: str, pieces: "tuple[bytes | bytearray, ...]") -> None:
        raise OSError(_ENODEV)

    def remove(self, name: str) -> None:
        pass

    def tidy(self) -> bool:
        return False


def open_files(root: str) -> "Files | NoFiles":
    """Return the files in `root`, or `NoFiles` when there is no filesystem."""
    try:
        return Files(root)
    except OSError as e:
        return NoFiles("no filesystem: " + str(e))
