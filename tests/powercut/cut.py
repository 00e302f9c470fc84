"""Judges one power cut on the simulator: the flash as it was left, a boot, and what must hold
then."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pbmwrap.logs.verify import verify_log
from tests.nor import AFTER, BEFORE, LOG, STORE, TORN, Nor, PowerCut
from tests.powercut.day import CAL_LIGHT_S, Promise, Tape, Wrap, tape
from wrap.rules import states
from wrap.storage import record_reader, records

KINDS = ("new", "used")


def names(torn: int) -> list[str]:
    """Return KIND/OPERATION/MOMENT/SEED of every cut: each operation before, after, and torn so
    often."""
    out = []
    for kind in KINDS:
        for op in range(len(tape(kind).ops)):
            out += [f"{kind}/{op}/{BEFORE}/0", f"{kind}/{op}/{AFTER}/0"]
            out += [f"{kind}/{op}/{TORN}/{seed}" for seed in range(torn)]
    return out


def flash_before(played: Tape, op: int, seed: int = 0) -> Nor:
    """Return the flash as this operation found it."""
    nor = Nor(STORE + LOG, seed, played.base)
    for what, at, data in played.ops[:op]:
        _do(nor, what, at, data)
    return nor


def _left(played: Tape, op: int, moment: str, seed: int) -> Nor:
    """Return the flash after the cut."""
    nor = flash_before(played, op, seed)
    nor.cut_at, nor.moment = nor.ops + 1, moment
    try:
        _do(nor, *played.ops[op])
    except PowerCut:
        nor.cut_at = -1
    return nor


def _do(nor: Nor, what: str, at: int, data: bytes) -> None:
    if what == "erase":
        nor.erase(at)
    else:
        nor.program(at, data)


def stream(log: Any) -> bytes:
    """Return all bytes of a log, as the link reads them."""
    out = b""
    while log.first + len(out) < log.end:
        out += log.read(log.first + len(out), 4096)
    return out


def run(name: str) -> list[str]:
    """Return what is wrong after this cut; nothing should be."""
    kind, op, moment, seed = name.split("/")
    played = tape(kind)
    number = int(op)
    rng = random.Random(name)
    nor = _left(played, number, moment, int(seed))
    after = number + (moment != BEFORE)  # a tear may have left the whole of it
    may = played.promises[number], played.promises[after]
    found = list(_judge(nor, played, *may))
    if rng.random() < 0.25:  # and once more, while it is booting
        nor.cut_at, nor.moment = nor.ops + rng.randrange(1, 9), rng.choice((BEFORE, TORN, AFTER))
        with suppress(PowerCut):
            Wrap(nor).on()
        nor.cut_at = -1
        found += [f"second cut: {text}" for text in _judge(nor, played, *may)]
    return found


def _judge(nor: Nor, played: Tape, was: Promise, later: Promise) -> Iterator[str]:
    wrap = Wrap(Nor(STORE + LOG, mem=bytes(nor.mem)))
    wrap.board.power_on()
    app = wrap.app
    if wrap.board.files.missing or app.steps.code or max(wrap.board.hal.duty):
        yield f"it did not boot dark with its storage: {wrap.board.files.missing} {app.steps.code}"
        return
    if wrap.board.files.damaged:
        yield "a power cut was taken for damage"
    yield from _log(stream(app.log), app.log.first, played, was)
    yield from _store(app, was, later)
    wrap.board.advance(300)
    if app.log_queue.failed or not app.log_queue.is_idle():
        yield "the log cannot be written"
    if states.NAMES[app.session.state] not in ("idle", "fault"):
        yield f"it resumed: {states.NAMES[app.session.state]}"


def _log(raw: bytes, first: int, played: Tape, was: Promise) -> Iterator[str]:
    found = record_reader.scan(raw)[0]
    mine = [(r[0], r[2], r[5]) for r in found if r[0] != records.SECTOR]
    due = played.committed[: was.records]
    begin = _find(mine, due)
    if begin < 0:
        yield f"a committed record is gone: {len(due)} were promised, {len(mine)} are there"
        return
    more = [r for r in mine[begin + len(due) :] if not _later_boot(r, due)]
    asked = played.committed[was.records : was.records + len(more)]
    if len(asked) < len(more) or not all(map(_same, more, asked)):
        yield f"a false record: {more}"
    if len(more) > 1:
        yield f"{len(more)} records more than were asked for"
    problems = verify_log([(first, raw)]).problems
    if problems:
        yield f"the log does not verify: {problems[0]}"


def _find(mine: list, due: list) -> int:
    """Return the index of `due` (without the seals that the log adds) in `mine`, or -1."""
    if not due:
        return _tail(mine)
    for begin in range(len(mine) - len(due), -1, -1):
        if all(_same(a, b) for a, b in zip(mine[begin:], due, strict=False)):
            return begin
    return -1


def _later_boot(record: tuple, due: list) -> bool:
    """Return what the boot after the cut (or the judge's own) reports of itself."""
    return record[0] == records.BOOT and record[1] > (due[-1][1] if due else 0)


def _tail(mine: list) -> int:
    """With nothing promised, the records of earlier boots do not count."""
    return len(mine)


def _same(there: tuple, promised: tuple) -> bool:
    kind, boot, payload = promised
    sealed = there[2][:-32] if kind == records.END else there[2]
    return there[0] == kind and there[1] == boot and sealed == payload


def _store(app: Any, was: Promise, later: Promise) -> Iterator[str]:
    acked = was.acked or later.acked
    latched = {was.latched, was.tripped, later.latched} | ({0} if acked else set())
    if app.fault_latch.code not in latched:
        yield f"the latch says {app.fault_latch.code}, not {latched}"
    trip = app.settings.get("trip_mc")
    if trip not in was.settings + later.settings:
        yield f"trip_mc is {trip}, not {was.settings}"
    if app.settings.damaged() or app.settings.unconfirmed():
        yield f"a power cut was taken for damage: {app.settings.damaged()}"
    slot = app.protocols.slots[0]
    name = "" if slot is None else slot if isinstance(slot, str) else slot[0]
    if name not in was.slots + later.slots:
        yield f"slot 0 holds {name!r}, not {was.slots}"
    for site in was.sites:
        if app.caps.next_s(site) == 0:
            yield f"{site} has been given back"
    held = tuple(person for person, _ in app.holds.pairs())
    if held not in was.holds + later.holds:
        yield f"holds stand for {held}, not for {was.holds}"
    light = app.history.sessions.light
    if was.cal_light and light.used_s() < CAL_LIGHT_S:
        yield f"calibration light is forgotten: {light.to_stored()}"
    lit_s = app.lit_time.lit_s()[0]
    if lit_s is None or lit_s * 1000 < was.lit_ms:
        yield f"{lit_s} s of light are kept of {was.lit_ms} ms"
