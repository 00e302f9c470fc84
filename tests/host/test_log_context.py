"""Compact records inherit fields only while the records before them are there."""

from __future__ import annotations

import pytest

from pbmwrap.logs.decode import Decoded, decode
from pbmwrap.logs.sessions import group_sessions
from tests.host.log_maker import LogMaker
from wrap.rules import states

# The records of `day`, by their places.
BOOT, PROTOCOL, CAL, START_1, TEST_1, RAMP_1, SAMPLE_1, SAMPLE_2, DONE_1, END_1 = range(10)
START_2, TEST_2, RAMP_2, SAMPLE_3, DONE_2, END_2 = range(10, 16)


def day(*lost: int) -> Decoded:
    """Make two sessions in one boot, without the records at these places."""
    log = LogMaker()
    log.power_on()
    log.session(1)
    log.lit(2)
    log.up_ms += 10000
    log.sample(2)
    log.end(2, states.BY_DOSE)
    every = decode(log.raw).entries
    assert len(every) == END_2 + 1
    kept = [e for place, e in enumerate(every) if place not in lost]
    return decode(b"".join(log.raw[e.offset : e.offset + e.size] for e in kept))


def samples(decoded: Decoded) -> list[tuple]:
    """Return (session, active_ms) of each sample."""
    reported = [e.data for e in decoded.entries if e.name == "sample" and e.data]
    return [(data["session"], data["active_ms"]) for data in reported]


def test_a_sample_inherits_its_session_and_its_light_time():
    assert samples(day()) == [(1, 10000), (1, 20000), (2, 10000)]


@pytest.mark.parametrize(
    ("lost", "reported"),
    [
        ((SAMPLE_1,), [(1, None), (2, 10000)]),
        ((RAMP_1,), [(1, None), (1, None), (2, 10000)]),
        ((START_1,), [(1, None), (1, None), (2, 10000)]),
        ((SAMPLE_2, DONE_1, END_1, START_2, TEST_2), [(1, 10000), (2, None)]),
        ((DONE_1, END_1, START_2, TEST_2, RAMP_2), [(1, 10000), (1, 20000), (2, None)]),
        ((END_1, START_2, DONE_2, END_2), [(1, 10000), (1, 20000), (None, None)]),
        ((START_1, SAMPLE_2, DONE_1, END_1, START_2), [(None, None), (2, None)]),
    ],
)
def test_where_records_are_missing_nothing_is_guessed(lost: tuple[int, ...], reported: list[tuple]):
    assert samples(day(*lost)) == reported


def test_a_lost_end_and_start_do_not_mix_two_sessions():
    first, second = group_sessions(day(DONE_1, END_1, START_2, TEST_2, RAMP_2))
    assert (first.number, len(first.samples), first.end) == (1, 2, None)
    assert (second.number, len(second.samples), second.reason) == (2, 1, states.BY_DOSE)


def test_a_lost_boot_ends_what_was_known():
    log = LogMaker()
    log.power_on()
    log.lit(1)
    log.sample(1)
    log.boot += 1
    log.sample(1)
    assert samples(decode(log.raw)) == [(1, 0), (None, None)]
