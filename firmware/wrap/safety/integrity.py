"""Compares the program in flash with the CRC of the build, and reports the RAM test made at boot.

Reads the program in bounded chunks in the background: once, quickly, before the first light, then
again and again. A damaged program stays damaged until a restart: flash that reads correctly again
proves nothing.
"""

from array import array

from wrap.compat import const
from wrap.rules import faults, limits

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from wrap.hal.contract import Hal

CHUNK = const(2048)  # 0.24 ms of the background work, see docs/benchmarks.md
_FIRST = const(16)  # chunks in a slice until the first round is complete

# Words of `state` and `memory`, as a host sees them.
UNKNOWN = "unknown"  # installed as files: the build stated no CRC
CHECKING = "checking"
WHOLE = "whole"
DAMAGED = "damaged"


class Integrity:
    """Compares the program in flash with the build's note. state, memory: of the program and of the
    RAM, words above. detail: text of the last fault returned, or None."""

    def __init__(self, hal: "Hal") -> None:
        self._hal = hal
        bad_at = hal.memory_fault()
        self.memory = DAMAGED if bad_at > 0 else WHOLE if bad_at == 0 else UNKNOWN
        self._bad_at = bad_at
        claim = hal.program_claim()
        self.state = UNKNOWN if claim is None else CHECKING
        self._length, expected = claim or (0, 0)
        # A CRC-32 exceeds a small integer: in an array it is compared without an allocation.
        self._expected = array("I", [expected])
        self.detail: "str | None" = None
        self._at = 0
        self._crc = array("I", [0])
        self._due_ms = 0

    def is_checking(self) -> bool:
        """Return whether light must wait: the first round since the restart is not complete."""
        return self.state == CHECKING

    def blocking_fault(self, latched: int) -> int:
        """Return the fault that prevents an acknowledgement now, or faults.NONE. latched: the
        latched fault."""
        if self.memory == DAMAGED:
            return faults.MEMORY
        if self.state == DAMAGED or (self.state == CHECKING and latched == faults.PROGRAM):
            return faults.PROGRAM
        return faults.NONE

    def mark_damaged(self) -> None:
        """Set the program's state to damaged, whatever its CRC is."""
        self.state = DAMAGED

    def check_slice(self, dt_ms: int) -> int:
        """Let `dt_ms` pass and check the chunks that are due. Returns a new fault, or
        faults.NONE."""
        if self._bad_at > 0:  # H-20
            self.detail = "RAM at 0x%08x" % self._bad_at
            self._bad_at = 0
            return faults.MEMORY
        if self.state == CHECKING:
            return self._check_chunks(_FIRST)
        if self.state == WHOLE:
            self._due_ms -= dt_ms
            if self._due_ms <= 0:
                self._due_ms = limits.PROGRAM_CHUNK_MS
                return self._check_chunks(1)
        return faults.NONE

    def _check_chunks(self, chunks: int) -> int:
        """Add up to `chunks` chunks to the CRC, and compare it at the end of the program."""
        while chunks and self._at < self._length:
            chunks -= 1
            n = min(CHUNK, self._length - self._at)
            self._hal.program_crc(self._at, n, self._crc)
            self._at += n
        return self._compare_crc() if self._at >= self._length else faults.NONE

    def _compare_crc(self) -> int:
        """Set the state after a round, begin the next, and return faults.PROGRAM or faults.NONE."""
        whole = self._length > 0 and self._crc == self._expected  # H-18
        self.state = WHOLE if whole else DAMAGED
        if not whole:
            values = (self._length, self._crc[0], self._expected[0])
            self.detail = "CRC-32 of %d bytes is %08x, not %08x" % values
        self._at = self._crc[0] = 0
        if whole:
            return faults.NONE
        return faults.PROGRAM
