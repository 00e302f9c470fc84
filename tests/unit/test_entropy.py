"""The health test of a noise source, at its limits, and what is made of healthy noise."""

import hashlib
import math
import random

import pytest

from wrap.hal import entropy

BITS = entropy.RAW_BYTES * 8


def pack(bits):
    """Bytes of bits, lowest first, as the test reads them."""
    out = bytearray(len(bits) // 8)
    for i, bit in enumerate(bits):
        out[i // 8] |= bit << i % 8
    return bytes(out)


def noise(seed, share=0.5):
    rng = random.Random(seed)
    return [int(rng.random() < share) for _ in range(BITS)]


def test_balanced_and_biased_noise_is_healthy():
    """0.1 bits of entropy a bit is a share of 0.933; a real oscillator has more."""
    for seed in range(50):
        assert entropy.is_healthy(pack(noise(seed)))
        assert entropy.is_healthy(pack(noise(seed, 0.85)))


@pytest.mark.parametrize("raw", [0x00, 0xFF])
def test_a_source_that_stands_still_fails(raw):
    assert not entropy.is_healthy(bytes([raw]) * entropy.RAW_BYTES)


@pytest.mark.parametrize("equal,healthy", [(200, True), (201, False)])
@pytest.mark.parametrize("bit", [0, 1])
def test_two_hundred_equal_bits_are_the_most(equal, healthy, bit):
    bits = [n & 1 for n in range(BITS)]
    at = 1001 + (bit == bits[1001])
    bits[at : at + equal] = [bit] * equal
    bits[at - 1] = bits[at + equal] = 1 - bit
    assert entropy.is_healthy(pack(bits)) == healthy


@pytest.mark.parametrize("others,healthy", [(34, True), (33, False)])
def test_nine_hundred_and_ninety_of_a_window_are_the_most(others, healthy):
    """The window's first bit counts as well; the rarer ones are spread, so that no run is long."""
    bits = [1] * 1024
    for n in range(others):
        bits[10 + n * 30] = 0
    bits += [n & 1 for n in range(BITS - 1024)]
    assert entropy.is_healthy(pack(bits)) == healthy


def test_the_limits_are_those_of_sp_800_90b_for_a_tenth_of_a_bit():
    """4.4.1: 1 + 20 / H. 4.4.2: 1 + the 1 - 2^-20 quantile of Bin(1024, 2^-H)."""
    share = 2**-0.1
    logs = [
        math.lgamma(1025)
        - math.lgamma(k + 1)
        - math.lgamma(1025 - k)
        + k * math.log(share)
        + (1024 - k) * math.log(1 - share)
        for k in range(1025)
    ]
    total, quantile = 0.0, 0
    while total < 1 - 2**-20:
        total += math.exp(logs[quantile])
        quantile += 1
    assert (1 + 20 / 0.1, quantile) == (201, 991)


def test_bytes_are_the_hash_of_all_raw_bits():
    raw = pack(noise(1))
    assert entropy.draw(lambda n: raw[:n]) == hashlib.sha256(raw).digest()
    assert entropy.draw(lambda n: bytes(n)) is None
