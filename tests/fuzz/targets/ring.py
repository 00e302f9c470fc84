"""Tries the log in its ring of sectors: any flash is opened and written on; power cuts and damage
in any order.

Without damage every record is there, in order, up to what the ring has dropped. Whatever happened,
a record that is read was written once, and one written now is there after the next boot.
"""

from tests.fuzz import odd
from tests.fuzz.flash import Cut, Flash, Sectors, damage
from wrap.storage import payloads, record_reader, records
from wrap.storage.log import Log

SECTORS = 5
_OPS = 16
_READ_MOST = 8000  # of a log whose sectors' heads may say anything
_KINDS = (records.NOTE, records.SAMPLE, records.END, records.BLOB, records.NOTE)


def _found(src):
    """Return a flash that holds anything: bytes, and true records of any payload."""
    flash = Flash(SECTORS)
    while src.more():
        kind, sector = src.below(4), src.below(SECTORS)
        at = (src.byte() | src.below(2) << 8) * src.below(2)
        if kind == 0:
            flash.put(sector, at, src.some(src.byte()))
            continue
        raw = b""
        if kind > 1:
            head = payloads.pack_sector(src.byte() << src.below(4), src.byte(), bytes(32), [])
            raw = records.pack(records.SECTOR, src.byte(), 1, 0, 0, head)
        for _ in range(src.below(4)):
            payload = src.some(src.below(60))
            raw += records.pack(
                src.of(record_reader.ALL_TYPES), src.byte(), src.byte(), 0, 0, payload
            )
        flash.put(sector, at, raw[: 500 - at] if at < 500 else b"")
    return flash


class Story:
    """Follows what happened. kept: payloads in the order in which they were written. loose: power
    went while one was. hurt: the flash was damaged. known: it began empty."""

    def __init__(self, src, flash, known):
        self.src = src
        self.flash = flash
        self.known = known
        self.hurt = not known
        self.kept = []
        self.loose = []
        self._n = 0
        self.open()

    def open(self):
        self.log = Log(Sectors(self.flash, SECTORS))
        self.boot = (self.log.boot + 1) & 0xFFFF
        self._look()

    def _read(self):
        """Return all bytes that are kept, as the link reads them."""
        log, out = self.log, b""
        most = log.end if self.known else min(log.end, log.first + _READ_MOST)
        while log.first + len(out) < most:
            piece = log.read(log.first + len(out), 300)
            assert piece or not self.known, "bytes that cannot be read"
            if not piece:  # sectors in an order that no wrap writes
                break
            out += piece
        return out

    def _look(self):
        log = self.log
        assert 0 <= log.first <= log.end and log.seq >= 0
        if not self.known:
            return
        found = record_reader.scan(self._read())[0]
        mine = [bytes(r[5]) for r in found if r[0] != records.SECTOR]
        for payload in mine:
            assert payload in self.loose or self._written(payload), "never written"
        if self.hurt:
            return
        numbers = [r[1] for r in found]
        assert numbers == list(range(log.seq - len(found), log.seq)), "a number twice, or left out"
        sure = [payload for payload in mine if payload not in self.loose]
        assert sure == self.kept[len(self.kept) - len(sure) :], "lost, or in another order"
        last = not self.kept or mine[-1] == self.kept[-1] or mine[-1] in self.loose
        assert last, "the last one is lost"

    def _written(self, payload):
        """As a record, or within one that was: when that is damaged it may be read by itself. A
        wrap's own records hold no others (they are ASCII or numbers), these may."""
        return any(payload in each for each in self.kept)

    def _payload(self, kind):
        """Return a payload that is like no other."""
        self._n += 1
        name = b"\x01%08d" % self._n
        return name + self.src.some(self.src.below(70)) if kind != records.SECTOR else name

    def append(self):
        kind = self.src.of(_KINDS)
        payload = self._payload(kind)
        try:
            self.log.append(kind, self.boot, self._n, 0, payload)
        except Cut:
            self._cut(payload)
            return
        except OSError:
            assert self.hurt, "a write that fails"
            return
        if kind == records.END:  # its seal is behind it
            payload = [r[5] for r in record_reader.scan(self._read())[0] if r[5][:9] == payload[:9]]
            assert payload or self.hurt
            payload = bytes(payload[-1]) if payload else b""
        self.kept.append(payload)

    def _cut(self, payload):
        """It is there or not; an END is known by its beginning only."""
        log = Log(Sectors(self.flash, SECTORS))
        at = log.first
        while at < min(log.end, log.first + _READ_MOST):
            piece = log.read(at, 600)
            if not piece:
                break
            found = [bytes(r[5]) for r in record_reader.scan(piece)[0]]
            self.loose += [p for p in found if p[:9] == payload[:9]]
            at += len(piece)
        self.open()

    def _prepare(self):
        try:
            if not self.log.is_prepared():
                self.log.prepare()
        except Cut:
            self.open()
        except OSError:
            assert self.hurt

    def go_on(self):
        """Do the next thing that happens."""
        src, kind = self.src, self.src.below(8)
        if kind < 4:
            self.append()
        elif kind == 4:
            self._prepare()
        elif kind == 5:
            self.open()
        elif kind == 6:
            self.flash.left, self.flash.part = 1 + src.below(8), src.byte() | src.below(2) << 8
        elif src.below(4) == 0:
            self.hurt = True
            damage(src, self.flash, SECTORS)
            self.flash.left = -1
            self.open()

    def last(self):
        """Check that a record of now is there after a boot."""
        payload = b"\x01last"
        try:
            self.log.append(records.NOTE, self.boot, 1, 0, payload)
        except OSError:
            assert self.hurt
            return
        self.kept.append(payload)
        self.log = Log(Sectors(self.flash, SECTORS))
        reported = [bytes(r[5]) for r in record_reader.scan(self._read())[0]]
        assert payload in reported or not self.known, "written, and gone"
        assert self.hurt or reported[-1] == payload


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
    story.last()
