"""When a calibration is asked for again, and the lines read from a pipe."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbmwrap.calibration.due import (
    LIT_HOURS,
    Drift,
    expected_loss_pct,
    find_reasons,
)

TODAY = date(2026, 11, 29)
NEW = date(2026, 11, 1)


@pytest.mark.parametrize(
    "made,lit_s,percent,words",
    [
        (NEW, 0, None, None),
        (date(2025, 11, 29), 500 * 3600, 10.0, None),
        (date(2025, 11, 28), 0, None, "366 days old"),
        (NEW, 500 * 3600 + 1, None, "lit for 500 h since then, which may have cost 1.8 %"),
        (NEW, None, None, None),
        (NEW, 0, -10.1, "the ratio check of 2026-11-29 is -10.1 % off"),
        (None, 0, None, None),
    ],
)
def test_reasons(
    made: date | None, lit_s: int | None, percent: float | None, words: str | None
) -> None:
    drift = None if percent is None else Drift(percent, TODAY)
    found = list(find_reasons(made, TODAY, lit_s, drift))
    assert len(found) == (words is not None)
    assert words is None or words in found[0]


def test_the_assumed_loss_follows_l70() -> None:
    assert expected_loss_pct(10_000) == pytest.approx(30)
    assert expected_loss_pct(LIT_HOURS) == pytest.approx(1.77, abs=0.01)


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_more_hours_never_cost_less(hours: float, more: float) -> None:
    assert expected_loss_pct(hours + more) >= expected_loss_pct(hours)


CODE = """
from pbmwrap.calibration.dialog import Ended, TerminalDialog
dialog = TerminalDialog()
print([dialog.ask("reading", lambda: True) for _ in range(2)])
try:
    dialog.ask("more", lambda: True)
except Ended:
    print("ended")
"""


def test_lines_are_read_from_a_pipe_and_prompts_go_to_stderr() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], input="3.7\r\n\n", capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["['3.7', '']", "ended"]
    assert done.stderr.count("reading: ") == 2
