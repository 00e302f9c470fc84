"""Holds: no light for a person, or for everybody, until a host has cleared them.

A host sets one after a red flag in the journal (docs/link.md). The wrap does not know why: it keeps
the person's tag and a reason code, twice (see wrap.storage.settings), and records both changes.
"""

from wrap.compat import const
from wrap.errors import HELD, NOT_FOUND, NOT_NOW, Refused
from wrap.rules import limits
from wrap.storage import payloads, records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.storage.double_store import DoubleStore
    from wrap.storage.log_queue import LogQueue

ANYBODY = "*"
UNREADABLE = "unreadable"  # reason of a stored hold that this firmware cannot read
_NO_HOLDS = []


class Holds:
    """Keeps the holds. store: the DoubleStore that keeps them."""

    def __init__(self, store: "DoubleStore", log_queue: "LogQueue") -> None:
        self._store = store
        self._log_queue = log_queue

    def pairs(self) -> "list[tuple[str, str]]":
        """Return (person, reason) of all holds, in the order in which they were set. One that
        cannot be read stands for everybody."""
        kept = self._store.value.get("holds", [])
        return [_load(one) for one in kept] if isinstance(kept, list) else [_load(kept)]

    def shown(self) -> dict:
        """Return an answer with all holds."""
        return {"holds": [{"person": person, "reason": reason} for person, reason in self.pairs()]}

    def reason(self, person: str) -> "str | None":
        """Return the reason of the first hold against light for `person`, or None. Anybody can wear
        what has no person (""), so every hold counts against that. Allocates nothing when there
        are none: every status request asks."""
        if self._store.value.get("holds", _NO_HOLDS) == _NO_HOLDS:
            return None
        for held, reason in self.pairs():
            if held == ANYBODY or held == person or not person:
                return reason
        return None

    def require_free(self, person: str) -> None:
        """Raise Refused while a hold stands against light for `person`."""
        reason = self.reason(person)  # H-63
        if reason is not None:
            raise Refused(HELD, "light is held: " + reason)

    def add(self, person: str, reason: str) -> dict:
        """Set a hold; does nothing when it stands already. Returns the answer `shown`. Raises
        Refused when too many stand, and OSError."""
        pairs = self.pairs()
        if (person, reason) in pairs:
            return self.shown()
        # A place is kept for a hold that stands for everybody, so that light can always be held.
        for_all = person == ANYBODY and self.reason(ANYBODY) is None
        if len(pairs) >= limits.HOLDS_MOST and not for_all:
            raise Refused(
                NOT_NOW, "%d holds stand: clear one, or set one for *" % limits.HOLDS_MOST
            )
        self._put(pairs + [(person, reason)], person, reason, True)
        return self.shown()

    def clear(self, person: str, reason: str) -> dict:
        """Clear a hold. Returns the answer `shown`. Raises Refused when it does not stand, and
        OSError."""
        pairs = self.pairs()
        if (person, reason) not in pairs:
            raise Refused(NOT_FOUND, "no such hold stands")
        pairs.remove((person, reason))
        self._put(pairs, person, reason, False)
        return self.shown()

    def _put(self, pairs: list, person: str, reason: str, set_: bool) -> None:
        self._store.put({"holds": [list(pair) for pair in pairs]})
        note = {"hold": {"person": person, "reason": reason}, "set": set_}
        self._log_queue.note(records.NOTE, payloads.pack_json(note))


def _load(stored: object) -> "tuple[str, str]":
    if isinstance(stored, list) and len(stored) >= 2:
        if isinstance(stored[0], str) and isinstance(stored[1], str):
            return (stored[0], stored[1])
    # What cannot be read holds everybody: the mistake must be the one without light.
    return (ANYBODY, UNREADABLE)
