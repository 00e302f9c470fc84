"""The wrap installed as files on a stock MicroPython image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.install import packs
from tests.emulator.conftest import MakeTwin
from tests.emulator.test_integrity import CLAIM_AT, CLAIM_BYTES

FILES_RUN_MS = 2500
SOFT_RESET_MS = 200
LIT_AFTER_MS = 6000
# With 136.3 KB of modules a stock RP2040 has 17 KB of heap free between sessions; with 146 KB it
# did not start.
MOST_BYTES = 138_000
# Their storage is raw flash, which a stock image does not have.
NOT_LOADED = ("wrap/storage/flash_files", "wrap/storage/adopt")
SHORT = {"v": 1, "id": "short", "name": "Short", "site": "foot", "ramp": 1000}
SHORT["steps"] = [{"t": 30, "ch": {"red": [200], "nir": [200]}}]


def test_the_files_leave_a_stock_board_some_heap(stock_firmware: packs.Firmware) -> None:
    """MicroPython loads every module into its heap, so each byte of a file is missing there."""
    places = json.loads(stock_firmware.index)["modules"]
    left_out = [places[f"{name}.mpy"][2] for name in NOT_LOADED]
    files = stock_firmware.list_files()
    size = sum(len(data) for name, data in files.items() if name != "index") - sum(left_out)
    assert 100_000 < size <= MOST_BYTES


@pytest.mark.slow
def test_installed_files_run_on_stock_with_their_storage(
    make_twin: MakeTwin, stock_image: Path, image: Path, installed: dict[str, bytes]
) -> None:
    """At the first boot and the second. A heap in pieces once had no room for the link's buffers,
    and the wrap said that its storage could not be read. Files are not checked as an image is, also
    where an older image of ours has left its claim behind."""
    twin = make_twin(stock_image)
    twin.install_files(installed)
    twin.write_flash(CLAIM_AT, make_twin(image).flash()[CLAIM_AT : CLAIM_AT + CLAIM_BYTES])
    for boot in (1, 2):
        twin.start()
        twin.advance_ms(FILES_RUN_MS)
        client = Client(TwinTransport(twin), first_id=1000 * boot, answer_s=5)
        hello = client.hello()
        # Loading the modules takes longer than the time that once identified a soft reset: then
        # each start was reported as one, and repeated watchdog resets never led to a fault.
        assert (hello.state, hello.boot, hello.cause) == ("idle", boot, "power")
        assert (hello.integrity, hello.memory, client.fault()) == ("unknown", "unknown", None)
        if boot == 1:
            client.flash_protocol(0, json.dumps(SHORT, separators=(",", ":")).encode())
            client.activate(0)
            client.call("session.start")
            twin.advance_ms(LIT_AFTER_MS)
            assert client.status().state == "running"
            client.call("session.stop")
        if boot == 2:
            twin.write(b"\x03")
            twin.advance_ms(SOFT_RESET_MS)
            assert b"pbmwrap: dark" in twin.read()
            loaded = twin.repl("import sys\nprint(*sys.modules)").replace(".", "/").split()
            assert "wrap/storage/sectors" in loaded
            assert not set(NOT_LOADED) & set(loaded)
        twin.power_off()
