"""A board whose wrap lived on stock MicroPython's filesystem gets our image: what protects people
comes along, whenever the power goes meanwhile."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.twin.rp2040_chip import FLASH_BYTES
from pbmwrap.twin.rp2040_fs import files_of, flash_with_files
from tests.contract.conftest import BOOT_MS
from tests.nor import SECTOR
from tests.powercut.binary_cut import tear
from tests.powercut.binary_tape import FILES_AT, LOG_AT, STORE_AT, Op, apply
from tests.powercut.day import SITES
from tests.powercut.rot_base import FilesWrap
from wrap.rules import faults

TRIP_MC = 40000
UW = 90000
TOO_LONG = "a-note"  # first of the names
FAULT = faults.GROSS


@functools.cache
def old_flash() -> bytes:
    """Settings, calibration, a protocol, a session, a latched fault; and a file that no wrap wrote
    and that does not fit."""
    wrap = FilesWrap({})
    wrap.on()
    wrap.store("first", SITES[0])
    wrap.app.settings.set("trip_mc", TRIP_MC)
    for name, *_ in wrap.facts.CHANNELS:
        wrap.app.light.calibrate(name, UW, 100, 20261101, "test meter")
    wrap.session()
    wrap.board.advance(300)
    wrap.warm(46000)
    wrap.board.advance(300)
    assert wrap.app.fault_latch.code == FAULT
    wrap.board.power_off()
    kept = wrap.files.data | {TOO_LONG: b"?" * 5000}
    assert any(name.startswith("log.") for name in kept)
    files = {f"/pbmwrap/{name}": kept[name] for name in kept}
    return flash_with_files(b"\xff" * FLASH_BYTES, files)


def boot(image: Path, flash: bytes, ms: int = BOOT_MS) -> tuple[Client, Rp2040Twin, list[Op]]:
    """Return a wrap with our image over this flash, and what it does to it."""
    ops: list[Op] = []
    twin = Rp2040Twin(image, flash=flash)
    twin.start()
    twin.chip.flash_part.before = lambda at, data: ops.append((at, data))
    twin.advance_ms(ms)
    return Client(TwinTransport(twin)), twin, ops


def check(client: Client, twin: Rp2040Twin) -> None:
    status = client.status()
    assert status.fault
    assert (status.fault.code, status.state) == (FAULT, "fault")
    assert not status.settings_damaged
    assert client.settings()["trip_mc"] == TRIP_MC
    assert [c and c.uw for c in client.calibrations()] == [UW, UW]
    slots = client.protocols().slots
    assert slots[0] and (slots[0].id, slots[0].broken) == ("first", None)
    assert client.course().sites[SITES[0]].next_s
    assert set(files_of(twin.flash())) == set()
    assert twin.dark()


IN_ONE_WORKER = pytest.mark.xdist_group("adopted")  # `first` boots a chip


@pytest.fixture(scope="module")
def first(image: Path) -> tuple[bytes, list[Op]]:
    """Return the flash before the first boot, and that boot's operations up to the new filesystem's
    last."""
    client, twin, ops = boot(image, old_flash())
    check(client, twin)
    last = max(k for k, (at, _) in enumerate(ops) if FILES_AT <= at < LOG_AT)
    assert not any(at >= LOG_AT for at, _ in ops[: last + 1]), "the old files are gone too early"
    before = bytes(Rp2040Twin(image, flash=old_flash()).flash())
    return before, ops[: last + 1]


@IN_ONE_WORKER
def test_what_protects_people_is_taken_over(first: tuple[bytes, list[Op]]) -> None:
    _, ops = first
    store = [op for op in ops if STORE_AT <= op[0] < FILES_AT]
    assert {at // SECTOR for at, data in store if not data} and any(data for _, data in store)


@IN_ONE_WORKER
@pytest.mark.parametrize("share", [0.6, pytest.param(0.99, marks=pytest.mark.slow)])
def test_power_that_goes_meanwhile_lets_it_begin_again(
    image: Path, first: tuple[bytes, list[Op]], share: float
) -> None:
    """In the middle of an entry of the store, and of the new filesystem."""
    before, ops = first
    k = int(len(ops) * share)
    mem = bytearray(before)
    for op in ops[:k]:
        apply(mem, op)
    client, twin, _ = boot(image, bytes(tear(mem, ops[k], 7)))
    check(client, twin)
