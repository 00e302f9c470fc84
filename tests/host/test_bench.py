"""The benchmarks' bookkeeping: goals, the table in docs/, history, plots. What they measure is
measured by `make bench`."""

from __future__ import annotations

import json

import pytest

from tools.bench import __main__ as bench
from tools.bench import goals, peers, plots, session
from tools.bench.goals import GOALS, Goal

PEERS = {f"{name}_us_median": us for name, us in (("wrap", 100.0), ("plain", 900.0), ("c", 80.0))}


def test_a_goal_is_met_missed_or_not_measured():
    most = Goal("a", "x", 10, "us", "peers")
    least = Goal("b", "x", 10, "", "peers", least=True)
    assert [most.is_met({"x": v}) for v in (10, 10.1)] == [True, False]
    assert [least.is_met({"x": v}) for v in (10, 9.9)] == [True, False]
    assert most.is_met({}) is None


def test_ratios_follow_from_the_peers():
    assert goals.derive_figures(PEERS) == {"times_faster_than_plain": 9.0, "ratio_to_c": 1.25}
    assert goals.derive_figures({"wrap_us_median": 1.0}) == {}


def test_every_goal_belongs_to_a_part_and_shows_in_the_table():
    assert {goal.part for goal in GOALS} <= set(bench.PARTS)
    text = goals.format_table(PEERS | goals.derive_figures(PEERS) | {"wrap_bytes": 3.0})
    assert text.count("not measured") == len(GOALS) - 4
    assert "| step, running, median | at most 120 us | 100.0 us | met |" in text
    assert "| bytes allocated per step | 0 B | 3 B | **missed** |" in text
    assert "| times faster than the plain version | at least 6 | 9.0 | met |" in text


def test_jitter_is_distinguished_from_the_grid_that_most_steps_lie_on():
    begins = [3_000_000 + 10_000_000 * n for n in range(1000)]
    begins[500] += 700_000
    begins.pop(700)
    figures = session.measure_jitter(begins)
    assert figures["jitter_us_worst"] == 700
    assert figures["jitter_us_p99"] == 0
    assert (figures["steps"], figures["steps_missing"]) == (999, 1)
    assert figures["jitter_us_q100"] == 700


def test_results_of_another_program_are_not_kept(tmp_path):
    out = tmp_path / "results.json"
    assert bench.load_results(out, "a") == {}
    out.write_text(json.dumps({"program": "a", "parts": {"peers": PEERS}}))
    assert bench.load_results(out, "a") == {"peers": PEERS}
    assert bench.load_results(out, "b") == {}


def test_the_table_takes_the_place_between_its_marks(tmp_path, monkeypatch):
    docs = tmp_path / "benchmarks.md"
    docs.write_text(f"before\n{bench.BEGIN}\nold\n{bench.END}\nbehind\n")
    monkeypatch.setattr(bench, "DOCS", docs)
    monkeypatch.setattr(bench, "IMAGES", tmp_path)
    monkeypatch.setattr(bench, "HISTORY", tmp_path / "bench/history.jsonl")
    quantiles = {f"session_jitter_us_q{q}": q / 10 for q in (0, 50, 100)}
    parts = {"peers": PEERS, "session": quantiles}
    bench.append_history(parts, "a" * 64)
    bench.append_history(parts, "b" * 64)
    bench.into_docs(parts)
    text = docs.read_text()
    assert text.startswith("before\n" + bench.BEGIN + "\n| figure")
    assert text.endswith(bench.END + "\nbehind\n")
    assert "old" not in text
    lines = [json.loads(line) for line in bench.HISTORY.read_text().splitlines()]
    assert [line["program"][0] for line in lines] == ["a", "b"]
    assert lines[0]["figures"]["ratio_to_c"] == 1.25
    drawn = sorted(path.name for path in tmp_path.glob("*.svg"))
    assert drawn == ["bench-history.svg", "bench-jitter.svg", "bench-step.svg"]
    assert "plain MicroPython" in (tmp_path / "bench-step.svg").read_text()


def test_nothing_measured_draws_nothing(tmp_path):
    assert plots.draw_plots({}, tmp_path / "none.jsonl", tmp_path) == []


def test_an_unknown_part_is_named(capsys):
    with pytest.raises(SystemExit) as end:
        bench.main(["peersx"])
    assert end.value.code == 2
    assert "no part peersx" in capsys.readouterr().err


def test_the_reference_is_drawn_beside_the_peers():
    assert {key for key, _ in plots.PEERS} <= set(peers.PEERS)
