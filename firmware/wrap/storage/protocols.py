"""Protocol slots: canonical JSON with its SHA-256 behind it, checked at boot, replaced atomically.

A slot that is damaged or breaks a rule is reported and never run; the others stay usable.
"""

import binascii
import hashlib

from wrap.errors import HASH, INVALID, NOT_FOUND, Refused
from wrap.rules import protocol
from wrap.storage.atomic_store import Store

SLOTS = 8


def _hex(digest):
    return binascii.hexlify(digest).decode()


def _shown(obj, sha, raw):
    total_s = sum([step["t"] for step in obj["steps"]])
    return (obj["id"], obj["name"], sha, len(raw), obj["site"], total_s)


class Protocols:
    """channels: ((name, nm), ...) in board order. slots: per slot None, or
    (id, name, sha, size, site, seconds), or a str: why it is broken."""

    def __init__(self, files, channels):
        self._files = files
        self._channels = dict(channels)
        self._order = tuple([c[0] for c in channels])
        self._active = Store(files, "active")
        self.slots: list = [self._look(slot) for slot in range(SLOTS)]

    def _file(self, slot):
        return "proto.%d" % slot

    def _look(self, slot):
        raw = self._files.read(self._file(slot))
        if raw is None:
            return None
        body = raw[:-32]
        digest = raw[-32:]
        if len(raw) < 34 or hashlib.sha256(body).digest() != digest:  # H-61
            return "damaged: the hash does not match"
        try:
            obj = self._checked(body)
        except Refused as e:
            return e.args[1]
        return _shown(obj, _hex(digest), body)

    def _checked(self, raw):
        try:
            obj = protocol.parse(raw)
        except ValueError as e:
            raise Refused(INVALID, "no JSON: " + str(e)) from None
        found = protocol.problems(obj, self._channels)
        if found:
            raise Refused(INVALID, (found[0][0] + " " + found[0][1])[:120])
        return obj

    def check(self, raw):
        """Refused with the first rule that `raw` breaks; else its id."""
        return self._checked(raw)["id"]

    def active(self):
        """The active slot if it may be run, else the next one that may, else -1."""
        slot = self._active.whole("slot", SLOTS - 1)
        for k in range(SLOTS):
            n = (slot + k) % SLOTS
            if isinstance(self.slots[n], tuple):
                return n
        return -1

    def next(self):
        """Make the next usable slot the active one; returns it, or -1."""
        now = self.active()
        for k in range(1, SLOTS + 1):
            n = (now + k) % SLOTS
            if isinstance(self.slots[n], tuple):
                self.activate(n)
                return n
        return -1

    def activate(self, slot):
        """Choose the slot that the button starts. Raises Refused or OSError."""
        if not isinstance(self.slots[slot], tuple):
            raise Refused(NOT_FOUND, "slot %d holds no usable protocol" % slot)
        self._active.put({"slot": slot})

    def save(self, slot, raw, sha):
        """Put `raw` into `slot`, whole or not at all; returns the protocol's id. Raises Refused or
        OSError."""
        digest = hashlib.sha256(raw).digest()
        if _hex(digest) != sha:
            raise Refused(HASH, "the bytes do not match the announced SHA-256")
        obj = self._checked(raw)
        sealed = raw + digest
        self._files.write(self._file(slot), sealed)
        if self._files.read(self._file(slot)) != sealed:
            self.slots[slot] = self._look(slot)
            raise OSError(5)  # EIO: what is stored is not what was checked
        self.slots[slot] = _shown(obj, sha, raw)
        return obj["id"]

    def delete(self, slot):
        """Empty the slot."""
        self._files.remove(self._file(slot))
        self.slots[slot] = None

    def raw(self, slot):
        """The canonical bytes of a usable slot. Raises Refused."""
        if not isinstance(self.slots[slot], tuple):
            raise Refused(NOT_FOUND, "slot %d holds no usable protocol" % slot)
        return self._files.read(self._file(slot))[:-32]

    def plan(self, slot):
        """(Plan, canonical bytes) of a slot, read and checked again now. Raises Refused."""
        self.slots[slot] = self._look(slot)
        raw = self.raw(slot)  # H-61
        return protocol.Plan(self._checked(raw), self._order), raw
