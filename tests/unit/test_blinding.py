"""The arithmetic of a blinded trial: no bias, no reuse, and what the reveal proves."""

import hashlib
import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrap.rules import blinding
from wrap.rules.blinding import PAIRS, PERIODS, SIDES

SECRETS = st.binary(min_size=32, max_size=32)


# Of `allocate` and `mask` with secret(7), as version 1 of the trial computes them.
PUBLISHED_SIDES = [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]
PUBLISHED_PAIRS = [0, 1, 0, 1, 0, 1, 1, 0]
PUBLISHED_MASK = "e99b45e36a50df8f"


def secret(n):
    return hashlib.sha256(b"test %d" % n).digest()


def hash_of(what, key, *numbers):
    """SHA-256 of a purpose, a secret and numbers of 32 bits each, as docs/trial.md describes it."""
    return hashlib.sha256(what + key + b"".join(n.to_bytes(4, "little") for n in numbers)).digest()


def drawn_words(key):
    """The 16-bit words that an allocation is drawn from."""
    for block in itertools.count():
        raw = hash_of(b"pbmwrap trial allocation 1", key, block)
        for at in range(0, 32, 2):
            yield int.from_bytes(raw[at : at + 2], "little")


def expected_allocation(key, design, periods):
    """The allocation of docs/trial.md, written down a second time."""
    words = drawn_words(key)

    def below(n):
        return next(word for word in words if word < 65536 // n * n) % n

    if design == PAIRS:
        firsts = [below(2) for _ in range(periods // 2)]
        return [arm for first in firsts for arm in (first, 1 - first)]
    arms = [1] * (periods // 2) + [0] * (periods // 2)
    for last in range(periods - 1, 0, -1):
        other = below(last + 1)
        arms[last], arms[other] = arms[other], arms[last]
    return arms


@pytest.mark.parametrize("design", [SIDES, PERIODS, PAIRS])
@pytest.mark.parametrize("periods", [2, 4, 6, 52])
def test_an_allocation_is_the_one_that_the_documents_describe(design, periods):
    """52 periods take more than one block of words."""
    for n in range(8):
        drawn = blinding.allocate(secret(n), design, periods)
        assert drawn == expected_allocation(secret(n), design, periods)


def test_the_first_word_that_would_prefer_small_numbers_is_drawn_again():
    """65,532 is the last multiple of 6 that fits into a word; `secret(176788)` begins with it."""
    key = secret(176788)
    assert next(drawn_words(key)) == 65_532
    assert blinding.allocate(key, SIDES, 6) == expected_allocation(key, SIDES, 6)


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 64, 65, 97])
def test_a_keystream_is_made_of_numbered_blocks(n):
    """Masked zeros are the keystream itself. The numbers are the largest ones."""
    last = 2**32 - 1
    blocks = [hash_of(b"pbmwrap trial mask 1", secret(1), last, last, at) for at in range(4)]
    assert blinding.mask(secret(1), last, last, bytes(n)) == b"".join(blocks)[:n]


@given(SECRETS, st.sampled_from([SIDES, PERIODS]), st.integers(1, 26))
def test_half_of_the_periods_are_active(key, design, half):
    arms = blinding.allocate(key, design, 2 * half)
    assert sorted(arms) == [0] * half + [1] * half


@given(SECRETS, st.integers(1, 26))
def test_one_of_each_pair_is_active(key, pairs):
    arms = blinding.allocate(key, PAIRS, 2 * pairs)
    assert all(arms[2 * i] + arms[2 * i + 1] == 1 for i in range(pairs))


@given(SECRETS, st.integers(1, 26), st.integers(0, 51))
def test_with_two_sites_one_of_them_is_active_in_each_period(key, half, at):
    periods = 2 * half
    period = at % periods
    both = [blinding.is_active(key, SIDES, periods, period, site) for site in (0, 1)]
    assert sorted(both) == [False, True]


def chi_squared(counts, expected):
    return sum((n - expected) ** 2 / expected for n in counts)


def test_each_allocation_of_six_periods_is_as_likely_as_any_other():
    """20 allocations, 20,000 secrets: chi-squared below its 99.9 % quantile for 19 degrees of
    freedom, 43.8."""
    runs = 20_000
    seen = Counter(tuple(blinding.allocate(secret(n), SIDES, 6)) for n in range(runs))
    every = [c for c in itertools.product((0, 1), repeat=6) if sum(c) == 3]
    assert set(seen) == set(every)
    assert chi_squared([seen[c] for c in every], runs / math.comb(6, 3)) < 43.8


def test_each_number_below_n_is_as_likely_as_any_other():
    """For 40,000, the remainder of a 16-bit word alone would draw the lower 25,536 numbers twice
    as often: their share would be 0.78 in place of 0.64. Private: `_Draws`, since only a range as
    large as this shows the bias."""
    draws = blinding._Draws(secret(1))
    low = sum(draws.below(40_000) < 25_536 for _ in range(20_000))
    assert low / 20_000 == pytest.approx(0.6384, abs=0.015)


def test_the_commitment_fixes_secret_and_plan():
    one, other = secret(1), secret(2)
    made = blinding.commit(one, other)
    assert made != blinding.commit(other, other)
    assert made != blinding.commit(one, one)
    assert made == blinding.commit(one, other)
    assert len(made) == 32


def test_the_secret_needs_both_sides():
    one, other = secret(1), secret(2)
    made = blinding.join_secret(one, other)
    assert made not in (blinding.join_secret(one, one), blinding.join_secret(other, other))
    for short in (b"", one[:31], one + b"x"):
        for pair in ((short, other), (one, short)):
            with pytest.raises(ValueError, match=r"^each contribution has 32 bytes$"):
                blinding.join_secret(*pair)


@given(SECRETS, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=200))
def test_masking_twice_gives_the_record_back(key, session, record, raw):
    hidden = blinding.mask(key, session, record, raw)
    assert len(hidden) == len(raw)
    assert blinding.mask(key, session, record, hidden) == raw


def test_no_two_records_share_a_keystream():
    """Masked zeros are the keystream itself. 64 records of 4 sessions, 96 bytes each: no block of
    32 bytes comes twice."""
    blocks = [
        blinding.mask(secret(1), session, record, bytes(96))[at : at + 32]
        for session in range(1, 5)
        for record in range(16)
        for at in (0, 32, 64)
    ]
    assert len(set(blocks)) == len(blocks)
    assert blinding.mask(secret(2), 1, 0, bytes(32)) not in blocks


@pytest.mark.parametrize("design,periods", [("weeks", 6), (SIDES, 0), (PERIODS, 5), (PAIRS, 3)])
def test_a_design_that_cannot_be_is_refused(design, periods):
    with pytest.raises(ValueError, match=r"^a known design, and an even number of periods$"):
        blinding.allocate(secret(1), design, periods)


def test_the_values_are_those_that_were_published():
    """A wrap that was armed by this version must be verifiable by every later one."""
    key = secret(7)
    assert blinding.commit(key, secret(8)).hex() == (
        hashlib.sha256(b"pbmwrap trial commitment 1" + key + secret(8)).hexdigest()
    )
    assert blinding.allocate(key, SIDES, 12) == PUBLISHED_SIDES
    assert blinding.allocate(key, PAIRS, 8) == PUBLISHED_PAIRS
    assert blinding.mask(key, 3, 2, bytes(8)).hex() == PUBLISHED_MASK
