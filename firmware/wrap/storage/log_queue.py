"""Queues records that a step makes until the background work writes them to the log.

A step writes no flash. A record that could not be written stays first in the queue and is tried
again.
"""

from wrap.compat import const
from wrap.errors import WRITE_ERRORS
from wrap.storage import records

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.heap_reserve import HeapReserve
    from wrap.storage.log import Log
    from wrap.uptime import Uptime

_MOST = const(64)
_HALF = const(32)  # of the queue that a host's requests may fill
_RETRY_MS = const(1000)
_MOST_TRIES = const(3)  # without room in the heap, until the log counts as failed


class LogQueue:
    """Holds at most _MOST records. failed: the last write or erase failed, or _MOST_TRIES in a row
    for want of memory; lost: records dropped from a full queue since boot."""

    def __init__(self, log: "Log", uptime: "Uptime", reserve: "HeapReserve") -> None:
        """reserve: released for a write that finds no room in the heap."""
        self.log = log
        self._uptime = uptime
        self._reserve = reserve
        self.boot = log.boot + 1
        self._queue = []
        self.failed = False
        self.lost = 0
        self._reported = 0  # of those lost, in the last NOTE
        self._retry_ms = 0
        self._tries = 0  # in a row that found no room in the heap

    def note(self, kind: int, payload: bytes, more: bytes = b"") -> None:
        """Queue a record with the present uptime. Writes nothing. kind: a type of
        wrap.storage.records; more: of the payload, which is not copied. A full queue drops a record
        for it, see `_find_least`."""
        if len(self._queue) >= _MOST:
            self._queue.pop(self._find_least())
            self.lost += 1
        self._queue.append((kind, self._uptime.s, self._uptime.ms, payload, more))

    def _find_least(self) -> int:
        """Return the index of the record that a full queue drops: the oldest sample, else the
        oldest record behind the first."""
        # From 1 on: the head may be under way to the flash and stays first until it is
        # written.
        for i in range(1, len(self._queue)):
            if self._queue[i][0] == records.SAMPLE:
                return i
        return 1

    def is_idle(self) -> bool:
        """Return whether the queue is empty."""
        return not self._queue

    def is_crowded(self) -> bool:
        """Return whether half of the queue is taken. Then records that a host requests must wait;
        the other half is for the steps."""
        return len(self._queue) >= _HALF

    def has_unreported(self) -> bool:
        """Return whether records were lost that no NOTE counts, and the queue has room for a
        NOTE."""
        return self.lost != self._reported and not self.is_crowded()

    def report_lost(self) -> "dict[str, int]":
        """Return the content of a NOTE, {"lost": records dropped since boot}, and count it as
        reported."""
        self._reported = self.lost
        return {"lost": self.lost}

    def is_due(self, lit: bool) -> bool:
        """Return whether the next slice writes a record. lit: one that needs an erase waits."""
        if not self._queue or self._retry_ms > 0:
            return False
        first = self._queue[0]
        return not lit or self.log.fits(len(first[3]) + len(first[4]))  # H-21

    def is_ready(self) -> bool:
        """Return whether the records of a whole session can be written without an erase."""
        return self.log.is_prepared()

    def is_quiescent(self, lit: bool) -> bool:
        """Return whether the queue is empty and nothing is to be erased now. lit: nothing may be
        erased."""
        return self.is_idle() and (lit or self.failed or self.log.is_prepared())

    def slice(self, dt_ms: int, lit: bool) -> bool:
        """Write at most one record, or erase one sector in advance. Returns whether one of them was
        done. Raises nothing: what failed is tried again _RETRY_MS later, see `failed`.

        dt_ms: time since the last call; lit: nothing may be erased now, and what needs it waits.
        """
        if self._retry_ms > 0:
            self._retry_ms -= dt_ms
            return False
        try:
            done = self._write(lit)
        except WRITE_ERRORS as e:
            # Where modules fill the heap, its room changes with what hosts and steps leave in it.
            self._tries = self._tries + 1 if isinstance(e, MemoryError) else _MOST_TRIES
            self.failed = self._tries >= _MOST_TRIES
            self._retry_ms = _RETRY_MS
            return False
        if done:
            self.failed = False
            self._tries = 0
        return done

    def _write(self, lit: bool) -> bool:
        """Write a record, or erase a sector. Returns whether one of them was done. Raises OSError
        or MemoryError."""
        try:
            return self._write_record(lit) or (not lit and self._prepare_log())
        except MemoryError:
            if not self._reserve.release():
                raise
        try:
            return self._write_record(lit) or (not lit and self._prepare_log())
        finally:
            self._reserve.restore()

    def _write_record(self, lit: bool) -> bool:
        """Write the first record when it is due. Returns whether it was. Raises OSError."""
        if not self.is_due(lit):
            return False
        self._append_first()
        # After `append`: a record that could not be written is still the first.
        self._queue.pop(0)
        return True

    def _append_first(self) -> None:
        """Write the first record. Raises OSError or MemoryError."""
        # On its own: a function with more variables takes a piece of the heap at each call.
        first = self._queue[0]
        self.log.append(first[0], self.boot, first[1], first[2], first[3], first[4])

    def _prepare_log(self) -> bool:
        """Erase one sector unless enough are erased. Returns whether it did. Raises OSError."""
        if self.log.is_prepared():
            return False
        self.log.prepare()
        return True
