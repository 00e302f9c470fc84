"""An emulated wrap that keeps its flash in a file between two runs."""

from __future__ import annotations

from pathlib import Path

from pbmwrap import disk
from pbmwrap.errors import InvalidFile
from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.twin.rp2040_chip import FLASH_BYTES
from pbmwrap.twin.state_folder import WAY, take_folder

FLASH_FILE = "flash.bin"


class KeptRp2040(Rp2040Twin):
    """`folder` holds the flash, which is replaced atomically when the twin is closed.

    Raises InvalidFile for a file without a flash, or an image that does not fit; PortBusy.
    """

    def __init__(self, image: Path, folder: Path) -> None:
        self._file = folder / FLASH_FILE
        self._lock = take_folder(folder)
        try:
            super().__init__(image, flash=self._kept_flash())
        except ValueError as problem:
            self._lock.release()
            raise InvalidFile(f"{image} does not run: {problem}", "use another image") from problem
        except BaseException:
            self._lock.release()
            raise
        self._saved = False

    def _kept_flash(self) -> bytes | None:
        """Return the flash as the last emulation left it; None at the first. Raises InvalidFile."""
        with disk.explained(self._file, "read", WAY):
            kept = self._file.read_bytes() if self._file.exists() else None
        if kept is not None and len(kept) != FLASH_BYTES:
            raise InvalidFile(f"{self._file} is no flash of {FLASH_BYTES} bytes", WAY)
        return kept

    def close(self) -> None:
        try:
            if not self._saved:
                self._saved = True
                disk.write_file(self._file, self.flash(), replace=True)
        finally:
            super().close()
            self._lock.release()
