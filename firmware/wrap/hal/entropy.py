"""True random bytes out of a chip's noise: a test that can fail, then SHA-256.

The raw bits of a ring oscillator are neither balanced nor independent, so many are condensed into
few. The two tests are those of NIST SP 800-90B, 4.4, for a source of at least 0.1 bits of entropy a
bit: they find a source that stands still or nearly so. They cannot find one that somebody steers;
a secret that matters is joined with another party's bytes (wrap.rules.blinding.join_secret).
"""

import hashlib

from wrap.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Callable

RAW_BYTES = 512  # raw bits are condensed 16 to 1
# Repetition count test: 1 + 20 / 0.1 equal bits in a row come once in 2^20 times.
_MOST_EQUAL = const(201)
# Adaptive proportion test: of 1,024 bits more than 990 equal the first once in 2^20 times.
_WINDOW = const(1024)
_MOST_IN_WINDOW = const(990)


def is_healthy(raw: bytes) -> bool:
    """Return whether the bits of `raw` (a multiple of 128 bytes) pass both tests."""
    last = -1
    equal = 0
    first = 0
    count = 0
    at = 0
    for byte in raw:
        for shift in range(8):
            bit = byte >> shift & 1
            equal = equal + 1 if bit == last else 1
            if equal >= _MOST_EQUAL:
                return False
            last = bit
            if at == 0:
                first = bit
                count = 0
            count += bit == first
            if count > _MOST_IN_WINDOW:
                return False
            at = at + 1 if at < _WINDOW - 1 else 0
    return True


def draw(read_raw: "Callable[[int], bytes]") -> "bytes | None":
    """Return 32 random bytes, or None when the source fails its test. read_raw(n): n raw bytes of
    the source."""
    raw = read_raw(RAW_BYTES)
    return hashlib.sha256(raw).digest() if is_healthy(raw) else None
