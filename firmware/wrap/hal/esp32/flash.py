"""The wrap's storage in an ESP32's flash: partitions of its own on our image, files on a stock one.

boards/PBMWRAP_ESP32*/partitions.csv: "wrapstore" (small files), "wraplog" (the log), "vfs" (a
REPL's). A stock image has "vfs" only, and everything is files below /pbmwrap.
"""

from esp32 import Partition

from wrap.compat import const
from wrap.hal.files import NoFiles, open_files
from wrap.storage.flash_files import FlashFiles
from wrap.storage.sectors import FileSectors, NorSectors

_SECTOR = const(4096)
_ERASE = const(6)  # ioctl of a block device
_EIO = const(5)
_FOLDER = "/pbmwrap"


class Flash:
    """A partition as wrap.storage.sectors wants it; `mem` is itself. With an offset, writeblocks
    erases nothing (ports/esp32/esp32_partition.c)."""

    def __init__(self, partition):
        self._partition = partition
        self.mem = self

    def __getitem__(self, part):
        buf = bytearray(part.stop - part.start)
        self._partition.readblocks(part.start // _SECTOR, buf, part.start % _SECTOR)
        return buf

    def program(self, at, page):
        self._partition.writeblocks(at // _SECTOR, page, at % _SECTOR)

    def erase(self, at):
        if self._partition.ioctl(_ERASE, at // _SECTOR):
            raise OSError(_EIO)


def _sectors(partition):
    return NorSectors(Flash(partition), 0, partition.info()[3] // _SECTOR)


def open_storage():
    """(files, sectors of the log). Raises nothing: storage that cannot be had is NoFiles."""
    store = Partition.find(Partition.TYPE_DATA, label="wrapstore")
    log = Partition.find(Partition.TYPE_DATA, label="wraplog")
    if not store or not log:
        files = open_files(_FOLDER)
        return files, FileSectors(files)
    try:
        return FlashFiles(_sectors(store[0])), _sectors(log[0])
    except (OSError, ValueError) as e:
        files = NoFiles("the flash cannot be used: " + str(e))
        return files, FileSectors(files)
