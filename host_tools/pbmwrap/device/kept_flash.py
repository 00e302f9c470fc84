"""An emulated wrap whose flash lies in a file between two runs."""

from __future__ import annotations

from pathlib import Path

from pbmwrap.twin.rp2040 import Rp2040Twin

FLASH_FILE = "flash.bin"


class KeptRp2040(Rp2040Twin):
    """`folder` holds the flash; it is written when the twin is closed, as a whole or not at all."""

    def __init__(self, image: Path, folder: Path) -> None:
        self._file = folder / FLASH_FILE
        kept = self._file.read_bytes() if self._file.exists() else None
        super().__init__(image, flash=kept)
        self._saved = False

    def close(self) -> None:
        if not self._saved:
            self._saved = True
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_suffix(".new")
            fresh.write_bytes(self.flash())
            fresh.replace(self._file)
        super().close()
