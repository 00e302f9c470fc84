"""Makes one checksum of values of any kind, the same on CPython and on MicroPython."""

import binascii


class Digest:
    """Adds values to one CRC-32, in their order. added: how many values."""

    def __init__(self):
        self.crc = 0
        self.added = 0

    def add(self, *values):
        for value in values:
            self.crc = binascii.crc32(to_bytes(value), self.crc)
            self.added += 1

    def result(self):
        return "%08x" % (self.crc & 0xFFFFFFFF), self.added


def to_bytes(value):
    """Return `value` as bytes. The keys of a dictionary, which have no order, are sorted."""
    if value is None or isinstance(value, bool):
        return b"%s;" % str(value).encode()
    if isinstance(value, int):
        return b"%d;" % value
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return b"s%d:%s;" % (len(raw), raw)
    if isinstance(value, dict):
        pairs = sorted([to_bytes(key) + to_bytes(value[key]) for key in value])
        return b"{%s}" % b"".join(pairs)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b"b%d:%s;" % (len(value), bytes(value))
    return b"(%s)" % b"".join([to_bytes(each) for each in value])
