"""Runs `FastStep.step` on random states, on CPython and on MicroPython. Its results are one
checksum, which must be equal where it is plain Python and where it is viper's machine code."""

import binascii

from wrap.fast_step import FastStep

STATES = 100_000
SENSORS = 4
_EDGES = (-1, 0, 0, 1)


class Numbers:
    """A random generator with the same numbers everywhere, within small integers."""

    def __init__(self, seed):
        self._x = seed % 65521 + 1

    def below(self, n):
        self._x = self._x * 16381 % 65521
        return self._x % n


class Bench:
    """A HAL with settable results. `FastStep.step` uses no other part."""

    def __init__(self):
        self.next = [0] * SENSORS
        self.seen = 0
        self.held = False
        self.fast_step = FastStep(self, SENSORS, *[None] * 8)  # type: ignore

    def inputs(self, out):
        for i in range(SENSORS):
            out[i] = self.next[i]
        return self.seen

    def verify_and_feed(self):
        return self.held


def prepare(numbers, bench):
    """A random state, mostly at its edges; returns the ticks of the step."""
    st = bench.fast_step.words
    for i in range(len(st)):
        st[i] = numbers.below(65521)
    st[4] = numbers.below(32768) * 32768 + numbers.below(32768)
    st[5] = numbers.below(60)
    st[6] = numbers.below(1100)
    st[8] = SENSORS
    st[13] = numbers.below(16) != 0
    st[12] = numbers.below(60)
    now = (st[4] + numbers.below(24)) % (1 << 30)
    if numbers.below(4) == 0:
        st[6] = max(0, st[5] + (now - st[4]) + numbers.below(3) - 1)
    for i in range(SENSORS):
        at = 14 + 5 * i
        raw = st[at] + numbers.below(3000)
        st[at + 1] = raw + 1
        if numbers.below(8) == 0:
            raw = (st[at] if numbers.below(2) else st[at + 1]) + _EDGES[numbers.below(4)]
        bench.next[i] = max(0, raw)
    bench.seen = numbers.below(4) if numbers.below(8) == 0 else 0
    bench.held = numbers.below(16) != 0
    return now


def run(count, seed):
    """(CRC-32 over what `count` steps returned and left, how many of them were done)"""
    numbers, bench = Numbers(seed), Bench()
    crc = done = 0
    for _ in range(count):
        now = prepare(numbers, bench)
        result = bench.fast_step.step(now)
        done += result > 0
        crc = binascii.crc32(bytes([result]), binascii.crc32(bench.fast_step.words, crc))
    return crc & 0xFFFFFFFF, done
