"""Flips bits of the flash, and judges what a boot makes of it.

KIND/FLIPS/SEED: so many random bits in the log and the small files, of a wrap that has lived its
day on bare flash ("new", "used", or "latched" with a fault), or on a filesystem ("files").
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from pbmwrap.logs.verify import verify_log
from tests.nor import SECTOR
from tests.powercut.rot_base import FLASH, KINDS, LATCHED, Base, base, found_in, rotten, wrap_on
from wrap.rules import faults, states
from wrap.storage import record_reader, records
from wrap.storage.log import UNUSED

FLIPS = (1, 1, 1, 1, 2, 3, 8, 32, 128)
LIMIT = "limit: "  # of what is said of a case that has not failed: docs/powercut.md
_WRITTEN = 0.5
_DEFAULT_MC = 41000
_TRIP_MC = 38500
_PIECE = 4096


def names(seeds: int) -> list[str]:
    """Return KIND/FLIPS/SEED of all cases."""
    return [
        f"{kind}/{flips}/{seed * len(FLIPS) + i}"
        for seed in range(seeds)
        for kind in KINDS
        for i, flips in enumerate(FLIPS)
    ]


def run(name: str) -> list[str]:
    """Return what is wrong after this; nothing should be but a LIMIT."""
    kind, flips, _ = name.split("/")
    mem, bits = rotten(kind, int(flips), random.Random(name), _WRITTEN)
    try:
        return list(judge_wrap(kind, mem, Hits(base(kind), bits)))
    except Exception as e:
        return [f"it raised {type(e).__name__}: {e}"]


class Hits:
    """Says what the bits are part of. single: one bit, which may cost one record at most."""

    def __init__(self, was: Base, bits: list[tuple]) -> None:
        self.base = was
        self.single = len(bits) == 1
        offsets = [was.offset(name, at) for name, at, _ in bits]
        self.log = {
            at for at, (size, _) in was.log.items() if any(at <= o < at + size for o in offsets)
        }
        begin, end = was.newest
        self.newest = any(name == FLASH and begin <= at < end for name, at, _ in bits)

    def kills(self, offset: int) -> bool:
        """Return whether the sector that begins there has lost every record."""
        end = min((o for o in self.base.starts.values() if o > offset), default=1 << 31)
        inside = {at for at in self.base.log if offset <= at < end}
        return len(inside) > 0 and inside <= self.log


def judge_wrap(kind: str, mem: Any, hits: Hits) -> Iterator[str]:
    wrap = wrap_on(kind, mem)
    wrap.board.power_on()
    app = wrap.app
    if app.files.missing:
        yield f"it did not boot with its storage: {app.files.missing}"
        return
    yield from _log(app.log, hits)
    yield from _store(app, hits)
    wrap.board.advance(300)
    if max(wrap.board.hal.duty) or wrap.board.hal.enabled:
        yield "it is lit"
    if states.NAMES[app.session.state] not in ("idle", "fault"):
        yield f"it resumed: {states.NAMES[app.session.state]}"
    yield from _goes_on(wrap)


def _goes_on(wrap: Any) -> Iterator[str]:
    """Check that what is written now is there after the next boot."""
    app = wrap.app
    code, boot = app.fault_latch.code, app.log_queue.boot
    if app.log_queue.failed or not app.log_queue.is_idle():
        yield "the log cannot be written"
    app.settings.set("trip_mc", _TRIP_MC)
    before, _ = _pulled(app.log)
    wrap.board.power_off()
    wrap.board.power_on()
    app = wrap.app
    raw, _ = _pulled(app.log)
    there = [r for r in record_reader.scan(raw)[0] if r[0] == records.BOOT and r[2] == boot]
    if len(there) != 1 or not raw.endswith(before):
        old, new = _keys(before), _keys(raw)
        n = min(len(old), len(new))  # records at the end, which must be the same
        kept = n > 0 and old[-n:] == new[-n:] and len(before) - len(raw) <= SECTOR
        limit = LIMIT if len(there) == 1 and kept else ""
        changed = "what the log says has changed with the next boot"
        yield f"{limit}{changed}: {len(there)} of boot {boot}"
    if app.settings.get("trip_mc") != _TRIP_MC:
        yield f"a setting did not take: {app.settings.get('trip_mc')}"
    if app.fault_latch.code != code:
        yield f"the latch said {code}, and then {app.fault_latch.code}"


# ---- the log


def _keys(raw: bytes) -> list[tuple]:
    """Return the true records, without their places."""
    return [(r[0], r[2], r[3], r[4], bytes(r[5])) for r in record_reader.scan(raw)[0]]


def _pulled(log: Any) -> tuple[bytes, int]:
    """Return all bytes, as the link reads them, and where it gets no further (-1: nowhere)."""
    out = b""
    while log.first + len(out) < log.end:
        piece = log.read(log.first + len(out), _PIECE)
        if not piece:
            return out, log.first + len(out)
        out += piece
    return out, -1


def _log(log: Any, hits: Hits) -> Iterator[str]:
    was = hits.base.log
    raw, stuck = _pulled(log)
    if stuck >= 0:
        yield f"the log cannot be read at {stuck}, {log.first} to {log.end}"
    there = found_in(raw, log.first)
    true = {key for _, key in was.values()}
    false = [at for at, (_, key) in there.items() if key not in true]
    if hits.single and _moved(log, hits.base):
        yield "one bit moves records"
    if false:
        yield f"a false record at {false[0]}: {there[false[0]][1]}"
    lost = [at for at in was if there.get(at) != was[at]]
    if hits.single and not set(lost) <= hits.log:
        yield f"one bit costs {len(lost)} records, not only {hits.log}"
    if not hits.log <= set(lost):
        yield f"a broken record is taken for true: {hits.log - set(lost)}"
    reported = _reported(raw, log)
    moved = _moved(log, hits.base)
    if moved:
        yield f"{LIMIT}records are reported {moved} bytes from their place"
    keys = {key for _, key in there.values()} if moved else set()
    silent = [
        at
        for at in lost
        if not any(a - moved <= at and at + was[at][0] <= b + moved for a, b in reported)
        and was[at][1] not in keys
    ]
    if silent and silent[0] >= log.end and hits.kills(log.end):
        yield f"{LIMIT}the log ends at {log.end}, before a sector without a true record"
    elif silent:
        yield f"nothing tells that {len(silent)} records are gone, at {silent[0]}"


def _moved(log: Any, was: Base) -> int:
    """Return by how many bytes a sector is taken to begin elsewhere, at most. Its head must be
    broken, and written bytes seem to stand where its neighbour has none: two bits at least."""
    begun = {i: start for i, start in was.starts.items() if log.starts[i] != UNUSED}
    return max((abs(log.starts[i] - start) for i, start in begun.items()), default=0)


def _reported(raw: bytes, log: Any) -> list[tuple[int, int]]:
    """Return where it is said that something is missing."""
    verdict = verify_log([(log.first, raw)])
    return [(0, log.first), *((p.start, p.end) for p in verdict.problems), *verdict.torn]


# ---- the small files


def _store(app: Any, hits: Hits) -> Iterator[str]:
    """Check that no other setting is in force unless light waits for a person, and one bit makes it
    neither. An older protocol must be reported, except for the store's newest entry: a flipped bit
    there looks like power that failed while it was written. An acknowledged fault may return."""
    was = hits.base
    waits = app.settings.unconfirmed()
    silent = not app.settings.damaged() and not app.files.damaged and not hits.newest
    trip = app.settings.get("trip_mc")
    if trip != was.trip_mc and ("settings" not in waits or hits.single):
        yield f"trip_mc is {trip}, not {was.trip_mc}, unconfirmed: {waits}"
    if trip not in (was.trip_mc, _DEFAULT_MC, *was.ever):
        yield f"trip_mc is {trip}, which it has never been"
    if hits.single and waits:
        yield f"one bit makes {waits} wait for a person"
    held = tuple(person for person, _ in app.holds.pairs())
    if held != was.holds and "hold" not in waits:
        yield f"holds stand for {held}, not for {was.holds}, and nothing tells of it"
    slot = app.protocols.slots[0]
    name = slot[0] if isinstance(slot, tuple) else slot
    if name not in (was.slot, None, "first") and not isinstance(slot, str):
        yield f"slot 0 holds {name!r}"
    if not isinstance(slot, str) and name != was.slot and silent:
        yield f"slot 0 holds {name!r}, not {was.slot!r}, and nothing tells of it"
    code = app.fault_latch.code
    strict = code == faults.STORAGE
    if code not in (was.fault, was.fault or LATCHED) and not strict:
        yield f"the latch says {code}, not {was.fault}"
    if strict and not (app.fault_latch.info or {}).get("detail"):
        yield "a damaged fault memory does not say so"
    for site in was.sites:
        if app.caps.next_s(site) == 0:
            yield f"{site} has been given back"
