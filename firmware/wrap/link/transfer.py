"""Bulk transfers over the link: raw bytes that follow a line with their number. A protocol comes
in, the log goes out. Both are streams of `wrap.link.server`. Does not interpret the bytes."""

import binascii
import hashlib

from wrap.compat import const
from wrap.errors import BAD_PARAM, MEMORY, NO_HEAP, NOT_FOUND, NOT_NOW, STORAGE, Refused

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable

    from wrap.heap_reserve import HeapReserve
    from wrap.storage.log import Log

CHUNK = const(1024)  # bytes of the log that are read, hashed and sent at a time
_LEAST_CHUNK = const(64)  # where the heap has no larger piece
WINDOW = const(16384)  # most bytes of a window
_CHUNK_IN = const(256)  # most bytes received at a time
_ZEROS = const(64)  # at a time, in place of a log that cannot be read
_MOST_QUIET = const(1000)  # reads without a byte until an upload ends: 1 to 10 s
_NO_DOWNLOAD = "no transfer is open: begin with log.open"


def b64(data: bytes) -> str:
    """Return `data` as base64 text without a newline."""
    return binascii.b2a_base64(data, newline=False).decode()  # type: ignore - not in its stubs


class Upload:
    """Receives `size` bytes from the host, then calls `act(bytearray)`, which returns the request's
    result. Ends without a call when the host stops sending before. reserve: released until then; a
    stock board's heap may have no other piece for a protocol."""

    def __init__(
        self, size: int, act: "Callable[[bytearray], object]", reserve: "HeapReserve"
    ) -> None:
        reserve.release()
        self._reserve = reserve
        try:
            self._buf = bytearray(size)
            self._view = memoryview(self._buf)
        except MemoryError:
            reserve.restore()
            raise
        self._act = act
        self._got = 0
        self._quiet = 0

    def wants_input(self) -> bool:
        """Return whether bytes are missing and the host still sends."""
        return self._got < len(self._buf) and self._quiet < _MOST_QUIET

    def input_buffer(self) -> memoryview:
        """Return the buffer for the next bytes."""
        return self._view[self._got : self._got + _CHUNK_IN]

    def add_received(self, n: int) -> None:
        """Account for `n` received bytes, which may be 0."""
        self._quiet = 0 if n else self._quiet + 1
        self._got += n

    def step(self) -> None:
        """Return None: nothing is sent."""

    def result(self) -> object:
        """Return the result of `act`. Raises Refused when bytes are missing, or as `act` does."""
        buf, size = self._buf, len(self._buf)
        try:
            if self._got < size:
                raise Refused(NOT_NOW, "only %d of %d bytes came" % (self._got, size))
            return self._act(buf)
        finally:
            # Their place is the reserve's.
            self._buf = buf = bytearray()
            self._view = memoryview(buf)
            self._reserve.restore()


class Download:
    """Sends the log from an offset, one window at a time, with a running SHA-256.

    A window is read and hashed in chunks, because a chunk takes much of the time that a step
    leaves. The announced number of bytes is always sent: when the log cannot be read any more,
    zeros fill the window and its answer is the error.
    """

    def __init__(self, log: "Log") -> None:
        self._log = log
        self._digest = None

    def open(self, offset: int) -> "tuple[int, int]":
        """Start at `offset`, or at the oldest stored byte when that is overwritten. Returns
        (offset, end of the log). Raises Refused."""
        log = self._log
        if offset > log.end:
            raise Refused(BAD_PARAM, "o is beyond the end, %d" % log.end)
        self.next = self._window = max(offset, log.first)
        self._digest = hashlib.sha256()
        return self.next, log.end

    def prepare_window(self, offset: int, n: int) -> "Download":
        """Prepare to send at most `n` bytes from `offset`, which must be the next offset or, to
        repeat a window, the last one. Returns itself. Raises Refused."""
        if self._digest is None:
            raise Refused(NOT_NOW, _NO_DOWNLOAD)
        if offset != self.next and offset != self._window:
            raise Refused(BAD_PARAM, "o must be %d or %d" % (self.next, self._window))
        self._again = offset != self.next
        # A repeated window ends where the digest ends, even if the log has grown since.
        stop = self.next if self._again else self._log.end
        self._stop = min(offset + n, stop)
        self._window = self._at = offset
        self._announced = False
        self._broken = None
        self._chunk = CHUNK
        return self

    def wants_input(self) -> bool:
        """Return False: nothing is received."""
        return False

    def step(self) -> "tuple[bytes] | memoryview | None":
        """Return the push that announces the bytes, then the bytes, then None."""
        if self._at == self._stop:
            return None
        if not self._announced:
            self._announced = True
            return (b'{"n":"raw","p":{"o":%d,"size":%d}}' % (self._at, self._stop - self._at),)
        data = self._read_hashed(min(CHUNK, self._stop - self._at))
        self._at += len(data)
        return memoryview(data)

    def _read_hashed(self, n: int) -> bytes:
        """Return at most `n` bytes of the log, or as few zeros after an error."""
        if self._broken is None:
            try:
                data = self._read_log(n)
                # The digest has these bytes from the first time.
                if not self._again:
                    self._digest.update(data)
                    self.next = self._at + len(data)
                return data
            except Refused as e:
                self._broken = e
        return bytes(min(n, _ZEROS))

    def _read_log(self, n: int) -> bytes:
        """Return at most `n` bytes of the log; none where the heap has too little room for as many
        as `_chunk` was. Raises Refused."""
        if self._at < self._log.first:
            raise Refused(NOT_FOUND, "the log has dropped o meanwhile: begin again with log.open")
        n = min(n, self._chunk)
        try:
            data = self._log.read(self._at, n)
        except OSError as e:
            raise Refused(STORAGE, "the flash answered with error %s" % e) from None
        except MemoryError:
            if n <= _LEAST_CHUNK:
                raise Refused(MEMORY, NO_HEAP) from None
            # Tried in the next slice: a session may have begun, and each try takes a collection.
            self._chunk = n // 2
            return b""
        if not data:
            raise Refused(STORAGE, "the log cannot be read at %d" % self._at)
        return data

    def result(self) -> dict:
        """Return the offsets of the window's end and the log's. Raises Refused when the log could
        not be read."""
        if self._broken is not None:
            raise self._broken
        return {"o": self._at, "end": self._log.end}

    def close(self) -> "tuple[int, int, str]":
        """End the download. Returns (next offset, end of the log, SHA-256 in hex of all bytes since
        `open`). Raises Refused."""
        if self._digest is None:
            raise Refused(NOT_NOW, _NO_DOWNLOAD)
        sha = binascii.hexlify(self._digest.digest()).decode()
        self._digest = None
        return self.next, self._log.end, sha
