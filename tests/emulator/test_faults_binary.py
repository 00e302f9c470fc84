"""A few fault scenarios on the emulated binary; all of them: `make faults-binary`."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import board_facts
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.rp2040_pins import Pins
from tests.faults.results import Results
from tests.faults_binary import __main__ as campaign
from tests.faults_binary import case as cases
from tests.faults_binary import causes, pad_causes, pad_scenarios, pins, scenarios, table, wires
from tests.faults_binary.case import Case
from tests.faults_binary.lab import Lab
from tests.faults_binary.watch import Seen

# Short ones that no other test on the binary has.
SLICE = (
    "ground-shared-limited/0",  # H-45
    "ground-shared-pulses/0",
    "leak-150k-skin-mid/0",  # H-46
    "leak-grows-then-stop/0",
    "gross-once-as-enable-opens/0",  # H-02, H-46
    "mux-stands-idle/0",  # H-48
    "select-c-low-idle/0",
    "skin-right-in-air/0",  # H-40
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
    "full-heap-in-step/0",
    "hang-in-python/0",  # H-15
    "pwm-top-lost/0",
    "select-c-low-lit/0",
    "skin-left-trip/late",
    "skin-mid-cold/late",
    "skin-mid-trip/late",
    "skin-right-trip/late",
    "warmer-compare-lost/1",  # H-65
    "warmer-open/0",
    "warmer-shorted-then-hot/0",
    "warmer-stuck-then-hot/0",
)


# Both tests of the slice in one worker, which runs it once.
WITH_ROWS = pytest.mark.xdist_group("faults on the chip")


@functools.cache
def _run_slice() -> dict[str, dict[str, object]]:
    return {str(row["id"]): row for row in cases.run_cases(SLICE)}


@pytest.fixture
def rows() -> dict[str, dict[str, object]]:
    """Cached: tests of other modules may run between the two of a group, and end its fixtures."""
    return _run_slice()


@WITH_ROWS
def test_the_slice_passes(rows: dict[str, dict[str, object]]) -> None:
    assert list(rows) == list(SLICE)
    assert [(r["id"], r["reason"]) for r in rows.values() if r["verdict"] != "pass"] == []


@WITH_ROWS
def test_times_are_those_of_whole_steps(rows: dict[str, dict[str, object]]) -> None:
    """What comes right after the reading is seen by the next step; the trip needs three."""
    three = [f"{name}/late" for name in ("skin-mid-cold", *(f"{s}-trip" for s in causes.SKINS))]
    for name, steps in (("board-gross/late", 1), *((name, 3) for name in three)):
        low_ms = float(str(rows[name]["low_ms"]))
        assert 10 * steps < low_ms < 10 * steps + 2
    assert float(str(rows["pwm-compare-lost/4"]["low_ms"])) < 12


def test_a_scenario_that_promises_too_much_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit can be met by a step that is still to come; nothing wrong latches nothing."""
    plain = scenarios.table()["skin-mid-gross"]
    wrong = (
        replace(plain, limit_ms=1, late="skin-mid", offsets=0),
        replace(plain, name="nothing", cause=causes.nothing, watch_ms=50),
    )
    monkeypatch.setattr(cases, "table", lambda: {s.name: s for s in wrong})
    cases.list_cases.cache_clear()
    late, nothing = cases.run_cases(["skin-mid-gross/late", "nothing/0"])
    cases.list_cases.cache_clear()
    assert "limit 1" in str(late["reason"])
    assert nothing["reason"] == "latched nothing; lit to the end"


def test_scenarios_of_the_pad_fail_without_their_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Good sensors, wires and multiplexer: light comes, and nothing is latched."""
    of_pad = {s.name: s for s in pad_scenarios.pad_table()}
    session = {"load": Lab.session, "limit_ms": 100}
    good = (
        replace(of_pad["skin-right-in-air"], cause=causes.nothing),
        replace(of_pad["leak-150k-skin-mid"], cause=causes.nothing),
        replace(of_pad["mux-stands-idle"], cause=causes.nothing),
        replace(of_pad["ground-shared-limited"], **session),
    )
    monkeypatch.setattr(cases, "table", lambda: {s.name: s for s in good})
    cases.list_cases.cache_clear()
    air, leak, mux, ground = cases.run_cases([f"{s.name}/0" for s in good])
    cases.list_cases.cache_clear()
    assert "ended by ''" in str(air["reason"])
    assert leak["reason"] == "latched nothing; light began again"
    assert "a session began" in str(mux["reason"])
    assert ground["reason"] == "latched nothing; lit to the end"


def _carrier_lab(missing: dict[int, int], on_ns: int = 250_000) -> Lab:
    """Both lamps pulse for 70 s but for `missing` pulses a lamp, each 10 s, from 1 s on."""
    edges = []
    for lamp in pins.LAMPS:
        left_out = {s * 1000 + n for s in range(1, 70, 10) for n in range(missing[lamp])}
        times = [n * pins.PERIOD_NS for n in range(70_000) if n not in left_out]
        edges.append([edge for ns in times for edge in ((ns, True), (ns + on_ns, False))])
    return SimpleNamespace(twin=SimpleNamespace(edges=lambda i: edges[i]), note="")  # type: ignore[return-value]


def test_windows_of_one_step_pass_and_others_do_not() -> None:
    pad_causes.judge_windows(_carrier_lab({0: 9, 1: 10}))
    for missing in ({0: 7, 1: 10}, {0: 10, 1: 12}, {0: 10, 1: 0}):
        with pytest.raises((AssertionError, ValueError)):
            pad_causes.judge_windows(_carrier_lab(missing))


def test_power_beyond_the_blind_power_is_seen_at_the_pins() -> None:
    pad_causes.power_is_limited(_carrier_lab({0: 10, 1: 10}))
    for on_ns in (245_000, 252_000):
        with pytest.raises(AssertionError, match="mA"):
            pad_causes.power_is_limited(_carrier_lab({0: 10, 1: 10}, on_ns))


def test_a_shared_ground_reads_colder_by_what_flows() -> None:
    """1.5 K at the current of all lamps, settled in five times the filter's constant, none dark."""
    now = [0]
    lamps = tuple(channel[2] for channel in board_facts.CHANNELS)
    board = Pins(lamps, board_facts.ENABLE_PIN, board_facts.INDICATOR_PIN, lambda: now[0])
    plant, colder = Plant(board_facts), Plant(board_facts)
    colder.set_fault("skin-mid", "offset", -1.5)
    good, cold = plant.raw12(0), colder.raw12(0)
    twin = SimpleNamespace(pins=board, plant=plant)
    lab = type("Lab", (), {"twin": twin, "now_ns": property(lambda self: now[0])})()
    wires.Wires(lab, ["skin-mid"]).share_ground(1.5)
    assert plant.raw12(0) == good
    for lamp in board.lamps:
        lamp.lit.set(True)
    now[0] = int(0.7 * wires.TAU_NS)
    assert abs(plant.raw12(0) - (good + cold) / 2) <= 1
    now[0] = 8 * wires.TAU_NS
    assert abs(plant.raw12(0) - cold) <= 1
    for lamp in board.lamps:
        lamp.lit.set(False)
    now[0] = 16 * wires.TAU_NS
    assert plant.raw12(0) == good


def test_light_that_comes_again_fails() -> None:
    seen = Seen(0, 5, 5, resumed=True)
    what = replace(scenarios.table()["ctrl-c"], ask=False)
    lab = type("Struck", (), {"cause_ns": 0, "lit_at_cause": True})()
    assert list(filter(None, cases.find_wrong(what, lab, seen, ""))) == ["light began again"]


def test_a_case_that_crashes_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = cases.collect_forked(lambda: iter([1 // 0]), [Case("hang", "0")])  # type: ignore[list-item]
    assert row["verdict"] == "FAIL"
    assert "ZeroDivisionError" in str(row["reason"])


@pytest.mark.parametrize("name", ["hang/99", "hang", "no-such/0"])
def test_a_name_that_is_no_case_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no case"):
        Case.from_id(name)


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
        campaign.engine,
        "run_in_processes",
        lambda names, *_: made.append(list(names)) or iter([[row]]),
    )
    for _ in range(2):
        assert campaign.main(["--out", str(tmp_path), "--only", "hang/0"]) == 0
    assert made == [["hang/0"], []]
    assert "1 scenarios, 1 cases: 1 passed" in capsys.readouterr().out
    assert "| hang | off | 1 | 140.50 | 140.50 |" in (tmp_path / "latency.md").read_text()
    for name in ("results.json", "results.parquet"):
        assert (tmp_path / name).stat().st_size > 0


def test_a_failure_is_reported_with_the_way_to_run_it_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = campaign.open_results(tmp_path)
    results.add([{"id": "hang/0", "scenario": "hang", "verdict": "FAIL", "reason": "lit"}])
    results.close()
    monkeypatch.setattr(campaign, "tool", lambda *words: "")
    assert campaign.main(["--out", str(tmp_path), "--only", "hang/0"]) == 1
    assert "python -m tests.faults_binary --only hang/0" in capsys.readouterr().out
    assert Results(tmp_path, "another", table.COLUMNS).list_done() == set()
