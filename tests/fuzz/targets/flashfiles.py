"""Tries small files in bare flash: any flash is opened; writes, power cuts and damage in any order.

Without damage each file is the one written last, or at a cut the one before. Whatever happened, a
file is one that was written once, and what is written now is there after the next boot.
"""

import binascii
import struct

from tests.fuzz import odd
from tests.fuzz.flash import Cut, Flash, Sectors, damage
from wrap.storage.flash_files import FlashFiles

SECTORS = 6
NAMES = ("settings.a", "settings.b", "fault.a", "proto.0", "x")
_OPS = 24


def _entry(src):
    """Return a true entry, whatever its name, length and data are."""
    name, data = src.some(src.below(12)), src.some(src.below(40))
    size = src.of((len(data), len(data), 0xFFFF, 0, 600))
    body = struct.pack("<BBH", 0x5A, src.of((len(name), len(name), 255)), size) + name + data
    return body + struct.pack("<I", binascii.crc32(body) & 0xFFFFFFFF)


def _head(src):
    head = struct.pack("<4sI", src.of((b"PBMB", b"PBMB", b"PBMA")), src.byte() << src.below(25))
    return head + struct.pack("<I", binascii.crc32(head) & 0xFFFFFFFF)


def _found(src):
    """Return a flash that holds anything."""
    flash = Flash(SECTORS)
    while src.more():
        kind, sector = src.below(4), src.below(SECTORS)
        at = src.byte() | src.below(2) << 8
        if kind == 0:
            flash.put(sector - sector % (SECTORS // 2), src.of((0, 32)), _head(src))
        elif kind == 1:
            flash.put(sector, at, src.some(src.byte()))
        else:
            for _ in range(src.below(4)):
                raw = _entry(src)
                flash.put(sector, at, raw)
                at += len(raw)
    return flash


class Story:
    """Follows what happened. now: what was written last. ever: {name: all that was written}. hurt:
    the flash was damaged, so that a file may be gone, or older."""

    def __init__(self, src, flash, known):
        self.src = src
        self.flash = flash
        self.known = known
        self.now = {}
        self.ever = {}
        self.hurt = not known
        self.open()

    def open(self):
        self.files = FlashFiles(Sectors(self.flash, SECTORS))
        self._look()

    def _look(self):
        """Check that what can be read now is what it should be."""
        files = self.files
        names = files.names()
        for name in names:
            data = files.read(name)
            assert len(data) == files.size(name)
            assert not self.known or data in self.ever[name], "never written"
        if not self.hurt:
            assert not files.damaged, "damage where there is none"
            assert {name: files.read(name) for name in names} == self.now

    def _change(self, name, data):
        """Write or remove a file; power may go meanwhile."""
        if data is not None:
            self.ever.setdefault(name, []).append(data)
        before = self.now.get(name)
        try:
            if data is None:
                self.files.remove(name)
            else:
                self.files.write(name, data)
        except Cut:
            self.open_after(name, before, data)
            return
        except OSError:
            self._set(name, before)
            assert self.hurt or self._full(data), "a write that fails"
            return
        self._set(name, data)
        assert self.files.read(name) == data
        if self.hurt:
            self.files = FlashFiles(Sectors(self.flash, SECTORS))
            assert self.files.read(name) == data, "written, and gone"

    def _full(self, data):
        """Return whether a bank may be too small for it all."""
        sizes = [len(d) + 24 for d in self.now.values()]
        return sum(sizes) + len(data or b"") + 24 > (SECTORS // 2 - 1) * 350

    def _set(self, name, data):
        if data is None:
            self.now.pop(name, None)
        else:
            self.now[name] = data

    def open_after(self, name, before, data):
        """Boot after a cut: the file is the old or the new one."""
        files = FlashFiles(Sectors(self.flash, SECTORS))
        found = files.read(name)
        assert self.hurt or found in (before, data)
        self._set(name, found)
        self.open()

    def _tidy(self):
        try:
            for _ in range(12):
                if not self.files.tidy():
                    return
        except Cut:
            self.open()
        except OSError:
            assert self.hurt

    def go_on(self):
        """Do the next thing that happens."""
        src, kind = self.src, self.src.below(8)
        if kind < 3:
            self._change(src.of(NAMES), src.some(src.below(64)) * src.of((1, 1, 3)))
        elif kind == 3:
            self._change(src.of(NAMES), None)
        elif kind == 4:
            self._tidy()
        elif kind == 5:
            self.open()
        elif kind == 6:
            self.flash.left, self.flash.part = 1 + src.below(8), src.byte() | src.below(2) << 8
        elif src.below(4) == 0:
            self.hurt = True
            damage(src, self.flash, SECTORS)
            self.flash.left = -1
            self.open()


def one(data):
    src = odd.Choices(data)
    if src.below(4) == 0:
        story = Story(odd.Choices(src.some(6)), _found(src), False)
    else:
        story = Story(src, Flash(SECTORS), True)
    for _ in range(_OPS):
        if not story.src.more():
            break
        try:
            story.go_on()
        except Cut:  # in a boot: the next one goes through
            story.open()
    story.flash.left = -1
    story.open()
    story.hurt = True  # so that what is written is looked for after another boot
    story._change("x", b"last")
