"""The loader on a stock MicroPython: starts the firmware that `pbmwrap install --files` wrote.

It is /pbmwrap_loader.mpy, imported by /main.py, or /main.py itself where nothing is compiled.

The board can hold two complete firmwares, in /a and /b. Each is a few packs of modules, deflated
where this MicroPython can inflate, and an index with the SHA-256 of each pack. The pointer file
names the index to start. A new firmware is marked as tried before it is started. If it ends before
it has answered `hello`, the next boot starts the old one. Every byte of a firmware is checked
before it is started. The loader drives no lamp: boot.py has set the outputs low, and does so again
at the end. Only `start_firmware` and what it
calls touch hardware; the host imports this module too.
"""

import binascii
import gc
import hashlib
import io
import json
import os
import sys

# Not const(0): the host imports this module. Nothing for types is installed on the board
# (host_tools/pbmwrap/install/loader_files.py).
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, BinaryIO

    Slot = list[str]  # [folder, SHA-256 of its index]
    Place = tuple[int, int, int] | list[int]

POINTER = "/pbmwrap.ab"
INDEX = "index"
MOUNT = "/w"
KEPT = 0
NEW = 1
TRIED = 2
LOAD_MS = 60000  # for loading the modules: some seconds, more from slow flash
TRIAL_MS = 20000
NO_HELLO = "it was started and did not say hello within 20 s"
_ENOENT = 2
_EIO = 5
# The RP2040's watchdog scratch register 0 keeps its value over a reset. wrap/hal/rp2040/board.py
# (reset_cause) reads it.
_SCRATCH0 = 0x4005800C
_INTENDED = 0x50424D57
# An ESP32's RTC memory does so too: wrap/hal/esp32/chip.py (reset_cause).
_MARK = b"PBMWRAP"
_REASON_MAX = 80  # characters
_STAT_FOLDER = (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
_STAT_FILE = (0x8000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
_GET_BUFFER_SIZE = 11  # MP_STREAM_GET_BUFFER_SIZE of MicroPython's py/stream.h


def replace_file(path: str, data: bytes) -> None:
    """Replace a file, all or nothing: littlefs renames atomically. Raises OSError."""
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.rename(path + ".new", path)


def hash_file(path: str) -> str:
    """Return the SHA-256, in hex, of the bytes that the flash gives back. Raises OSError."""
    sha = hashlib.sha256()
    buf = bytearray(1024)
    view = memoryview(buf)
    with open(path, "rb") as f:
        n = f.readinto(buf)
        while n:
            sha.update(view[:n])
            n = f.readinto(buf)
    return binascii.hexlify(sha.digest()).decode()


def encode_pointer(state: dict) -> bytes:
    """Return the bytes of the pointer file: CRC-32 in hex, then JSON.

    state: `run` and `old` ([folder, SHA-256 of its index] or None), `trial` (KEPT, NEW or TRIED),
    `why` (the reason of a failed trial).
    """
    body = json.dumps(state).encode()
    return b"%08x" % (binascii.crc32(body) & 0xFFFFFFFF) + body


def decode_pointer(raw: bytes) -> dict:
    """Return the state in a pointer file; an empty state when the bytes are damaged."""
    body = raw[8:]
    if raw[:8] != b"%08x" % (binascii.crc32(body) & 0xFFFFFFFF) or not body:
        return {"run": None, "old": None, "trial": KEPT}
    return json.loads(body)


def read_pointer() -> dict:
    """Return the pointer's state; an empty one when the file is missing or damaged."""
    try:
        with open(POINTER, "rb") as f:
            return decode_pointer(f.read())
    except OSError:
        return decode_pointer(b"")


def list_candidates(state: dict) -> "list[tuple[Slot, bool]]":
    """Return [(slot, whether it is on trial)] in the order in which they are considered."""
    found = []
    if state["run"] and state["trial"] != TRIED:
        found.append((state["run"], state["trial"] == NEW))
    if state["old"]:
        found.append((state["old"], False))
    return found


def read_verified_index(slot: "Slot") -> "dict | None":
    """Return the index of a slot after checking every byte of it; None if anything differs."""
    folder = "/" + slot[0] + "/"
    try:
        if hash_file(folder + INDEX) != slot[1]:  # H-19
            return None
        with open(folder + INDEX, "rb") as f:
            index = json.loads(f.read())
        for name, _, sha in index["packs"]:
            if hash_file(folder + name) != sha:
                return None
    except OSError:
        return None
    return index


def choose_slot(state: dict) -> "tuple[Slot, dict, bool] | tuple[None, None, bool]":
    """Return (slot, its index, whether it is on trial) of the firmware to start.

    The slot is None when no firmware is intact. A firmware on trial is marked as tried first.
    """
    for slot, trial in list_candidates(state):
        index = read_verified_index(slot)
        if index is not None and (not trial or _mark_tried(state, NO_HELLO)):  # H-19
            return slot, index, trial
    return None, None, False


def _mark_tried(state: dict, why: str) -> bool:
    """Store that the slot on trial was tried. Returns False if that fails: it must not be started
    then."""
    try:
        replace_file(POINTER, encode_pointer(dict(state, trial=TRIED, why=why)))
    except OSError:
        return False
    return True


def list_places(index: dict) -> "dict[str, Place]":
    """Return (number of its pack, offset in the pack's content, bytes) of each module by its path.

    An index lists the modules of a pack as names and sizes, in the order of the pack; a "." stands
    for the package. An index of pbmwrap 0.1 gives each place itself.
    """
    modules = index["modules"]
    if isinstance(modules, dict):
        return {"/" + name: place for name, place in modules.items()}
    places = {}
    for number, listed in enumerate(modules):
        at = 0
        for i in range(0, len(listed), 2):
            name, size = listed[i], listed[i + 1]
            path = "/wrap/" + name[1:] if name[0] == "." else "/" + name
            places[path + index["suffix"]] = (number, at, size)
            at += size
    return places


class PackReader(io.IOBase):
    """Gives MicroPython's reader of modules one module of a pack at a time.

    Modules lie in their pack in the order in which they are loaded. So a deflated pack is inflated
    once, without a buffer for a pack or a module: it needs the window of 8 KB.
    """

    def __init__(self, deflated: bool) -> None:
        self._deflated = deflated
        self._path = ""  # of the open pack
        self._file: "BinaryIO | None" = None
        self._stream: "Any" = None  # its content
        self._at = 0  # where the stream is
        self._left = 0  # bytes of the module that were not read

    def start_module(self, path: str, at: int, size: int) -> None:
        """Go to a module: `size` bytes from `at` on of the content of the pack at `path`.

        Raises OSError.
        """
        if path != self._path or at < self._at:
            self.close_pack()
            self._file = self._stream = open(path, "rb")
            if self._deflated:
                import deflate

                self._stream = deflate.DeflateIO(self._file, deflate.ZLIB)
            self._path = path
        if not self._deflated:
            self._stream.seek(at)
            self._at = at
        self._left = at - self._at
        scratch = bytearray(min(self._left, 256))
        while self._left:
            if not self.readinto(scratch):
                raise OSError(_EIO)
        self._left = size

    def readinto(self, buf: "bytearray | memoryview") -> int:
        """Fill `buf` with the next bytes of the module; returns their number."""
        n = min(len(buf), self._left)
        if n < len(buf):
            buf = memoryview(buf)[:n]
        n = self._stream.readinto(buf)
        self._at += n
        self._left -= n
        return n

    def ioctl(self, request: int, arg: int) -> int:
        """Tell the reader how much to read at a time; it has a buffer of at most 255 bytes."""
        return 255 if request == _GET_BUFFER_SIZE else 0

    def close_pack(self) -> None:
        """Close the pack and free its window."""
        if self._file is not None:
            self._file.close()
        self._file = self._stream = None
        self._path = ""
        self._at = 0


class PackFilesystem:
    """Mounts a firmware's modules as a read-only filesystem for `import`."""

    def __init__(self, folder: str, index: dict) -> None:
        """folder: of the slot, with a slash at each end; index: of its packs and modules."""
        self._paths = [folder + p[0] for p in index["packs"]]
        self._modules = list_places(index)
        self._folders = {name[: name.rfind("/")] for name in self._modules}
        self._reader = PackReader(index.get("deflated", False))
        self.stopped = False  # by Ctrl-C

    def mount(self, readonly: bool, mkfs: bool) -> None:  # vfs.mount and vfs.umount call these two
        pass

    def umount(self) -> None:
        pass

    def stat(self, path: str) -> "tuple[int, ...]":
        """Return the stat tuple of a module or a folder. Raises OSError.

        MicroPython takes any exception of stat as "not there", Ctrl-C too. So Ctrl-C is stored in
        `stopped`, and `open` raises it.
        """
        try:
            return self._stat(path)
        except KeyboardInterrupt:
            self.stopped = True
            return self._stat(path)

    def _stat(self, path: str) -> "tuple[int, ...]":
        # The import looks at the kind alone. Tuples that exist already leave no garbage.
        if path in self._folders:
            return _STAT_FOLDER
        if self._modules.get(path) is None:
            raise OSError(_ENOENT)
        return _STAT_FILE

    def open(self, path: str, mode: str) -> PackReader:
        """Return a module as a stream, until the next one is opened. Raises OSError."""
        if self.stopped:
            raise KeyboardInterrupt
        place = self._modules.get(path)
        if place is None:
            raise OSError(_ENOENT)
        pack, at, size = place
        self._reader.start_module(self._paths[pack], at, size)
        return self._reader

    def forget(self) -> None:
        """Give up the index once every module is loaded: it takes 4 KB of the heap."""
        self._modules.clear()
        self._folders.clear()
        self._reader.close_pack()


class Installed:
    """Describes the installed firmware to the wrap, and ends its trial.

    rollback_reason: why a newer firmware was given up, or None.
    """

    def __init__(self, state: dict, slot: "Slot", trial: bool) -> None:
        self._state = state
        self._timer = None
        self.name = "%s %s" % (slot[0], slot[1][:12])
        self.trial = trial
        self.rollback_reason = state.get("why") if state["trial"] == TRIED and not trial else None

    def arm(self, ms: int) -> None:
        """Start the timer that restarts the board after `ms`, or start it again."""
        import machine

        if self._timer is None:
            self._timer = machine.Timer(-1 if sys.platform == "rp2" else 1)
        mode = machine.Timer.ONE_SHOT
        self._timer.init(period=ms, mode=mode, callback=lambda t: restart(machine))

    def keep(self) -> None:
        """End the trial: the firmware has answered `hello` and stays. Raises OSError."""
        replace_file(POINTER, encode_pointer(dict(self._state, trial=KEPT, why="")))
        self.trial = False
        self.disarm()

    def give_up(self, error: BaseException) -> None:
        """Store why the trial failed; the next boot starts the old firmware and reports it."""
        _mark_tried(self._state, ("%s: %s" % (type(error).__name__, error))[:_REASON_MAX])

    def disarm(self) -> None:
        """Stop the timer of the trial."""
        if self._timer is not None:
            self._timer.deinit()


def _delete_used_up() -> None:
    """Delete what only chooses a slot: it takes 2 KB of the heap, which a stock RP2040 needs."""
    global hash_file, decode_pointer, read_pointer, list_candidates
    global read_verified_index, choose_slot, list_places
    del hash_file, decode_pointer, read_pointer, list_candidates
    del read_verified_index, choose_slot, list_places


def _run_wrap(installed: Installed, packs: PackFilesystem) -> None:
    """Run the wrap until it ends. Any exception but Ctrl-C resets the board."""
    # Nothing is loaded from elsewhere meanwhile: each `import time` would look through the files.
    usual = sys.path[:]
    sys.path[:] = [MOUNT]
    try:
        import board_facts
        from wrap.hal import open_board
        from wrap.main_loop import main

        hal = open_board(board_facts)
    finally:
        sys.path[:] = usual
    packs.forget()
    _delete_used_up()
    gc.collect()
    if installed.trial:
        installed.arm(TRIAL_MS)
    try:
        if packs.stopped:
            raise KeyboardInterrupt
        main(hal, board_facts, installed)
    except KeyboardInterrupt:
        raise
    except BaseException:
        hal.reset()
    finally:
        hal.dark()


def _set_outputs_low() -> None:
    """Run boot.py once more."""
    sys.modules.pop("boot", None)
    import boot  # noqa: F401


def _load_and_run(installed: Installed, slot: "Slot", index: dict) -> None:
    """Mount the slot and run its firmware, with the timer armed while it is on trial."""
    import vfs

    if installed.trial:
        installed.arm(LOAD_MS)
    packs = PackFilesystem("/" + slot[0] + "/", index)
    vfs.mount(packs, MOUNT)
    gc.collect()
    _run_wrap(installed, packs)


def start_firmware() -> None:
    """Start the firmware that `choose_slot` finds; ends at the prompt with the outputs low.

    `_run_wrap` switches its outputs off itself; `_set_outputs_low` is for what ends before that.
    """
    state = read_pointer()
    slot, index, trial = choose_slot(state)
    if slot is None or index is None:
        print("pbmwrap: no intact firmware. Run `pbmwrap install --files`.")
        return
    installed = Installed(state, slot, trial)
    try:
        _load_and_run(installed, slot, index)
    except KeyboardInterrupt:
        _set_outputs_low()
        print("pbmwrap: dark. Ctrl-D starts it again.")
    except BaseException as e:
        _set_outputs_low()
        sys.print_exception(e)  # type: ignore
        print("pbmwrap: the firmware does not start. Run `pbmwrap install --files`.")
        if trial:
            import machine

            installed.give_up(e)
            restart(machine)
    finally:
        installed.disarm()


def restart(machine: "ModuleType") -> None:
    """Reset the board, recorded as intentional: an RP2040 resets itself through its watchdog, and
    an ESP32 cannot distinguish this from a panic.

    Takes MicroPython's module `machine`, because an import in a timer callback can fail for lack of
    heap.
    """
    if sys.platform == "rp2":
        machine.mem32[_SCRATCH0] = _INTENDED
    elif sys.platform == "esp32":
        machine.RTC().memory(_MARK)
    machine.reset()


if __name__ == "__main__":
    start_firmware()
