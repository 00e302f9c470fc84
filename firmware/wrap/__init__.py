"""The wrap's device package: plain MicroPython that CPython can import too. Only `wrap.hal` touches
hardware."""
