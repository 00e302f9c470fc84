"""Makes seeded random inputs: the same on CPython and on MicroPython, so a number repeats a
crash."""

_MASK = 0xFFFFFFFF
_ODD = b'@*\n\r"{}[]:,0f\\\x00\x7f\x80\xa5\xff'
MOST = 600  # bytes of a made input


class Rng:
    """Draws random numbers: xorshift, 32 bits. Plain integers, no module that one of both lacks."""

    def __init__(self, seed):
        self._s = (seed * 2654435761 + 97) & _MASK or 1
        for _ in range(4):
            self.bits()

    def bits(self):
        s = self._s
        s ^= s << 13 & _MASK
        s ^= s >> 17
        s ^= s << 5 & _MASK
        self._s = s
        return s

    def below(self, n):
        return self.bits() % n

    def some(self, n):
        return bytes([self.bits() >> 9 & 255 for _ in range(n)])


def _flip(rng, data):
    if data:
        data[rng.below(len(data))] ^= 1 << rng.below(8)
    return data


def _set(rng, data):
    if data:
        data[rng.below(len(data))] = _ODD[rng.below(len(_ODD))]
    return data


def _byte(rng, data):
    if data:
        data[rng.below(len(data))] = rng.below(256)
    return data


def _insert(rng, data):
    at = rng.below(len(data) + 1)
    return data[:at] + bytearray(rng.some(1 + rng.below(8))) + data[at:]


def _cut(rng, data):
    at = rng.below(len(data) + 1)
    return data[:at] + data[at + 1 + rng.below(16) :]


def _end(rng, data):
    return data[: rng.below(len(data) + 1)]


def _again(rng, data):
    at = rng.below(len(data) + 1)
    piece = data[at : at + 1 + rng.below(32)]
    return data[:at] + piece + data[at:]


_WAYS = (_flip, _set, _byte, _insert, _cut, _end, _again)


def made(rng, seeds):
    """Return one input: a seed that was changed in a few places, or bytes from nothing."""
    if not seeds or rng.below(8) == 0:
        return rng.some(rng.below(80))
    data = bytearray(seeds[rng.below(len(seeds))])
    if rng.below(6) == 0:
        other = seeds[rng.below(len(seeds))]
        data = data[: rng.below(len(data) + 1)] + bytearray(other[rng.below(len(other) + 1) :])
    for _ in range(1 + rng.below(5)):
        data = _WAYS[rng.below(len(_WAYS))](rng, data)
    return bytes(data[:MOST])


def inputs(seeds, seed, count):
    """Yield `count` inputs of `seed`."""
    rng = Rng(seed)
    for _ in range(count):
        yield made(rng, seeds)
