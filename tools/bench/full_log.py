"""Makes the flash of a wrap whose log has filled its ring once: every sector has a head."""

from __future__ import annotations

from wrap.storage import records
from wrap.storage.log import Log
from wrap.storage.nor_sectors import NorSectors

_FLASH = 2 * 1024 * 1024
_SECTOR = 4096
_PAGE = 256
_LOG_AT, _LOG = 0xA0000, 352  # wrap/hal/rp2040/flash.py
_NOTE = b"x" * 900


class _Area:
    """A raw flash area in memory, see `wrap.hal.contract.FlashArea`."""

    def __init__(self, sectors: int) -> None:
        self.mem = bytearray(b"\xff" * (sectors * _SECTOR))
        self.sectors = sectors

    def program(self, at: int, page: bytes | bytearray | memoryview) -> None:
        old = int.from_bytes(self.mem[at : at + _PAGE], "little")
        new = old & int.from_bytes(page, "little")
        self.mem[at : at + _PAGE] = new.to_bytes(_PAGE, "little")

    def erase(self, at: int) -> None:
        self.mem[at : at + _SECTOR] = b"\xff" * _SECTOR


def make_flash() -> bytes:
    """Return 2 MB of flash, erased but for the log."""
    area = _Area(_LOG)
    log = Log(NorSectors(area, 0, _LOG))
    number = 0
    while log.first == 0 or not log.is_prepared():
        log.append(records.NOTE, 1, number, 0, _NOTE)
        number += 1
        if log.first and not log.is_prepared():
            log.prepare()
    before, behind = _LOG_AT, _FLASH - _LOG_AT - len(area.mem)
    return b"\xff" * before + bytes(area.mem) + b"\xff" * behind
