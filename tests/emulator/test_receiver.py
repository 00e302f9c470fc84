"""The receiver of an install by files, on the emulated chip with a stock image."""

from __future__ import annotations

from pathlib import Path

from pbmwrap.install import slot
from pbmwrap.twin.as_serial import raw_board
from tests.emulator.conftest import MakeTwin

PROMPT_MS = 120
STALL_MS = 10000
NOW = "import time; print(time.ticks_ms())"


def test_a_host_that_falls_silent_in_a_file_is_given_up_after_10_s_by_a_restart(
    make_twin: MakeTwin, stock_image: Path
) -> None:
    twin = make_twin(stock_image)
    twin.start()
    twin.advance_ms(PROMPT_MS)
    board = raw_board(twin)
    board.exec(slot.receiver())
    board.exec_raw_no_follow("receive([('/half', [(4096, 4096)])], 2048)")
    twin.advance_ms(STALL_MS // 2)  # it waits from the first piece on, not longer than for each
    board.serial.write(bytes(3000))
    twin.advance_ms(STALL_MS - 500)
    assert board.serial.read(board.serial.inWaiting()).endswith(b".."), "it gave up too early"
    twin.advance_ms(1000)
    again = raw_board(twin)
    assert int(again.exec(NOW)) < 1500
    assert int(again.exec("import os; print(os.stat('/half')[6])")) == 0
