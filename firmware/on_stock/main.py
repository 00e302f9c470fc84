"""/main.py on a stock MicroPython: starts the firmware that `pbmwrap install --files` put there.

Two whole firmwares may lie here, /a and /b, each a few packs of modules and an index with their
SHA-256; the pointer names the index that counts. A new one is marked as tried before it is started:
whatever ends it before it has said hello, the next boot starts the old one. Every byte of a
firmware is checked before it is started. Drives no lamp: boot.py has made the outputs low, and does
so again at the end. Pure but for `start` and what it calls; the host imports it too.
"""

import binascii
import gc
import hashlib
import io
import json
import os
import sys

POINTER = "/pbmwrap.ab"
INDEX = "index"
MOUNT = "/w"
KEPT = 0
NEW = 1
TRIED = 2
TRIAL_MS = 20000
NO_HELLO = "it was started and did not say hello within 20 s"
_GONE = 2  # ENOENT
_SCRATCH0 = 0x4005800C  # an RP2040 keeps it; see reset_cause in wrap/hal/rp2040/board.py
_INTENDED = 0x50424D57
_TEXT = 80


def put(path, data):
    """Replace a file, all or nothing: littlefs renames atomically."""
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.rename(path + ".new", path)


def digest(path):
    """SHA-256 in hex of what flash gives back. Raises OSError."""
    sha = hashlib.sha256()
    buf = bytearray(1024)
    view = memoryview(buf)
    with open(path, "rb") as f:
        n = f.readinto(buf)
        while n:
            sha.update(view[:n])
            n = f.readinto(buf)
    return binascii.hexlify(sha.digest()).decode()


def sealed(state):
    """The pointer's bytes. state: run and old ([folder, SHA-256 of its index]; old may be None),
    trial (KEPT, NEW, TRIED), why."""
    body = json.dumps(state).encode()
    return b"%08x" % (binascii.crc32(body) & 0xFFFFFFFF) + body


def opened(raw):
    """What `sealed` made; an empty state when the bytes are damaged."""
    body = raw[8:]
    if raw[:8] != b"%08x" % (binascii.crc32(body) & 0xFFFFFFFF):
        return {"run": None, "old": None, "trial": KEPT}
    return json.loads(body)


def pointer():
    """The state; an empty one when the pointer is missing or damaged: nothing is started."""
    try:
        with open(POINTER, "rb") as f:
            return opened(f.read())
    except OSError:
        return opened(b"")


def candidates(state):
    """[(slot, whether it is on trial)]: the first whole one is started."""
    found = []
    if state["run"] and state["trial"] != TRIED:
        found.append((state["run"], state["trial"] == NEW))
    if state["old"]:
        found.append((state["old"], False))
    return found


def whole(slot):
    """The index of a slot of which every byte is right, else None."""
    folder = "/" + slot[0] + "/"
    try:
        if digest(folder + INDEX) != slot[1]:  # H-19
            return None
        with open(folder + INDEX, "rb") as f:
            index = json.loads(f.read())
        for name, _, sha in index["packs"]:
            if digest(folder + name) != sha:
                return None
    except OSError:
        return None
    return index


def choose(state):
    """(slot, its index, whether it is on trial) to start; no slot: nothing here is whole."""
    for slot, trial in candidates(state):
        index = whole(slot)
        if index is not None and (not trial or _mark(state, NO_HELLO)):  # H-19
            return slot, index, trial
    return None, None, False


def _mark(state, why):
    """Note that the slot on trial is being tried; without the note it may not be started."""
    try:
        put(POINTER, sealed(dict(state, trial=TRIED, why=why)))
    except OSError:
        return False
    return True


class Packs:
    """A firmware's modules as a read-only filesystem. MicroPython's reader of .mpy takes just what
    belongs to a module, so it may have the pack itself from where the module begins."""

    def __init__(self, folder, index):
        self._folder = folder
        self._packs = [p[0] for p in index["packs"]]
        self._modules = index["modules"]
        self._folders = {name[: name.rfind("/")] for name in self._modules if "/" in name}
        self.stopped = False  # by Ctrl-C

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def _place(self, path):
        place = self._modules.get(path.strip("/"))
        if place is None:
            raise OSError(_GONE)
        return place

    def stat(self, path):
        """MicroPython takes whatever is raised here for "not there", Ctrl-C as well: that is kept
        until something can raise it."""
        try:
            return self._stat(path)
        except KeyboardInterrupt:
            self.stopped = True
            return self._stat(path)

    def _stat(self, path):
        if path.strip("/") in self._folders:
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return (0x8000, 0, 0, 0, 0, 0, self._place(path)[2], 0, 0, 0)

    def open(self, path, mode):
        if self.stopped:
            raise KeyboardInterrupt
        pack, at, size = self._place(path)
        f = open(self._folder + self._packs[pack], "rb")
        f.seek(at)
        if path.endswith(".mpy"):
            return f
        with f:
            return io.BytesIO(f.read(size))


class Installed:
    """The installed firmware. rollback_reason: why a newer one was given up, or None."""

    def __init__(self, state, slot, trial):
        self._state = state
        self._timer = None
        self.name = "%s %s" % (slot[0], slot[1][:12])
        self.trial = trial
        self.rollback_reason = state.get("why") if state["trial"] == TRIED and not trial else None

    def arm(self):
        """On trial: restart in TRIAL_MS."""
        import machine

        self._timer = machine.Timer(-1 if sys.platform == "rp2" else 1)
        mode = machine.Timer.ONE_SHOT
        self._timer.init(period=TRIAL_MS, mode=mode, callback=lambda t: restart(machine))

    def keep(self):
        """It said hello: it is the firmware from now on. Raises OSError."""
        put(POINTER, sealed(dict(self._state, trial=KEPT, why="")))
        self.trial = False
        self.disarm()

    def give_up(self, error):
        """The next boot starts the old one, and can say why."""
        _mark(self._state, ("%s: %s" % (type(error).__name__, error))[:_TEXT])

    def disarm(self):
        if self._timer is not None:
            self._timer.deinit()


def _run(me, packs):
    """Until it ends; whatever it raises restarts the board, but Ctrl-C."""
    import board_facts
    from wrap.hal import open_board
    from wrap.main_loop import main

    hal = open_board(board_facts)
    try:
        if packs.stopped:
            raise KeyboardInterrupt
        main(hal, board_facts, me)
    except KeyboardInterrupt:
        raise
    except BaseException:
        hal.reset()
    finally:
        hal.dark()


def _dark():
    """boot.py once more."""
    sys.modules.pop("boot", None)
    import boot  # noqa: F401


def _load(me, slot, index):
    if me.trial:
        me.arm()
    import vfs

    packs = Packs("/" + slot[0] + "/", index)
    vfs.mount(packs, MOUNT)
    sys.path.insert(0, MOUNT)
    gc.collect()
    _run(me, packs)


def start():
    """Start what `choose` finds; ends dark, at the prompt. `_run` ends dark by itself; boot.py is
    for what ends before it can."""
    state = pointer()
    slot, index, trial = choose(state)
    if slot is None:
        print("pbmwrap: no firmware here is whole. `pbmwrap install --files` puts one here.")
        return
    me = Installed(state, slot, trial)
    try:
        _load(me, slot, index)
    except KeyboardInterrupt:
        _dark()
        print("pbmwrap: dark. Ctrl-D starts it again.")
    except BaseException as e:
        _dark()
        sys.print_exception(e)  # type: ignore
        print("pbmwrap: it does not start. `pbmwrap install --files` mends it.")
        if trial:
            import machine

            me.give_up(e)
            restart(machine)
    finally:
        me.disarm()


def restart(machine):
    """A reset that the wrap tells as one that was wanted: an RP2040's own is its watchdog's. Takes
    MicroPython's module, since an import in a timer's callback could fail for want of heap."""
    if sys.platform == "rp2":
        machine.mem32[_SCRATCH0] = _INTENDED
    machine.reset()


if __name__ == "__main__":
    start()
