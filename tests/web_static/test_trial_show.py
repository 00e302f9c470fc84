"""The trial that the page plays: the firmware's secret, kept until the end, and then the analysis
of the host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.trial.randomisation import estimate_effect
from pbmwrap.trial.verdict import Rules, judge
from pbmwrap.web.browser import trial_show
from wrap.errors import Refused
from wrap.rules import blinding

DAYS = trial_show.PERIODS * trial_show.DAYS
CODES = {"better": "better", "worse": "worse", "cannot tell": "unknown"}


def play(folder: Path, seed: int) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    wrap, host = bytes([seed] * 32).hex(), bytes([255 - seed] * 32).hex()
    plan = trial_show.begin(wrap, host, str(folder))
    days = [trial_show.advance() for _ in range(DAYS)]
    return plan, days, trial_show.reveal()


def test_a_trial_is_blind_until_the_reveal_and_proved_by_it(tmp_path: Path) -> None:
    secret = blinding.join_secret(bytes([1] * 32), bytes([254] * 32))
    plan, days, end = play(tmp_path, 1)
    assert (plan["periods"], plan["days"], plan["sessions"]) == (12, 7, 3)
    assert [one["over"] for one in days] == [False] * (DAYS - 1) + [True]
    assert sum(one["session"] for one in days) == 36 and end["sessions"] == 72
    assert [one["guess"] is None for one in days] == [n % 7 != 6 for n in range(DAYS)]
    shown = json.dumps([plan, days])
    assert secret.hex() not in shown
    assert not {"arms", "effect", "lit"} & {key for one in days for key in one}
    assert end["arms"] == blinding.allocate(secret, blinding.SIDES, 12)
    assert end["proved"] and end["allocations"] == 924


def test_the_figures_are_those_of_the_hosts_analysis(tmp_path: Path) -> None:
    seen = set()
    for seed in (0, 1, 2):
        _, days, end = play(tmp_path, seed)
        means = [one["mean"] for one in days if one["mean"]]
        assert end["values"] == [first - second for first, second in means]
        known = estimate_effect(end["values"], end["arms"], blinding.SIDES)
        assert end["estimate"] == pytest.approx(known.estimate)
        assert end["p"] == pytest.approx(known.p)
        assert (end["low"], end["high"]) == pytest.approx((known.low, known.high), abs=1e-6)
        verdict = judge(known, Rules(trial_show.MATTERS))
        assert end["verdict"] == CODES.get(verdict, "same")
        seen.add(end["effect"])
        if end["effect"]:
            assert end["verdict"] == "better" and -3.5 < end["estimate"] < -1.5
        else:
            assert abs(end["estimate"]) < 1
    assert seen == set(trial_show.EFFECTS)


def test_nothing_is_revealed_before_the_end(tmp_path: Path) -> None:
    trial_show.begin("01" * 32, "fe" * 32, str(tmp_path))
    with pytest.raises(Refused, match="period 1 of 12"):
        trial_show.reveal()


def test_a_wrap_that_does_what_it_did_not_draw_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_show.Trial, "begin_session", _give_light_always)
    trial_show.begin("01" * 32, "fe" * 32, str(tmp_path))
    for _ in range(DAYS):
        trial_show.advance()
    assert not trial_show.reveal()["proved"]


_BEGIN = trial_show.Trial.begin_session


def _give_light_always(trial: Any, plan: Any, number: int) -> Any:
    _BEGIN(trial, plan, number)
    return plan
