"""Lists the serial ports of this machine, and uses one as a transport.

DTR stays high, because MicroPython sends nothing while it is low. The port is never opened at 1200
baud, which would restart an RP2040 into its boot loader. Opening and closing send no byte.

RTS high while DTR is low restarts an ESP32, through two transistors beside its bridge or by its own
USB port. So the lines change in an order that never comes by this state: Windows sets them one by
one.
"""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import serial

from pbmwrap.device.transport import WRITE_TIMEOUT_S, Transport
from pbmwrap.errors import LinkLost, NoDevice, NoPermission, PortBusy, WrapError

BAUD = 115200
IS_WINDOWS = os.name == "nt"

_BUSY = (errno.EBUSY, errno.EWOULDBLOCK, errno.EAGAIN)
_DENIED = (errno.EACCES, errno.EPERM)
_ABSENT = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
# On Windows pyserial gives no errno, only the text of an OSError that ends in the system's number:
# 2 and 3 no such port, 5 access denied and 32 sharing violation: another program has it open.
_WINDOWS = re.compile(r"Error\(\d+, .*, None, (\d+)\)$")
_WINDOWS_BUSY = (5, 32)
_WINDOWS_ABSENT = (2, 3)


@dataclass(frozen=True)
class PortInfo:
    """A serial port of this machine. `usb` is "vid:pid" in hex, or empty."""

    device: str
    number: str
    usb: str
    label: str


def usb_ports() -> list[PortInfo]:
    """Return every USB serial port, sorted by name. A port without a USB id cannot be a wrap."""
    from serial.tools import list_ports

    found = [p for p in list_ports.comports() if p.vid is not None]
    return sorted((_find_port_info(p) for p in found), key=lambda p: p.device)


def _find_port_info(port) -> PortInfo:
    usb = f"{port.vid:04x}:{port.pid:04x}"
    return PortInfo(port.device, port.serial_number or "", usb, port.product or port.description)


class SerialTransport(Transport):
    """One serial port, held exclusively while it is open."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._port: serial.Serial | None = None

    def open(self) -> None:
        try:
            self._port = _open_without_restart(self.name)
        except (OSError, ValueError) as problem:
            raise _open_error(self.name, problem) from problem

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            try:
                with suppress(OSError):  # a pseudo terminal has no such lines
                    port.rts = False
                    port.dtr = False
                port.close()
            except OSError:
                return  # the device is gone already

    def write(self, data: bytes, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        port = self._open_port()
        try:
            port.write_timeout = timeout_s
            port.write(data)
        except serial.SerialTimeoutException as problem:
            raise LinkLost(f"{self.name} does not accept data") from problem
        except (OSError, TypeError) as problem:
            raise self._link_lost() from problem

    def read(self, timeout_s: float) -> bytes:
        port = self._open_port()
        try:
            port.timeout = timeout_s
            return port.read(1) + port.read(port.in_waiting)
        except (OSError, TypeError) as problem:
            raise self._link_lost() from problem

    def monotonic(self) -> float:
        return time.monotonic()

    def _open_port(self) -> serial.Serial:
        if self._port is None:
            raise LinkLost(f"{self.name} is not open")
        return self._port

    def _link_lost(self) -> LinkLost:
        return LinkLost(f"{self.name} vanished while it was in use")


def _open_without_restart(name: str) -> serial.Serial:
    """Open a port; on Windows with both lines low, which then rise in the right order."""
    port = serial.Serial(baudrate=BAUD, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
    port.port = name
    if not IS_WINDOWS:  # elsewhere the system raises both at once
        port.open()
        return port
    port.dtr = port.rts = False
    port.open()
    port.dtr = True
    port.rts = True
    return port


def _open_error(name: str, problem: BaseException) -> WrapError:
    """Return why the port `name` could not be opened.

    pyserial raises one exception for all reasons. Its errno, or on Windows the number at the end of
    its text, distinguishes them.
    """
    number = getattr(problem, "errno", None)
    windows = _WINDOWS.search(str(problem))
    if windows and number is None:
        return _windows_error(name, int(windows[1]))
    if number in _DENIED:
        return NoPermission(f"{name} may not be opened by this user")
    if number in _BUSY or "exclusively lock" in str(problem):
        return PortBusy(f"{name} is in use")
    if number in _ABSENT or not Path(name).exists():
        return NoDevice(f"there is no port {name}")
    return NoDevice(f"{name} is not a serial port")


def _windows_error(name: str, number: int) -> WrapError:
    """Return the reason on Windows, where access is denied while another program has the port."""
    if number in _WINDOWS_BUSY:
        return PortBusy(f"{name} is in use")
    if number in _WINDOWS_ABSENT:
        return NoDevice(f"there is no port {name}")
    return NoDevice(f"{name} cannot be opened (Windows error {number})")
