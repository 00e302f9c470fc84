"""The budget of writes limits a host. Requests that reduce light are free, losses are counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.between_steps import between_steps
from tests.unit.conftest import LONG, MemFiles, Rig, protocol, sha
from wrap.errors import Refused
from wrap.link.budget import Budget
from wrap.rules import limits
from wrap.storage import records
from wrap.storage.atomic_store import Store

NOW = 1_790_000_000
OFTEN = "the host has made the wrap write too often: possible in %d s"


def budget(cause="power", kept=None):
    files = MemFiles()
    store = Store(files, "writes")
    if kept is not None:
        store.put(kept)
    return Budget(Store(files, "writes"), cause), files


# ---- the bucket


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 4)), max_size=80))
def test_no_stretch_of_time_has_more_writes_than_the_bucket_and_what_fills_it(asked):
    bucket, _ = budget()
    up_s = 0
    spent = []
    for later_s, cost in asked:
        up_s += later_s
        try:
            bucket.check(cost, up_s)
        except Refused as e:
            wait_s = int(e.args[1].split()[-2])
            assert e.args == ("not_now", OFTEN % wait_s)
            with pytest.raises(Refused):
                bucket.check(cost, up_s + wait_s - 1)
            bucket.check(cost, up_s + wait_s)
            up_s += wait_s
        bucket.spend(cost)
        spent.append((up_s, cost))
    for i, (start_s, _) in enumerate(spent):
        for k in range(i, len(spent)):
            most = limits.HOST_WRITES + (spent[k][0] - start_s) // limits.HOST_WRITE_S + 1
            assert sum(cost for _, cost in spent[i : k + 1]) <= most


def test_a_bucket_is_full_after_a_while_and_never_more():
    bucket, _ = budget()
    bucket.check(60, 1000)
    bucket.spend(60)
    with pytest.raises(Refused, match="possible in 60 s"):
        bucket.check(1, 1000)
    bucket.check(60, 1000 + 3600)
    bucket.check(60, 10**6)
    bucket.spend(1)
    with pytest.raises(Refused, match="possible in 60 s"):
        bucket.check(60, 10**6)


@pytest.mark.parametrize(
    "cause,kept,left",
    [
        ("power", None, 60),
        ("power", {"left": 3}, 60),
        ("watchdog", {"left": 3}, 60),
        ("intended", {"left": 3}, 3),
        ("soft", {"left": 3}, 3),
        ("intended", {"left": 61}, 0),
        ("intended", {"left": "x"}, 0),
        ("intended", None, 60),
    ],
)
def test_a_restart_that_a_host_can_cause_fills_no_bucket(cause, kept, left):
    assert budget(cause, kept)[0].left == left


def test_a_damaged_bucket_is_empty_and_one_that_cannot_be_kept_is_no_error(failure):
    files = MemFiles()
    files.data["writes.a"] = b"half"
    assert Budget(Store(files, "writes"), "intended").left == 0
    bucket, files = budget()
    files.broken, files.error = True, failure
    bucket.keep(5)
    assert "writes.a" not in files.data


# ---- the methods

PUT = {"slot": 3, "size": len(protocol()), "sha": sha(protocol())}
TRIAL = {
    "id": "feet",
    "person": "a1",
    "design": "sides",
    "sites": ["foot-left", "foot-right"],
    "periods": 4,
    "sessions": 2,
    "plan_sha": "5a" * 32,
    "random": "00" * 32,
}
COSTS = {
    "clock.set": (1, {"t": NOW}),
    "settings.set": (2, {"k": "time_s", "v": 600}),
    "cal.set": (3, {"ch": "red", "uw": 9000, "unc_pm": 50, "date": 20260101, "how": "meter"}),
    "heat.set": (2, {"pm": 900, "date": 20260101, "max_mc": 40000, "how": "thermocouple"}),
    "cal.light": (
        4,
        {"channel": "red", "duty_pm": 100, "seconds": 5, "confirm": "no person in it"},
    ),
    "hold.clear": (4, {"person": "a1", "reason": "wound"}),
    "course.note": (1, {"person": "a1", "sha": "0" * 64, "what": "frozen"}),
    "trial.arm": (9, TRIAL),
    "trial.close": (4, {"period": 0}),
    "trial.reveal": (4, {}),
    "settings.confirm": (8, {}),
    "proto.put": (3, {**PUT, "behind": protocol()}),
    "proto.activate": (1, {"slot": 0}),
    "proto.delete": (1, {"slot": 0}),
    "session.start": (4, {}),
    "session.resume": (1, {}),
    "wake.answer": (1, {}),
    "service": (1, {}),
    "reset": (1, {}),
}
# What makes dark or safe is never refused; an emergency ends a trial whose arming paid for it.
DARKENS = ("session.stop", "session.pause", "fault.ack", "hold.set", "trial.unblind")


RANDOM = (bytes(32), bytes(32))


def ready(method):
    """A wrap on which `method` would succeed."""
    rig = Rig()
    rig.store(steps=LONG)
    if method == "cal.light":
        rig.warm(25000)
    if method == "hold.clear":
        rig.app.holds.add("a1", "wound")
    if method in ("trial.close", "trial.reveal"):
        rig.app.blind_trial.arm({k: v for k, v in TRIAL.items() if k != "random"}, *RANDOM)
    if method == "trial.reveal":
        for period in range(4):
            rig.app.blind_trial.close_period(period)
    if method == "session.resume":
        rig.light()
        between_steps(rig.app).session.pause("button")
    if method == "wake.answer":
        rig.app.settings.set("wake_s", 5)
        rig.light()
        rig.advance(5000 - rig.app.session.active_ms + 10)
        assert rig.app.wake_check.waiting
    rig.advance(500)
    return rig


@pytest.mark.parametrize("method", COSTS)
def test_a_write_costs_and_is_refused_without_any_left(method):  # H-58
    cost, params = COSTS[method]
    rig = ready(method)
    bucket = rig.app.budget
    bucket.left = cost - 1
    before = (dict(rig.files.data), rig.app.session.state)
    answer = rig.ask(method, **params)
    assert answer[0] == "not_now" and answer[1].startswith(OFTEN[:40]), answer
    rig.advance(500)
    assert (dict(rig.files.data), rig.app.session.state) == before
    bucket.left = cost
    rig.send(method, **params)
    rig.advance(250)
    assert bucket.left == 0
    assert not rig.app.fault_latch.code


@pytest.mark.parametrize("method", ["settings.set", "proto.delete", "session.resume"])
def test_a_request_that_is_refused_for_another_reason_costs_nothing(rig: Rig, method):
    answer = rig.ask(method, slot=0, k="no", v=1)
    assert answer[0] in ("bad_param", "not_found", "not_now")
    assert rig.app.budget.left == limits.HOST_WRITES


def test_a_write_that_the_flash_refuses_costs_all_the_same(rig: Rig):
    rig.advance(100)
    rig.files.broken = True
    assert rig.ask("settings.set", k="time_s", v=600)[0] == "storage"
    assert rig.app.budget.left == limits.HOST_WRITES - 2


def test_what_costs_nothing_writes_nothing_unless_it_darkens(rig: Rig):
    """A method that is new must be in one of the lists."""
    rig.store()
    rig.advance(500)
    rig.app.budget.left = 0
    params = {"slot": 0, "o": 0, "n": 1024, "every_ms": 0, "t": NOW}
    before = dict(rig.files.data)
    for method in rig.app.commands.methods:
        if method not in COSTS and method not in DARKENS:
            answer = rig.ask(method, **params)
            assert not isinstance(answer, tuple), (method, answer)
    rig.advance(1000)
    assert rig.files.data == before


def test_pause_stop_and_acknowledge_are_never_refused(rig: Rig):
    rig.light()
    rig.app.budget.left = 0
    assert rig.ask("session.pause") == {"state": "paused"}
    assert rig.ask("session.resume")[1].startswith(OFTEN[:40])
    assert rig.ask("session.stop") == {"state": "ramp-down"}
    rig.warm(50000)
    rig.advance(100)
    rig.warm(33000)
    rig.advance(100)
    assert rig.ask("fault.ack") == {"state": "idle"}


def test_a_reset_does_not_fill_the_bucket(rig: Rig):
    for n in range(limits.HOST_WRITES - 1):
        assert rig.ask("clock.set", t=NOW + n * 100)["unix_s"] == NOW + n * 100
    rig.send("reset")
    rig.advance(500)
    assert (rig.board.boots, rig.app.cause) == (2, "intended")
    assert rig.ask("clock.set", t=NOW)[0] == "not_now"
    rig.advance(60_000)
    assert rig.ask("clock.set", t=NOW) == {"unix_s": NOW}
    rig.board.power_off()
    rig.board.power_on()
    assert rig.app.budget.left == limits.HOST_WRITES


def test_a_host_waits_while_records_do(rig: Rig):
    rig.advance(500)
    rig.files.broken, rig.files.torn = True, 0
    for n in range(40):
        rig.ask("clock.set", t=NOW + 100 * n)
    assert rig.ask("clock.set", t=NOW) == ("not_now", "records wait for the flash: possible in 1 s")
    assert (rig.app.log_queue.is_crowded(), rig.app.log_queue.lost) == (True, 0)
    rig.files.broken = False
    rig.advance(2000)
    assert len(rig.noted(records.CLOCK)) == 32  # half of the queue
    assert rig.ask("clock.set", t=NOW) == {"unix_s": NOW}
