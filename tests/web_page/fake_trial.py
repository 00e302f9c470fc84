"""A blinded trial for the fake server, in scripted moments. Plan, result and picture are computed
by the trial's own code."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from pbmwrap.programme.clinician.chart import draw_picture
from pbmwrap.programme.model import Stamp
from pbmwrap.programme.trial_run import Progress
from pbmwrap.programme.trials import ENDED, UNBLINDED, Trial, TrialEntry, TrialGuess
from pbmwrap.trial.analysis import PeriodGuess
from pbmwrap.trial.planner import SPEEDS
from pbmwrap.trial.report import make_trial_report
from pbmwrap.trial.sealed_log import TrialLog
from pbmwrap.web import trial_rows
from pbmwrap.web.report_words import choose_words
from pbmwrap.web.trial_wishes import CAUTIONS
from tests.trial.trial_maker import FEET, START, at_ms, make_frozen, make_result

PERIODS = 12
# Periods that are over, days since the start, whether today's numbers are written, what to do now.
# The sentences are those of programme/trial_run.py.
_MOMENTS: dict[str, tuple[int, int, bool, tuple[str, ...]]] = {
    "baseline": (0, -3, False, (
        "write today's numbers, before the session: `pbmwrap trial entry`",
        "no light before 2026-03-02: until then the numbers are the baseline")),
    "running": (3, 23, False, (
        "write today's numbers, before the session: `pbmwrap trial entry`",
        "the next session is on foot-right: `pbmwrap trial next`")),
    "guess": (3, 21, True, (
        "say what you think period 3 was: `pbmwrap trial guess`",
        "the next session is on foot-left: `pbmwrap trial next`")),
    "given": (3, 25, True, ("connect the wrap: `pbmwrap trial reveal` takes the secret over",)),
    "behind": (2, 23, True, (
        "period 3 should be over: have its sessions, or end it with `pbmwrap trial close`",)),
    "counting": (PERIODS, 82, True, (
        "no more sessions; write numbers until 2026-05-24: `pbmwrap trial entry`",)),
    "last": (PERIODS, 84, True, ("the last period is over: `pbmwrap trial reveal`",)),
}  # fmt: skip
_WARNING = (
    "A site of the trial got light outside of the trial on 2026-03-09: use only the trial's"
    " protocols there."
)
_GIVEN = "The wrap has given its secret, and this computer has not kept it."
_OVER = ("better", "worse", "unblinded", "ended")
TRIAL_MOMENTS = ("none", "cannot", "frozen", *_MOMENTS, *_OVER)
_PLANS = {  # of `pbmwrap trial plan` for two sites and 24 weeks, and for one
    2: ((12, 14, 5, 0.982, 1.71), (24, 7, 2, 0.712, 1.02)),
    1: ((24, 7, 2, 0.171, 0.48), (12, 14, 5, 0.2, 0.61)),
}


class FakeTrial:
    """One trial. moment: of TRIAL_MOMENTS; any other has no trial, as `none` and `cannot`."""

    def __init__(self, moment: str) -> None:
        self.moment = moment if moment in TRIAL_MOMENTS else "none"
        self.heat: dict[str, Any] | None = None  # the wrap's newest heat test
        self.closed_before = False  # on the wrap, and this computer has not kept it
        self.guesses: list[TrialGuess] = []
        self.entries: list[TrialEntry] = []
        plan = make_frozen(id="ada234-t1", person="ada234", aim="Less pain at night")
        over, day, written, self.steps = _MOMENTS.get(
            moment, (PERIODS, 90 if moment in _OVER else -21, True, ())
        )
        self.today = START + timedelta(days=day)
        self.over = over
        said = over if moment in _OVER else over - (moment == "guess")
        for period in range(said):
            guess = PeriodGuess(period, (True, None, False)[period % 3], period % 5, "")
            self._keep(guess)
        if written:
            self._write((6, 4))
        effect = 3.0 if moment == "worse" else -3.0
        how = UNBLINDED if moment == "unblinded" else ENDED if moment == "ended" else "revealed"
        guesses = [one.guess for one in self.guesses]
        self.evidence, self.outcome = make_result(effect, plan, how=how, guesses=guesses)
        self.trial = self.evidence.trial
        if moment == "ended":
            self.trial = replace(self.trial, secret="", reason="The wrap was lost")
        elif moment not in _OVER:
            self.trial = replace(self.trial, over=None, how="", secret="")
        if moment == "ended":
            self.steps = ()
        elif moment == "frozen":
            self.trial = replace(self.trial, armed=None, uid="", commitment="")
            self.over, self.guesses, self.entries = 0, [], []
            self.steps = ("connect the wrap and run `pbmwrap trial start` again",)
        elif moment in _OVER:
            self.steps = ("see the result: `pbmwrap trial report`",)

    def _keep(self, guess: PeriodGuess) -> None:
        at = Stamp(at_ms(START + timedelta(days=7 * guess.period + 7), 9), 0)
        self.guesses.append(TrialGuess(len(self.guesses), guess, at))

    def _write(self, values: tuple[float, ...]) -> None:
        at = Stamp(at_ms(self.today, 8), 0)
        self.entries = [TrialEntry(1, self.today, values, at, "web")]

    @property
    def progress(self) -> Progress:
        """How far the trial is."""
        plan = self.trial.plan
        log = TrialLog(plan.id, unblinded="it got worse" if self.moment == "given" else None)
        known = {one.guess.period for one in self.guesses}
        over = tuple(range(self.over))
        due = tuple(n for n in over if n not in known)
        counts = (0, 0) if self.moment in ("guess", "baseline") else (2, 1)
        return Progress(
            self.trial,
            self.today,
            log,
            self.over,
            plan.planned_period(self.today),
            counts,
            FEET[counts.index(min(counts))],
            bool(self.entries),
            14 + 5 * self.over,
            {},
            over,
            due if self.trial.is_open else (),
            START + timedelta(days=7 * PERIODS) if self.over == plan.periods else None,
            {"running": (_WARNING,), "given": (_GIVEN,)}.get(self.moment, ()),
            self.steps,
        )

    def draw(self, language: str) -> str:
        """Return the picture of the report."""
        made = make_trial_report(
            self.evidence, self.outcome, "Ada", "0.0", say=choose_words(language)
        )
        return draw_picture(made.chart).svg

    @property
    def _report(self) -> Any:
        return make_trial_report(self.evidence, self.outcome, "Ada", "0.0")

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        """Return (status, JSON) of one request."""
        if path == "trial/plan":
            return 200, _make_plan(1 if self.moment == "cannot" else 2)
        if path == "trial/draft":
            plan = replace(
                self.trial.plan,
                aim=body["aim"],
                start=date.fromisoformat(body["start"]),
                enrolled=Stamp(at_ms(self.today, 9), 0),
                confirmatory=not body["exploratory"],
                others=tuple(body["others"]),
                periods=12,
                days=14,
                washout=5,
                sessions=6,
                promise=replace(self.trial.plan.promise, power=0.982),
            )
            return 200, {"draft": trial_rows.describe_draft(plan), "seen": "5eed"}
        more: dict[str, Any] = {}
        if path == "trial/entry":
            before = self.entries
            self._write(tuple(body["values"]))
            self.steps = self.steps if body.get("day") else self.steps[1:]
            more = {"stored": {"values": body["values"], "counts": True}}
            if body.get("day"):
                self.entries = before
                more["stored"] |= {"day": body["day"], "late": True, "counts": False}
        elif path == "trial/guess":
            words = {"foot-left": True, "foot-right": False, "unknown": None}
            said = words[body["guess"]]
            self._keep(PeriodGuess(body["period"], said, body["confidence"], body["why"]))
            self.steps = self.steps[1:]
        elif path == "trial/next":
            site = body.get("site") or self.progress.next_site
            more = {"chosen": {"site": site, "slot": 1}}
        elif path in ("trial/start", "trial/send"):
            self.__init__(
                "baseline" if self.moment in ("none", "cannot", "frozen") else self.moment
            )
        elif path == "trial/close":
            self.over += 1
            more = {"noted": [body["period"]] if self.closed_before else []}
        elif path == "trial/reveal":
            self.__init__("better")
        elif path == "trial/unblind":
            self.__init__("ended" if body.get("without_wrap") else "unblinded")
        return 200, self._describe() | more

    def _describe(self) -> dict[str, Any]:
        trial: Trial = self.trial
        none = self.moment in ("none", "cannot")
        answer: dict[str, Any] = {
            "person": {"tag": "ada234", "name": "Ada"},
            "today": self.today.isoformat(),
            "trials": [] if none else [trial_rows.describe_short(trial)],
            "open_sessions": 0,
            "flags": [],
            "notes": [],
            "pdf": True,
            "speeds": list(SPEEDS),
            "cautions": list(CAUTIONS),
            "most_level": 25,
            "heat": self.heat,
            "state": None,
            "result": None,
        }
        if not none:
            answer["state"] = trial_rows.describe_state(self.progress, self.entries, self.guesses)
        if not none and trial.secret:
            alt = draw_picture(self._report.chart).alt
            answer["result"] = trial_rows.describe_result(self.evidence, self.outcome, alt)
        return answer


def _make_plan(sites: int) -> dict[str, Any]:
    rows = [
        {
            "design": "sides" if sites == 2 else "pairs",
            "periods": periods,
            "period_days": days,
            "washout_days": washout,
            "power": power,
            "error": 0.01,
            "smallest_p": 0.002,
            "seen": seen,
        }
        for periods, days, washout, power, seen in _PLANS[sites]
    ]
    return {
        "sites": sites,
        "weeks": 24,
        "speed": "week",
        "tau_days": 7.0,
        "matters": 2.0,
        "designs": rows,
        "answers": rows[0]["power"] >= 0.8,
    }
