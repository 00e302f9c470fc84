"""Proves that the serial ports never hold up a step, and that the flash is used as it may be."""

from __future__ import annotations

import pytest

from tests.esp32.world import World
from tests.port import offer_bytes
from wrap.storage.files import Files, NoFiles
from wrap.storage.mount import mount
from wrap.storage.nor_sectors import NorSectors
from wrap.storage.sectors import FileSectors

LINE = bytes(range(240))


def booted(board: str, **facts: str) -> World:
    world = World(board)
    vars(world.facts).update(facts)
    world.boot()
    return world


@pytest.mark.parametrize("size", [1, 31, 32, 33, 240])
def test_a_line_arrives_in_bounded_pieces(world: World, size: int) -> None:
    world.stdio.arrive(LINE[:size])
    buf, got = bytearray(64), b""
    for _ in range(9):
        n = world.hal.link_read(buf)
        assert n <= 32
        got += bytes(buf[:n])
    assert got == LINE[:size]
    assert world.hal.link_read(bytearray(0)) == 0


def test_a_uart_is_given_no_more_than_its_fifo_takes_at_once(devkit: World) -> None:
    """128 bytes of FIFO that empties at 115200 baud: it is never full, and nothing waits."""
    hal, sent, fifo = devkit.hal, 0, 0.0
    data = memoryview(LINE * 20)
    while sent < len(data):
        n = offer_bytes(hal, data[sent : sent + 64])
        sent += n
        fifo += n
        assert fifo <= 128
        devkit.chip.advance_us(700)
        fifo = max(0.0, fifo - 0.0007 * 11520)
    assert bytes(devkit.stdio.out) == bytes(data)
    assert devkit.chip.now_us == pytest.approx(len(data) / 11520 * 1e6, rel=0.1)


def test_after_a_pause_the_uart_is_empty_again(devkit: World) -> None:
    view = memoryview(LINE)
    assert [offer_bytes(devkit.hal, view), offer_bytes(devkit.hal, view)] == [96, 0]
    devkit.chip.advance_ms(30)
    assert offer_bytes(devkit.hal, view) == 96
    devkit.chip.advance_us(40)  # less than a byte's time, kept for the next look
    assert offer_bytes(devkit.hal, view) == 0
    devkit.chip.advance_us(50)
    assert offer_bytes(devkit.hal, view) == 1


@pytest.mark.parametrize("board", ["PBMWRAP_ESP32_C3", "PBMWRAP_ESP32_S3"])
def test_the_chips_usb_port_is_asked_first_and_never_given_a_full_packet(
    board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wrap.build_info

    monkeypatch.setattr(wrap.build_info, "CDC_NONBLOCKING", True)
    world = booted(board)
    assert offer_bytes(world.hal, memoryview(LINE)) == 63
    assert offer_bytes(world.hal, memoryview(LINE[:20])) == 20
    world.chip.usb_free = False
    assert offer_bytes(world.hal, memoryview(LINE)) == 0
    assert bytes(world.stdio.out) == LINE[:63] + LINE[:20]


@pytest.mark.parametrize("board", ["PBMWRAP_ESP32_C3", "PBMWRAP_ESP32_S3", "PBMWRAP_ESP32"])
def test_a_stock_image_copies_each_write_to_its_uart_and_none_waits_for_it(board: str) -> None:
    world = booted(board)
    world.stdio.uart = True
    data, sent = memoryview(LINE * 20), 0
    for _ in range(2000):
        before = world.chip.now_us
        sent += offer_bytes(world.hal, data[sent:])
        assert world.chip.now_us == before
        world.chip.advance_us(300)
    assert bytes(world.stdio.out) == bytes(data)


@pytest.mark.parametrize("board", ["PBMWRAP_ESP32_C3", "PBMWRAP_ESP32_S3"])
def test_our_image_has_no_uart_that_slows_its_usb_port(
    board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wrap.build_info

    monkeypatch.setattr(wrap.build_info, "CDC_NONBLOCKING", True)
    world = booted(board)
    assert [offer_bytes(world.hal, memoryview(LINE)) for _ in range(10)] == [63] * 10


def test_tinyusb_that_nobody_reads_costs_one_write() -> None:
    world = booted("PBMWRAP_ESP32_S3")
    view = memoryview(LINE)
    assert offer_bytes(world.hal, view) == 63
    world.stdio.write_us = 500_000
    world.chip.advance_ms(30)
    assert offer_bytes(world.hal, view) == 63
    before = world.chip.now_us
    assert offer_bytes(world.hal, view) == 0
    assert world.chip.now_us == before
    assert world.hal.link_read(bytearray(8)) == 0
    assert offer_bytes(world.hal, view) == 0
    world.stdio.write_us = 0
    world.stdio.arrive(b"@")
    assert world.hal.link_read(bytearray(8)) == 1
    assert offer_bytes(world.hal, view) == 63


@pytest.mark.parametrize(("link", "reported"), [("jtag", "no USB port"), ("can", "no link can")])
def test_a_link_that_the_chip_has_not_is_refused(link: str, reported: str) -> None:
    world = World()
    world.facts.LINK = link
    with pytest.raises(ValueError, match=reported):
        world.boot()


def test_the_log_and_small_files_have_partitions_of_their_own(devkit: World) -> None:
    storage = mount(devkit.hal)
    files, log = storage.files, storage.sectors
    files.write("settings", b"x" * 300)
    assert isinstance(log, NorSectors)
    assert log.n == len(devkit.parts["wraplog"].data) // 4096
    last = log.n - 1
    log.erase(last)
    assert log.is_ready(last)
    log.program(last, 4000, (b"record",))
    assert bytes(log.read(last, 3999, 8)) == b"\xffrecord\xff"
    assert devkit.parts["wraplog"].erased == 1
    again = mount(devkit.boot())
    assert again.files.read("settings") == b"x" * 300
    assert bytes(again.sectors.read(last, 4000, 6)) == b"record"


def test_a_stock_image_keeps_everything_as_files(tmp_path, monkeypatch) -> None:
    world = World()
    world.parts.pop("wraplog")
    monkeypatch.setattr("wrap.storage.files.os.mkdir", lambda path: None)
    storage = mount(world.boot())
    assert isinstance(storage.files, Files)
    assert isinstance(storage.sectors, FileSectors)


def test_flash_that_fails_is_no_storage_and_says_why() -> None:
    def fails(*words: object) -> None:
        raise OSError(5)

    world = World()
    world.esp32.Partition.readblocks = fails
    storage = mount(world.boot())
    assert isinstance(storage.files, NoFiles)
    assert "flash" in storage.files.missing
    assert isinstance(storage.sectors, FileSectors)


def test_an_erase_that_fails_is_an_error(devkit: World) -> None:
    sectors = mount(devkit.hal).sectors
    devkit.esp32.Partition.ioctl = lambda self, command, block: -22
    with pytest.raises(OSError):
        sectors.erase(0)
