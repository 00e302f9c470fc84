"""The raw areas of an ESP32's flash: partitions of our image; none on a stock one.

boards/PBMWRAP_ESP32*/partitions.csv: "wrapstore" (small files), "wraplog" (the log), "vfs" (for the
REPL). A stock image has "vfs" only.
"""

from esp32 import Partition

from wrap.compat import const

_SECTOR = const(4096)
_ERASE = const(6)  # ioctl of a block device: MP_BLOCKDEV_IOCTL_BLOCK_ERASE
_EIO = const(5)


class Flash:
    """Presents a partition as a raw flash area (see `Hal.open_flash`). `mem` is the object itself,
    whose slices are read from flash. writeblocks with an offset erases nothing
    (ports/esp32/esp32_partition.c)."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self.mem = self
        self.sectors = partition.info()[3] // _SECTOR

    def __getitem__(self, part: slice) -> bytearray:
        buf = bytearray(part.stop - part.start)
        self._partition.readblocks(part.start // _SECTOR, buf, part.start % _SECTOR)
        return buf

    def program(self, at: int, page: "bytes | bytearray | memoryview") -> None:
        self._partition.writeblocks(at // _SECTOR, page, at % _SECTOR)

    def erase(self, at: int) -> None:
        if self._partition.ioctl(_ERASE, at // _SECTOR):
            raise OSError(_EIO)


def open_flash() -> "tuple[Flash, Flash] | None":
    """Return the areas of our image, None on a stock one, see `Hal.open_flash`."""
    store = Partition.find(Partition.TYPE_DATA, label="wrapstore")
    log = Partition.find(Partition.TYPE_DATA, label="wraplog")
    if not store or not log:
        return None
    return Flash(store[0]), Flash(log[0])
