"""A host that writes all it may: no record is lost, the light goes on, the log lasts for days."""

import pytest

from tests.unit.conftest import LONG, Rig, protocol, sha
from wrap.rules import limits
from wrap.rules import protocol as protocols
from wrap.storage import records

NOW = 1_790_000_000
RING = 352 * 4096


def test_a_clock_that_says_nothing_new_is_not_written(rig: Rig):
    rig.ask("clock.set", t=NOW)
    end = rig.app.log.end
    at = rig.app.host_clock.unix_s
    rig.advance(500)
    for off_s in (0, 1, -1):
        assert rig.ask("clock.set", t=at() + off_s)["unix_s"] in (at(), at() - 1)
    rig.advance(500)
    assert (rig.app.log.end > end, len(rig.noted(records.CLOCK))) == (False, 1)
    for off_s in (2, -2):
        wanted = at() + off_s
        assert rig.ask("clock.set", t=wanted) == {"unix_s": wanted}
    rig.advance(500)
    assert len(rig.noted(records.CLOCK)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("lit", [False, True])
def test_a_flood_of_clocks_loses_no_record(lit):  # H-58
    """Issue 16: ten a second for 300 s lost 1,693 records."""
    rig = Rig()
    if lit:
        rig.light(steps=[{"t": 600, "ch": {"red": [300]}}])
    rig.advance(500)
    end = rig.app.log.end
    for n in range(3000):
        rig.send("clock.set", t=NOW + 10 * (n % 7))
        rig.advance(100)
        rig.board.read()
    rig.advance(2000)
    assert (rig.app.log_queue.lost, rig.app.log_queue.is_idle()) == (0, True)
    assert rig.app.fault_latch.code == 0
    assert rig.state == ("running" if lit else "idle")
    written = len(rig.noted(records.CLOCK))
    assert limits.HOST_WRITES < written <= limits.HOST_WRITES + 6
    assert rig.app.log.end - end < 2000


@pytest.mark.slow
def test_pause_and_resume_ten_times_a_second_lose_no_record():
    rig = Rig()
    rig.light(steps=[{"t": 600, "ch": {"red": [300]}}])
    resumed = 0
    for n in range(3000):
        if n % 2:
            resumed += rig.app.session.state == 4
        rig.send("session.resume" if n % 2 else "session.pause")
        rig.advance(100)
        rig.board.read()
    rig.advance(2000)
    assert (rig.app.log_queue.lost, rig.app.fault_latch.code) == (0, 0)
    changes = rig.noted(records.STATE)
    assert len(changes) <= 3 * (limits.HOST_WRITES + 6)
    assert sum(c["reason"] == "link" for c in changes) > 2 * limits.HOST_WRITES - 20


# ---- how long the ring lasts


def one_clock(rig, n):
    rig.ask("clock.set", t=NOW + 100 * (n % 7))


def one_resume(rig, n):
    if n == 0:
        rig.light(steps=[{"t": 1200, "ch": {"red": [300]}}])
    rig.ask("session.resume")
    rig.ask("session.pause")


def one_session(rig, n):
    rig.ask("session.start")
    rig.ask("session.stop")


def one_new_protocol(rig, n):
    """The longest protocol, another one for each session."""
    slot = rig.app.protocols.slots[0]
    if slot[1] == f"Number {rig.app.session.number}":
        one_session(rig, n)
        return
    raw = protocol(name=f"Number {rig.app.session.number}", steps=LONG)
    raw += b" " * (protocols.MAX_BYTES - len(raw))
    rig.ask("proto.put", raw, slot=0, size=len(raw), sha=sha(raw))


@pytest.mark.slow
@pytest.mark.parametrize(
    "host,least_days,minutes",
    [
        (one_clock, 50, 15),
        pytest.param(one_clock, 50, 60, marks=pytest.mark.campaign),
        pytest.param(one_resume, 10, 60, marks=pytest.mark.campaign),
        pytest.param(one_session, 20, 60, marks=pytest.mark.campaign),
        pytest.param(one_new_protocol, 2, 60, marks=pytest.mark.campaign),
    ],
)
def test_the_ring_outlasts_a_host_that_writes_all_it_may(host, least_days, minutes):
    """Days until the log of a Pico has gone round; 21 hours by issue 16 at one clock a second."""
    rig = Rig()
    rig.store(steps=LONG)
    rig.advance(1000)
    rig.app.budget.left = 0
    end, since_ms = rig.app.log.end, rig.board.now_ms
    n = 0
    while rig.board.now_ms - since_ms < minutes * 60_000:
        host(rig, n)
        n += 1
        rig.advance(5000)
    assert rig.app.log_queue.lost == 0
    grown = rig.app.log.end - end
    lasts = RING / grown * (rig.board.now_ms - since_ms) / 86_400_000
    print(f"{host.__name__}: {grown} bytes in {minutes} min, {lasts:.1f} days")
    assert least_days < lasts < 2 * least_days
