"""The append-only record log in segment files. Knows bytes and offsets; what records mean is
elsewhere.

Offsets are absolute and never reused: a segment's name is the offset of its first byte. The oldest
segment goes when there are more than _KEEP. On return from `append` the record is in flash.
"""

from wrap.link.frames import hex8
from wrap.mp import const
from wrap.storage import records

_SEGMENT = const(16384)
_KEEP = const(40)


def _start(name):
    """The offset in a segment's name, or -1 for another file's."""
    if len(name) != 12 or not name.startswith("log."):
        return -1
    return hex8(name.encode(), 4)


class Log:
    """files: a wrap.hal.files.Files. first, end: offsets of the oldest byte kept and of the next to
    come."""

    def __init__(self, files):
        self._files = files
        starts = sorted([start for start in map(_start, files.names()) if start >= 0])
        self._starts = starts
        self.first = starts[0] if starts else 0
        self.seq = 0  # of the next record
        self.boot = 0  # of the last record
        self.torn = 0  # bytes at the end that are no whole record
        self.end = 0
        if starts:
            self.end = starts[-1] + files.size(self._name(starts[-1]))
            self._recover()

    def _name(self, start):
        return "log.%08x" % start

    def _recover(self):
        """Sequence and boot number go on after the last true record, whatever a power cut left
        behind it."""
        for start in reversed(self._starts):
            data = self._files.read(self._name(start))
            found, gaps = records.scan(data)
            if start == self._starts[-1] and gaps and gaps[-1][1] == len(data):
                self.torn = gaps[-1][1] - gaps[-1][0]
            if found:
                self.seq = found[-1][1] + 1
                self.boot = found[-1][2]
                return

    def append(self, kind, boot, up_s, up_ms, payload):
        """Write one record. Raises OSError; then nothing counts as written and the same call may be
        tried again."""
        data = records.pack(kind, self.seq, boot, up_s, up_ms, payload)
        if not self._starts or self.end - self._starts[-1] + len(data) > _SEGMENT:
            self._starts.append(self.end)
            self._drop_oldest()
        start = self._starts[-1]
        try:
            self._files.append(self._name(start), data)
        except OSError:
            self.end = start + max(0, self._files.size(self._name(start)))
            raise
        self.end += len(data)
        self.seq += 1

    def _drop_oldest(self):
        while len(self._starts) > _KEEP:
            self._files.remove(self._name(self._starts[0]))
            self._starts.pop(0)
            self.first = self._starts[0]

    def read(self, offset, n):
        """At most `n` bytes from `offset` (first <= offset <= end), never past a segment's end."""
        for start in reversed(self._starts):
            if start <= offset:
                return self._files.read_at(self._name(start), offset - start, n)
        return b""
