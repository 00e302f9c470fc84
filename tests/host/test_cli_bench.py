"""`pbmwrap bench` on the simulated wrap, and on one in a session."""

from __future__ import annotations

from click.testing import CliRunner

from pbmwrap.cli import main
from tests.host.cli_helpers import data, run, wrap
from wrap.errors import Refused

__all__ = ("wrap",)  # a fixture


def test_figures_of_a_simulated_wrap():
    figures = data("bench", "--port", "sim:", "--seconds", "3")["figures"]
    assert 0 < figures["round_trip_ms_median"] <= figures["round_trip_ms_worst"] <= 50
    assert figures["log_bytes"] > 0
    assert 95 <= figures["sample_ms_mean"] <= 105
    assert {"inputs_us", "held_us", "step_us_max", "heap_used"} <= set(figures)
    text = CliRunner().invoke(main.app, ["bench", "--port", "sim:", "--seconds", "2"]).stdout
    assert "request and answer, median, ms" in text
    assert text.startswith("PBMWRAP_RP2040, firmware")


def test_a_session_is_not_disturbed_and_the_missing_figure_reported(wrap):
    def refuses(_params):
        raise Refused("not_now", "not while running")

    wrap.calls["bench"] = refuses
    wrap.idle = lambda: wrap.push("sample", {"state": "running"})
    result = CliRunner().invoke(main.app, ["bench", "--seconds", "2"])
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(
        "note: the time of a control step was not measured: the wrap refused bench: "
        "not possible while a session is running; "
    )
    assert "reading sensors and button" not in result.stdout
    code, said = run("bench", "--seconds", "2")
    assert (code, said["ok"]) == (0, True)
    assert "session.stop" not in wrap.acted
