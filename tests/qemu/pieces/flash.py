"""The log's ring and the small files on simulated flash: power goes, bits turn over in the ring,
and what the flash then holds."""

from tests.fuzz import odd
from tests.fuzz.flash import Cut, Flash, Sectors, damage
from wrap.storage import records
from wrap.storage.flash_files import FlashFiles
from wrap.storage.log import Log

_SECTORS = 4
_KINDS = (records.NOTE, records.SAMPLE, records.END, records.BLOB)
_NAMES = ("settings", "cal", "proto.0", "fault")


def _story(rng, out, opened, act, hurt):
    """20 acts on a new flash; after each, whether it went through. hurt: bits may turn over."""
    src = odd.Choices(rng.some(600))
    flash = Flash(_SECTORS)
    it = opened(flash)
    for _ in range(20):
        kind = src.below(8)
        try:
            if kind == 0:
                flash.left, flash.part = 1 + src.below(6), src.byte() | src.below(2) << 8
            elif kind == 1:
                it = opened(flash)
            elif hurt and kind == 2 and src.below(4) == 0:
                damage(src, flash, _SECTORS)
                it = opened(flash)
            else:
                act(src, it, out)
        except Cut:
            out.add("cut")
            flash.left = -1
            it = opened(flash)
        except OSError:
            out.add("error")
    return flash


def _open_log(flash):
    return Log(Sectors(flash, _SECTORS))


def _append(src, log, out):
    if src.below(4) == 0:
        if not log.prepared():
            log.prepare()
        return
    kind, room = src.of(_KINDS), bytes(src.byte())
    out.add(log.fits(room), log.blob(room[:2]))
    payload = b"\x01" + log.blob(room[:2])[0] if src.below(4) == 0 else b"\x01"
    log.append(kind, log.boot + 1, src.byte(), 0, payload + src.some(src.below(40)) + room)
    out.add(log.first, log.end, log.seq, log.boot, log.torn, log.chain(), log.skipped)
    at = log.first + (src.byte() << 8 | src.byte()) % (log.end - log.first + 2)
    out.add(log.read(at - 1, 1 + src.byte()), log.read(src.of(log.starts), 20))


def ring(rng, out, count):
    """Records appended, sectors erased ahead, boots."""
    for _ in range(count):
        out.add(_story(rng, out, _open_log, _append, True).mem)


def _open_files(flash):
    return FlashFiles(Sectors(flash, _SECTORS))


def _change(src, files, out):
    name = src.of(_NAMES)
    if src.below(8) == 0:
        files.remove(name)
    else:
        files.write(name, src.some(src.below(80)))
    out.add(_all(files))


def _all(files):
    return [(name, files.read(name)) for name in sorted(files.names())]


def files(rng, out, count):
    """Small files written, read, removed. Not every byte of the flash is the same here: files are
    moved to the other bank in the order of a dictionary, which MicroPython does not keep."""
    for _ in range(count):
        flash = _story(rng, out, _open_files, _change, False)
        flash.left = -1
        out.add(_all(_open_files(flash)))
