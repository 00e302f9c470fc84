"""Compares the program in flash with the CRC of the build, and reports the RAM test made at boot.

Reads the program in bounded chunks in the background: once, quickly, before the first light, then
again and again. A damaged program stays damaged until a restart: flash that reads correctly again
proves nothing.
"""

from array import array

from wrap.compat import const
from wrap.rules import faults, limits

CHUNK = const(2048)  # 0.24 ms of the background work, see docs/benchmarks.md
_FIRST = const(16)  # chunks in a slice until the program was seen whole once

UNKNOWN = "unknown"  # nothing says what it should be: installed as files
CHECKING = "checking"
WHOLE = "whole"
DAMAGED = "damaged"


class Integrity:
    """hal: a wrap.hal. state, memory: one of the words above. detail: of the fault told last."""

    def __init__(self, hal):
        self._hal = hal
        bad_at = hal.memory_fault()
        self.memory = DAMAGED if bad_at > 0 else WHOLE if bad_at == 0 else UNKNOWN
        self._bad_at = bad_at
        claim = hal.program_claim()
        self.state = UNKNOWN if claim is None else CHECKING
        self._length, expected = claim or (0, 0)
        self._expected = array("I", [expected])
        self.detail = None
        self._at = 0
        self._crc = array("I", [0])  # beyond a small integer, so it stays in its array
        self._due_ms = 0

    def checking(self):
        """Whether light must wait: the program has not been seen whole since the restart."""
        return self.state == CHECKING

    def blocking_fault(self, latched):
        """The fault that may not be acknowledged now, or faults.NONE. latched: the one latched."""
        if self.memory == DAMAGED:
            return faults.MEMORY
        if self.state == DAMAGED or (self.state == CHECKING and latched == faults.PROGRAM):
            return faults.PROGRAM
        return faults.NONE

    def reject(self, detail):
        """The program cannot be right, whatever its bytes say."""
        self.state = DAMAGED
        self.detail = detail

    def slice(self, dt_ms):
        """Check what is due. The fault that was found just now, or faults.NONE."""
        if self._bad_at > 0:  # H-20
            self.detail = "RAM at 0x%08x" % self._bad_at
            self._bad_at = 0
            return faults.MEMORY
        if self.state == CHECKING:
            return self._walk(_FIRST)
        if self.state == WHOLE:
            self._due_ms -= dt_ms
            if self._due_ms <= 0:
                self._due_ms = limits.PROGRAM_CHUNK_MS
                return self._walk(1)
        return faults.NONE

    def _walk(self, chunks):
        while chunks and self._at < self._length:
            chunks -= 1
            n = min(CHUNK, self._length - self._at)
            self._hal.program_crc(self._at, n, self._crc)
            self._at += n
        return self._judge() if self._at >= self._length else faults.NONE

    def _judge(self):
        whole = self._length > 0 and self._crc == self._expected  # H-18
        self.state = WHOLE if whole else DAMAGED
        if not whole:
            told = (self._length, self._crc[0], self._expected[0])
            self.detail = "CRC-32 of %d bytes is %08x, not %08x" % told
        self._at = self._crc[0] = 0
        if whole:
            return faults.NONE
        return faults.PROGRAM
