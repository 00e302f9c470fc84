"""Runs on the MicroPython unix port: a FakeBoard driven by lines on stdin, one JSON line back for
each.

on CAUSE | off | adv MS | raw SENSOR VALUE | btn 0|1 | w HEX | hang | heap
"""

import binascii
import gc
import json
import sys

import board_facts
from pbmwrap.twin.fake_board import FakeBoard
from wrap.storage.files import Files


def _state(board: FakeBoard, taken: int) -> list:
    duties, enabled, lit = board.pins()
    on = [board.on_acc(ch) for ch in range(len(duties))]
    light = [board.light_acc(ch) for ch in range(len(duties))]
    tx = binascii.hexlify(board.read()).decode()
    return [board.now_ms, duties, enabled, lit, on, tx, taken, light, board.take_buzzes()]


def _run(board: FakeBoard, words: "list[str]") -> int:
    name = words[0]
    if name == "adv":
        board.advance(int(words[1]))
    elif name == "raw":
        board.set_raw(int(words[1]), int(words[2]))
    elif name == "w":
        return board.write(binascii.unhexlify(words[1]))
    elif name == "btn":
        board.press(words[1] == "1")
    elif name == "on":
        board.power_on(words[1])
    elif name == "off":
        board.power_off()
    elif name == "hang":
        board.hang()
    elif name == "heap":
        gc.collect()
        return gc.mem_alloc()
    return 0


def main(root: str) -> None:
    board = FakeBoard(Files(root), board_facts)
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        taken = _run(board, line.split())
        print(json.dumps(_state(board, taken)))


main(sys.argv[1])
