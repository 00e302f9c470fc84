"""What is where in the RP2040's flash, and the wrap's storage in it.

Our image: program | store 64 KiB (small files) | filesystem 64 KiB (a REPL's) | log 1408 KiB. The
log begins where the filesystem of a stock image does. On a stock image, whose boot code owns all of
the flash, everything is files below /pbmwrap: a folder "/wrap" would hide the frozen package.
"""

import os

import rp2

from wrap.build_info import CLAIM_AT
from wrap.compat import const
from wrap.hal.files import Files, NoFiles, open_files
from wrap.storage.flash_files import FlashFiles
from wrap.storage.sectors import FileSectors, NorSectors

_SECTOR = const(4096)
_STORE = const(16)  # sectors
_FILES = const(16)
_LOG = const(352)
_ERASE = const(6)  # ioctl of a block device
_FOLDER = "/pbmwrap"


def _device(first, n):
    """Sectors of the flash behind the program, as a block device."""
    return rp2.Flash(start=first * _SECTOR, len=n * _SECTOR)  # type: ignore - newer than the stubs


class Flash:
    """The same as wrap.storage.sectors wants it."""

    def __init__(self, first, n):
        self._device = _device(first, n)
        self.mem = memoryview(self._device)  # type: ignore - readable where it is

    def program(self, at, page):
        self._device.writeblocks(at // _SECTOR, page, at % _SECTOR)

    def erase(self, at):
        self._device.ioctl(_ERASE, at // _SECTOR)


def _store():
    return FlashFiles(NorSectors(Flash(0, _STORE), 0, _STORE))


def open_storage():
    """(files, sectors of the log). Raises nothing: storage that cannot be had is NoFiles."""
    if not CLAIM_AT:
        files = open_files(_FOLDER)
        return files, FileSectors(files)
    try:
        return _store(), NorSectors(Flash(_STORE + _FILES, _LOG), 0, _LOG)
    except (OSError, ValueError) as e:
        files = NoFiles("the flash cannot be used: " + str(e))
        return files, FileSectors(files)


def filesystem():
    """Our image's filesystem. Raises OSError when there is none."""
    import vfs

    return vfs.VfsLfs2(_device(_STORE, _FILES), progsize=256)


def adopt():
    """The first boot of our image: what a wrap on a stock image kept in its filesystem (settings,
    protocols, latched fault, sessions per site; not the log) goes into the store, then the new
    filesystem is made. Power that goes meanwhile lets it begin again."""
    import vfs

    try:
        old = vfs.VfsLfs2(_device(_STORE + _FILES, _LOG), progsize=256)
        vfs.mount(old, "/old", readonly=True)
        try:
            _take("/old" + _FOLDER)
        finally:
            vfs.umount("/old")
    except OSError:
        pass  # nothing was there
    vfs.VfsLfs2.mkfs(_device(_STORE, _FILES), progsize=256)


def _take(folder):
    os.stat(folder)
    files, store = Files(folder), _store()
    for name in files.names():
        if not name.startswith("log.") and store.size(name) < 0:
            _take_one(files, store, name)


def _take_one(files, store, name):
    """What cannot be read is taken over as a broken file, so that it counts as one: a fault stays
    latched, and the others come along."""
    try:
        data = files.read(name)
    except OSError:
        data = b""
    try:
        store.write(name, data)
    except OSError:
        store.write(name, b"")
