"""A whole trial for the page "Watch a trial": a made-up person, and the firmware's own secret.

JavaScript calls `begin`, then `advance` once a day, then `reveal`. Allocation, counting, commitment
and reveal are `wrap.session.trial` and `wrap.rules.blinding`, as on a wrap. The person is made up:
a number a day for each foot, noise that resembles the day before, and an effect of light that was
drawn at the begin and is in no answer before the reveal.
"""

from __future__ import annotations

import math
import random
from binascii import hexlify, unhexlify
from typing import Any

from pbmwrap.portable import exact_test
from wrap.rules import blinding
from wrap.rules.protocol import Plan
from wrap.session.trial import FINISHED, Trial
from wrap.storage.double_store import DoubleStore
from wrap.storage.files import Files
from wrap.uptime import Uptime

SITES = ("foot-left", "foot-right")
PERIODS = 12
DAYS = 7
WASHOUT = 2
SESSION_DAYS = (0, 2, 4)  # of a week
MATTERS = 2.0
EFFECTS = (0.0, -3.0)  # points; one of them is drawn
_TAU_DAYS = 1.0
_MEAN = 6.0
_SD = 1.2
_RHO = 0.5  # of one day with the next
_COMMON = 0.5  # share of the variance that both feet have in common
_NM = (660, 850)
_ORDER = ("red", "nir")
_PERSON = "demo"


class _Notes:
    """Takes the trial's records in place of the log."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def note(self, kind: int, payload: bytes) -> None:
        """Keep a record."""
        self.kept.append(payload)


class _Show:
    def __init__(self, folder: str, of_wrap: bytes, of_host: bytes) -> None:
        notes: Any = _Notes()
        self.trial = Trial(DoubleStore(Files(folder), "trial"), notes, Uptime(), _NM)
        drawn = blinding.join_secret(of_host, of_wrap)  # the secret has them the other way round
        self.effect = EFFECTS[drawn[0] % len(EFFECTS)]
        self.random = random.Random(int.from_bytes(drawn[1:4], "big"))
        self.plan_sha = blinding.join_secret(bytes(32), bytes(32))  # there is no plan to freeze
        plan = {
            "id": "watch",
            "person": _PERSON,
            "design": blinding.SIDES,
            "sites": list(SITES),
            "periods": PERIODS,
            "sessions": len(SESSION_DAYS),
            "plan_sha": hexlify(self.plan_sha).decode(),
        }
        self.commitment = self.trial.arm(plan, of_wrap, of_host)["commitment"]
        self.day = 0
        self.sessions = 0
        self.lit: list[tuple[int, int, bool]] = []  # period, site, whether the wrap gave light
        self.levels = [0.0, 0.0]  # share of the effect that is there, of each foot
        self.lights = [False, False]  # this week
        self.noise = [self._gauss() for _ in range(3)]
        self.numbers: list[list[int]] = []
        self.guesses: list[int] = []

    def _gauss(self) -> float:
        return self.random.gauss(0.0, 1.0)

    def write_numbers(self) -> list[int]:
        """Return today's numbers, before the session."""
        rest = math.sqrt(1 - _RHO * _RHO)
        self.noise = [_RHO * old + rest * self._gauss() for old in self.noise]
        keep = math.exp(-1 / _TAU_DAYS)
        found = []
        for site in range(2):
            goal = 1.0 if self.lights[site] else 0.0
            self.levels[site] = keep * self.levels[site] + (1 - keep) * goal
            own = math.sqrt(_COMMON) * self.noise[2] + math.sqrt(1 - _COMMON) * self.noise[site]
            value = _MEAN + _SD * own + self.effect * self.levels[site]
            found.append(max(0, min(10, round(value))))
        self.numbers.append(found)
        return found

    def have_sessions(self) -> None:
        """Have the session of each foot, as the wrap decides."""
        for place, site in enumerate(SITES):
            plan = _make_plan(site)
            problem = self.trial.refusal(plan)
            if problem:
                raise ValueError(problem)
            self.sessions += 1
            period = self.day // DAYS
            played = self.trial.begin_session(plan, self.sessions)
            self.lights[place] = played.most_pm(1) > 0  # of the near infrared
            self.lit.append((period, place, self.lights[place]))


def _make_plan(site: str) -> Plan:
    step = {"t": 1200, "ch": {"nir": [250]}}
    return Plan(
        {"id": "watch", "name": "", "site": site, "person": _PERSON, "steps": [step]}, _ORDER
    )


_shows: list[_Show] = []


def begin(of_wrap: str, of_host: str, folder: str = "/watch") -> dict[str, Any]:
    """Begin a trial. of_wrap, of_host: 32 random bytes each, hex. Returns its plan."""
    files = Files(folder)
    for name in list(files.names()):
        files.remove(name)
    _shows[:] = [_Show(folder, unhexlify(of_wrap), unhexlify(of_host))]
    return {
        "sites": list(SITES),
        "periods": PERIODS,
        "days": DAYS,
        "sessions": len(SESSION_DAYS),
        "matters": MATTERS,
        "commitment": _shows[0].commitment,
    }


def advance() -> dict[str, Any]:
    """Let a day pass: numbers, then the sessions of the day, and after a week a guess. Nothing in
    the answer says which foot got light."""
    show = _shows[0]
    period, day = show.day // DAYS, show.day % DAYS
    numbers = show.write_numbers()
    if day in SESSION_DAYS:
        show.have_sessions()
    guess = None
    if day == DAYS - 1:
        guess = int(show.random.gauss(0.0, 1.0) > 0)  # as good as chance
        show.guesses.append(guess)
    show.day += 1
    return {
        "day": show.day,
        "period": period,
        "numbers": numbers,
        "session": day in SESSION_DAYS,
        "done": sum(1 for one in SESSION_DAYS if one <= day),
        "guess": guess,
        "mean": _find_means(show, period) if day == DAYS - 1 else None,
        "over": show.trial.state == FINISHED and show.day == PERIODS * DAYS,
    }


def _find_means(show: _Show, period: int) -> list[float]:
    """Return the mean of each foot in a period, of the days that count."""
    rows = show.numbers[period * DAYS + WASHOUT : (period + 1) * DAYS]
    return [sum([row[site] for row in rows]) / len(rows) for site in range(2)]


def reveal() -> dict[str, Any]:
    """Ask for the secret, verify everything, and analyse: what a real trial does at its end."""
    show = _shows[0]
    answer = show.trial.reveal()
    secret = unhexlify(answer["secret"])
    committed = hexlify(blinding.commit(secret, show.plan_sha)).decode() == show.commitment
    arms = blinding.allocate(secret, blinding.SIDES, PERIODS)
    wrong = [one for one in show.lit if one[2] != (arms[one[0]] == (0 if one[1] else 1))]
    means = [_find_means(show, period) for period in range(PERIODS)]
    values = [first - second for first, second in means]
    estimate, p, low, high, count = exact_test.compare_sides(values, arms)
    verdict = exact_test.judge_figures(estimate, p, low, high, MATTERS, True)
    codes = {
        exact_test.BETTER: "better",
        exact_test.WORSE: "worse",
        exact_test.NO_DIFFERENCE: "same",
        exact_test.CANNOT_TELL: "unknown",
    }
    return {
        "arms": arms,
        "values": values,
        "estimate": estimate,
        "p": p,
        "low": low if abs(low) < 1e6 else None,
        "high": high if abs(high) < 1e6 else None,
        "allocations": count,
        "verdict": codes[verdict],
        "effect": show.effect,
        "proved": committed and not wrong,
        "sessions": show.sessions,
        "right": sum(1 for arm, said in zip(arms, show.guesses, strict=True) if arm == 1 - said),
    }
