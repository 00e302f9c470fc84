"""What is compared, by name. The same module runs on CPython and on the emulated machines, and what
it makes of equal inputs must be equal."""

import gc

from tests.fuzz import mutate
from tests.qemu.pieces import curve, flash, formats, heat, logged, logic, plans, rooms, sessions
from tests.qemu.pieces.digest import Digest
from tools.bench import steady_states
from wrap.compat import micropython

PIECES = {
    "curve": curve.readings,
    "dose": logic.dose,
    "lamps": logic.lamps,
    "monitor": logic.monitor,
    "trend": heat.trends,
    "guard": heat.guards,
    "latch": rooms.latches,
    "resets": rooms.resets,
    "course": rooms.courses,
    "machine": rooms.machines,
    "hands": rooms.hands,
    "frames": formats.lines,
    "protocols": plans.rules,
    "slots": plans.slots,
    "records": logged.logs,
    "payloads": logged.contents,
    "ring": flash.ring,
    "files": flash.files,
    "sessions": sessions.sessions,
}


def compared(name, seed, count):
    """(checksum, number of values in it) of `count` random inputs to a piece."""
    out = Digest()
    PIECES[name](mutate.Rng(seed), out, count)
    return out.result()


def steady(seed, count):
    """(checksum, steps done) of `FastStep.step` on random states."""
    return steady_states.run(count, seed)


def fuzzed(name, seeds, seed, count):
    """Inputs that a fuzz target took: the kept ones and `count` changes of them."""
    one = getattr(__import__("tests.fuzz.targets." + name).fuzz.targets, name).one
    done = 0
    for data in seeds:
        one(data)
        done += 1
    for data in mutate.inputs(seeds, seed, count):
        try:
            one(data)
        except Exception:
            print("input", data)
            raise
        done += 1
    gc.collect()
    return done


@micropython.viper
def _twice(n: int) -> int:
    return n + n


def machine_code():
    """True where the package's viper functions are machine code: its integers have 32 bits."""
    return _twice(0x60000000) < 0
