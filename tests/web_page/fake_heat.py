"""The heat test of a trial for the fake server, in scripted moments. What is shown of a result is
computed by the server's own code."""

from __future__ import annotations

import math
from typing import Any

from pbmwrap.errors import LinkLost
from pbmwrap.trial import heat_test
from pbmwrap.web.trial_heat import describe_result

UID = "E66138935F1C2A2B"
_MINUTES = 14
_BINS = _MINUTES * 60 // heat_test.BIN_S
# step, lit, s since its begin, s left, K in 5 min
_RUNNING: dict[str, tuple[int, bool, int, int, float | None]] = {
    "begun": (0, False, 40, 5360, None),
    "waits": (2, False, 1145, 4255, 0.21),
    "lit": (1, True, 300, 540, None),
    "dark": (3, False, 660, 180, None),
}
_LOST = {
    "code": "lost",
    "message": "the simulated wrap vanished: its cable is pulled",
    "hint": LinkLost.default_hint,
    "step": 1,
    "lit": True,
}
_STOPPED = {"code": "stopped", "message": "", "hint": "", "step": 2, "lit": False}
_FAILED = {
    "code": "failed",
    "message": "the skin sensors still change after 90 min in the dark",
    "hint": "use a bottle that has been in this room for hours, away from sun and draught",
    "step": 0,
    "lit": False,
}
_ENDED = {"lost": _LOST, "stopped": _STOPPED, "failed": _FAILED}
HEAT_MOMENTS = ("start", "passed", "much", *_RUNNING, *_ENDED)


def make_heat_result(gap_k: float) -> dict[str, Any]:
    """Return a result whose arms are so far apart after the measured time, with a rise that slows
    down as the plant's does."""
    grown = [1 - math.exp(-(n + 0.5) / 12) for n in range(_BINS)]
    most = grown[-1]
    active = [[0.8 * gap_k * g / most, gap_k * g / most, 0.6 * gap_k * g / most] for g in grown]
    sham = [[0.0, 0.0, 0.01] for _ in grown]
    setup = {"minutes": _MINUTES, "session_min": 20, "level_percent": 25.0}
    in_trial_k = round(gap_k * 20 / _MINUTES, 3)
    return {
        "wrap": UID,
        "date": "2026-11-20",
        "unix_s": 1_795_200_000,
        "channel": "nir",
        "sham": "dark",
        **setup,
        "measured_percent": 25.0,
        "sensors": ["skin-mid", "skin-left", "skin-right"],
        "bin_s": heat_test.BIN_S,
        "active_rise_k": active,
        "sham_rise_k": sham,
        "gap_k": round(gap_k, 3),
        "gap_in_trial_k": in_trial_k,
        "limit_k": heat_test.LIMIT_K,
        "passed": abs(in_trial_k) <= heat_test.LIMIT_K,
    }


class FakeHeat:
    """One heat test. moment: of HEAT_MOMENTS; any other has none."""

    def __init__(self, moment: str) -> None:
        self.moment = moment

    def answer(self, path: str, is_there: bool) -> tuple[int, Any]:
        """Return (status, JSON) of one request. is_there: whether the wrap is connected."""
        if path == "trial/heat/stop":
            self.moment = "stopped"
        return 200, self._describe(is_there)

    def begin(self, is_there: bool) -> tuple[int, Any]:
        """Return (status, JSON) of the request that begins it."""
        self.moment = "begun"
        return 200, self._describe(is_there)

    def _describe(self, is_there: bool) -> dict[str, Any]:
        gap_k = {"passed": 0.52, "much": 0.98}.get(self.moment)
        running = _RUNNING.get(self.moment)
        return {
            "wrap": UID if is_there else None,
            "channels": ["nir"],
            "warmer": False,
            "most_level": 25.0,
            "most_minutes": heat_test.MOST_MINUTES,
            "wait_min": heat_test.STEADY_WAIT_S // 60,
            "running": _make_running(*running) if running else None,
            "ended": _ENDED.get(self.moment),
            "last": None if gap_k is None else describe_result(make_heat_result(gap_k)),
            "problem": "",
        }


def _make_running(
    step: int, lit: bool, gone_s: int, left_s: int, drift_k: float | None
) -> dict[str, Any]:
    return {
        "channel": "nir",
        "warmer": "",
        "level": 25.0,
        "minutes": _MINUTES,
        "session_min": 20,
        "step": step,
        "lit": lit,
        "gone_s": gone_s,
        "left_s": left_s,
        "drift_k": drift_k,
        "steady_k": heat_test.STEADY_K,
        "stopping": False,
    }
