"""A few fault scenarios on the emulated binary; all of them: `make faults-binary`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.results import Results
from tests.faults_binary import __main__ as campaign
from tests.faults_binary import case as cases
from tests.faults_binary import causes, scenarios, table
from tests.faults_binary.case import Case
from tests.faults_binary.watch import Seen

# Short ones that no other test on the binary has, all from a running session.
SLICE = (
    "adc-dead/0",  # H-04
    "board-gross/late",
    "ctrl-c/1",
    "enable-dead/0",
    "enable-stuck-then-hot/0",
    "lamp-pin-overridden/0",
    "lamp-stuck-then-hot/0",
    "pwm-compare-lost/4",  # H-24
    "pwm-slice-stopped/0",
    "exception-in-step/0",  # H-22
    "hang-in-python/0",  # H-15
    "pwm-top-lost/0",
    "skin-cold/late",
    "skin-trip/late",
)


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, object]]:
    return {str(row["id"]): row for row in cases.work(SLICE)}


def test_the_slice_passes(rows: dict[str, dict[str, object]]) -> None:
    assert list(rows) == list(SLICE)
    assert [(r["id"], r["reason"]) for r in rows.values() if r["verdict"] != "pass"] == []


def test_times_are_those_of_whole_steps(rows: dict[str, dict[str, object]]) -> None:
    """What comes right after the reading is seen by the next step; the trip needs three."""
    for name, steps in (("board-gross/late", 1), ("skin-trip/late", 3), ("skin-cold/late", 3)):
        low_ms = float(str(rows[name]["low_ms"]))
        assert 10 * steps < low_ms < 10 * steps + 2
    assert float(str(rows["pwm-compare-lost/4"]["low_ms"])) < 12


def test_a_scenario_that_promises_too_much_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit can be met by a step that is still to come; nothing wrong latches nothing."""
    plain = scenarios.table()["skin-gross"]
    wrong = (
        replace(plain, limit_ms=1, late="skin-mid", offsets=0),
        replace(plain, name="nothing", cause=causes.nothing, watch_ms=50),
    )
    monkeypatch.setattr(cases, "table", lambda: {s.name: s for s in wrong})
    cases.every.cache_clear()
    late, nothing = cases.work(["skin-gross/late", "nothing/0"])
    cases.every.cache_clear()
    assert "limit 1" in str(late["reason"])
    assert nothing["reason"] == "latched nothing; lit to the end"


def test_light_that_comes_again_fails() -> None:
    seen = Seen(0, 5, 5, resumed=True)
    what = replace(scenarios.table()["ctrl-c"], ask=False)
    lab = type("Struck", (), {"cause_ns": 0, "lit_at_cause": True})()
    assert list(filter(None, cases._wrong(what, lab, seen, ""))) == ["light began again"]


def test_a_case_that_crashes_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = cases.forked(lambda: iter([1 // 0]), [Case("hang", "0")])  # type: ignore[list-item]
    assert row["verdict"] == "FAIL"
    assert "ZeroDivisionError" in str(row["reason"])


@pytest.mark.parametrize("name", ["hang/99", "hang", "no-such/0"])
def test_a_name_that_is_no_case_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no case"):
        Case.of(name)


def test_there_are_more_than_thirty_scenarios() -> None:
    assert len(scenarios.table()) > 50
    assert {s.expect for s in scenarios.table().values()} == {"off", "stop", "dark", "ride"}


def test_results_are_kept_and_a_run_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"id": "hang/0", "scenario": "hang", "expect": "off", "lit_at_cause": True}
    row |= {"dark_ms": 140.5, "low_ms": None, "limit_ms": 152, "fault": "", "verdict": "pass"}
    made = []
    monkeypatch.setattr(campaign, "tool", lambda *words: "")
    monkeypatch.setattr(
        campaign.engine, "processes", lambda names, *_: made.append(list(names)) or iter([[row]])
    )
    for _ in range(2):
        assert campaign.main(["--out", str(tmp_path), "--only", "hang/0"]) == 0
    assert made == [["hang/0"], []]
    assert "1 scenarios, 1 cases: 1 passed" in capsys.readouterr().out
    assert "| hang | off | 1 | 140.50 | 140.50 |" in (tmp_path / "latency.md").read_text()
    for name in ("results.json", "results.parquet"):
        assert (tmp_path / name).stat().st_size > 0


def test_a_failure_is_told_with_the_way_to_run_it_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = campaign.open_results(tmp_path)
    results.add([{"id": "hang/0", "scenario": "hang", "verdict": "FAIL", "reason": "lit"}])
    results.close()
    monkeypatch.setattr(campaign, "tool", lambda *words: "")
    assert campaign.main(["--out", str(tmp_path), "--only", "hang/0"]) == 1
    assert "python -m tests.faults_binary --only hang/0" in capsys.readouterr().out
    assert Results(tmp_path, "another", table.COLUMNS).done() == set()
