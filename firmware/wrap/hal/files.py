"""Small files in one folder: whole-file atomic writes and appends. Works on littlefs and on a PC.

littlefs commits at close and renames atomically over the old file, so a power cut leaves the old
content or the new one.
"""

import os

from wrap.compat import const

_NO_DEVICE = const(19)  # ENODEV


class Files:
    """Files in `root` (made when missing). Errors are OSError."""

    missing = ""  # why there is no storage
    damaged = False  # some file may be missing or older than it was

    def __init__(self, root):
        self._root = root
        try:
            os.mkdir(root)
        except OSError:
            os.stat(root)

    def _path(self, name):
        return self._root + "/" + name

    def names(self):
        """All file names, in no order."""
        return [n for n in os.listdir(self._root) if not n.endswith(".new")]

    def size(self, name):
        """Bytes, or -1 when there is no such file."""
        try:
            return os.stat(self._path(name))[6]
        except OSError:
            return -1

    def read(self, name):
        """The whole content, or None when there is no such file."""
        if self.size(name) < 0:
            return None
        with open(self._path(name), "rb") as f:
            return f.read()

    def read_at(self, name, offset, n):
        """At most `n` bytes from `offset`."""
        with open(self._path(name), "rb") as f:
            f.seek(offset)
            return f.read(n)

    def write(self, name, data):
        """Replace the file by `data`, all or nothing."""
        path = self._path(name)
        with open(path + ".new", "wb") as f:
            f.write(data)
        os.rename(path + ".new", path)

    def append(self, name, data):
        """Add `data` at the end; on return it is in flash."""
        with open(self._path(name), "ab") as f:
            f.write(data)

    def remove(self, name):
        """Delete; no error when there is none."""
        if self.size(name) >= 0:
            os.remove(self._path(name))

    def tidy(self):
        """Do a bounded piece of what is better done in the dark: True when there was some."""
        return False


class NoFiles:
    """What `Files` is without storage: nothing is there, nothing can be written. missing: why."""

    damaged = False

    def __init__(self, why):
        self.missing = why

    def names(self):
        return []

    def size(self, name):
        return -1

    def read(self, name):
        return None

    def read_at(self, name, offset, n):
        return b""

    def write(self, name, data):
        raise OSError(_NO_DEVICE)

    def append(self, name, data):
        raise OSError(_NO_DEVICE)

    def remove(self, name):
        pass

    def tidy(self):
        return False


def open_files(root):
    """The `Files` in `root`, or `NoFiles` when the filesystem is not there."""
    try:
        return Files(root)
    except OSError as e:
        return NoFiles("no filesystem: " + str(e))
