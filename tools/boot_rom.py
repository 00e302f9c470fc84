"""The emulated RP2040 in its boot ROM, as a USB drive: what a Pico is while BOOTSEL is held.

The real boot ROM (B1) runs from its reset vector. It finds no program in the erased flash and shows
the drive RPI-RP2. This module is the host at its USB port: control requests, the bulk-only
transport with SCSI commands, and enough of FAT16 to read the drive's files.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from rp2040py.peripherals.peripheral import UnimplementedPeripheral
from rp2040py.peripherals.usb import (
    BUFF_CPU_SHOULD_HANDLE,
    BUFF_STATUS,
    EP0_IN_BUFFER_CONTROL,
    EP1_IN_CONTROL,
    USB_BUF1_OFFSET,
    USB_BUF_CTRL_AVAILABLE,
    USB_BUF_CTRL_FULL,
    USB_BUF_CTRL_LEN_MASK,
)
from rp2040py.rp2040 import RP2040
from rp2040py.usb.interfaces import DescriptorType
from rp2040py.usb.setup import (
    get_descriptor_packet,
    set_device_address_packet,
    set_device_configuration_packet,
)

from pbmwrap.twin.rp2040_chip import FLASH_BYTES, Chip

SECTOR = 512
_SECTORS_AT_ONCE = 64
_STEP_NS = 10_000
_XIP_SRAM = 0x15000  # page of the address
_ENDPOINTS = 5  # that the boot ROM has
_BUS_RESET_NS, _SETTLE_NS = 10_000_000, 1_000_000
_PATIENCE_NS = 2_000_000_000
_MASS_STORAGE, _ENDPOINT = 8, 5
_CBW, _CSW = "<4sIIBBB16s", "<4sIIB"
_READ_10, _WRITE_10 = 0x28, 0x2A


class XipSram(UnimplementedPeripheral):
    """The 16 KB of the flash's cache, which the ROM uses as memory: it notes there which blocks of
    a UF2 it has. rp2040py has nothing at this address."""

    def __init__(self, mcu: RP2040) -> None:
        super().__init__(mcu, "XIP_SRAM_BASE")
        self._words: dict[int, int] = {}

    def read_uint32(self, offset: int) -> int:
        return self._words.get(offset, 0)

    def write_uint32_atomic(self, offset: int, value: int, atomic_type: int) -> None:
        # Memory has no aliases that set or clear bits: two bits of its address arrive here.
        self._words[atomic_type << 12 | offset] = value & 0xFFFFFFFF


class Pipe:
    """One bulk endpoint with two buffers, which the ROM fills or empties in turn.

    rp2040py looks at the second buffer only when the first is armed by the same write, and cannot
    report which of them is done. Here the buffers are done in the order in which they were armed,
    the next one when the ROM has acknowledged the one before.
    """

    def __init__(self, mcu: RP2040, endpoint: int, is_out: bool) -> None:
        self._usb, self._ram = mcu.usb_ctrl, mcu.usb_dpram
        self._control_at = EP1_IN_CONTROL + 8 * (endpoint - 1) + 4 * is_out
        self.at = EP0_IN_BUFFER_CONTROL + 8 * endpoint + 4 * is_out
        self._is_out = is_out
        self.mark = 1 << (endpoint * 2 + is_out)  # in BUFF_STATUS
        self._armed: list[int] = []
        self.which = 0  # the buffer that is done
        self._is_unread = False  # one is done and not acknowledged
        self.data = bytearray()  # received, or to be sent

    def note_write(self) -> None:
        """See which buffers the ROM has armed."""
        for buffer in (0, 1):
            if self._half(buffer) & USB_BUF_CTRL_AVAILABLE and buffer not in self._armed:
                self._armed.append(buffer)

    def acknowledge(self) -> None:
        """The ROM has handled the buffer that was done."""
        self._is_unread = False

    def forget(self) -> None:
        """The ROM has reset the endpoint."""
        self._armed.clear()
        self._is_unread = False

    def move(self) -> None:
        """Let one packet pass if the ROM is ready for it and, from the host, there is one."""
        if self._is_unread or not self._armed or (self._is_out and not self.data):
            return
        buffer = self._armed.pop(0)
        at = int.from_bytes(self._ram[self._control_at : self._control_at + 4], "little") & 0xFFC0
        at += USB_BUF1_OFFSET * buffer
        half = self._half(buffer) & ~(USB_BUF_CTRL_AVAILABLE | USB_BUF_CTRL_FULL)
        size = half & USB_BUF_CTRL_LEN_MASK
        if self._is_out:
            packet = bytes(self.data[:size])
            del self.data[:size]
            self._ram[at : at + len(packet)] = packet
            half = half & ~USB_BUF_CTRL_LEN_MASK | USB_BUF_CTRL_FULL | len(packet)
        else:
            self.data += self._ram[at : at + size]
        self._ram[self.at + 2 * buffer : self.at + 2 * buffer + 2] = half.to_bytes(2, "little")
        self.which, self._is_unread = buffer, True
        self._usb._buff_status |= self.mark
        self._usb._buff_status_updated()

    def _half(self, buffer: int) -> int:
        return int.from_bytes(self._ram[self.at + 2 * buffer : self.at + 2 * buffer + 2], "little")


class BootRom:
    """One chip with power on, in its boot ROM. Raises TimeoutError when the ROM does not answer."""

    def __init__(self, flash: bytes = b"\xff" * FLASH_BYTES) -> None:
        self._chip = Chip(flash, usb_open=False, usb_reader=False)
        self.restarted = False  # the ROM has started the program
        self._chip.on_reset = self._note_reset
        self._answer = bytearray()  # of a control request
        mcu = self._chip.mcu
        ends = [(number, is_out) for number in range(1, _ENDPOINTS) for is_out in (False, True)]
        self._pipes = {end: Pipe(mcu, *end) for end in ends}
        self._acknowledged = False
        self._enabled_ns = self._reset_ns = -1.0  # when the ROM enabled USB and saw a bus reset
        self._tag = 0
        usb = self._usb = self._chip.mcu.usb_ctrl
        usb.on_usb_enabled = self._reset_bus
        usb.on_reset_received = self._note_bus_reset
        usb.on_endpoint_write = self._take
        usb.on_endpoint_read = self._offer
        self._chip.mcu.peripherals[_XIP_SRAM] = XipSram(self._chip.mcu)
        core, read = self._chip.mcu.core, self._chip.mcu.read_uint32
        core.sp, core.pc = read(0), read(4) & ~1
        self._update_ram, self._write, self._read = (
            usb.dpram_updated,
            usb.write_uint32,
            usb.read_uint32,
        )
        usb.dpram_updated = self._ram_updated
        usb.write_uint32 = self._register_written
        usb.read_uint32 = self._register_read
        self._in, self._out = self._configure()

    def flash(self) -> bytes:
        """Return the flash as it is now, 2 MB."""
        return self._chip.flash()

    def list_files(self) -> dict[str, bytes]:
        """Return the files of the drive by name, and remember nothing."""
        start, _, data, entries = self._read_layout()
        files = {}
        for at in range(0, len(entries), 32):
            name, kind = entries[at : at + 11].decode("ascii", "replace"), entries[at + 11]
            cluster, size = struct.unpack_from("<HI", entries, at + 26)
            if entries[at] not in (0, 0xE5) and kind & 0x18 == 0:
                sector = data + (cluster - 2) * start[13]
                count = -(-size // SECTOR)
                label = f"{name[:8].rstrip()}.{name[8:].rstrip()}"
                files[label] = self.read_sectors(sector, count)[:size]
        return files

    def copy_file(self, content: bytes) -> None:
        """Write a file as a computer does, to free clusters from the third on. The ROM restarts the
        chip when it has all blocks of a UF2."""
        boot, _, data, _ = self._read_layout()
        first = data + 2 * boot[13]
        whole = content.ljust(-(-len(content) // SECTOR) * SECTOR, b"\0")
        for at in range(0, len(whole), _SECTORS_AT_ONCE * SECTOR):
            if self.restarted:
                return
            part = whole[at : at + _SECTORS_AT_ONCE * SECTOR]
            self._run_command(_WRITE_10, first + at // SECTOR, len(part) // SECTOR, part)

    def wait_for_restart(self) -> None:
        """Wait until the ROM has started the program."""
        self._run_until(lambda: self.restarted, "did not restart")

    def read_sectors(self, first: int, count: int) -> bytes:
        """Read sectors of the drive."""
        return self._run_command(_READ_10, first, count)

    def _read_layout(self) -> tuple[bytes, int, int, bytes]:
        """Return (boot sector, its number, first sector of the data, entries of the root)."""
        (start,) = struct.unpack_from("<I", self.read_sectors(0, 1), 446 + 8)
        boot = self.read_sectors(start, 1)
        reserved, fats, entries = struct.unpack_from("<HBH", boot, 14)
        (per_fat,) = struct.unpack_from("<H", boot, 22)
        root = start + reserved + fats * per_fat
        sectors = entries * 32 // SECTOR
        return boot, start, root + sectors, self.read_sectors(root, sectors)

    def _run_command(self, code: int, first: int, count: int, data: bytes = b"") -> bytes:
        """Run one SCSI command; return what it read. Raises OSError when it fails."""
        self._tag += 1
        words = struct.pack(">BBIBHB", code, 0, first, 0, count, 0).ljust(16, b"\0")
        reads = code == _READ_10
        size = count * SECTOR
        block = struct.pack(_CBW, b"USBC", self._tag, size, 0x80 if reads else 0, 0, 10, words)
        self._send(block)
        self._send(data)
        if self.restarted:
            return b""
        answer = self._receive(size if reads else 0)
        status = self._receive(struct.calcsize(_CSW))
        if self.restarted:
            return b""
        mark, tag, _, failed = struct.unpack(_CSW, status)
        if (mark, tag, failed) != (b"USBS", self._tag, 0):
            raise OSError(f"the boot ROM refused command {code:#x} at sector {first}")
        return answer

    def _send(self, data: bytes) -> None:
        self._out.data += data
        self._run_until(lambda: not self._out.data, "takes no bytes")

    def _receive(self, size: int) -> bytes:
        self._run_until(lambda: len(self._in.data) >= size, "sends no bytes")
        data = bytes(self._in.data[:size])
        del self._in.data[:size]
        return data

    def _configure(self) -> tuple[Pipe, Pipe]:
        """Enumerate; return the drive's bulk endpoints (in, out)."""
        self._run_until(self._is_bus_reset, "does not enumerate")
        self._send_control(set_device_address_packet(1))
        head = self._get_configuration(9)
        whole = self._get_configuration(struct.unpack_from("<H", head, 2)[0])
        self._send_control(set_device_configuration_packet(1))
        ends, at, ours = {}, 0, False
        while at < len(whole):
            if whole[at + 1] == DescriptorType.INTERFACE:
                ours = whole[at + 5] == _MASS_STORAGE
            elif whole[at + 1] == _ENDPOINT and ours:
                ends[whole[at + 2] >> 7] = whole[at + 2] & 0xF
            at += whole[at]
        return self._pipes[ends[1], False], self._pipes[ends[0], True]

    def _send_control(self, packet: bytes | bytearray) -> None:
        self._acknowledged = False
        self._usb.send_setup_packet(packet)
        self._run_until(lambda: self._acknowledged, "answers no control request")

    def _get_configuration(self, size: int) -> bytes:
        self._answer.clear()
        self._usb.send_setup_packet(get_descriptor_packet(DescriptorType.CONFIGRATION, size))
        self._run_until(lambda: len(self._answer) >= size, "sends no descriptor")
        return bytes(self._answer)

    def _run_until(self, done: Callable[[], bool], failure: str) -> None:
        until = self._chip.nanos + _PATIENCE_NS
        while not (done() or self.restarted):
            for pipe in self._pipes.values():
                pipe.move()
            self._chip.run_to(self._chip.nanos + _STEP_NS)
            if self._chip.nanos > until:
                raise TimeoutError(f"the boot ROM {failure}")

    def _note_reset(self) -> None:
        self.restarted = True

    def _reset_bus(self) -> None:
        self._enabled_ns = self._chip.nanos
        self._usb.reset_device()

    def _note_bus_reset(self) -> None:
        self._reset_ns = self._chip.nanos

    def _is_bus_reset(self) -> bool:
        """Whether the ROM has handled the bus reset. rp2040py reports one at each write that clears
        the flag, also at the writes that the ROM makes as it enables USB."""
        was_reset = self._reset_ns > self._enabled_ns + _BUS_RESET_NS / 2 > 0
        return was_reset and self._chip.nanos > self._reset_ns + _SETTLE_NS

    def _take(self, endpoint: int, data: bytes | bytearray) -> None:
        if endpoint == 0:
            self._acknowledged |= not data
            self._answer += data

    def _offer(self, endpoint: int, size: int) -> None:
        if endpoint == 0:
            self._usb.endpoint_read_done(0, b"")  # the status stage of what was read

    def _ram_updated(self, offset: int, value: int) -> None:
        for pipe in self._pipes.values():
            if offset == pipe.at:
                pipe.note_write()
                return
        self._update_ram(offset, value)

    def _register_written(self, offset: int, value: int) -> None:
        self._write(offset, value)
        if offset == BUFF_STATUS:
            for pipe in self._pipes.values():
                if not self._usb._buff_status & pipe.mark:
                    pipe.acknowledge()

    def _register_read(self, offset: int) -> int:
        if offset == BUFF_CPU_SHOULD_HANDLE:
            return sum(pipe.mark for pipe in self._pipes.values() if pipe.which)
        return self._read(offset)
