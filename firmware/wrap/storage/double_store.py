"""A small dictionary that must not be lost or replaced by an older value unnoticed: two copies of
the newest value and a mark that holds its generation.

`put` writes copy a, copy b, then the mark. A power cut leaves one of these states, and no other:

    a  b  mark          in force
    n  n  n             n
    n  o  o             n: only a was written (o: the generation before n)
    n  n  o             n: the mark was not written

Any other state is damage. While one copy has the generation of the mark, its value is proven and
the other copy is repaired. Otherwise the newest value may be lost, so the store is `unconfirmed`
until a person has confirmed it; also where so much is lost that all three may be older ones.
Firmware without a mark wrote a and b in turn, so n and o in either order are accepted when there is
no mark. Before the first `put`, copy a and the mark both state generation 0: damage of one of them
must not look like the loss of a value.
"""

from wrap.compat import const
from wrap.errors import WRITE_ERRORS
from wrap.storage.atomic_store import seal, unseal

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.files import AnyFiles

_FLAG = "unconfirmed"  # stored inside the value, so that it survives power loss
_ABSENT = 0  # a copy that was never written; a mark of generation 0 proves it
_BROKEN = -1
_FILES = const(3)  # an older value takes the place of the newest one when all of its files are lost


def _is_trusted(a: int, b: int, mark: int, same: bool, damaged: bool) -> bool:
    """Return whether the newer copy is the newest value that was put.

    a, b: generations of the copies, or _ABSENT or _BROKEN. mark: its generation, or _BROKEN without
    one. same: the copies hold the same value. damaged: a file may be missing or outdated."""
    newest = max(a, b)
    if newest <= 0:
        if mark < 0:
            return a == b == _ABSENT and not damaged
        return mark == newest
    if a == b and not same:
        return False
    if mark >= newest:
        return mark == newest
    if mark < 0 and damaged:
        return a == b
    return newest - min(a, b) <= 1


class DoubleStore:
    """Keeps the dictionary. name: of the three files, without extension.

    value: the dictionary in force, to be changed only through `put`. damaged: a copy or the mark
    was damaged. unconfirmed: the newest value may be lost. due: `repair` has something to write.
    """

    def __init__(self, files: "AnyFiles", name: str) -> None:
        self._files = files
        self._copies = (name + ".a", name + ".b")
        self._mark = name + ".m"
        self._load_copies()

    def _load_copies(self) -> None:
        """Read copies and mark, and put the newest value in force. Raises OSError."""
        read = self._files.read
        raws = [read(name) for name in self._copies]
        kept = [unseal(raw) for raw in raws]
        a, b = [k[0] if k else _ABSENT if r is None else _BROKEN for k, r in zip(kept, raws)]
        raw_mark = read(self._mark)
        mark = unseal(raw_mark)
        marked = mark[0] if mark else _BROKEN
        if marked < 0 and kept[0] and not max(a, b):
            marked = 0  # copy a says that nothing was put
        n = 0 if a >= b else 1
        self._raw = raws[n] or b""
        newer = kept[n]
        self.value = dict(newer[1]) if newer else {}
        trusted = self._files.lost < _FILES and _is_trusted(
            a, b, marked, kept[0] == kept[1], self._files.damaged
        )
        flagged = self.value.pop(_FLAG, 0)
        self.unconfirmed = bool(flagged) or not trusted
        broken = _BROKEN in (a, b) or (raw_mark is not None and not mark)
        self.damaged = not trusted or broken or (marked == max(a, b) and a != b)
        self._generation = max(a, b, 0)
        self.due = broken or not mark or not a == b == marked or raws[0] is None
        if not trusted:
            self._prepare_repair(max(a, b, marked, 0) + 1, self.value, True)

    def _prepare_repair(self, generation: int, value: dict, unconfirmed: bool) -> None:
        """Set what `repair` writes."""
        kept = dict(value)
        if unconfirmed:
            kept[_FLAG] = 1
        self._raw = seal(generation, kept)
        self._generation = generation
        self.due = True

    def repair(self) -> None:
        """Write the value in force to both copies, and its mark. Raises OSError; then it is still
        due."""
        if self._generation:
            for name in self._copies:
                self._write_copy(name, self._raw)
        else:  # nothing was put yet
            self._write_copy(self._copies[0], seal(0, {}))
        self._write_copy(self._mark, seal(self._generation, {}))
        self.due = False

    def _write_copy(self, name: str, raw: bytes) -> None:
        """Write a file unless it has this content. Raises OSError."""
        # Most repairs concern one file. A read spares the others a write.
        if self._files.read(name) != raw:
            self._files.write(name, raw)

    def put(self, value: dict) -> None:
        """Write `value` and put it in force. Raises OSError and changes nothing when it cannot be
        written."""
        self._put_value(value, self.unconfirmed)

    def confirm(self) -> None:
        """Record that a person has confirmed the value in force. Raises OSError; then it stays
        unconfirmed."""
        self._put_value(self.value, False)
        self.unconfirmed = self.damaged = False

    def _put_value(self, value: dict, unconfirmed: bool) -> None:
        """Write copy a, put `value` in force, then repair. Raises OSError when copy a cannot be
        written; then nothing has changed."""
        # Both copies first: else a cut in the next write could leave two generations of
        # difference, which counts as damage.
        if self.due:
            self.repair()
        before = self._generation, self._raw
        self._prepare_repair(self._generation + 1, value, unconfirmed)
        try:
            self._files.write(self._copies[0], self._raw)
        except WRITE_ERRORS:
            self._generation, self._raw = before
            self.due = False
            raise
        self.value = value
        try:
            self.repair()
        except WRITE_ERRORS:
            return  # copy a holds the value; `repair` is still due
