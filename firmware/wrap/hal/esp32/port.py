"""The serial port of an ESP32, read and written without waiting as far as each kind allows.

MicroPython reports every kind as ready to write (mp_hal_stdio_poll of ports/esp32/mphalport.c) and
then waits: on a UART until all bytes are in its FIFO, on the USB ports up to 200 or 500 ms. So each
kind finds the free space in another way:

"uart": a bridge without flow control. The FIFO holds 128 bytes and empties at the baud rate, so the
free space is computed from the time.
"jtag": the USB-Serial-JTAG port of S3 and C3. A bit shows whether the FIFO of 64 bytes takes bytes.
A full packet of 64 is not passed on until another follows, so at most 63 are written.
"cdc": TinyUSB on an S3 with a stock image. There is no indication. A write that took long means
that no host reads; then nothing is written until bytes arrive. The first such write delays a step.

A stock image with a USB port has a REPL on its UART too, which gets a copy of each write and waits
10 ms when its FIFO is full (uart_stdout_tx_strn of ports/esp32/uart.c), connected or not. So there
a USB port is written no faster than a UART.

Reading is the same for all kinds: from a ring of 260 bytes, without flow control on a bridge, so a
line has at most 240 bytes.
"""

import select
import sys
import time

import machine

from wrap.compat import const
from wrap.hal.esp32.chip import usb_at

_READ = const(32)  # bytes read in one call
_BAUD = const(115200)
_FREE = const(96)  # of the FIFO's 128 bytes: the others are for what MicroPython prints
_DATA_FREE = const(2)
_PACKET = const(63)  # bytes written in one call
_SLOW_MS = const(20)  # a write that takes longer has found no reader


class Fifo:
    """The free space in a UART's FIFO, by the time passed. free: bytes."""

    def __init__(self) -> None:
        self.free = _FREE
        self._at_us = time.ticks_us()

    def drain(self) -> int:
        """Take into account what has gone out since the last call. Returns `free`."""
        now = time.ticks_us()
        gone = time.ticks_diff(now, self._at_us)
        drained = _FREE if gone < 0 or gone > 20000 else gone * (_BAUD // 10) // 1000000
        if drained:  # less than the time of a byte is left for the next call
            self._at_us = now
            self.free = min(_FREE, self.free + drained)
        return self.free


class NoFifo:
    """Takes the place of a FIFO where no UART gets a copy."""

    def __init__(self) -> None:
        self.free = 0

    def drain(self) -> int:
        """Return more than is written in one call."""
        self.free = _FREE
        return _FREE


class Port:
    """Reads, and writes without a check. Each kind has its own `write`. fifo: the space for what is
    written.

    What runs in each slice of the link has variables for 11 words at most: a larger method takes
    them from the heap at each call."""

    def __init__(self, fifo: "Fifo | NoFifo") -> None:
        self._fifo = fifo
        self._in = sys.stdin.buffer  # type: ignore
        self._out = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._one = bytearray(1)

    def read(self, buf: "bytearray | memoryview") -> int:
        """Move at most _READ received bytes into `buf`. Returns how many."""
        n = 0
        one = self._one
        most = min(_READ, len(buf))
        while n < most:
            for _ in self._poll.ipoll(0):
                break
            else:
                break
            self._in.readinto(one)  # type: ignore
            buf[n] = one[0]
            n += 1
        return n

    def _write_some(self, view: memoryview, at: int, end: int, most: int) -> int:
        """Write of view[at:end] what has room, at most `most` bytes. Returns how many; waits while
        they do not fit."""
        most = min(end - at, most, self._fifo.free)
        # With an offset and a length, as MicroPython's streams take them: a slice would be garbage.
        most = self._out.write(view, at, most) or 0  # type: ignore
        self._fifo.free -= most
        return most


class UartPort(Port):
    """Writes to a bridge without flow control what has room in the FIFO by the time passed."""

    def write(self, view: memoryview, at: int, end: int) -> int:
        """Write of view[at:end] what the FIFO takes. Returns how many bytes."""
        if not self._fifo.drain():
            return 0
        return self._write_some(view, at, end, _FREE)


class JtagPort(Port):
    """Uses the USB-Serial-JTAG port. at: address of EP1_CONF; fifo: of the UART that gets a
    copy."""

    def __init__(self, at: int, fifo: "Fifo | NoFifo") -> None:
        super().__init__(fifo)
        self._at = at

    def write(self, view: memoryview, at: int, end: int) -> int:
        """Write at most _PACKET bytes of view[at:end] when the FIFO is free. Returns how many."""
        if not self._fifo.drain() or not machine.mem32[self._at] & _DATA_FREE:
            return 0
        return self._write_some(view, at, end, _PACKET)


class CdcPort(Port):
    """Uses TinyUSB of a stock image. Writes nothing from the first slow write until bytes come."""

    def __init__(self, fifo: "Fifo | NoFifo") -> None:
        super().__init__(fifo)
        self._begun_ms = 0  # of the last write
        self._stalled = False

    def read(self, buf: "bytearray | memoryview") -> int:
        """Read as `Port.read` does. Received bytes show that a host reads again."""
        n = super().read(buf)
        if n:
            self._stalled = False
        return n

    def write(self, view: memoryview, at: int, end: int) -> int:
        """Write at most _PACKET bytes of view[at:end]. Returns how many, 0 while no host reads."""
        if self._stalled or not self._fifo.drain():
            return 0
        self._begun_ms = time.ticks_ms()
        sent = self._write_some(view, at, end, _PACKET)
        self._stalled = time.ticks_diff(time.ticks_ms(), self._begun_ms) > _SLOW_MS
        return sent


def open_port(link: str, chip: str, ours: bool) -> "UartPort | JtagPort | CdcPort":
    """Return the port with read(buf) and write(view, at, end). link: LINK of the board's facts,
    "uart", "usb" or "jtag"; "usb" is TinyUSB on a stock image and USB-Serial-JTAG on our image
    (`ours`). Raises ValueError."""
    if link == "uart":
        return UartPort(Fifo())
    if link == "jtag" or (link == "usb" and ours):
        return JtagPort(usb_at(chip), NoFifo() if ours else Fifo())
    if link == "usb":
        return CdcPort(Fifo())
    raise ValueError("no link " + link)
