"""One checksum over values of any kind, the same on CPython and on MicroPython."""

import binascii


class Digest:
    """crc: over all that was added, in order; added: how many values."""

    def __init__(self):
        self.crc = 0
        self.added = 0

    def add(self, *values):
        for value in values:
            self.crc = binascii.crc32(said(value), self.crc)
            self.added += 1

    def result(self):
        return "%08x" % (self.crc & 0xFFFFFFFF), self.added


def said(value):
    """`value` as bytes; what has no order (a dictionary's keys) is sorted."""
    if value is None or isinstance(value, bool):
        return b"%s;" % str(value).encode()
    if isinstance(value, int):
        return b"%d;" % value
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return b"s%d:%s;" % (len(raw), raw)
    if isinstance(value, dict):
        pairs = sorted([said(key) + said(value[key]) for key in value])
        return b"{%s}" % b"".join(pairs)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b"b%d:%s;" % (len(value), bytes(value))
    return b"(%s)" % b"".join([said(each) for each in value])
