"""A short slice of the fault campaign, and proof that the campaign sees what it is for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults import __main__ as campaign
from tests.faults import case as cases
from tests.faults import engine, nominal, plants
from tests.faults.case import Case
from tests.faults.kinds import table
from tests.faults.limits import BOUNDS, Bound, bound
from tests.faults.results import Results
from tests.faults.run import EARLY, flash
from wrap.app import App
from wrap.hal.contract import Hal
from wrap.rules import states
from wrap.safety.derate import Derate
from wrap.safety.fault_latch import FaultLatch
from wrap.safety.temp_limits import TempLimits
from wrap.safety.thermal import ThermalChecks
from wrap.safety.violation import Violation
from wrap.session.state_machine import Session
from wrap.storage import log

BEFORE = ("skin-offset", "skin-open", "parts-all", "select-stuck", "leak-skin")
# One plant and seed per kind and phase, and nothing that is watched for many minutes.
flash()  # made before any test breaks the firmware
SLICE = [
    c
    for c in cases.list_cases(1)
    if c.plant == "hot-covered"
    and not (table()[c.kind].heat and c.phase in ("ramp-up", "running"))
    and (c.phase not in EARLY or c.kind in BEFORE)
]


def verdict(name: str) -> tuple[object, object]:
    row = cases.run_case(Case.from_id(name))
    return row["verdict"], row["reason"]


def test_the_slice_passes() -> None:
    assert len(SLICE) > 500
    rows = [row for some in engine.run_in_processes([c.id for c in SLICE], 2) for row in some]
    wrong = [(r["id"], r["reason"]) for r in rows if r["verdict"] != "pass"]
    assert wrong == []
    assert len(rows) == len(SLICE)


def test_there_are_more_than_forty_kinds_and_every_bound_belongs_to_one() -> None:
    assert len(table()) > 100
    assert set(BOUNDS) <= set(table())
    assert bound("skin-open").ms == 50


def test_every_call_that_a_turn_makes_of_the_hal_is_made_to_raise() -> None:
    calls = {name for name, value in vars(Hal).items() if callable(value)}
    covered = {k.removeprefix("raise-") for k in table()}
    # Made at boot, for a host, within dark, after a fault, or by the loop itself.
    elsewhere = {"ticks_ms", "ticks_add", "wait_until", "service_blink", "reset_cause", "reset"}
    elsewhere |= {"uid", "heap", "allocated", "collect", "lamp_off", "enable_dropped"}
    elsewhere |= {"open_flash", "program_claim", "memory_fault", "draw_random"}
    assert calls - elsewhere <= covered


def test_a_case_gives_the_same_row_again() -> None:
    name = "skin-noise/paused/covered/1"
    first, second = (cases.run_case(Case.from_id(name)) for _ in range(2))
    assert first | {"cpu_ms": 0} == second | {"cpu_ms": 0}


@pytest.mark.parametrize(
    "name", ["nothing/idle/room/0", "hang/idle/moon/0", "lease-lost/idle/room/0"]
)
def test_a_name_that_is_no_case_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no case"):
        Case.from_id(name)


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrap measures temperatures and finds nothing wrong with any."""
    plain = ThermalChecks.check

    def check(self: ThermalChecks, raws: list[int], dt_ms: int, meters: list[object]) -> None:
        plain(self, raws, dt_ms, meters)

    monkeypatch.setattr(ThermalChecks, "check", check)


@pytest.mark.usefixtures("blind")
def test_temperatures_that_nobody_judges_fail() -> None:
    what, why = verdict("skin-open/running/room/0")
    assert what == "FAIL"
    assert why == "latched cold"


def test_a_trip_that_comes_late_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, seen = TempLimits.check, []

    def late(self: TempLimits, raws: list[int]) -> Violation | None:
        seen.append(plain(self, raws))
        return seen[-8] if len(seen) >= 8 else None

    monkeypatch.setattr(TempLimits, "check", late)
    what, why = verdict("skin-short/running/room/0")
    assert what == "FAIL"
    assert "limit 50" in str(why)


def test_light_that_begins_again_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause that ends by itself: after the button that paused it was let go."""
    plain = Session.advance

    def eager(self: Session, *args: int) -> None:
        plain(self, *args)
        if self.state == states.PAUSED and self.paused_ms > 3000:
            self.resume("by itself")

    monkeypatch.setattr(Session, "advance", eager)
    assert verdict("link-half-frame/paused/room/0") == ("FAIL", "light began again by itself")


def test_a_lost_fault_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaultLatch, "save", lambda self: setattr(self, "unsaved", False))
    assert verdict("fault-not-stored/running/room/0") == ("FAIL", "the fault was forgotten")


def test_a_log_that_counts_wrong_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = log.Log.append

    def skips(self: log.Log, *args: object) -> None:
        plain(self, *args)
        self.seq += 1

    monkeypatch.setattr(log.Log, "append", skips)
    what, why = verdict("brown-out/running/room/0")
    assert what == "FAIL"
    assert "contiguous" in str(why)


def test_a_panic_that_stays_lit_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(App, "panic", lambda self, error: None)
    assert verdict("raise-inputs/running/room/0")[0] == "FAIL"


@pytest.mark.usefixtures("blind")
def test_without_derating_and_trips_the_skin_passes_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The campaign measures the true skin, not what the sensor says."""
    monkeypatch.setattr(Derate, "update", lambda self, hottest_mc, trip_mc: None)
    what, why = verdict("blood-stops/running/bloodless/0")
    assert what == "FAIL"
    assert "skin reached" in str(why) or "CEM43" in str(why)


@pytest.mark.usefixtures("blind")
def test_a_missing_protection_is_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BOUNDS, "skin-open", Bound(50, needs="eyes"))
    what, why = verdict("skin-open/running/room/0")
    assert what == "unprotected"
    assert "needs: eyes" in str(why)


def test_a_plant_that_burns_in_the_dark_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sauna = plants.Figures(60.0, True, 0.0, 1.0, 1.0, 1.0, False)
    assert plants.excluded(sauna)
    monkeypatch.setattr(plants, "draw", lambda name, seed: sauna)
    assert verdict("skin-open/running/room/0")[0] == "excluded"


def test_no_plant_of_the_campaign_is_left_out() -> None:
    drawn = [plants.draw(name, seed) for name in plants.WORLDS for seed in range(3)]
    assert not any(plants.excluded(figures) for figures in drawn)
    assert min(f.ambient_c for f in drawn) < 12 and max(f.ambient_c for f in drawn) > 39


def test_the_light_warms_the_plant_only_through_the_enable() -> None:
    assert verdict("enable-dead/running/room/0")[0] == "pass"
    row = cases.run_case(Case.from_id("lamp-shorted/idle/bloodless/0"))
    start = plants.make(plants.draw("bloodless", 0))
    assert float(str(row["peak_c"])) <= plants.dark_peak_c(start) + 0.01


def test_results_are_kept_and_a_run_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--out", str(tmp_path), "--only", "skin-open/*/room/0", "--jobs", "1"]
    assert campaign.main([*words, "--most", "2"]) == 0
    assert campaign.main(words) == 0
    said = capsys.readouterr().out
    assert "2 cases run" in said and "6 cases run" in said and "8 cases: 8 pass" in said
    assert (tmp_path / "results.parquet").stat().st_size > 0
    assert (tmp_path / "faults-peak.png").stat().st_size > 5000
    assert Results(tmp_path, "another").list_done() == set()


def test_a_failure_is_reported_with_the_way_to_run_it_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Results(tmp_path)
    results.add([{"id": "skin-open/idle/room/0", "kind": "skin-open", "verdict": "FAIL"}])
    results.close()
    assert campaign.main(["--out", str(tmp_path), "--only", "skin-open/idle/room/0"]) == 1
    assert "python -m tests.faults --case skin-open/idle/room/0" in capsys.readouterr().out


def test_a_case_that_crashes_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "run_case", lambda case: 1 // 0)
    (row,) = engine.run_cases(["skin-open/idle/room/0"])
    assert row["verdict"] == "FAIL"
    assert "ZeroDivisionError" in str(row["reason"])


def test_a_nominal_session_does_not_trip() -> None:
    row = nominal.play_session(3)  # at full power: the hard cap by the stated worst case ends it
    assert (row["trip"], row["end"], round(float(str(row["hours"])), 2)) == ("", "time", 0.33)


def test_nominal_readings_are_noisy_and_spiked() -> None:
    noise = nominal.make_noise(random.Random(1))
    assert sum(abs(n) > 100 for n in noise) > 40
    assert max(map(abs, noise)) <= nominal.SPIKE_CODES + 60
