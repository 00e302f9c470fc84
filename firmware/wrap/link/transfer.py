"""Bulk over the link, as it is, behind a line that says how much: a protocol on its way in, the log
on its way out. Both are streams (see wrap.link.server). Bytes only, no meaning."""

import binascii
import hashlib

from wrap.compat import const
from wrap.errors import BAD_PARAM, NOT_FOUND, NOT_NOW, STORAGE, Refused

CHUNK = const(1024)  # bytes of log that are read, hashed and sent at a time
WINDOW = const(16384)
_ROOM = const(256)
_PATIENCE = const(1000)  # times that nothing came, one to ten seconds
_NO_DOWNLOAD = "no transfer is open: begin with log.open"


def b64(data):
    """Base64 text without a newline."""
    return binascii.b2a_base64(data).decode().strip()


class Upload:
    """`size` bytes from the host, then `act(bytes)`, whose result is the request's. More never
    counts; when the host falls silent before, the transfer is over."""

    def __init__(self, size, act):
        self._buf = bytearray(size)
        self._view = memoryview(self._buf)
        self._act = act
        self._got = 0
        self._quiet = 0

    def wants(self):
        """More bytes are to come."""
        return self._got < len(self._buf) and self._quiet < _PATIENCE

    def room(self):
        """Where the next bytes belong, at most so many."""
        return self._view[self._got : self._got + _ROOM]

    def add_received(self, n):
        """So many have come, maybe none."""
        self._quiet = 0 if n else self._quiet + 1
        self._got += n

    def step(self):
        """None: nothing goes out."""

    def result(self):
        """What `act` returns. Raises Refused."""
        size = len(self._buf)
        if self._got < size:
            raise Refused(NOT_NOW, "only %d of %d bytes came" % (self._got, size))
        return self._act(bytes(self._buf))


class Download:
    """The log going out from an offset, a window at a time, with a running SHA-256.

    A window is read and hashed piece by piece, because that takes a good part of what is left of a
    step's time. What is promised is sent: when the log cannot be read any more zeros fill the
    window, and its answer tells.
    """

    def __init__(self, log):
        self._log = log
        self._digest = None

    def open(self, offset):
        """Begin at `offset`, or at the oldest byte kept when that is gone. Returns (offset,
        end)."""
        log = self._log
        if offset > log.end:
            raise Refused(BAD_PARAM, "o is beyond the end, %d" % log.end)
        self.next = self._window = max(offset, log.first)
        self._digest = hashlib.sha256()
        return self.next, log.end

    def window(self, offset, n):
        """Make ready for at most `n` bytes from `offset`: `step` gives them. Returns itself."""
        if self._digest is None:
            raise Refused(NOT_NOW, _NO_DOWNLOAD)
        if offset != self.next and offset != self._window:
            raise Refused(BAD_PARAM, "o must be %d or %d" % (self.next, self._window))
        self._again = offset != self.next
        # A repeat ends where the digest stands, though the log may have grown.
        stop = self.next if self._again else self._log.end
        self._stop = min(offset + n, stop)
        self._window = self._at = offset
        self._told = False
        self._broken = None
        return self

    def wants(self):
        """Nothing comes in."""
        return False

    def step(self):
        """First the push that says how many bytes follow, then these; None behind the last."""
        if self._at == self._stop:
            return None
        if not self._told:
            self._told = True
            return (b'{"n":"raw","p":{"o":%d,"size":%d}}' % (self._at, self._stop - self._at),)
        data = self._piece(min(CHUNK, self._stop - self._at))
        self._at += len(data)
        return memoryview(data)

    def _piece(self, n):
        if self._broken is None:
            try:
                data = self._read(n)
                if not self._again:
                    self._digest.update(data)
                    self.next = self._at + len(data)
                return data
            except Refused as e:
                self._broken = e
        return bytes(n)

    def _read(self, n):
        if self._at < self._log.first:
            raise Refused(NOT_FOUND, "the log has dropped o meanwhile: begin again with log.open")
        try:
            data = self._log.read(self._at, n)
        except OSError as e:
            raise Refused(STORAGE, "the flash answered with error %s" % e) from None
        if not data:
            raise Refused(STORAGE, "the log cannot be read at %d" % self._at)
        return data

    def result(self):
        """Where the window ended, and where the log does. Raises Refused."""
        if self._broken is not None:
            raise self._broken
        return {"o": self._at, "end": self._log.end}

    def close(self):
        """(next offset, end, SHA-256 hex of all bytes since `open`)."""
        if self._digest is None:
            raise Refused(NOT_NOW, _NO_DOWNLOAD)
        sha = binascii.hexlify(self._digest.digest()).decode()
        self._digest = None
        return self.next, self._log.end, sha
