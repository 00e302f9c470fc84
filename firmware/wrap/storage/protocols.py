"""Protocol slots: canonical JSON followed by its SHA-256, checked at boot, replaced atomically.

A slot that is damaged or breaks a rule is reported and never run; the others stay usable.
"""

import binascii
import hashlib

from wrap.compat import const
from wrap.errors import HASH, INVALID, NOT_FOUND, Refused
from wrap.rules import protocol
from wrap.storage.atomic_store import Store

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.files import AnyFiles

SLOTS = 8
_SHA = const(32)  # bytes of the hash behind the protocol


def _hex(digest: bytes) -> str:
    """Return a hash as hex digits, lower case."""
    return binascii.hexlify(digest).decode()


def _describe(obj: dict, sha: str, raw: "bytes | bytearray") -> tuple:
    """Return a usable slot's entry in `Protocols.slots`."""
    total_s = sum([step["t"] for step in obj["steps"]])
    person = obj.get("person", "")
    key = protocol.course_key(person, obj["site"])
    return (obj["id"], obj["name"], sha, len(raw), key, total_s, person)


def _not_usable(slot: int) -> Refused:
    return Refused(NOT_FOUND, "slot %d holds no usable protocol" % slot)


class Protocols:
    """Keeps the slots. channels: (name, wavelength in nm) of each that a protocol may name; order:
    names of all that a plan drives, in the board's order; None: those of `channels`. slots: for
    each slot None when it is empty, (id, name, sha, size, course key, seconds, person), or a str
    with the reason why it cannot be used."""

    def __init__(
        self,
        files: "AnyFiles",
        channels: "list[tuple[str, int]]",
        order: "tuple[str, ...] | None" = None,
    ) -> None:
        self._files = files
        self._channels = dict(channels)
        self._order = order or tuple([c[0] for c in channels])
        self._active = Store(files, "active")
        self.slots: list = [self._load(slot) for slot in range(SLOTS)]

    def _file(self, slot: int) -> str:
        """Return the name of a slot's file."""
        return "proto.%d" % slot

    def _load(self, slot: int) -> "tuple | str | None":
        """Read and check a slot. Returns its entry in `slots`."""
        return self._check(slot)[0]

    def _check(self, slot: int) -> tuple:
        """Read and check a slot. Returns (its entry in `slots`, canonical bytes, protocol); of one
        that cannot be used, the last two are None."""
        size = self._files.size(self._file(slot)) - _SHA
        if size < -_SHA:
            return None, None, None
        # Each on its own: a stock board's heap may have no piece for both and none for a copy.
        body = self.read_at(slot, 0, max(size, 0))
        digest = hashlib.sha256(body).digest()
        if size < 2 or self.read_at(slot, size, _SHA) != digest:  # H-61
            return "damaged: the hash does not match", None, None
        try:
            obj = self._parse(body)
        except Refused as e:
            return e.args[1], None, None
        return _describe(obj, _hex(digest), body), body, obj

    def _parse(self, raw: "bytes | bytearray") -> dict:
        """Return the protocol in `raw`. Raises Refused with the first rule that it breaks."""
        try:
            obj = protocol.parse(raw)
        except ValueError as e:
            raise Refused(INVALID, "no JSON: " + str(e)) from None
        found = protocol.find_problems(obj, self._channels)
        if found:
            # Eight such texts must fit into the answer to proto.list.
            raise Refused(INVALID, protocol.problem_text(found[0])[:120])
        return obj

    def check(self, raw: bytes) -> str:
        """Return the id of the protocol in `raw`. Raises Refused with the first rule that it
        breaks."""
        return self._parse(raw)["id"]

    def active(self) -> int:
        """Return the active slot if it is usable, else the next usable one, else -1."""
        slot = self._active.get_int("slot", SLOTS - 1)
        for k in range(SLOTS):
            n = (slot + k) % SLOTS
            if isinstance(self.slots[n], tuple):
                return n
        return -1

    def next(self) -> int:
        """Make the next usable slot the active one. Returns it, or -1. Raises OSError."""
        now = self.active()
        for k in range(1, SLOTS + 1):
            n = (now + k) % SLOTS
            if isinstance(self.slots[n], tuple):
                self.activate(n)
                return n
        return -1

    def activate(self, slot: int) -> None:
        """Choose the slot that the button starts. Raises Refused or OSError."""
        if not isinstance(self.slots[slot], tuple):
            raise _not_usable(slot)
        self._active.put({"slot": slot})

    def save(self, slot: int, raw: "bytes | bytearray", sha: str) -> str:
        """Store the protocol `raw`, whose SHA-256 in hex is `sha`, atomically. Returns its id.
        Raises Refused or OSError."""
        digest = hashlib.sha256(raw).digest()
        if _hex(digest) != sha:
            raise Refused(HASH, "the bytes do not match the announced SHA-256")
        described = _describe(self._parse(raw), sha, raw)
        self._files.write(self._file(slot), raw, digest)
        self.slots[slot] = described  # also when the read-back finds no room in the heap
        if not self._is_stored(slot, len(raw), digest):
            self.slots[slot] = self._load(slot)
            raise OSError(5)  # EIO: the read-back differs from what was checked
        return described[0]

    def _is_stored(self, slot: int, n: int, digest: bytes) -> bool:
        """Return whether a slot's file has `n` bytes with this SHA-256 before it, read piece by
        piece: the heap of a stock board has no second piece of that size."""
        name = self._file(slot)
        if self._files.size(name) != n + _SHA:
            return False
        stored = hashlib.sha256()
        self._files.feed(name, n, stored.update)
        return digest == stored.digest() == self.read_at(slot, n, _SHA)

    def delete(self, slot: int) -> None:
        """Empty the slot. Raises OSError."""
        self._files.remove(self._file(slot))
        self.slots[slot] = None

    def size(self, slot: int) -> int:
        """Return the number of canonical bytes of a usable slot. Raises Refused."""
        found = self.slots[slot]
        if isinstance(found, tuple) and self._files.size(self._file(slot)) == found[3] + _SHA:
            return found[3]
        raise _not_usable(slot)  # also a file that is not there any more

    def read_at(self, slot: int, offset: int, n: int) -> bytes:
        """Return `n` of the canonical bytes of a usable slot, from `offset`. Raises OSError."""
        return self._files.read_at(self._file(slot), offset, n)

    def raw(self, slot: int) -> bytes:
        """Return the canonical bytes of a usable slot. Raises Refused or OSError."""
        return self.read_at(slot, 0, self.size(slot))

    def plan(self, slot: int) -> tuple:
        """Return (Plan, canonical bytes) of a slot, read and checked again. Raises Refused."""
        # Not from memory: what gives light is read and checked right before it does.
        self.slots[slot], raw, obj = self._check(slot)  # H-61
        if obj is None:
            raise _not_usable(slot)
        return protocol.Plan(obj, self._order), raw
