"""The USB host at the emulated board's port: enumeration, bytes both ways, flow control, DTR.

rp2040py's own host answers every bulk-OUT request at once with an empty packet, which costs the
guest half its time; a real host sends nothing without data. Here a request is held back until there
are bytes, and IN packets are not taken while no program reads.
"""

from __future__ import annotations

from rp2040py.peripherals.usb import (
    EP0_IN_BUFFER_CONTROL,
    INTE,
    INTR_DEV_RESUME_FROM_HOST,
    INTR_DEV_SOF,
    INTR_DEV_SUSPEND,
    SOF_RD,
    USB_BUF_CTRL_AVAILABLE,
)
from rp2040py.rp2040 import RP2040
from rp2040py.usb.cdc import CDC_DTR, CDC_RTS, USBCDC

_FRAME_NS = 1_000_000
HOST_BUFFER = 512  # bytes that wait on the host's side, as in rp2040py's own


class UsbHost:
    """The host's end of the cable. `reader` and `open` may change at any time."""

    def __init__(self, mcu: RP2040, *, opened: bool, reader: bool) -> None:
        self._mcu = mcu
        self._usb = mcu.usb_ctrl
        self._cdc = USBCDC(self._usb)
        self._received = bytearray()
        self._queue = bytearray()
        self._wanted: list[int] = []  # sizes of bulk-OUT requests that wait for bytes
        self._held = False  # the IN endpoint has a packet that nobody took
        self._opened, self._reader, self._plugged = opened, reader, True
        self._frame = mcu.clock.create_alarm(self._start_of_frame)
        self._framing = False
        self._wrap_controller()

    def _wrap_controller(self) -> None:
        self._cdc.on_serial_data = self._received.extend
        self._enumerate = self._usb.on_endpoint_read
        self._usb.on_endpoint_read = self._out_requested
        self._take = self._usb.dpram_updated
        self._usb.dpram_updated = self._dpram_updated
        self._bus_reset = self._usb.on_reset
        self._usb.on_reset = self._handle_bus_reset
        self._write_register = self._usb.write_uint32
        self._usb.write_uint32 = self._register_written
        self._read_register = self._usb.read_uint32
        self._usb.read_uint32 = self._register_read
        self._set_lines = self._cdc._cdc_set_control_line_state
        self._cdc._cdc_set_control_line_state = self._first_lines

    @property
    def enumerated(self) -> bool:
        """True when the device is configured and the port exists."""
        return self._cdc._initialized

    @property
    def waiting(self) -> int:
        """Bytes that the device has not taken yet."""
        return len(self._queue)

    def write(self, data: bytes) -> int:
        """Queue bytes for the device; returns how many fitted, 0 while there is no port."""
        if not self.enumerated:
            return 0
        taken = data[: HOST_BUFFER - len(self._queue)]
        self._queue += taken
        self._send_queued()
        return len(taken)

    def read(self) -> bytes:
        """All bytes that arrived since the last call."""
        data = bytes(self._received)
        self._received.clear()
        return data

    def set_reader(self, reading: bool) -> None:
        """Take IN packets or leave them: a port that is open but not read."""
        self._reader = reading
        self._take_held()

    def set_open(self, opened: bool) -> None:
        """Open or close the port: DTR and RTS, and IN packets are only taken while open."""
        self._opened = opened
        if self.enumerated:
            self._set_lines(self._lines())
        self._take_held()

    def set_plugged(self, plugged: bool) -> None:
        """Pull the cable of a board with power of its own, or put it back: the bus becomes
        idle, which a device takes for suspended, and no event reports the port as closed."""
        self._plugged = plugged
        self._usb._int_raw |= INTR_DEV_RESUME_FROM_HOST if plugged else INTR_DEV_SUSPEND
        self._usb.check_interrupts()
        self._take_held()
        self._send_queued()

    def _is_taking(self) -> bool:
        """Return whether the host asks the device for bytes: it does only while a program reads."""
        return self._plugged and self._opened and self._reader

    def _lines(self) -> int:
        return CDC_DTR | CDC_RTS if self._opened else 0

    def _first_lines(self, value: int | None = None, interface_number: int | None = None) -> None:
        self._set_lines(self._lines() if value is None else value, interface_number)

    def _out_requested(self, endpoint: int, size: int) -> None:
        if endpoint != self._cdc._out_endpoint:
            if self._enumerate:
                self._enumerate(endpoint, size)
            return
        self._wanted.append(size)
        self._send_queued()

    def _send_queued(self) -> None:
        """Complete reads of the device with queued bytes, at most the size that it asked for."""
        while self._plugged and self._wanted and self._queue:
            size = self._wanted.pop(0)
            self._usb.endpoint_read_done(self._cdc._out_endpoint, bytes(self._queue[:size]))
            del self._queue[:size]

    def _in_control(self) -> int:
        return EP0_IN_BUFFER_CONTROL + 8 * self._cdc._in_endpoint

    def _dpram_updated(self, offset: int, value: int) -> None:
        is_data = self._cdc._in_endpoint > 0 and offset == self._in_control()
        if is_data and not self._is_taking() and value & USB_BUF_CTRL_AVAILABLE:
            self._held = True
            return
        self._take(offset, value)

    def _take_held(self) -> None:
        if self._held and self._is_taking():
            self._held = False
            offset = self._in_control()
            word = bytes(self._mcu.usb_dpram[offset : offset + 4])
            self._take(offset, int.from_bytes(word, "little"))

    # rp2040py sends no start-of-frame to a device; TinyUSB asks for some after the port is opened,
    # and only then sends what was printed before.
    def _register_written(self, offset: int, value: int) -> None:
        self._write_register(offset, value)
        if offset == INTE and self._usb._int_enable & INTR_DEV_SOF and not self._framing:
            self._framing = True
            self._frame.schedule(_FRAME_NS)

    def _register_read(self, offset: int) -> int:
        value = self._read_register(offset)
        if offset == SOF_RD:
            self._usb._int_raw &= ~INTR_DEV_SOF
            self._usb.check_interrupts()
        return value

    def _start_of_frame(self) -> None:
        self._framing = bool(self._usb._int_enable & INTR_DEV_SOF)
        if self._framing:
            self._usb._sof_frame_number += 1
            self._usb._int_raw |= INTR_DEV_SOF
            self._usb.check_interrupts()
            self._frame.schedule(_FRAME_NS)

    def _handle_bus_reset(self) -> None:
        """Handle a reset of the bus: what was on its way either direction is lost."""
        self._queue.clear()
        self._wanted.clear()
        self._held = False
        if self._bus_reset:
            self._bus_reset()
