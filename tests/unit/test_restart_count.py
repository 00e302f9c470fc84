"""Restarts that nobody asked for are counted; three without ten calm minutes hold the wrap."""
# H-17

import pytest

from tests.unit.conftest import Rig
from wrap.rules import faults
from wrap.safety.restart_count import RestartCount
from wrap.storage.atomic_store import Store


def boots(rig, causes):
    for cause in causes:
        rig.board.power_off()
        rig.board.power_on(cause)
        rig.advance(100)


def test_three_watchdog_resets_hold_the_wrap_in_a_fault():
    rig = Rig()
    boots(rig, ["watchdog"] * 2)
    assert rig.state == "idle"
    boots(rig, ["watchdog"])
    assert rig.state == "fault"
    assert rig.app.fault_latch.code == faults.RESETS
    assert rig.app.fault_latch.info["detail"] == 3
    boots(rig, ["power"])
    assert rig.state == "fault"


def test_a_supply_that_sags_again_and_again_holds_it_as_well():
    rig = Rig()
    boots(rig, ["brown-out", "watchdog"])
    assert rig.state == "idle"
    boots(rig, ["brown-out"])
    assert rig.state == "fault"
    assert rig.app.fault_latch.code == faults.RESETS


@pytest.mark.parametrize("cause", ["power", "intended", "soft", "pin"])
def test_other_restarts_do_not_count(cause):
    rig = Rig()
    boots(rig, [cause] * 5)
    assert rig.state == "idle"
    assert rig.app.restart_count.count == 0


def test_ten_calm_minutes_forget_the_count():
    rig = Rig()
    boots(rig, ["watchdog"] * 2)
    rig.advance(599_000)
    assert rig.app.restart_count.count == 2
    rig.advance(2_000)
    assert rig.app.restart_count.count == 0
    boots(rig, ["watchdog"] * 2)
    assert rig.state == "idle"


def test_acknowledging_begins_a_new_count():
    rig = Rig()
    boots(rig, ["watchdog"] * 3)
    rig.app.fault_control.acknowledge("link")
    assert rig.state == "idle"
    boots(rig, ["watchdog"] * 2)
    assert rig.state == "idle"


def test_the_count_survives_a_power_cut_between_resets(files):
    store = Store(files, "resets")
    assert not RestartCount(store, "watchdog").too_many()
    assert not RestartCount(Store(files, "resets"), "watchdog").too_many()
    assert RestartCount(Store(files, "resets"), "power").count == 2
    assert RestartCount(Store(files, "resets"), "watchdog").too_many()


@pytest.mark.parametrize("kept,count", [(1 << 29, 1 << 29), ((1 << 29) + 1, 0)])
def test_a_count_beyond_what_resets_can_reach_counts_as_none(files, kept, count):
    Store(files, "resets").put({"n": kept})
    assert RestartCount(Store(files, "resets"), "power").count == count


def test_resets_are_forgotten_after_ten_minutes_without_one(files):
    restart_count = RestartCount(Store(files, "resets"), "watchdog")
    assert (restart_count.count, restart_count.too_many()) == (1, False)
    assert (restart_count.is_calm(599), restart_count.is_calm(600), restart_count.is_calm(601)) == (
        False,
        True,
        True,
    )
    restart_count.forget()
    assert (restart_count.count, restart_count.is_calm(600)) == (0, False)
    assert RestartCount(Store(files, "resets"), "power").count == 0


@pytest.mark.parametrize("n,many", [(2, False), (3, True), (4, True)])
def test_three_resets_are_too_many(files, n, many):
    store = Store(files, "resets")
    store.put({"n": n})
    assert RestartCount(store, "power").too_many() is many
    assert RestartCount(Store(files, "resets"), "watchdog").count == n + 1
    assert RestartCount(Store(files, "resets"), "power").count == n + 1


def test_a_count_that_cannot_be_stored_is_reported_as_failed(files):
    assert RestartCount(Store(files, "resets"), "power").failed is False
    assert RestartCount(Store(files, "resets"), "watchdog").failed is False
    files.broken = True
    lost = RestartCount(Store(files, "resets"), "watchdog")
    assert (lost.failed, lost.count) == (True, 2)
