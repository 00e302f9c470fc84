"""Adds the times of a real flash, since rp2040py erases and programs in no time.

On a part the boot ROM polls the busy bit with interrupts off; here the same time passes
inside the command, while the CPU is stopped and everything else continues.
"""

from __future__ import annotations

from collections.abc import Callable

from rp2040py.peripherals.ssi import CMD_BLOCK_ERASE, CMD_PAGE_PROGRAM, CMD_SECTOR_ERASE
from rp2040py.rp2040 import RP2040


class FlashTimes:
    """wait(ns) lets time pass. `erases`, `pages`: how many there were. Times are 0 until set.

    `on_erase`, `on_page` are called as such a command begins; `broken`: neither does anything.
    `before(at, data)` sees each of them while the flash is still as it was; no data: an erase.
    """

    def __init__(self, mcu: RP2040, wait: Callable[[int], None]) -> None:
        self.erase_ns = self.page_ns = 0
        self.erases = self.pages = 0
        self.broken = False
        self.on_erase: Callable[[], None] = lambda: None
        self.on_page: Callable[[], None] = lambda: None
        self.before: Callable[[int, bytes], None] = lambda at, data: None
        self._ssi = mcu.ssi
        self._wait = wait
        self._apply = self._ssi._apply_command
        self._ssi._apply_command = self._is_timed

    def _is_timed(self) -> None:
        sent = self._ssi._tx_buffer
        command = sent[0] if sent and self._ssi._write_enabled else 0
        erase = command in (CMD_SECTOR_ERASE, CMD_BLOCK_ERASE)
        if self.broken and (erase or command == CMD_PAGE_PROGRAM):
            self._ssi._write_enabled = False  # so the part ignores it
        elif erase or command == CMD_PAGE_PROGRAM:
            self.before(int.from_bytes(sent[1:4], "big"), b"" if erase else bytes(sent[4:]))
        self._apply()
        if erase:
            self.erases += 1
            self.on_erase()
            self._wait(self.erase_ns)
        elif command == CMD_PAGE_PROGRAM:
            self.pages += 1
            self.on_page()
            self._wait(self.page_ns)
