"""Bulk over the link: a protocol on its way in, the log on its way out. Bytes only, no meaning."""

import binascii
import hashlib

from wrap.link.codes import BAD_PARAM, NOT_FOUND, NOT_NOW, STORAGE, Refused
from wrap.mp import const

CHUNK = const(1440)  # bytes of log in one push; its line stays below frames.MAX_ANSWER
WINDOW = const(8)
_NO_UPLOAD = "no transfer is open: begin with proto.begin"
_NO_DOWNLOAD = "no transfer is open: begin with log.open"


def b64(data):
    """Base64 text without a newline."""
    return binascii.b2a_base64(data).decode().strip()


def unb64(text):
    """Bytes of base64 text. Raises Refused."""
    try:
        return binascii.a2b_base64(text)
    except (ValueError, TypeError):
        raise Refused(BAD_PARAM, "d must be base64 text") from None


class Upload:
    """One object arriving in order into a buffer of its own."""

    def __init__(self):
        self.buf = None
        self.got = 0

    def begin(self, size, slot, sha):
        """Forget what came before and expect `size` bytes."""
        self.buf = bytearray(size)
        self.got = 0
        self.slot = slot
        self.sha = sha

    def data(self, offset, text):
        """Take a chunk; the same one again does no harm. Returns the next offset."""
        if self.buf is None:
            raise Refused(NOT_NOW, _NO_UPLOAD)
        data = unb64(text)
        if offset > self.got or offset + len(data) > len(self.buf):
            raise Refused(BAD_PARAM, "o must be %d and end within %d" % (self.got, len(self.buf)))
        self.buf[offset : offset + len(data)] = data
        self.got = offset + len(data)
        return self.got

    def take(self):
        """The whole object; the transfer is over. Raises Refused when bytes are missing."""
        if self.buf is None:
            raise Refused(NOT_NOW, _NO_UPLOAD)
        if self.got != len(self.buf):
            raise Refused(
                NOT_NOW, "the transfer is not complete: %d of %d" % (self.got, len(self.buf))
            )
        raw = bytes(self.buf)
        self.buf = None
        return raw


class Download:
    """The log going out from an offset, a window at a time, with a running SHA-256: a stream (see
    wrap.link.server).

    A window is read, hashed and encoded piece by piece, because each takes a good part of what is
    left of a step's time.
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
        """Make ready for at most `n` chunks from `offset`: `step` gives them. Returns itself."""
        if self._digest is None:
            raise Refused(NOT_NOW, _NO_DOWNLOAD)
        if offset != self.next and offset != self._window:
            raise Refused(BAD_PARAM, "o must be %d or %d" % (self.next, self._window))
        self._again = offset != self.next
        # A repeat ends where the digest stands, though the log may have grown.
        self._stop = self.next if self._again else self._log.end
        self._window = self._at = offset
        self._left = n
        self._data = None
        self._hashed = False
        return self

    def step(self):
        """Read a chunk, then hash it, then give its push; None behind the window's last."""
        if self._data is None:
            if self._left == 0 or self._at == self._stop:
                return None
            self._data = self._read()
            return ()
        if not self._hashed:
            self._hash(self._data)
            return ()
        head = b'{"n":"chunk","p":{"o":%d,"d":"' % self._at
        text = memoryview(binascii.b2a_base64(self._data))[:-1]
        self._at += len(self._data)
        self._left -= 1
        self._data = None
        self._hashed = False
        return head, text, b'"}}'

    def _read(self):
        if self._at < self._log.first:
            raise Refused(NOT_FOUND, "the log has dropped o meanwhile: begin again with log.open")
        try:
            data = self._log.read(self._at, min(CHUNK, self._stop - self._at))
        except OSError as e:
            raise Refused(STORAGE, "the flash answered with error %s" % e) from None
        if not data:
            raise Refused(STORAGE, "the log cannot be read at %d" % self._at)
        return data

    def _hash(self, data):
        self._hashed = True
        if not self._again:
            self._digest.update(data)
            self.next = self._at + len(data)

    def result(self):
        """Where the window ended, and where the log does."""
        return {"o": self._at, "end": self._log.end}

    def close(self):
        """(next offset, end, SHA-256 hex of all bytes since `open`)."""
        if self._digest is None:
            raise Refused(NOT_NOW, _NO_DOWNLOAD)
        sha = binascii.hexlify(self._digest.digest()).decode()
        self._digest = None
        return self.next, self._log.end, sha
