"""The wrap installed as files on a stock MicroPython image."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from tests.emulator.conftest import MakeTwin
from tests.emulator.test_integrity import CLAIM_AT, CLAIM_BYTES

FILES_RUN_MS = 2500
SOFT_RESET_MS = 200


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
        if boot == 2:
            twin.write(b"\x03")
            twin.advance_ms(SOFT_RESET_MS)
            assert b"pbmwrap: dark" in twin.read()
        twin.power_off()
