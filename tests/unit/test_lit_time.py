"""Light of each channel since its calibration, over restarts, power cuts and damage."""

import pytest

from tests.between_steps import between_steps
from tests.unit.conftest import LONG, MemFiles, Rig
from wrap.session.lit_time import LitTime
from wrap.storage.atomic_store import Store, seal

NAMES = ("red", "nir")


def made(files):
    return LitTime(Store(files, "lit"), NAMES)


def lit_s(rig):
    return [cal and cal["lit_s"] for cal in rig.ask("cal.get")]


def test_a_session_adds_its_light_at_full_duty_and_a_restart_keeps_it(rig: Rig):
    rig.calibrate()
    rig.light(steps=[{"t": 60, "ch": {"red": [500], "nir": [250]}}])
    rig.advance(20_000)
    assert lit_s(rig) == [0, 0]  # it is added at the end
    between_steps(rig.app).session.stop("link")
    rig.until("done", 1000)
    rig.advance(100)
    on_s = [m.on_ms // 1000 for m in rig.app.lamps.meters]
    assert on_s[0] == pytest.approx(10, abs=1) and on_s[1] == pytest.approx(5, abs=1)
    assert lit_s(rig) == on_s
    rig.board.power_off()
    rig.board.power_on()
    rig.advance(100)
    assert lit_s(rig) == on_s
    rig.ask("cal.set", ch="red", uw=90000, unc_pm=100, date=20261129, how="meter")
    assert lit_s(rig) == [0, on_s[1]]
    rig.ask("cal.set", ch="nir", uw=0)
    assert lit_s(rig) == [0, None]


def test_a_fault_adds_the_light_before_it(rig: Rig):
    rig.calibrate()
    rig.light(steps=LONG)
    rig.advance(10_000)
    rig.warm(50000)
    rig.advance(500)
    assert lit_s(rig) == [m.on_ms // 1000 for m in rig.app.lamps.meters]
    assert min(lit_s(rig)) > 3


def test_light_is_written_once_and_only_when_there_was_any():
    files = MemFiles()
    lit = made(files)
    lit.add([0, 0])
    lit.save_when_due(5)
    assert files.data == {}
    lit.add([700, 0])
    lit.add([700, 5])
    lit.save_when_due(5)
    written = dict(files.data)
    lit.save_when_due(6)
    assert files.data == written
    assert made(files).lit_s() == [1, 0]


def test_a_write_that_fails_is_repeated_after_a_minute(failure):
    files = MemFiles()
    lit = made(files)
    lit.add([5000, 0])
    files.broken, files.error = True, failure
    lit.save_when_due(100)
    files.broken = False
    lit.save_when_due(159)
    assert "lit.b" not in files.data and lit.unsaved
    lit.save_when_due(160)
    assert made(files).lit_s() == [5, 0]


def test_one_damaged_file_loses_the_last_light_and_two_make_it_unknown():
    files = MemFiles()
    lit = made(files)
    for ms in (3000, 4000):
        before = dict(files.data)
        lit.add([ms, 0])
        lit.save_when_due(0)
    (newest,) = [name for name in files.data if files.data[name] != before.get(name)]
    files.data[newest] = b"rot"
    assert made(files).lit_s() == [3, 0]
    files.data["lit.a"] = files.data["lit.b"] = b"rot"
    lost = made(files)
    assert (lost.lit_s(), lost.unsaved) == ([None, None], True)
    lost.add([9000, 9000])
    lost.save_when_due(0)
    again = made(files)
    assert again.lit_s() == [None, None]
    again.restart("nir")
    again.add([9000, 9000])
    assert again.lit_s() == [None, 9]


def test_a_new_wrap_counts_from_nothing():
    lit = made(MemFiles())
    lit.add([999, 999])
    assert lit.lit_s() == [0, 0]
    lit.add([1, 0])
    assert lit.lit_s() == [1, 0]


def test_a_new_calibration_counts_from_nothing_and_flash_knows_it():
    files = MemFiles()
    lit = made(files)
    lit.add([5000, 7000])
    lit.save_when_due(0)
    assert not lit.unsaved
    lit.restart("red")
    lit.save_when_due(1)
    again = made(files)
    assert again.lit_s() == [0, 7]
    again.add([999, 0])
    assert again.lit_s() == [0, 7]
    again.add([1, 0])
    assert again.lit_s() == [1, 7]


@pytest.mark.parametrize("kept,seconds", [(-1, None), ("x", None), (None, None), (0, 0), (1999, 1)])
def test_what_is_stored_is_a_time_or_unknown(kept, seconds):
    files = MemFiles()
    files.data["lit.a"] = seal(1, {"red": kept})
    assert made(files).lit_s() == [seconds, 0]


def test_a_wrap_of_older_firmware_counts_from_now_on():
    files = MemFiles()
    cal = {"uw": 50000, "unc_pm": 100, "date": 20261101, "how": "meter"}
    files.data["cal.a"] = seal(1, {"red": cal})
    assert Rig(files).ask("cal.get") == [{**cal, "lit_s": 0}, None]


def test_nothing_is_written_while_light_is_on(rig: Rig):
    rig.light(steps=LONG)
    rig.app.lit_time.restart("red")
    rig.advance(2000)
    assert not [name for name in rig.files.data if name.startswith("lit")]
    between_steps(rig.app).session.stop("link")
    rig.until("done", 1000)
    rig.advance(100)
    assert [name for name in rig.files.data if name.startswith("lit")]
