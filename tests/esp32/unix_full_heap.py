"""Runs on the MicroPython unix port: a wrap whose heap is filled, for good, while light is on.

Arguments: folder, bytes of heap that the HAL states as free. Prints [whether the lamps were lit
before, code of the fault in RAM, in the flash, after the next boot, whether a lamp is lit at the
end, exception that ended the loop, seconds of light in each END record, with those made once there
was room again].
"""

import gc
import json
import sys
from binascii import hexlify
from hashlib import sha256

import board_facts
from pbmwrap.twin.fake_board import FakeBoard
from pbmwrap.twin.fake_hal import FakeHal
from wrap.compat import collect_after
from wrap.rules.limits import STEP_MS
from wrap.storage.atomic_store import Store
from wrap.storage.files import Files
from wrap.storage.payload_reader import unpack_end
from wrap.storage.record_reader import scan
from wrap.storage.records import END

STEPS = 300
LIT_MS = 5500
AFTERWARDS_MS = 3000
_RAW_33_C = 36569
PIECES = (1000, 100, 16, 1)  # bytes; so that no piece of the heap is left


class Board(FakeBoard):
    """Has a HAL that states how much of the heap is free."""

    free = 0

    def _make_hal(self, start: int, cause: str) -> FakeHal:
        hal = super()._make_hal(start, cause)
        hal.heap = lambda: (0, self.free)
        return hal


class Filler:
    """Takes the place of the link: fills the heap and keeps it full. `kept` is made before, since
    a list that grows would need memory."""

    def __init__(self, places: int) -> None:
        self.kept = [None] * places
        self.n = 0

    def poll(self, spare_ms: int) -> bool:
        for size in PIECES:
            try:  # noqa: SIM105 - MicroPython has no contextlib
                self._fill(size)
            except MemoryError:
                pass
        raise MemoryError

    def _fill(self, size: int) -> None:
        while True:
            self.kept[self.n] = bytearray(size)
            self.n += 1


def light(board: Board) -> None:
    """Store a protocol and start its session."""
    protocol = {
        "v": 1,
        "id": "x",
        "name": "X",
        "site": "foot-left",
        "ramp": 500,
        "steps": [{"t": 600, "ch": {"red": [200], "nir": [250]}}],
    }
    raw = json.dumps(protocol).encode()
    app = board.app
    app.protocols.save(0, raw, hexlify(sha256(raw).digest()).decode())
    app.protocols.activate(0)
    app.fast_step.exit_fast_path()  # as each request does before it changes the session
    app.starter.start("link", False)
    while not any(board.hal.duty):
        board.advance(10)


def read_ends(files: Files) -> list:
    """Return the seconds of light that each END record of the log has."""
    names = sorted([name for name in files.names() if name.startswith("log.")])
    found, _ = scan(b"".join([files.read(name) for name in names]))
    return [unpack_end(r[5])["active_ms"] // 1000 for r in found if r[0] == END]


def main(folder: str, free: int) -> None:
    files = Files(folder)
    board = Board(files, board_facts)
    board.free = free
    for sensor in range(len(board_facts.SENSORS)):
        board.set_raw(sensor, _RAW_33_C)
    board.power_on("power")
    board.advance(10000)
    light(board)
    board.advance(LIT_MS)
    was_lit = any(board.hal.duty)
    gc.collect()
    collect_after(-1)  # as main_loop.main does
    hal, app = board.hal, board.app
    hal.collect = gc.collect
    filler = Filler(gc.mem_free() // 24)
    app.server.poll = filler.poll
    ended = ""
    try:
        for _ in range(STEPS):
            hal.now_ms += STEP_MS
            app.turn(hal.now_ms)
    except Exception as e:
        ended = type(e).__name__
    filler.kept = ()
    gc.collect()
    app.server.poll = lambda spare_ms: False
    in_flash = Store(files, "fault").value.get("code", 0)
    still_lit = any(hal.duty) or hal.enabled
    in_ram = app.fault_latch.code
    board.advance(AFTERWARDS_MS)
    ends = read_ends(files)
    board.power_on("soft")
    after = board.app.fault_latch.code
    print(json.dumps([was_lit, in_ram, in_flash, after, bool(still_lit), ended, ends]))


main(sys.argv[1], int(sys.argv[2]))
