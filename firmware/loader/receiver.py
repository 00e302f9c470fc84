"""Receives an install at the raw prompt of a stock MicroPython (`pbmwrap install --files`).

Reports what is on the board, takes files as a binary stream, writes them, and answers with the
SHA-256 of what it read back. Any error restarts the board, which then starts what it ran before.
The host runs this file once at the raw prompt, with the text of `replace_file`, `hash_file` and
`restart` in place of their import.
"""

import gc
import json
import os
import sys

from main import hash_file, replace_file, restart  # type: ignore - of the file beside this one

# As in main.py.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Jobs = Sequence[tuple[str, str | int]]

STALL_MS = 10000
_BLOCK_BYTES = 4096  # a sector


def _list_names(folder: str) -> "list[str]":
    """Return the names in a folder; none when there is no such folder."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read_text(path: str) -> "str | None":
    """Return the text of a file, or None when it is missing or not UTF-8."""
    try:
        with open(path, "rb") as f:
            return f.read().decode()
    except (OSError, ValueError):
        return None


def _can_inflate() -> bool:
    """Return whether this MicroPython can inflate packs."""
    try:
        import deflate  # noqa: F401
    except ImportError:
        return False
    return True


def describe_board(pointer: str, index: str) -> None:
    """Print one line of JSON with all that an install has to know.

    pointer: path of the pointer file; index: name of a slot's index. Raises OSError.
    """
    i = sys.implementation
    fs = os.statvfs("/")
    state = {"version": list(i.version[:3]), "mpy": getattr(i, "_mpy", 0), "machine": i._machine}
    state["free"] = fs[0] * fs[3]
    state["inflates"] = _can_inflate()
    gc.collect()
    state["heap"] = gc.mem_free()  # an ESP32's has what it may still take from ESP-IDF
    state["pointer"] = _read_text(pointer)
    state["sha"] = sha = {}
    for folder in ("/a/", "/b/"):
        for name in _list_names(folder[:-1]):
            sha[folder + name] = hash_file(folder + name)
        state[folder[1]] = _read_text(folder + index)
    for name in ("boot.py", "main.py", "pbmwrap_loader.mpy"):
        if name in _list_names("/"):
            sha["/" + name] = hash_file("/" + name)
    print(json.dumps(state))


def _receive_blocks(
    size: int, chunk: int, read: "Callable[[memoryview], None]"
) -> "Iterator[memoryview]":
    """Yield a file of `size` bytes in blocks of at most _BLOCK_BYTES, as they arrive.

    chunk: most bytes of one call of `read`, which fills its view. A yielded block is overwritten
    when the next one is requested.
    """
    buf = memoryview(bytearray(min(size, _BLOCK_BYTES)))
    while size:
        view = buf[: min(size, _BLOCK_BYTES)]
        for at in range(0, len(view), chunk):
            read(view[at : at + chunk])
        yield view
        size -= len(view)


def _copy_blocks(path: str) -> "Iterator[bytes]":
    """Yield a file in blocks of at most _BLOCK_BYTES. Raises OSError."""
    with open(path, "rb") as f:
        data = f.read(_BLOCK_BYTES)
        while data:
            yield data
            data = f.read(_BLOCK_BYTES)


def write_files(
    jobs: "Jobs",
    chunk: int,
    read: "Callable[[memoryview], None]",
    say: "Callable[[str], None]",
) -> None:
    """Write files and report the SHA-256 of each.

    jobs: (path, source); source is the path of a file on the board with the same content, or the
    bytes that arrive. Raises OSError.
    """
    for path, source in jobs:
        if isinstance(source, str):
            parts = _copy_blocks(source)
        else:
            parts = _receive_blocks(source, chunk, read)
        with open(path, "wb") as f:
            for part in parts:
                f.write(part)
        say("=" + hash_file(path))


def receive_files(jobs: "Jobs", chunk: int) -> None:
    """Receive files from the port. Each piece of at most `chunk` bytes is answered by a dot.

    Restarts the board after STALL_MS without data, or on any error.
    """
    import machine
    import micropython

    alarm = machine.Timer(-1 if sys.platform == "rp2" else 1)
    once = machine.Timer.ONE_SHOT
    port = sys.stdin.buffer  # type: ignore

    def read(view: memoryview) -> None:
        alarm.init(period=STALL_MS, mode=once, callback=lambda t: restart(machine))
        port.readinto(view)  # type: ignore
        alarm.deinit()
        sys.stdout.write(".")

    micropython.kbd_intr(-1)
    try:
        sys.stdout.write(".")  # from here on a byte 3 is data, not Ctrl-C
        write_files(jobs, chunk, read, print)
    except BaseException as e:
        print("!%s: %s" % (type(e).__name__, e))
        restart(machine)
    finally:
        micropython.kbd_intr(3)


def prepare_slot(folder: str, obsolete: "Sequence[str]") -> None:
    """Remove obsolete files and make the slot's folder. Raises OSError."""
    for path in obsolete:
        os.remove(path)
    if folder[1:] not in os.listdir("/"):
        os.mkdir(folder)


def replace_files(files: "Sequence[tuple[str, bytes | None]]") -> None:
    """Replace small files one after the other, the pointer last, and report their SHA-256.

    files: (path, content); the content is None when it was sent before, as PATH.new. Raises
    OSError.
    """
    for path, data in files:
        if data is None:
            os.rename(path + ".new", path)
        else:
            replace_file(path, data)
        print("=" + hash_file(path))
