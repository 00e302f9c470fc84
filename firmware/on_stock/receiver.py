"""Run once at the raw prompt of a board that is installed to (`pbmwrap install --files`): says what
is there, takes files as a binary stream, writes them and answers with the SHA-256 of what it read
back. Whatever goes wrong restarts the board, which then starts what it ran before.

The host puts the text of `put` and `digest` where they are imported.
"""

import io
import json
import os
import sys

from main import digest, put, restart  # type: ignore - of the file beside this one

STALL_MS = 10000


def _names(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(path):
    try:
        with open(path, "rb") as f:
            return f.read().decode()
    except (OSError, ValueError):
        return None


def _inflates():
    try:
        import deflate  # noqa: F401
    except ImportError:
        return False
    return True


def look(pointer, index):
    """One JSON line of all that an install has to know."""
    i = sys.implementation
    fs = os.statvfs("/")
    seen = {"version": list(i.version[:3]), "mpy": getattr(i, "_mpy", 0), "machine": i._machine}
    seen["free"] = fs[0] * fs[3]
    seen["inflates"] = _inflates()
    seen["pointer"] = _text(pointer)
    seen["sha"] = sha = {}
    for folder in ("/a/", "/b/"):
        for name in _names(folder[:-1]):
            sha[folder + name] = digest(folder + name)
        seen[folder[1]] = _text(folder + index)
    for name in ("boot.py", "main.py"):
        if name in _names("/"):
            sha["/" + name] = digest("/" + name)
    print(json.dumps(seen))


def _blocks(sizes, chunk, read):
    """The blocks of one file as they come, inflated. sizes: (bytes sent, bytes of it) of each.
    A block is gone when the next one is asked for."""
    whole = memoryview(bytearray(max([sent for sent, size in sizes] or [0])))
    for sent, size in sizes:
        view = whole[:sent]
        at = 0
        while at < sent:
            n = min(chunk, sent - at)
            read(view[at : at + n])
            at += n
        if sent == size:
            yield view
        else:
            import deflate

            packed = io.BytesIO(view)  # type: ignore - the stubs know no copy
            yield deflate.DeflateIO(packed, deflate.ZLIB).read(size)


def _copied(path, block=4096):
    with open(path, "rb") as f:
        data = f.read(block)
        while data:
            yield data
            data = f.read(block)


def take(jobs, chunk, read, say):
    """jobs: (path, what is known to lie in another file, or the sizes of its blocks)."""
    for path, source in jobs:
        parts = _copied(source) if isinstance(source, str) else _blocks(source, chunk, read)
        with open(path, "wb") as f:
            for part in parts:
                f.write(part)
        say("=" + digest(path))


def receive(jobs, chunk):
    """Take files from the port: each piece of at most `chunk` bytes is answered by a dot."""
    import machine
    import micropython

    alarm = machine.Timer(-1 if sys.platform == "rp2" else 1)
    once = machine.Timer.ONE_SHOT
    port = sys.stdin.buffer  # type: ignore

    def read(view):
        alarm.init(period=STALL_MS, mode=once, callback=lambda t: restart(machine))
        port.readinto(view)  # type: ignore
        alarm.deinit()
        sys.stdout.write(".")

    micropython.kbd_intr(-1)
    try:
        sys.stdout.write(".")  # now a byte 3 is data
        take(jobs, chunk, read, print)
    except BaseException as e:
        print("!%s: %s" % (type(e).__name__, e))
        restart(machine)
    finally:
        micropython.kbd_intr(3)


def prepare(folder, gone):
    """Make the slot's folder; remove what no longer belongs here."""
    for path in gone:
        os.remove(path)
    if folder[1:] not in os.listdir("/"):
        os.mkdir(folder)


def finish(files):
    """Replace these small files one after the other, the pointer last: (path, content; None when it
    lies beside it already)."""
    for path, data in files:
        if data is None:
            os.rename(path + ".new", path)
        else:
            put(path, data)
        print("=" + digest(path))
