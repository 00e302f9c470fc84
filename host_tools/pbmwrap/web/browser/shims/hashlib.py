"""`sha256` of `hashlib`, with `hexdigest`."""

import hashlib as _hashlib
from binascii import hexlify


class sha256:
    """The SHA-256 of some bytes."""

    def __init__(self, data=b""):
        self._hash = _hashlib.sha256(data)

    def hexdigest(self):
        """Return 64 hex digits."""
        return hexlify(self._hash.digest()).decode()
