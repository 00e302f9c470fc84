"""Runs on the MicroPython unix port: the wrap's loop in a small heap, with the HAL's heap counter
of an ESP32 or without one, while a host asks for the status again and again.

Arguments: folder, 1 with the counter or 0, bytes of heap that are free at the start. Prints
[planned collections, automatic ones, answers, lowest number of free bytes].
"""

import gc
import json
import sys

import board_facts
from pbmwrap.twin.fake_board import FakeBoard
from wrap import main_loop
from wrap.compat import collect_after
from wrap.link.frames import encode
from wrap.storage.files import Files

STEPS = 2000
ASK_MS = 100
LOOK_STEPS = 4


class Esp32:
    """Stands in for MicroPython's module esp32: a heap that cannot grow."""

    HEAP_DATA = 4

    @staticmethod
    def idf_heap_info(kind: int) -> list:
        return [(0, 0, 0, 0)]


sys.modules["esp32"] = Esp32
from wrap.hal.esp32.heap import Heap  # noqa: E402


class Watch:
    """Counts collections. A file is opened and forgotten every few steps: the next number that is
    free falls when a collection has closed the files before."""

    def __init__(self, hal, counter) -> None:
        self._hal = hal
        self._counter = counter
        self._wait = hal.wait_until
        self._file = 0
        self._steps = 0
        self._ask_at_ms = 0
        self.planned = 0
        self.automatic = 0
        self.answers = 0
        self.least = 1 << 30

    def allocated(self) -> int:
        self._steps += 1
        if self._steps % LOOK_STEPS == 0:
            number = open("/dev/null").fileno()  # noqa: PTH123, SIM115
            if number < self._file:
                self.automatic += 1
            self._file = number
        self.least = min(self.least, gc.mem_free())
        return self._counter.allocated() if self._counter else 0

    def collect(self) -> None:
        self.planned += 1
        self._counter.collect()
        self._file = 0

    def heap(self) -> "tuple[int, int]":
        if self._counter is None:
            return 0, 0
        self._counter.measure()
        return self._counter.used, self._counter.free

    def wait_until(self, tick_ms: int) -> None:
        hal = self._hal
        self._wait(tick_ms)
        if len(hal.tx) > 0:
            self.answers += bytes(hal.tx).count(b"\n")
            hal.tx = bytearray()
        if hal.now_ms >= self._ask_at_ms:
            self._ask_at_ms = hal.now_ms + ASK_MS
            hal.rx += encode(b'{"i":%d,"m":"status"}' % hal.now_ms)


def main(folder: str, counted: bool, free: int) -> None:
    board = FakeBoard(Files(folder), board_facts)
    board.power_on("power")
    board.advance(3000)
    hal = board.hal
    gc.collect()
    ballast = []
    while gc.mem_free() > free + 1100:  # many small ones: what is left lies in one piece
        ballast.append(bytearray(1000))
    collect_after(-1)  # as main_loop.main does
    watch = Watch(hal, Heap() if counted else None)
    hal.allocated, hal.collect, hal.heap = watch.allocated, watch.collect, watch.heap
    hal.wait_until = watch.wait_until
    if counted:
        hal.collect()
    main_loop.loop(board.app, STEPS)
    print(json.dumps([watch.planned, watch.automatic, watch.answers, watch.least]))


main(sys.argv[1], sys.argv[2] == "1", int(sys.argv[3]))
