"""A small dictionary that survives power cuts: two files, of which the newest intact one counts.

A write always replaces the older file, so the value in force is never touched. Without an intact
file the dictionary is empty, for which every reader takes its strictest defaults.
"""

import binascii
import json

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.files import AnyFiles


def seal(generation: int, value: dict) -> bytes:
    """Return a file's content: CRC-32 in hex, then JSON of generation and value."""
    body = json.dumps({"g": generation, "v": value}).encode()
    return b"%08x%s" % (binascii.crc32(body) & 0xFFFFFFFF, body)


def unseal(raw: "bytes | None") -> "tuple[int, dict] | None":
    """Return (generation, value) from a file's content, or None when it is missing or damaged."""
    if raw is None or len(raw) < 8:
        return None
    body = raw[8:]
    # The CRC before the JSON: damaged bytes may be valid JSON of another value.
    if raw[:8] != b"%08x" % (binascii.crc32(body) & 0xFFFFFFFF):
        return None
    try:
        kept = json.loads(body)
        return int(kept["g"]), dict(kept["v"])
    # With a valid CRC this is another program's file or another version's. RuntimeError:
    # MicroPython's, for brackets nested too deeply.
    except (ValueError, KeyError, TypeError, OverflowError, RuntimeError):
        return None


class Store:
    """Keeps the dictionary. name: of both files, without ".a" and ".b". value: the dictionary in
    force, to be changed only through `put`. damaged: a file was damaged or may be outdated."""

    def __init__(self, files: "AnyFiles", name: str) -> None:
        self._files = files
        self._name = name
        self._generation = 0
        self._slot = 0
        self.value = {}
        self.damaged = files.damaged
        for slot in (0, 1):
            raw = files.read(self._file_name(slot))
            kept = unseal(raw)
            if kept is None:
                self.damaged = self.damaged or raw is not None
            elif kept[0] > self._generation:
                self._generation, self.value = kept
                self._slot = slot

    def get_int(self, key: str, most: int) -> int:
        """Return the integer at `key` when it is from 0 to `most`, else 0."""
        value = self.value.get(key, 0)
        return value if isinstance(value, int) and 0 <= value <= most else 0

    def _file_name(self, slot: int) -> str:
        """Return the name of file 0 or 1."""
        return self._name + (".a" if slot == 0 else ".b")

    def put(self, value: dict) -> None:
        """Write `value` and put it in force. Raises OSError and changes nothing when it cannot be
        written."""
        # The file that is not in force: a power cut in the write costs nothing that counts.
        slot = 1 - self._slot
        self._files.write(self._file_name(slot), seal(self._generation + 1, value))
        self._generation += 1
        self._slot = slot
        self.value = value
