"""The arithmetic of a blinded trial: secret, commitment, allocation and keystream.

Shared with the host, which computes all of it again after the reveal (docs/trial.md). Everything
comes from the 32 bytes of the secret by SHA-256, so the reveal of the secret proves all of it, and
nothing that is known before tells anything of what is not.
"""

import hashlib
import struct

SECRET_BYTES = 32
SIDES = "sides"  # both sites in each period, one of them active: which one is drawn
PERIODS = "periods"  # one site, active in half of the periods
PAIRS = "pairs"  # one site, periods in pairs, one of each active
DESIGNS = (SIDES, PERIODS, PAIRS)

_COMMIT = b"pbmwrap trial commitment 1"
_ALLOCATE = b"pbmwrap trial allocation 1"
_MASK = b"pbmwrap trial mask 1"
_WORDS = 1 << 16  # of the draws: 16 bits each


def join_secret(of_wrap: bytes, of_host: bytes) -> bytes:
    """Return the secret of both contributions, 32 bytes each: as random as the better of them.
    Raises ValueError for another length."""
    if len(of_wrap) != SECRET_BYTES or len(of_host) != SECRET_BYTES:
        raise ValueError("each contribution has 32 bytes")
    return hashlib.sha256(of_wrap + of_host).digest()


def commit(secret: bytes, plan_sha: bytes) -> bytes:
    """Return the commitment to `secret` and to the plan with the SHA-256 `plan_sha`: it can be
    published, and neither can be changed afterwards without being noticed."""
    return hashlib.sha256(_COMMIT + secret + plan_sha).digest()


class _Draws:
    """Numbers drawn from the secret: 16-bit words of SHA-256 in counter mode."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._block = b""
        self._at = 0
        self._counter = 0

    def _next_word(self) -> int:
        if self._at == len(self._block):
            raw = _ALLOCATE + self._secret + struct.pack("<I", self._counter)
            self._block = hashlib.sha256(raw).digest()
            self._counter += 1
            self._at = 0
        self._at += 2
        return struct.unpack_from("<H", self._block, self._at - 2)[0]

    def below(self, n: int) -> int:
        """Return a number from 0 to `n` - 1, each as likely as any other. n: 1 to 65536. Words
        above the last multiple of `n` are drawn again: the remainder alone would prefer small
        numbers."""
        most = _WORDS - _WORDS % n
        word = self._next_word()
        while word >= most:
            word = self._next_word()
        return word % n


def allocate(secret: bytes, design: str, periods: int) -> "list[int]":
    """Return 1 or 0 for each period: whether the first site is active in it. Half of the periods
    are (PAIRS: one of each pair). With SIDES the second site is active in the others.

    periods: an even number from 2. Raises ValueError for any other, or an unknown design."""
    if design not in DESIGNS or periods < 2 or periods % 2:
        raise ValueError("a known design, and an even number of periods")
    draws = _Draws(secret)
    if design == PAIRS:
        arms = []
        for _ in range(periods // 2):
            first = draws.below(2)
            arms += [first, 1 - first]
        return arms
    arms = [1] * (periods // 2) + [0] * (periods // 2)
    for i in range(periods - 1, 0, -1):  # Fisher-Yates (Durstenfeld 1964)
        j = draws.below(i + 1)
        arms[i], arms[j] = arms[j], arms[i]
    return arms


def is_active(secret: bytes, design: str, periods: int, period: int, site: int) -> bool:
    """Return whether site number `site` (0, or 1 with SIDES) gets light in `period` (from 0)."""
    return allocate(secret, design, periods)[period] == (0 if site else 1)


def mask(secret: bytes, session: int, record: int, raw: bytes) -> bytes:
    """Return `raw` under the keystream of record number `record` of session `session` (u32 each);
    the same call on the result returns `raw`. A pair of numbers must never be used twice."""
    n = len(raw)
    stream = b""
    block = 0
    while len(stream) < n:
        head = _MASK + secret + struct.pack("<III", session, record, block)
        stream += hashlib.sha256(head).digest()
        block += 1
    # As whole numbers: a loop over the bytes takes ten times as long on the chip.
    hidden = int.from_bytes(raw, "little") ^ int.from_bytes(stream[:n], "little")
    return hidden.to_bytes(n, "little")
