"""Leads a trial: protocols and secret for the wrap, its progress, the reveal, the evidence.

Commands and pages use the same functions; nothing here is formatted for people but errors and
hints. The wrap decides; this side only asks it, and reads its sealed log.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pbmwrap.device.answers import require_kind
from pbmwrap.device.models import BLIND_STATES
from pbmwrap.errors import DeviceError, Refused, UsageError, VerifyFailed, WrapError
from pbmwrap.logs.archive import Archive
from pbmwrap.logs.summary import read_wrap_info
from pbmwrap.programme import trials
from pbmwrap.programme.attribution import SessionBook, list_unattributed, list_uses
from pbmwrap.programme.journal import find_zone, list_history
from pbmwrap.programme.model import BASELINE_DAYS, Person
from pbmwrap.programme.people import list_people
from pbmwrap.programme.store import Store
from pbmwrap.programme.times import make_stamp
from pbmwrap.programme.trials import Trial, TrialEntry, TrialGuess
from pbmwrap.protocols.encode import dump_canonical, encode_draft, sha256
from pbmwrap.trial.analysis import choose_entries, find_first_sessions, find_period_starts
from pbmwrap.trial.bundle import (
    Evidence,
    LogCopy,
    date_sessions,
    decode_trial_log,
)
from pbmwrap.trial.plan import TrialPlan, TrialSite
from pbmwrap.trial.sealed_log import TrialLog, find_hidden
from wrap.errors import UNKNOWN_METHOD
from wrap.rules import blinding, limits
from wrap.rules import protocol as rules

if TYPE_CHECKING:
    from pbmwrap.device.client import Client
    from pbmwrap.device.models import Hello

RAMP_S = 2
MOST_REASON = 80  # characters that a wrap keeps


# ---- protocols


@dataclass(frozen=True)
class SiteProtocol:
    """A protocol of a trial: what the wrap stores, and the site in the plan."""

    site: TrialSite
    raw: bytes


def make_protocols(
    sites: Sequence[str],
    tag: str,
    minutes: float,
    level_pm: int,
    channels: Sequence[tuple[str, int]],
    most_pm: int = limits.TRIAL_NIR_PM,
) -> list[SiteProtocol]:
    """Make the protocol of each site: near infrared for a time, and no visible light.

    level_pm: permille of full duty of each channel beyond 700 nm; most_pm: the most of it that a
    trial of this wrap may have (`pbmwrap.trial.heat_test.find_most_pm`). Raises UsageError for
    what a trial cannot play, and Refused for a wrap without near infrared.
    """
    hidden = [name for (name, _), its in zip(channels, find_hidden(channels), strict=True) if its]
    if not hidden:
        raise Refused("this wrap has no near infrared", "visible light cannot be blinded")
    if not 1 <= level_pm <= most_pm:
        raise UsageError(
            f"{level_pm / 10:g} % of near infrared is outside 0.1 to {most_pm / 10:g} %",
            "more warms the skin so that it can be felt",
        )
    found = []
    for number, site in enumerate(sites, 1):
        lamps = {name: {"intensity": Decimal(level_pm) / 10} for name in hidden}
        table = {
            "schema": 1,
            "id": f"trial-{number}",
            "name": "Blinded trial",
            "site": site,
            "ramp_s": RAMP_S,
            "step": [{"duration_s": round(minutes * 60), **lamps}],
        }
        content = encode_draft(table) | {"person": tag}
        problems = rules.find_problems(content, dict(channels))
        if problems:
            raise UsageError(
                f"{site}: {rules.problem_text(problems[0]).strip()}", "choose other values"
            )
        raw = dump_canonical(content)
        plan_site = TrialSite(site, content["id"], sha256(raw), minutes, level_pm)
        found.append(SiteProtocol(plan_site, raw))
    return found


def store_protocols(client: Client, protocols: Iterable[SiteProtocol], tag: str) -> dict[str, int]:
    """Store the protocols on the wrap, verified, and activate the first; returns {site: slot}.

    Raises UsageError when no slot is free, DeviceError, LinkLost, VerifyFailed.
    """
    found: dict[str, int] = {}
    for one in protocols:
        slot = client.protocols().choose_slot(one.site.protocol_id, tag)
        if slot is None:
            raise UsageError("all slots are in use", "empty one: `pbmwrap protocol delete SLOT`")
        client.flash_protocol(slot, one.raw, one.site.protocol_sha)
        client.verify_protocol(slot, one.raw)
        found[one.site.site] = slot
    client.activate(next(iter(found.values())))
    return found


def require_settings(client: Client, minutes: float, sessions_a_week: int, sites: int) -> None:
    """Refuse a plan that the wrap's own limits would refuse session by session. Raises Refused."""
    settings = client.settings()
    wanted = {
        "time_s": (minutes * 60, "a session of this length"),
        "light_day_s": (sites * minutes * 60, "the light of a day with all sites"),
        "site_week": (sessions_a_week, "so many sessions a week"),
    }
    for name, (needed, what) in wanted.items():
        most = settings.get(name)
        if isinstance(most, int) and needed > most:
            raise Refused(
                f"the wrap's setting {name} is {most} and does not allow {what} ({needed:g})",
                "plan less; settings can only be made stricter",
            )


def activate_site(client: Client, plan: TrialPlan, site: str) -> int:
    """Let button and `run` start the session of a site; returns its slot. Raises Refused when the
    wrap does not have the plan's protocol."""
    wanted = next((one for one in plan.sites if one.site == site), None)
    if wanted is None:
        sites = ", ".join(one.site for one in plan.sites)
        raise UsageError(f"{site} is no site of the trial", f"write one of {sites}")
    for slot, stored in enumerate(client.protocols().slots):
        if stored is None or stored.id != wanted.protocol_id:
            continue
        if (stored.person or "") == plan.person:
            if sha256(client.read_protocol(slot)) != wanted.protocol_sha:
                break
            client.activate(slot)
            return slot
    raise Refused(
        f"the wrap has not the trial's protocol for {site}",
        "run `pbmwrap trial start` again: it stores the protocols of the frozen plan",
    )


# ---- the wrap


def read_wrap_trial(client: Client) -> dict[str, Any]:
    """Return what the wrap says of its trial (`trial.get`). Raises Refused for one that is too old
    to keep a secret."""
    try:
        return require_kind(client.call("trial.get"), dict)
    except DeviceError as problem:
        if problem.device_code != UNKNOWN_METHOD:
            raise
        raise Refused(
            "this wrap's firmware has no blinded trials",
            "put the image on it: `pbmwrap install` with the board in BOOTSEL mode; firmware that"
            " is installed as files leaves them out",
        ) from problem


def refuse_busy_wrap(now: Mapping[str, Any]) -> None:
    """Refuse a wrap that keeps another trial's secret. now: as `read_wrap_trial` returns it. Raises
    Refused."""
    if now["state"] in BLIND_STATES:
        raise Refused(
            f"the wrap is in trial {now['id']}, which is not over",
            "finish it first: `pbmwrap trial reveal`, or `pbmwrap trial unblind` (with"
            " --unknown, if this machine does not know it)",
        )


def arm_trial(
    client: Client, hello: Hello, store: Store, person: Person, trial: Trial, unix_ms: int
) -> Trial:
    """Let the wrap draw the secret and keep the plan; returns the armed trial.

    A wrap that has taken it already, before this machine could note it, is asked for its
    commitment. Raises Refused while the wrap is in another blind trial, DeviceError, LinkLost.
    """
    plan = trial.plan
    now = read_wrap_trial(client)
    same = now.get("id") == plan.id and now.get("plan_sha") == trial.sha
    if not same:
        refuse_busy_wrap(now)
        now = client.call(
            "trial.arm",
            {
                "id": plan.id,
                "person": plan.person,
                "design": plan.design,
                "sites": [one.site for one in plan.sites],
                "periods": plan.periods,
                "sessions": plan.sessions,
                "plan_sha": trial.sha,
                "random": secrets.token_hex(blinding.SECRET_BYTES),
            },
        )
    more = {"uid": hello.uid, "commitment": str(now["commitment"])}
    return trials.note_trial(store, person, trial, trials.ARMED, unix_ms, **more)


def is_open_here(store: Store, of_wrap: Mapping[str, Any]) -> bool:
    """Whether the wrap's trial is one of this household that is not over. of_wrap: as
    `read_wrap_trial` returns it."""
    return any(
        trial.is_open and trial.plan.id == of_wrap["id"] and trial.sha == of_wrap["plan_sha"]
        for person in list_people(store)
        for trial in trials.list_trials(store, person)
    )


def require_own_wrap(hello: Hello, trial: Trial) -> None:
    """Refuse another wrap than the one that keeps the secret. Raises Refused."""
    if not trial.armed:
        raise Refused(
            f"no wrap has taken trial {trial.plan.id} yet", "run `pbmwrap trial start` again"
        )
    if hello.uid != trial.uid:
        raise Refused(
            f"trial {trial.plan.id} is in wrap {trial.uid}, and this is {hello.uid}",
            "connect that wrap; if it is lost: `pbmwrap trial unblind --without-wrap`",
        )


def require_wrap_knows(client: Client, trial: Trial) -> dict[str, Any]:
    """Return what the wrap says of this trial. Raises Refused when it has another or none."""
    now = read_wrap_trial(client)
    if now.get("id") != trial.plan.id or now.get("plan_sha") != trial.sha:
        said = "its record was lost" if now.get("damaged") else "its flash was erased, or reset"
        raise Refused(
            f"the wrap does not know trial {trial.plan.id}: {said}",
            "the secret is gone: `pbmwrap trial unblind --without-wrap` ends the trial here",
        )
    return now


@contextmanager
def pulling_on_failure(pull: Callable[[], None]) -> Iterator[None]:
    """Pull the wrap's log when the body fails: what the wrap has done and this machine could not
    keep is then in its log here, and `trial status` says it."""
    try:
        yield
    except WrapError:
        with suppress(WrapError):
            pull()
        raise


def note_closings(
    store: Store, person: Person, trial: Trial, closed: Iterable[int], unix_ms: int
) -> list[int]:
    """Keep the periods that the log says were closed and this machine could not note at the time;
    returns them, from 0. closed: by the log."""
    lost = [n for n in closed if n not in trial.closed]
    for period in lost:
        trials.note_trial(store, person, trial, trials.CLOSED, unix_ms, period=period)
    return lost


def close_period(
    client: Client, store: Store, person: Person, trial: Trial, unix_ms: int
) -> tuple[Trial, int]:
    """End the period under way early; returns the trial and the period's number, from 0."""
    period = int(require_wrap_knows(client, trial)["period"])
    client.call("trial.close", {"period": period})
    more = {"period": period}
    return trials.note_trial(store, person, trial, trials.CLOSED, unix_ms, **more), period


def take_secret(
    answer: dict[str, Any], store: Store, person: Person, trial: Trial, unix_ms: int
) -> Trial:
    """Verify the revealed secret and keep it. answer: of trial.reveal or trial.unblind. Raises
    VerifyFailed when it is not the one that the wrap committed to."""
    secret = str(answer.get("secret", ""))
    made = blinding.commit(bytes.fromhex(secret), bytes.fromhex(trial.sha)).hex()
    if made != trial.commitment:
        raise VerifyFailed(
            f"the secret of trial {trial.plan.id} does not fit the commitment of the wrap",
            "secret or plan was changed: no result can be trusted; nothing was stored",
        )
    reason = str(answer.get("reason", ""))
    what = trials.UNBLINDED if reason else trials.REVEALED
    return trials.note_trial(store, person, trial, what, unix_ms, secret=secret, reason=reason)


def fit_reason(reason: str) -> str:
    """Return a reason as a wrap can keep it: printable ASCII, MOST_REASON characters. Raises
    UsageError for an empty one."""
    plain = " ".join(reason.split()).encode("ascii", "replace").decode()[:MOST_REASON]
    if not plain.strip("? "):
        raise UsageError("the reason is empty", 'write why: --reason "it got worse"')
    return plain


# ---- progress and evidence


@dataclass(frozen=True)
class Progress:
    """How far a trial is, by its log as it was last pulled.

    today: the person's day. period: under way, from 0; `periods` when all are over. planned: the
    period of the calendar, -1 before the start. counts: sessions of each site in it. next_site: the
    one that has had fewer. entered: whether today has numbers that count; first_ms: UTC of the
    first session of each day; over: periods whose last day has passed; due: those without a guess;
    reveal_from: the day after the last one whose numbers count, None while periods are left.
    warnings: what threatens the trial; steps: what to do now.
    """

    trial: Trial
    today: date
    log: TrialLog
    period: int
    planned: int
    counts: tuple[int, ...]
    next_site: str
    entered: bool
    days_entered: int
    first_ms: Mapping[date, int]
    over: tuple[int, ...]
    due: tuple[int, ...]
    reveal_from: date | None
    warnings: tuple[str, ...]
    steps: tuple[str, ...]


def find_trial_log(archive: Archive, trial: Trial) -> tuple[LogCopy, TrialLog] | None:
    """Find the archived log in which the trial was armed, and read the trial out of it; None
    without one. After `logs pull --anew` it is the copy that was set aside. The wrap may have taken
    a trial that this machine does not know to be armed: its plan's hash names it."""
    for uid in archive.uids():
        if trial.uid and uid.partition(".")[0] != trial.uid:
            continue
        kept = archive.wrap(uid)
        channels = read_wrap_info(uid, kept.about()).channels
        copy = LogCopy(uid, channels, tuple(kept.extents()), tuple(kept.list_marks()))
        log = decode_trial_log(copy, trial.plan.id)
        taken = bool(log.commitment) and log.plan_sha == trial.sha
        if log.commitment == trial.commitment if trial.armed else taken:
            return copy, log
    return None


def find_period(log: TrialLog, plan: TrialPlan) -> int:
    """Return the period under way, from 0, by the sessions and closings in the log."""
    period = 0
    while period < plan.periods and (
        period in log.closed
        or all(log.count_sessions(period, one.site) >= plan.sessions for one in plan.sites)
    ):
        period += 1
    return period


def read_progress(
    store: Store, person: Person, trial: Trial, book: SessionBook, archive: Archive, unix_ms: int
) -> Progress:
    """Read how far a trial is."""
    plan = trial.plan
    zone = find_zone(list_history(store, person), person)
    today = make_stamp(unix_ms, zone).day
    pulled = find_trial_log(archive, trial)
    log = pulled[1] if pulled else TrialLog(plan.id)
    period = find_period(log, plan)
    counts = tuple(log.count_sessions(period, one.site) for one in plan.sites)
    entries = trials.list_trial_entries(store, person, trial)
    offsets = _find_offsets(store, person, log, pulled[0].uid if pulled else "", book)
    sessions = date_sessions(log, offsets)
    chosen = choose_entries([entry.for_analysis() for entry in entries], sessions)
    guessed = {one.guess.period for one in trials.list_guesses(store, person, trial)}
    starts = find_period_starts(plan.analysis, sessions)
    over = tuple(n for n in range(period) if _is_over(n, plan, starts, log, today))
    due = tuple(n for n in over if n not in guessed) if trial.is_open else ()
    planned = plan.planned_period(today)
    fewest = counts.index(min(counts))
    found = Progress(
        trial,
        today,
        log,
        period,
        planned,
        counts,
        plan.sites[fewest].site,
        today in chosen.values,
        len(chosen.values),
        find_first_sessions(sessions),
        over,
        due,
        _find_reveal_day(period, plan, starts, today),
        (),
        (),
    )
    other = find_other_light(store, person, trial, log, book)
    unclaimed = len(list_unattributed(store, book))
    return _advise(found, pulled is not None, other, unclaimed)


def _is_over(
    number: int, plan: TrialPlan, starts: Sequence[date | None], log: TrialLog, today: date
) -> bool:
    """Whether a period's last day has passed. The wrap goes on after its last session, and its days
    go on until the next one begins."""
    start = starts[number]
    return (
        start is None
        or number in log.closed
        or any(starts[number + 1 :])
        or today >= start + timedelta(days=plan.days)
    )


def _find_reveal_day(
    period: int, plan: TrialPlan, starts: Sequence[date | None], today: date
) -> date | None:
    """Return the day after the last one whose numbers count, None while periods are left."""
    if period < plan.periods:
        return None
    last = starts[-1]
    return today if last is None else last + timedelta(days=plan.days)


def _advise(found: Progress, pulled: bool, other: Sequence[date], unclaimed: int) -> Progress:
    """Add warnings and next steps."""
    trial, plan = found.trial, found.trial.plan
    warnings, steps = [], []
    if not trials.is_frozen_plan_whole(trial):
        warnings.append("The plan differs from the one that was frozen: the trial proves nothing.")
    if not plan.waited:
        warnings.append(
            f"The {BASELINE_DAYS} days of baseline do not begin 7 days after the trial was made:"
            " people begin when it is worst. The comparison of light and none is not touched."
        )
    if other:
        warnings.append(
            f"A site of the trial got light outside of the trial on {_join_days(other)}: use only"
            " the trial's protocols there."
        )
    if unclaimed:
        warnings.append(
            f"Nobody has said whose {unclaimed} logged sessions are: see `pbmwrap person sessions`."
        )
    if trial.is_open and not trial.armed and found.log.commitment:
        warnings.append("A wrap has taken the plan, and this computer has not kept that.")
    if trial.is_open and found.log.is_over:
        warnings.append("The wrap has given its secret, and this computer has not kept it.")
    if not trial.is_open:
        if trial.secret:
            steps.append("see the result: `pbmwrap trial report`")
    elif not trial.armed:
        steps.append("connect the wrap and run `pbmwrap trial start` again")
    elif not pulled:
        steps.append("connect the wrap and run `pbmwrap logs pull`")
    elif found.log.is_over:
        steps.append("connect the wrap: `pbmwrap trial reveal` takes the secret over")
    else:
        steps += _list_steps(found)
    return replace(found, warnings=tuple(warnings), steps=tuple(steps))


def _list_steps(found: Progress) -> list[str]:
    """List what to do now in a trial that runs."""
    plan = found.trial.plan
    steps = []
    if found.due:
        numbers = ", ".join(str(n + 1) for n in found.due)
        steps.append(f"say what you think period {numbers} was: `pbmwrap trial guess`")
    if found.period >= plan.periods:
        if found.reveal_from and found.today < found.reveal_from:
            last = found.reveal_from - timedelta(days=1)
            steps.append(f"no more sessions; write numbers until {last}: `pbmwrap trial entry`")
        else:
            steps.append("the last period is over: `pbmwrap trial reveal`")
        return steps
    if not found.entered and found.today not in found.first_ms:
        steps.append("write today's numbers, before the session: `pbmwrap trial entry`")
    if found.planned < 0 and not found.log.sessions:
        steps.append(f"no light before {plan.start}: until then the numbers are the baseline")
    elif found.planned > found.period:
        steps.append(
            f"period {found.period + 1} should be over: have its sessions, or end it with"
            " `pbmwrap trial close`"
        )
    elif found.planned < found.period:
        first = plan.start + timedelta(days=found.period * plan.days)
        steps.append(f"this period's sessions are done: no light before {first}")
    else:
        steps.append(f"the next session is on {found.next_site}: `pbmwrap trial next`")
    return steps


def _join_days(days: Sequence[date]) -> str:
    shown = ", ".join(day.isoformat() for day in days[:3])
    return shown + (f" and {len(days) - 3} more" if len(days) > 3 else "")


def _find_offsets(
    store: Store, person: Person, log: TrialLog, uid: str, book: SessionBook
) -> dict[int, int]:
    """Return the minutes between local time and UTC for each session of the trial, by its n."""
    history = list_history(store, person)
    known = {
        use.number: use.start.offset_min
        for use in list_uses(store, person, book, history)
        if use.start and use.uid == uid
    }
    zone = find_zone(history, person)
    return {
        one.n: known.get(one.number, make_stamp(one.unix_ms, zone).offset_min)
        for one in log.sessions
        if one.unix_ms is not None
    }


def find_other_light(
    store: Store, person: Person, trial: Trial, log: TrialLog, book: SessionBook
) -> list[date]:
    """Find the days on which a site of the trial got light outside of it, since it was armed."""
    if trial.armed is None:
        return []
    sites = {one.site for one in trial.plan.sites}
    own = {one.number for one in log.sessions}
    end = trial.over.day if trial.over else date.max
    uses = list_uses(store, person, book, list_history(store, person))
    return sorted(
        {
            use.day
            for use in uses
            if use.site in sites
            and use.active_ms > 0
            and use.day is not None
            and trial.armed.day <= use.day <= end
            and not (use.uid.partition(".")[0] == trial.uid and use.number in own)
        }
    )


def collect_evidence(
    store: Store, person: Person, trial: Trial, book: SessionBook, archive: Archive
) -> Evidence:
    """Collect all that the result is computed from. Raises Refused before the reveal, and without
    the log."""
    pulled = find_trial_log(archive, trial)
    if trial.is_open and pulled and pulled[1].is_over:
        raise Refused(
            f"trial {trial.plan.id} is over on the wrap, and its secret was not kept here",
            "connect the wrap: `pbmwrap trial reveal` takes the secret over",
        )
    require_revealed(trial)
    if pulled is None:
        raise Refused(
            f"the log of wrap {trial.uid} with trial {trial.plan.id} is not on this machine",
            "connect the wrap and run `pbmwrap logs pull`",
        )
    copy, log = pulled
    entries: list[TrialEntry] = trials.list_trial_entries(store, person, trial)
    guesses: list[TrialGuess] = trials.list_guesses(store, person, trial)
    return Evidence(
        trial,
        tuple(entries),
        tuple(guesses),
        copy,
        _find_offsets(store, person, log, copy.uid, book),
        tuple(find_other_light(store, person, trial, log, book)),
    )


def require_revealed(trial: Trial) -> None:
    """Refuse to show a result before the secret is out. Raises Refused."""
    if trial.is_open:
        raise Refused(
            f"trial {trial.plan.id} is not revealed: nobody may see a result before its end",
            "see `pbmwrap trial status`; in an emergency: `pbmwrap trial unblind --reason WHY`",
        )
    if not trial.secret:
        raise Refused(
            f"trial {trial.plan.id} was ended without its wrap: nobody knows which had light",
            "there is no result; begin a new trial with `pbmwrap trial start`",
        )
