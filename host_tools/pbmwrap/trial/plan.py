"""The plan of a trial, as it is frozen: canonical JSON, whose SHA-256 goes into the wrap.

Everything that could be chosen afterwards to please is in it: outcome, periods, washout, analysis,
what counts as missing, when to stop. It also answers the items of SPENT 2019 (Porcino et al., BMJ
2020;368:m122, for plans of trials of one person). Reads no clock and no file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pbmwrap.programme.model import (
    BASELINE_DAYS,
    WAIT_DAYS,
    Measure,
    Stamp,
    canonical_json,
    read_measure,
    read_stamp,
)
from pbmwrap.trial.analysis import SENSITIVITIES, AnalysisPlan
from pbmwrap.trial.randomisation import ALPHA, MOST_ALLOCATIONS
from pbmwrap.words import count
from wrap.rules.blinding import DESIGNS, PAIRS, SIDES

SCHEMA = 1
MOST_PERIODS = 52  # that a wrap takes (wrap.session.trial)
MOST_DAYS = 366  # of a period
RULES = 1  # of the analysis: another number, other rules
FIXED = {
    "rules": RULES,
    "test": "exact randomisation test over all allocations of the design, two-sided",
    "estimate": "mean of the periods with light minus mean of those without; with two sites half"
    " of that of their difference",
    "interval": "95 %: the effects that the test does not reject",
    "alpha": ALPHA,
    "most_allocations": MOST_ALLOCATIONS,
    "period": "from the day of its first session in the wrap's log, for the planned days, or until"
    " the next period begins; the days of the washout do not count",
    "entry": "counts when written on its own day and before that day's first session; of several"
    " the last one",
    "missing": "a period with entries on fewer than half of the days that count is missing; nothing"
    " is imputed",
    "verdicts": "better or worse: p at or below alpha; no difference as large as the one that"
    " matters: the whole interval is smaller; cannot tell: otherwise, with fewer than two periods"
    " (pairs) of an arm, after an early unblinding, and for a plan that cannot answer",
    "blinding": "Bang's index of the guesses, for both arms",
    "sensitivity": dict(SENSITIVITIES),
}
STOP = (
    "The person may stop at any time and needs no reason. Stop at once, and unblind, when it gets"
    " worse, with a red flag of the journal, or when a clinician needs to know. Nobody looks at the"
    " result before the end."
)


@dataclass(frozen=True)
class TrialSite:
    """A site, and the protocol that is played there by its id and its SHA-256."""

    site: str
    protocol_id: str
    protocol_sha: str
    minutes: float
    near_infrared_pm: int

    def as_body(self) -> dict[str, Any]:
        return {
            "site": self.site,
            "protocol": self.protocol_id,
            "sha": self.protocol_sha,
            "minutes": self.minutes,
            "near_infrared_pm": self.near_infrared_pm,
        }


@dataclass(frozen=True)
class Asked:
    """What was asked before the trial began. looks_at_skin: who looks at a numb foot's skin after
    each session; "" when the sites are not numb."""

    needs_treatment: bool
    numb: bool
    looks_at_skin: str = ""

    def as_body(self) -> dict[str, Any]:
        return {
            "needs_treatment": self.needs_treatment,
            "numb": self.numb,
            "looks_at_skin": self.looks_at_skin,
        }


@dataclass(frozen=True)
class Promise:
    """What the planner's simulation promised. power: of finding `matters` with an effect whose time
    constant is `tau_days`; sd, missing: of the entries, as the person stated them."""

    power: float
    error: float
    tau_days: float
    sd: float
    missing: float

    def as_body(self) -> dict[str, Any]:
        return {
            "power": self.power,
            "error": self.error,
            "tau_days": self.tau_days,
            "sd": self.sd,
            "missing": self.missing,
        }


@dataclass(frozen=True)
class TrialPlan:
    """A frozen plan.

    id: `TAG-tNUMBER`. aim: what the person hopes for. periods, days, washout, sessions (of a site
    in a period), start (planned first day of light), matters (above 0, in the measure's unit),
    others: other treatment. confirmatory: False when the planner said that it cannot answer.
    """

    id: str
    person: str
    aim: str
    sites: tuple[TrialSite, ...]
    design: str
    periods: int
    days: int
    washout: int
    sessions: int
    start: date
    enrolled: Stamp
    measure: Measure
    matters: float
    promise: Promise
    asked: Asked
    confirmatory: bool = True
    others: tuple[str, ...] = ()
    program: str = ""

    @property
    def end(self) -> date:
        """The first day after the trial, as planned."""
        return self.start + timedelta(days=self.periods * self.days)

    @property
    def baseline_from(self) -> date:
        """The first day of the baseline; it ends before `start`."""
        return self.start - timedelta(days=BASELINE_DAYS)

    @property
    def waited(self) -> bool:
        """Whether the baseline begins at least 7 days after enrolment."""
        return self.baseline_from >= self.enrolled.day + timedelta(days=WAIT_DAYS)

    @property
    def analysis(self) -> AnalysisPlan:
        """What the analysis needs of the plan."""
        return AnalysisPlan(
            self.design,
            tuple(one.site for one in self.sites),
            self.periods,
            self.days,
            self.washout,
            self.matters,
            self.measure.better == "lower",
            self.confirmatory,
        )

    def planned_period(self, day: date) -> int:
        """Return the number of the period that the calendar has on `day`; -1 before the start, and
        `periods` after the end."""
        if day < self.start:
            return -1
        return min((day - self.start).days // self.days, self.periods)

    def as_body(self) -> dict[str, Any]:
        """Return the whole plan: what is frozen, and what its hash covers."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "person": self.person,
            "aim": self.aim,
            "sites": [site.as_body() for site in self.sites],
            "design": self.design,
            "periods": self.periods,
            "days": self.days,
            "washout": self.washout,
            "sessions": self.sessions,
            "start": self.start.isoformat(),
            "enrolled": self.enrolled.as_body(),
            "baseline_days": BASELINE_DAYS,
            "wait_days": WAIT_DAYS,
            "measure": self.measure.as_body(),
            "scale": [self.measure.low, self.measure.high],
            "matters": self.matters,
            "promise": self.promise.as_body(),
            "asked": self.asked.as_body(),
            "confirmatory": self.confirmatory,
            "others": list(self.others),
            "program": self.program,
            "analysis": FIXED,
            "stop": STOP,
            "spent": list_spent_items(self),
        }


def hash_plan(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan's canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical_json(body).encode("ascii")).hexdigest()


def read_plan(body: Mapping[str, Any]) -> TrialPlan:
    """Read a plan. Raises KeyError, TypeError, ValueError for one that this program cannot read,
    and for one whose analysis differs from what this program would do."""
    if body["schema"] != SCHEMA:
        raise ValueError(f"schema {body['schema']} is not known here")
    if body["analysis"]["rules"] != RULES:
        raise ValueError("the plan fixes another analysis than this program does")
    enrolled = read_stamp(body["enrolled"])
    if enrolled is None:
        raise ValueError("enrolled is missing")
    asked, promise = body["asked"], body["promise"]
    plan = TrialPlan(
        id=str(body["id"]),
        person=str(body["person"]),
        aim=str(body["aim"]),
        sites=tuple(
            TrialSite(
                str(s["site"]),
                str(s["protocol"]),
                str(s["sha"]),
                float(s["minutes"]),
                int(s["near_infrared_pm"]),
            )
            for s in body["sites"]
        ),
        design=str(body["design"]),
        periods=int(body["periods"]),
        days=int(body["days"]),
        washout=int(body["washout"]),
        sessions=int(body["sessions"]),
        start=date.fromisoformat(body["start"]),
        enrolled=enrolled,
        measure=read_measure(body["measure"]),
        matters=float(body["matters"]),
        promise=Promise(
            float(promise["power"]),
            float(promise["error"]),
            float(promise["tau_days"]),
            float(promise["sd"]),
            float(promise["missing"]),
        ),
        asked=Asked(
            bool(asked["needs_treatment"]), bool(asked["numb"]), str(asked["looks_at_skin"])
        ),
        confirmatory=bool(body["confirmatory"]),
        others=tuple(map(str, body["others"])),
        program=str(body["program"]),
    )
    _check_ranges(plan)
    return plan


def _check_ranges(plan: TrialPlan) -> None:
    """Raise ValueError for a plan that no wrap takes: a bundle may have any numbers."""
    sites = 2 if plan.design == SIDES else 1
    right = (
        plan.design in DESIGNS
        and len(plan.sites) == sites
        and 2 <= plan.periods <= MOST_PERIODS
        and plan.periods % 2 == 0
        and 0 <= plan.washout < plan.days <= MOST_DAYS
        and plan.sessions > 0
        and plan.matters > 0
    )
    if not right:
        raise ValueError("its design, sites, periods, days or sessions cannot be")


# ---- what SPENT 2019 asks of a plan


def list_spent_items(plan: TrialPlan) -> list[list[str]]:
    """List [item of SPENT 2019, answer]. Items about organisations are answered by who does what
    here: one person, with one wrap."""
    measure, promise = plan.measure, plan.promise
    sites = ", ".join(one.site for one in plan.sites)
    asked = plan.asked
    skin = f"; {asked.looks_at_skin} looks at the skin" if asked.looks_at_skin else ""
    light = "; ".join(
        f"{one.site}: {one.minutes:g} min of near infrared at {one.near_infrared_pm / 10:g} %,"
        f" or none (protocol {one.protocol_id}, SHA-256 {one.protocol_sha[:16]})"
        for one in plan.sites
    )
    better = "lower" if measure.better == "lower" else "higher"
    return [
        ["1 title", f"Blinded N-of-1 trial of near infrared on {sites}: {plan.aim}"],
        ["2 registration", "in no register; its hash is in the sealed log of the wrap"],
        ["3 version", f"plan {plan.id}, {plan.enrolled.utc}, pbmwrap {plan.program}"],
        ["4 funding", "none; the person has bought or built the wrap"],
        ["5 roles", "the person plans, measures and decides; the wrap allocates"],
        [
            "6 rationale",
            "one person can compare light with darkness without knowing which is which; a trial of"
            " many would not answer it for this person",
        ],
        ["7 objective", f"does the light change: {measure.question}"],
        ["8 design", describe_design(plan)],
        ["9 setting", "at home"],
        [
            "10 eligibility",
            "not for a condition that needs treatment now"
            f" ({'yes' if asked.needs_treatment else 'no'}); not for a numb site without a person"
            f" who looks at the skin (numb: {'yes' if asked.numb else 'no'}{skin})",
        ],
        ["11a intervention", f"{light}; {count(plan.sessions, 'session')} a period and site"],
        ["11b stopping", STOP],
        ["11c adherence", "from the sealed log of the wrap"],
        ["11d concomitant care", "; ".join(plan.others) or "none named"],
        [
            "12 outcome",
            f"{measure.question} {measure.low:g} to {measure.high:g}, {better} is better, every day"
            " and for each site, before the session; a change of"
            f" {measure.format_value(plan.matters)} matters",
        ],
        [
            "13 timeline",
            f"enrolled {plan.enrolled.day}, baseline from {plan.baseline_from}, first session"
            f" {plan.start}, end {plan.end}",
        ],
        [
            "14 sample size",
            f"finds the change that matters in {100 * promise.power:.0f} of 100 simulated trials"
            f" (it comes with a time constant of {promise.tau_days:g} days; SD {promise.sd:g},"
            f" {100 * promise.missing:.0f} % of the days missing)",
        ],
        ["15 recruitment", "one person, of their own accord"],
        ["16a sequence", "drawn by the wrap from a secret of the wrap and the host"],
        [
            "16b concealment",
            "the secret is in the wrap until the end; its commitment is in the log",
        ],
        ["16c implementation", "the wrap decides at the begin of each session"],
        [
            "17 blinding",
            "the person and the host; both arms have the same ramp, length, indicator and records;"
            " at once ended by `pbmwrap trial unblind`",
        ],
        ["18 data collection", "entries with the time of writing, in a chain of hashes"],
        ["19 data management", "on the person's computer; sessions in the sealed log of the wrap"],
        ["20 statistics", f"{FIXED['test']}; {FIXED['interval']}; {FIXED['missing']}"],
        ["21 monitoring", "none before the end, except for harm"],
        ["22 harms", "skin and red flags in the journal; faults of the wrap are never hidden"],
        ["23 auditing", "`pbmwrap trial verify` repeats everything from the exported bundle"],
        ["24 ethics", "one person about themselves; no committee was asked"],
        ["25 amendments", "none are possible after the freeze"],
        ["26 consent", "the person has read what a trial is and has begun it"],
        ["27 confidentiality", "nothing leaves the person's computer unless exported"],
        ["28 interests", "none stated"],
        ["29 access", "the bundle has all data"],
        ["30 care afterwards", "as before; ask a clinician"],
        ["31 dissemination", "as the person decides"],
        ["32 consent form", "the texts of `pbmwrap trial start`"],
        ["33 specimens", "none"],
    ]


def describe_design(plan: TrialPlan) -> str:
    """Describe design, periods and washout in one sentence."""
    length = {7: "a week", 14: "a fortnight"}.get(plan.days, count(plan.days, "day"))
    kind = {
        SIDES: "one of two sites gets light in each period, each of them in half of the periods",
        PAIRS: "periods in pairs, one of each with light",
    }.get(plan.design, "half of the periods with light")
    return (
        f"{count(plan.periods, 'period')} of {length}; {kind}; the first"
        f" {count(plan.washout, 'day')} of each do not count"
    )
