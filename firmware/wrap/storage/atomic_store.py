"""One small dictionary that survives power cuts: two files, the newest whole one wins.

A write always goes to the older file, so the value in force is never touched. Corrupt or missing
files mean the empty dictionary, which every reader takes as the strictest defaults.
"""

import binascii
import json


def _seal(generation, value):
    body = json.dumps({"g": generation, "v": value}).encode()
    return b"%08x%s" % (binascii.crc32(body) & 0xFFFFFFFF, body)


def _unseal(raw):
    """(generation, value), or None when `raw` is not whole."""
    if raw is None or len(raw) < 8:
        return None
    body = raw[8:]
    if raw[:8] != b"%08x" % (binascii.crc32(body) & 0xFFFFFFFF):
        return None
    try:
        kept = json.loads(body)
        return int(kept["g"]), dict(kept["v"])
    except (ValueError, KeyError, TypeError, OverflowError, RuntimeError):
        return None


class Store:
    """value: the dictionary in force (read it, change it only through `put`). damaged: a file was
    broken."""

    def __init__(self, files, name):
        self._files = files
        self._name = name
        self._generation = 0
        self._slot = 0
        self.value = {}
        self.damaged = files.damaged
        for slot in (0, 1):
            raw = files.read(self._file(slot))
            kept = _unseal(raw)
            if kept is None:
                self.damaged = self.damaged or raw is not None
            elif kept[0] > self._generation:
                self._generation, self.value = kept
                self._slot = slot

    def whole(self, key, most):
        """The whole number from 0 to `most` at `key`; 0 for anything else."""
        value = self.value.get(key, 0)
        return value if isinstance(value, int) and 0 <= value <= most else 0

    def _file(self, slot):
        return self._name + (".a" if slot == 0 else ".b")

    def put(self, value):
        """Make `value` the one in force. Raises OSError and changes nothing when it cannot be
        written."""
        slot = 1 - self._slot
        self._files.write(self._file(slot), _seal(self._generation + 1, value))
        self._generation += 1
        self._slot = slot
        self.value = value
