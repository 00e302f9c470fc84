"""`binascii`, whose `a2b_base64` takes text as well, as on CPython."""

import binascii as _binascii

Error = ValueError
hexlify = _binascii.hexlify
unhexlify = _binascii.unhexlify
crc32 = _binascii.crc32
b2a_base64 = _binascii.b2a_base64


def a2b_base64(data):
    """Return the bytes of base64. Raises Error."""
    return _binascii.a2b_base64(data.encode() if isinstance(data, str) else data)
