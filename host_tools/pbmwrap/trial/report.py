"""The report of a trial: the items of CENT 2015 (Vohra et al., BMJ 2015;350:h1738, for reports of
trials of one person), as sentences, rows and one picture. Text, HTML and PDF show the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean

from pbmwrap.programme.clinician.contents import NOTICE, Report, Section
from pbmwrap.programme.model import PAIN, Measure
from pbmwrap.programme.trials import ENDED, UNBLINDED, Trial
from pbmwrap.trial.analysis import SENSITIVITIES, Analysis, Sensitivity
from pbmwrap.trial.blindness import BangIndex
from pbmwrap.trial.bundle import Evidence, Outcome
from pbmwrap.trial.picture import draw_periods
from pbmwrap.trial.plan import FIXED, TrialPlan, describe_design
from pbmwrap.trial.sealed_log import find_hidden
from pbmwrap.trial.verdict import Verdict
from pbmwrap.words import count, name_end
from wrap.rules.blinding import SIDES

Row = tuple[str, str]
LABEL = "Result of the trial"
NO_ADVICE = (
    "It is a measurement of one person under these conditions, no medical advice. It says nothing"
    " about another person."
)
_WORDS = {
    Verdict.BETTER: "The number was better with light than without it.",
    Verdict.WORSE: "The number was worse with light than without it: speak with a clinician before"
    " more light.",
    Verdict.NO_DIFFERENCE: "If light changes the number at all, then by less than what matters.",
    Verdict.CANNOT_TELL: "The trial does not say whether light changes the number.",
}


def describe_verdict(plan: TrialPlan, analysis: Analysis) -> str:
    """Describe the verdict with its figures."""
    words = [_WORDS[analysis.verdict]]
    effect = analysis.effect
    if effect is None:
        words.append(f"No figure can be given: {analysis.why}.")
    else:
        measure = plan.measure
        size = measure.format_value(abs(effect.estimate))
        way = "higher" if effect.estimate > 0 else "lower"
        words.append(
            f"With light it was {size} {way} (95 % interval of the difference"
            f" {_format_end(effect.low, '-')} to {_format_end(effect.high, '+')};"
            f" p = {effect.p:.3f})."
        )
    return " ".join(words)


def _format_end(value: float, sign: str) -> str:
    return f"{value:+.1f}" if abs(value) != float("inf") else f"{sign}not bounded"


def list_cautions(evidence: Evidence, outcome: Outcome) -> list[str]:
    """List what weakens the result. Shown above everything while not empty."""
    trial, analysis = evidence.trial, outcome.analysis
    plan = trial.plan
    found = []
    if trial.how == UNBLINDED:
        found.append(
            f"The trial was unblinded early ({trial.reason}): there is no confirmatory result."
            " Stopping early, above all because it got worse, is always right."
        )
    if not plan.confirmatory:
        found.append(
            "The plan could not answer the question (its power was"
            f" {100 * plan.promise.power:.0f} of 100): its figures are a description."
        )
    if not plan.waited:
        found.append("The baseline did not begin 7 days after enrolment: do not compare with it.")
    wrong = [one for one in outcome.truths if one.problem]
    if wrong:
        found.append(
            f"{count(len(wrong), 'session')} did not do what the arm says (first: session"
            f" {wrong[0].number}, {wrong[0].problem})."
        )
    if analysis.blinding_broken:
        found.append("The person recognised the arm more often than chance explains.")
    if evidence.other_light:
        many = count(len(evidence.other_light), "day")
        found.append(f"A site of the trial got light outside of the trial on {many}.")
    if analysis.undated:
        many = count(analysis.undated, "session")
        found.append(
            f"{many} without a date: entries of those days could not be compared with them."
        )
    return found


def make_trial_report(
    evidence: Evidence,
    outcome: Outcome,
    name: str,
    version: str,
    harms: Sequence[str] = (),
    simulated: bool = False,
    say: Callable[[str], str] = str,
) -> Report:
    """Return the report of a revealed trial. name: of the person; harms: red flags and skin
    findings of the journal since the begin of the trial; say: the picture's words in a language."""
    trial, analysis = evidence.trial, outcome.analysis
    plan = trial.plan
    over = trial.over.day if trial.over else plan.end
    return Report(
        title=f"Blinded N-of-1 trial of {name}: {plan.aim}",
        subtitle=f"{plan.start} to {over}; plan {plan.id}; made by pbmwrap {version}",
        simulated=simulated,
        verdict=str(analysis.verdict),
        verdict_text=f"{describe_verdict(plan, analysis)} {NO_ADVICE}",
        warnings=tuple(list_cautions(evidence, outcome)),
        chart=draw_periods(plan, analysis, say),
        first=(
            _describe_result(plan, analysis),
            _describe_flow(evidence, outcome),
            _describe_blinding(evidence, analysis),
            _describe_harms(outcome, trial, harms),
        ),
        second=(
            _describe_methods(plan, trial),
            _describe_periods(plan, analysis),
            _describe_looks(analysis.sensitivity, plan.measure),
            _describe_limits(plan),
            _describe_proof(evidence, outcome),
        ),
        notice=NOTICE,
        label=LABEL,
    )


def _describe_result(plan: TrialPlan, analysis: Analysis) -> Section:
    rows = [("6a outcome", plan.measure.question)]
    effect = analysis.effect
    if effect is not None:
        kind = "all" if effect.exact else "a fixed sample of the"
        rows += [
            ("17a estimate", f"{effect.estimate:+.2f}, light minus none"),
            (
                "17a 95 % interval",
                f"{_format_end(effect.low, '-')} to {_format_end(effect.high, '+')}",
            ),
            ("17a p", f"{effect.p:.4f}, two-sided, {kind} {effect.allocations} allocations"),
        ]
    rows += [
        ("Matters", f"a change of {plan.measure.format_value(plan.matters)}"),
        ("16 analysed", f"{_count_used(analysis)} of {count(plan.periods, 'period')}"),
    ]
    return Section("Result", rows=tuple(rows))


def _count_used(analysis: Analysis) -> int:
    return sum(one.value is not None for one in analysis.periods)


def _describe_flow(evidence: Evidence, outcome: Outcome) -> Section:
    plan, analysis = evidence.trial.plan, outcome.analysis
    done, planned = len(outcome.truths), plan.sessions * plan.periods * len(plan.sites)
    ends = Counter(one.reason for one in outcome.log.sessions)
    early = {why: n for why, n in ends.items() if why not in ("time", "dose")}
    why = ", ".join(
        f"{name_end(code) if code else 'power lost'} ({n})" for code, n in early.items()
    )
    closed = ", ".join(str(period + 1) for period in outcome.log.closed)
    return Section(
        "Course of the trial (13)",
        rows=(
            ("Sessions", f"{done} of {planned} planned"),
            ("Ended early", why or "none"),
            ("Periods closed early", closed or "none"),
            (
                "Entries",
                f"{analysis.counted} days count, {analysis.after} were written after the session"
                f" and {analysis.late} on a later day",
            ),
            ("14 dates", f"enrolled {plan.enrolled.day}, baseline from {plan.baseline_from}"),
            ("15 baseline", describe_baseline(evidence)),
        ),
    )


def describe_baseline(evidence: Evidence) -> str:
    """Describe the numbers before the first day: the mean of each site."""
    plan = evidence.trial.plan
    known = {
        one.day: one.values
        for one in evidence.entries
        if plan.baseline_from <= one.day < plan.start and not one.late
    }
    if not known:
        return "no numbers"
    means = [
        f"{site.site} {fmean(values[n] for values in known.values()):.1f}"
        for n, site in enumerate(plan.sites)
    ]
    return f"{', '.join(means)}; {count(len(known), 'day')}"


def _describe_blinding(evidence: Evidence, analysis: Analysis) -> Section:
    plan = evidence.trial.plan
    two = plan.design == SIDES
    names = [f"light on {one.site}" for one in plan.sites] if two else ["light", "no light"]
    rows = [
        (f"Bang's index, {names[0]}", _format_index(analysis.active_guesses)),
        (f"Bang's index, {names[1]}", _format_index(analysis.sham_guesses)),
    ]
    whys = [f"{g.guess.period + 1}: {g.guess.why}" for g in evidence.guesses if g.guess.why]
    if whys:
        rows.append(("Reasons by period", "; ".join(whys)))
    sentence = "1: every guess right, 0: as good as chance, -1: every guess wrong."
    return Section("Blinding (11a)", (sentence,), tuple(rows))


def _format_index(index: BangIndex | None) -> str:
    if index is None:
        return "no guess"
    return f"{index.index:+.2f} ({index.low:+.2f} to {index.high:+.2f}), guesses: {index.n}"


def _describe_harms(outcome: Outcome, trial: Trial, harms: Sequence[str]) -> Section:
    faults = sum(one.reason == "fault" for one in outcome.log.sessions)
    rows = [
        ("Journal", "; ".join(harms) or "no red flag and no finding on the skin"),
        ("Sessions ended by a fault", str(faults)),
        ("Ended early", trial.reason if trial.how in (UNBLINDED, ENDED) else "no"),
    ]
    return Section("Harms (19)", rows=tuple(rows))


def _describe_methods(plan: TrialPlan, trial: Trial) -> Section:
    sites = "; ".join(
        f"{one.site}: {one.minutes:g} min at {one.near_infrared_pm / 10:g} % of near infrared"
        for one in plan.sites
    )
    asked = plan.asked
    looks = f", {asked.looks_at_skin} looks at the skin" if asked.looks_at_skin else ""
    return Section(
        "Methods, as frozen before the first session",
        rows=(
            (
                "2a why",
                "light is sold for such uses with mixed evidence; one person can compare it with"
                " darkness without knowing which is which",
            ),
            ("2b objective", plan.aim),
            ("3a design", describe_design(plan)),
            ("3b changes", "none are possible after the freeze"),
            ("4a person", f"numb sites: {'yes' if asked.numb else 'no'}{looks}"),
            ("4a other treatment", "; ".join(plan.others) or "none named"),
            ("4b setting", "at home"),
            ("4c ethics", "no committee was asked: one person about themselves"),
            ("5 light", f"{sites}; {count(plan.sessions, 'session')} a period and site, or none"),
            (
                "7a power",
                f"{100 * plan.promise.power:.0f} of 100 simulated trials, for an effect with a time"
                f" constant of {plan.promise.tau_days:g} days",
            ),
            ("7b stopping", "early for worse at any time; no look at the result before the end"),
            ("8 sequence", "drawn by the wrap from a secret of wrap and host"),
            ("9 concealment", f"commitment {trial.commitment[:16]} in the wrap's log"),
            ("10 who", "the wrap allocates; the person enrols, treats and measures"),
            ("12a test", f"{FIXED['test']}; {FIXED['interval']}"),
            ("12b missing", str(FIXED["missing"])),
            ("12c entries", str(FIXED["entry"])),
            ("23, 24 plan", f"SHA-256 {trial.sha}"),
            ("25 funding", "none"),
        ),
    )


def _describe_periods(plan: TrialPlan, analysis: Analysis) -> Section:
    rows = []
    for one in analysis.periods:
        if plan.design == SIDES:
            light = plan.sites[0 if one.active else 1].site
        else:
            light = "light" if one.active else "none"
        value = "missing" if one.value is None else f"{one.value:+.2f}"
        first = one.first_day.isoformat() if one.first_day else "no session"
        rows.append(
            (
                f"{one.number + 1}, from {first}",
                f"light: {light}; {value}; {count(one.entries, 'day')},"
                f" {count(one.sessions, 'session')}",
            )
        )
    what = f"{plan.sites[0].site} minus {plan.sites[1].site}" if plan.design == SIDES else "mean"
    return Section("Periods", (f"Value of a period: {what} of the days that count.",), tuple(rows))


def _describe_looks(looks: Sequence[Sensitivity], measure: Measure) -> Section:
    rows = []
    for one in looks:
        text = "too few periods" if one.estimate is None else f"{one.estimate:+.2f}"
        text += "" if one.p is None else f", p = {one.p:.3f}"
        rows.append((SENSITIVITIES[one.name].capitalize(), text))
    sentence = "They decide nothing: they show how much the result depends on its rules."
    return Section("Other looks (18)", (sentence,), tuple(rows))


def _describe_limits(plan: TrialPlan) -> Section:
    return Section(
        "Limits (20 to 22)",
        (
            "The result is about this person, these sites and this light. An effect that comes and"
            " goes slowly reaches into the next period, and makes the difference smaller.",
            "850 nm can be seen by phone cameras, and some emitters glow faintly: the guesses show"
            " how much that mattered.",
        ),
    )


def _describe_proof(evidence: Evidence, outcome: Outcome) -> Section:
    lit = [one for one in outcome.truths if one.active]
    hidden = find_hidden(evidence.log.channels)
    on_ms = [sum(on for on, its in zip(one.on_ms, hidden, strict=True) if its) for one in lit]
    dose = sum(sum(uj or 0 for uj in one.doses_uj) for one in lit)
    known = all(None not in one.doses_uj for one in outcome.truths)
    return Section(
        "True doses, decrypted after the reveal",
        ("`pbmwrap trial export` and `trial verify` repeat all of this on another machine.",),
        (
            ("Sessions with light", f"{len(lit)} of {len(outcome.truths)}"),
            ("Near infrared, time at full duty", f"{sum(on_ms) / 60_000:.1f} min in all"),
            ("Dose", f"{dose / 1e6:.1f} J/cm2 in all" if known else "not calibrated: not known"),
            ("Secret", evidence.trial.secret),
            ("Wrap", evidence.log.uid),
        ),
    )


def list_own_texts(evidence: Evidence, name: str) -> list[str]:
    """List what the person has written of what the report shows: in no language but theirs."""
    trial = evidence.trial
    plan = trial.plan
    whys = [(one.guess.period + 1, one.guess.why) for one in evidence.guesses if one.guess.why]
    reasons = [f"{number}: {why}" for number, why in whys]
    found = [name, plan.aim, trial.reason, plan.asked.looks_at_skin, *plan.others, *reasons]
    found += ["; ".join(plan.others), "; ".join(reasons)]
    if plan.measure.code != PAIN.code:
        found.append(plan.measure.question)
    return [text for text in found if text]


def format_text(report: Report) -> str:
    """Format a report as plain text."""
    lines = [report.title, report.subtitle, ""]
    lines += [f"{report.label.upper()}: {report.verdict}", report.verdict_text]
    lines += [f"! {text}" for text in report.warnings]
    for section in (*report.first, *report.second):
        lines += ["", section.title, *section.sentences]
        width = min(32, max((len(label) for label, _ in section.rows), default=0))
        lines += [f"  {label:<{width}}  {text}" for label, text in section.rows]
    return "\n".join([*lines, "", report.notice])
