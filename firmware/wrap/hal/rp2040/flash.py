"""The layout of the RP2040's flash behind the program, as block devices.

Our image: program | store 64 KiB (small files) | filesystem 64 KiB (for the REPL) | log 1408 KiB.
The log begins where the filesystem of a stock image does. A stock image's boot code owns all of the
flash as one filesystem, so there are no raw areas then.
"""

import rp2

from wrap.build_info import CLAIM_AT
from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable

    from vfs import VfsLfs2

_SECTOR = const(4096)
_STORE = const(16)  # sectors
_FILES = const(16)
_LOG = const(352)
_ERASE = const(6)  # ioctl of a block device: MP_BLOCKDEV_IOCTL_BLOCK_ERASE
_STOCK_MOUNT = "/old"


def _open_device(first: int, n: int) -> rp2.Flash:
    """Return `n` sectors from `first` on, counted from the end of the program, as a block device.
    Raises ValueError when they are outside the flash."""
    return rp2.Flash(start=first * _SECTOR, len=n * _SECTOR)  # type: ignore - newer than the stubs


class Flash:
    """Reads and writes a raw flash area (see `Hal.open_flash`) of `n` sectors from `first` on."""

    def __init__(self, first: int, n: int) -> None:
        self._device = _open_device(first, n)
        self.mem = memoryview(self._device)  # type: ignore - the flash is memory-mapped (XIP)
        self.sectors = n

    def program(self, at: int, page: "bytes | bytearray | memoryview") -> None:
        self._device.writeblocks(at // _SECTOR, page, at % _SECTOR)  # type: ignore - any buffer

    def erase(self, at: int) -> None:
        self._device.ioctl(_ERASE, at // _SECTOR)


def open_flash() -> "tuple[Flash, Flash] | None":
    """Return the areas of our image, None on a stock one, see `Hal.open_flash`."""
    if not CLAIM_AT:
        return None
    return Flash(0, _STORE), Flash(_STORE + _FILES, _LOG)


def open_filesystem() -> "VfsLfs2":
    """Return our image's filesystem. Raises OSError when there is none."""
    import vfs

    return vfs.VfsLfs2(_open_device(_STORE, _FILES), progsize=256)


def make_filesystem(adopt: "Callable[[str], None]") -> None:
    """Make our image's filesystem at its first boot. Before, call adopt(mount point) with the
    filesystem of a stock image mounted read-only, if there is one; an OSError of it is ignored. A
    power cut before the end repeats all of it at the next boot."""
    import vfs

    try:
        old = vfs.VfsLfs2(_open_device(_STORE + _FILES, _LOG), progsize=256)
        vfs.mount(old, _STOCK_MOUNT, readonly=True)
        try:
            adopt(_STOCK_MOUNT)
        finally:
            vfs.umount(_STOCK_MOUNT)
    except OSError:
        pass  # there was no stock image, or no wrap on it
    vfs.VfsLfs2.mkfs(_open_device(_STORE, _FILES), progsize=256)
