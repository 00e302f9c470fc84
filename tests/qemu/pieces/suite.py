"""Names what is compared. The same module runs on CPython and on the emulated machines; equal
inputs must give equal results."""

from tests.fuzz import mutate
from tests.qemu.pieces import curve, log_records
from tests.qemu.pieces.digest import Digest
from tools.bench import steady_states
from wrap.compat import micropython

PIECES = {
    "curve": curve.readings,
    "records": log_records.logs,
    "payloads": log_records.contents,
}


def compared(name, seed, count):
    """Return (checksum, number of values in it) of `count` random inputs to a piece."""
    out = Digest()
    PIECES[name](mutate.Rng(seed), out, count)
    return out.result()


def fast_steps(seed, count):
    """Return (checksum, steps done) of `FastStep.step` on random states."""
    return steady_states.run(count, seed)


@micropython.viper
def _twice(n: int) -> int:
    return n + n


def machine_code():
    """Return True where the package's viper functions are machine code: integers have 32 bits."""
    return _twice(0x60000000) < 0
