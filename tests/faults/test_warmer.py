"""Properties of the whole firmware on the plant, on a board with a warmer that does something else
than its pin says, in any even world (H-65). The scenarios on the chip are in tests/faults_binary.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import strategies as st

from tests.draws import with_draws
from tests.faults import plants
from tests.faults.case import Case, run_case
from tests.faults.kinds import table
from tests.faults.plants import Figures
from tests.faults.run import Run
from tests.faults.test_lies import CALM, FEW, MANY, WORLD
from wrap.safety.derate import Derate
from wrap.safety.thermal import ThermalChecks

KINDS = ("warmer-stuck", "warmer-stuck-sham", "warmer-strong", "warmer-open")


def played(figures: Figures, kind: str, seed: int = 0) -> Run:
    """A session at the most power that is allowed, with a fault from before the press."""
    what = table()[kind]
    one = Run(
        plants.make(figures, warmer=True),
        "pressed",
        random.Random(f"{kind}/{seed}"),
        warmer=what.warmer,
        sham=what.sham,
    )
    one.prepare()
    what.inject(one)
    one.begin_broken()
    one.watch_heat()
    one.cool()
    one.close()
    return one


@with_draws(FEW, MANY, WORLD, st.sampled_from(KINDS), st.integers(0, 99), **CALM)
def test_a_warmer_that_does_what_it_likes_burns_nobody_in_any_even_world(figures, kind, seed):
    """H-65: alone in a sham, and in a session in which both lamps take all of the supply."""
    heat = played(figures, kind, seed).heat
    assert heat.peak_c <= plants.SKIN_MAX_C
    assert heat.cem43_min <= plants.CEM43_MAX_MIN


HOT = Figures(37.0, True, 0.0, 1.0, 1.0, 1.0, False)


def test_a_warmer_stuck_on_beside_the_lamps_is_named():
    """H-09, H-65: the heat that was not written is found as that of a lamp."""
    row = run_case(Case.from_id("warmer-stuck/running/bloodless/0"))
    assert (row["verdict"], row["fault"]) == ("pass", "lamp-stuck")


def test_a_warmer_that_gives_no_heat_is_a_warning_and_no_fault():
    """H-11: the sham goes on, and the warning says that the arms differ."""
    one = Run(
        plants.make(plants.draw("room", 0), warmer=True),
        "running",
        random.Random("open"),
        sham=True,
    )
    one.prepare()
    table()["warmer-open"].inject(one)
    one.watch(90_000)
    assert "no-heat" in one.board.app.thermal.warnings()
    assert (one.fault, one.over) == ("", False)
    one.close()


@pytest.mark.parametrize(
    "kind", ["warmer-pad-high-dark/idle/room/0", "warmer-register-lost/running/room/0"]
)
def test_a_wrong_duty_is_read_back(kind):
    """H-24, H-65."""
    row = run_case(Case.from_id(kind))
    assert (row["verdict"], row["fault"], row["reason"]) == ("pass", "readback", "")


@pytest.mark.parametrize("seed", range(2))
def test_a_warmer_that_no_firmware_can_switch_off_is_ended_by_the_cut_off(seed):
    row = run_case(Case.from_id(f"warmer-beyond-control/running/bloodless/{seed}"))
    assert (row["verdict"], row["reason"]) == ("pass", "")


def test_the_session_of_these_kinds_is_a_sham_that_the_warmer_heats():
    one = Run(
        plants.make(plants.draw("room", 0), warmer=True),
        "running",
        random.Random("sham"),
        sham=True,
    )
    one.prepare()
    duty = one.board.hal.duty
    assert duty[:2] == [0, 0] and duty[2] == 65535 and one.board.app.session.blind
    began_c = one.plant.board_c
    one.watch(60_000)
    assert one.plant.board_c > began_c + 1
    one.close()


def test_without_derating_trips_and_balance_a_stuck_warmer_burns(monkeypatch):
    """The property above can fail."""
    plain = ThermalChecks.check

    def check(self, raws, dt_ms, meters):
        plain(self, raws, dt_ms, meters)

    monkeypatch.setattr(ThermalChecks, "check", check)
    monkeypatch.setattr(Derate, "update", lambda self, hottest_mc, trip_mc: None)
    assert played(HOT, "warmer-stuck").heat.peak_c > plants.SKIN_MAX_C
