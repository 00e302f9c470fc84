"""The serial port of an ESP32: takes and gives bytes without waiting, as far as each kind allows.

MicroPython calls every kind ready to write (mp_hal_stdio_poll of ports/esp32/mphalport.c), and then
waits: for a UART until all is in its FIFO, for the USB ports up to 200 or 500 ms. So each kind asks
otherwise:

"uart": a bridge without flow control. The FIFO holds 128 bytes and empties at the baud rate, so
the time tells what is free in it.
"jtag": the USB-Serial-JTAG port of S3 and C3. A bit of it says whether the FIFO of 64 takes bytes.
A full packet of 64 is not passed on until another follows, so 63 is the most.
"cdc": TinyUSB on an S3 with a stock image: nothing tells. A write that took long means that nobody
reads; then nothing is written until something has arrived. The first such write holds up a step.

Reading is the same for all: a ring of 260 bytes, without flow control on a bridge, so a line has at
most 240.
"""

import select
import sys
import time

import machine

from wrap.compat import const
from wrap.hal.esp32.chip import usb_at

_READ = const(32)  # bytes in one call
_BAUD = const(115200)
_ROOM = const(96)  # of 128: the rest is for what others print
_DATA_FREE = const(2)
_PACKET = const(63)
_SLOW_MS = const(20)


class Port:
    """Reads, and writes without asking. `write` is each kind's."""

    def __init__(self):
        self._in = sys.stdin.buffer  # type: ignore
        self._out = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._one = bytearray(1)

    def read(self, buf):
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

    def _give(self, view, most):
        return self._out.write(view[:most] if len(view) > most else view) or 0


class UartPort(Port):
    def __init__(self):
        super().__init__()
        self._room = _ROOM
        self._at_us = time.ticks_us()

    def write(self, view):
        now = time.ticks_us()
        gone = time.ticks_diff(now, self._at_us)
        drained = _ROOM if gone < 0 or gone > 20000 else gone * (_BAUD // 10) // 1000000
        if drained:  # what is less than a byte's time is kept
            self._at_us = now
            self._room = min(_ROOM, self._room + drained)
        if not self._room:
            return 0
        sent = self._give(view, self._room)
        self._room -= sent
        return sent


class JtagPort(Port):
    """at: address of EP1_CONF."""

    def __init__(self, at):
        super().__init__()
        self._at = at

    def write(self, view):
        if not machine.mem32[self._at] & _DATA_FREE:
            return 0
        return self._give(view, _PACKET)


class CdcPort(Port):
    def __init__(self):
        super().__init__()
        self._stalled = False

    def read(self, buf):
        n = super().read(buf)
        if n:
            self._stalled = False
        return n

    def write(self, view):
        if self._stalled:
            return 0
        begun = time.ticks_ms()
        sent = self._give(view, _PACKET)
        self._stalled = time.ticks_diff(time.ticks_ms(), begun) > _SLOW_MS
        return sent


def open_port(link, chip, ours):
    """Something with read(buf) and write(view). link: the board's, "uart", "usb" or "jtag"; "usb"
    is TinyUSB's on a stock image and the chip's own on `ours`. Raises ValueError."""
    if link == "uart":
        return UartPort()
    if link == "jtag" or (link == "usb" and ours):
        return JtagPort(usb_at(chip))
    if link == "usb":
        return CdcPort()
    raise ValueError("no link " + link)
