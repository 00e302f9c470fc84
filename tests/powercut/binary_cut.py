"""Judges one power cut on the emulated binary: the flash as it was left, a boot of the real image
from it, and what must hold then, judged over the link and at the pins.

A cut after an operation is the cut before the next one: the flash is the same, and the promises are
those of that later moment, which are the stricter.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from pbmwrap.device.models import Hello, Status
from pbmwrap.device.transfer import LogPull
from pbmwrap.errors import WrapError
from pbmwrap.logs.decode import Entry, decode
from pbmwrap.logs.verify import verify_log
from tests.nor import AFTER, BEFORE, TORN, Nor, PowerCut
from tests.powercut import binary_boot
from tests.powercut.binary_day import KINDS, Wrap, tape
from tests.powercut.binary_tape import (
    Op,
    Promise,
    Record,
    Tape,
    apply,
    describe_trial,
    stream,
)
from wrap.storage import record_reader, records

AGAIN = 0.15  # of the cuts: power goes once more, while the wrap boots
_OPENED_MS = 100  # from where boots begin to differ; no answer comes before
_BY_LINK = 600  # bytes of the log before the cut
_WRITE_MS = 50
_CLOCK_S = 1_800_100_000
_TRIP_MC = 38500
_NEW_KINDS = (records.BOOT, records.SECTOR)  # what a boot tells of itself


def names(torn: int, kinds: tuple[str, ...] = KINDS) -> list[str]:
    """Return KIND/OPERATION/MOMENT/SEED of every cut: before each operation and after the last,
    then each torn once, then each once more."""
    ops = [(kind, op) for kind in kinds for op in range(len(tape(kind).ops))]
    out = [f"{kind}/{op}/{BEFORE}/0" for kind, op in ops]
    out += [f"{kind}/{len(tape(kind).ops) - 1}/{AFTER}/0" for kind in kinds]
    return out + [f"{kind}/{op}/{TORN}/{seed}" for seed in range(torn) for kind, op in ops]


@dataclass(frozen=True)
class Due:
    """Holds what must be true after a cut. `extra`: the record whose writing was cut, when all of
    it is in the flash all the same."""

    committed: list[Record]
    extra: Record | None
    latched: set[int]
    promise: Promise

    @property
    def end(self) -> int:
        """Return the offset behind the last committed record."""
        last = self.committed[-1] if self.committed else None
        return last.offset + len(last.raw) if last else -1


def due(played: Tape, op: int, moment: str, mem: bytes | bytearray) -> Due:
    """mem: the flash after the cut. Whether a torn record is whole must be seen there: what the
    next boot writes of itself in its place can be the same to the bit."""
    done = op + (moment == AFTER)
    committed = played.committed(done)
    torn = moment == TORN
    latched = set(played.latches[done : done + 1 + torn])
    rest = played.records[len(committed) :]
    extra = rest[0] if rest and torn and rest[0].op == op and rest[0].raw in mem else None
    return Due(committed, extra, latched, played.promises[done])


def left(played: Tape, op: int, moment: str, seed: int) -> bytearray:
    """Return the flash after the cut."""
    mem = played.flash(op + (moment == AFTER))
    return tear(mem, played.ops[op], seed) if moment == TORN else mem


def tear(mem: bytearray, op: tuple[int, bytes], seed: int) -> bytearray:
    """Return `op` as it is left when power goes in the middle of it."""
    nor = Nor(0, seed, bytes(mem))
    nor.cut_at, nor.moment = 1, TORN
    with suppress(PowerCut):
        nor.program(*op) if op[1] else nor.erase(op[0])
    return nor.mem


def run(name: str) -> list[str]:
    """Return what is wrong after this cut; nothing should be."""
    kind, op, moment, seed = name.split("/")
    played = tape(kind)
    mem = left(played, int(op), moment, int(seed))
    must = due(played, int(op), moment, mem)
    rng = random.Random(name)
    found, booting = boot(played, must, mem)
    if booting and rng.random() < AGAIN:
        found += [f"second cut: {text}" for text in _again(played, must, mem, booting, rng)]
    return found


def boot(played: Tape, must: Due, mem: bytearray) -> tuple[list[str], list[Op]]:
    """Return (what is wrong with a wrap on this flash, its flash operations up to its first
    answer)"""

    def judge(wrap: Wrap) -> tuple[list[str], list[Op]]:
        judged = Judge(played, must, wrap)
        return judged.found(), judged.booting

    return binary_boot.judged(bytes(mem), judge)


def _again(played: Tape, must: Due, mem: bytearray, ops: list[Op], rng: random.Random) -> list[str]:
    """Power goes during one of the operations that the wrap does as it boots."""
    n = rng.randrange(len(ops))
    for op in ops[:n]:
        apply(mem, op)
    return boot(played, must, tear(mem, ops[n], rng.randrange(1 << 30)))[0]


class Judge:
    """Judges a wrap that is booting. booting: the flash operations up to its first answer."""

    def __init__(self, played: Tape, must: Due, wrap: Wrap) -> None:
        self._played = played
        self._due = must
        self._wrap = wrap
        self.booting: list[Op] = []

    def found(self) -> list[str]:
        """Return all that is wrong."""
        try:
            return list(self._judge())
        except WrapError as silence:
            return [f"it does not answer as it should: {silence}"]
        finally:
            self._wrap.twin.close()

    def _judge(self) -> Iterator[str]:
        wrap, client = self._wrap, self._wrap.client
        wrap.advance(_OPENED_MS)
        hello = client.hello()
        self.booting = list(wrap.twin.ops)
        pulled = self._pull()
        yield from self._log(pulled, hello)
        yield from self._kept()
        yield from self._writes(hello.state == "idle")
        yield from self._status(hello, client.status(), pulled.end)
        if wrap.twin.pins.light_ns() or any(wrap.twin.on_ns(i) for i in range(2)):
            yield "a lamp's pin was high"
        if wrap.twin.pins.enable.on_ns():
            yield "the enable's pin was high"

    def _kept(self) -> Iterator[str]:
        client, promise = self._wrap.client, self._due.promise
        if (trip := client.settings()["trip_mc"]) not in promise.settings:
            yield f"trip_mc is {trip}, not {promise.settings}"
        if (held := ",".join(one.person for one in client.holds())) not in promise.holds:
            yield f"holds stand for {held!r}, not for {promise.holds}"
        slots = client.protocols().slots
        if any(slot and slot.broken for slot in slots):
            yield f"a slot is broken: {slots}"
        if (name := slots[0].id if slots[0] else "") not in promise.slots:
            yield f"slot 0 holds {name!r}, not {promise.slots}"
        sites = client.course().sites
        for site in promise.sites:
            if site not in sites or not sites[site].next_s:
                yield f"{site} has been given back"
        if "*" in sites:
            yield "a power cut was taken for damage: all sites wait"
        trial = client.call("trial.get")
        if (text := describe_trial(trial)) not in promise.trials:
            yield f"the trial is {text!r}, not {promise.trials}"
        if trial["damaged"]:
            yield "a power cut was taken for damage: the trial cannot go on"

    def _writes(self, idle: bool) -> Iterator[str]:
        """Check that the wrap can still write."""
        client = self._wrap.client
        client.set_clock(_CLOCK_S)
        if idle and client.set_setting("trip_mc", _TRIP_MC) != {"trip_mc": _TRIP_MC}:
            yield "a setting does not take"
        self._wrap.advance(_WRITE_MS)

    def _status(self, hello: Hello, status: Status, end: int) -> Iterator[str]:
        """Check the status at the very end, after the wrap has written."""
        code = status.fault.code if status.fault else 0
        if code not in self._due.latched:
            yield f"the latch says {code}, not {self._due.latched}"
        if {hello.state, status.state} != {"fault" if code else "idle"}:
            yield f"it is {hello.state}, then {status.state}, with fault {code} latched"
        if hello.cause != "power" or "damaged" in (hello.memory, hello.integrity):
            yield f"hello says {hello.cause}, memory {hello.memory}, program {hello.integrity}"
        if status.log_failed or status.settings_damaged or status.log_end <= end:
            yield f"it does not write: {status.log_failed} {status.settings_damaged}"

    # ---- the log

    def _pull(self) -> LogPull:
        """Return the log: its newest part by the link, all that the day wrote before it from the
        flash: that no cut can have touched, and the link is slow."""
        base, flash = self._played.first, self._wrap.twin.flash()
        start = max(base, self._due.end - _BY_LINK)
        before = stream(flash, base)[: start - base]
        pulled = self._wrap.client.pull_log(start)
        if pulled.start != start:
            return pulled
        return LogPull(base, before + pulled.data)

    def _log(self, pulled: LogPull, hello: Hello) -> Iterator[str]:
        start, data = pulled.start, pulled.data
        base = self._played.first
        if start != base:
            yield f"the log begins at {start}, not at {base}"
        end = max(self._due.end, base + len(stream(self._played.base, base)))
        if data[: end - base] != self._played.stream[: end - base]:
            yield f"committed records are gone or changed before {end}"
        problems = verify_log([(start, data)]).problems
        if problems:
            yield f"the log does not verify: {problems[0]}"
        yield from self._new([e for e in decode(data, start).entries if e.offset >= end], hello)

    def _new(self, entries: list[Entry], hello: Hello) -> Iterator[str]:
        """Check what stands behind the committed records: the record that was cut, if whole, then
        the boot's own."""
        extra = self._due.extra
        boot = self._due.committed[-1].boot if self._due.committed else self._old_boot()
        if extra:
            boot = extra.boot
            if not entries or not _is(entries[0], extra):
                yield f"a whole record is not shown: {extra}"
            entries = entries[1:]
        false = [e for e in entries if not _is_of_boot(e) or e.boot <= boot]
        if false:
            yield f"a false record: {false[0]}"
        if not boot < hello.boot <= boot + 2:  # a second cut makes it two
            yield f"this is boot {hello.boot} after {boot}"
        if hello.boot not in [e.boot for e in entries if e.kind == records.BOOT]:
            yield "the boot has no record"

    def _old_boot(self) -> int:
        found = record_reader.scan(stream(self._played.base, self._played.first))[0]
        return found[-1][2] if found else 0


def _is_of_boot(entry: Entry) -> bool:
    """Whether a boot may write this record by itself: of a trial it repeats the newest."""
    if entry.kind == records.TRIAL:
        return bool(entry.data and entry.data.get("again"))
    return entry.kind in _NEW_KINDS


def _is(entry: Entry, record: Record) -> bool:
    asked = decode(record.raw, record.offset).entries[0]
    return replace(entry, data=None, seq=0) == replace(asked, data=None, seq=0)
