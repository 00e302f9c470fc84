"""The requests of the page Trial (docs/web.md): the planner, a day's numbers, guesses, the reveal.

All of it is what `pbmwrap trial` does, by the same functions. What imports numpy is imported inside
the handlers: the rest of the page works without it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from pbmwrap.device.client import Client
from pbmwrap.device.models import Hello
from pbmwrap.errors import Refused
from pbmwrap.logs.archive import Archive
from pbmwrap.programme import red_flags, times
from pbmwrap.programme.attribution import list_unattributed
from pbmwrap.programme.course_state import find_today
from pbmwrap.programme.model import Person
from pbmwrap.programme.store import Store
from pbmwrap.trial.planner import SPEEDS, compare_plans, import_power
from pbmwrap.web import programme_rows
from pbmwrap.web.answers import read_json
from pbmwrap.web.hub import Hub
from pbmwrap.web.programme import Fields, Programme, make_file_header, make_page_response
from pbmwrap.web.report_words import LANGUAGES, choose_words, translate_report
from pbmwrap.web.security import Refusal
from pbmwrap.web.trial_heat import find_last
from pbmwrap.web.trial_wishes import BOUNDS, CAUTIONS, read_wishes, require_confirmed
from wrap.version import VERSION

if TYPE_CHECKING:
    from pbmwrap.programme.clinician.contents import Report
    from pbmwrap.programme.trial_run import Progress
    from pbmwrap.programme.trial_start import Wishes
    from pbmwrap.programme.trial_steps import AtWrap
    from pbmwrap.programme.trials import Trial
    from pbmwrap.trial.bundle import Evidence, Outcome
    from pbmwrap.trial.plan import TrialPlan

CONFIRMED = 2  # presses that what cannot be undone needs
_OF_PLAN = ("sites", "weeks", "matters", "spread", "missing")  # what the planner asks
_plan_once = lru_cache(16)(compare_plans)


class TrialPages:
    """Handlers of the trial's requests. alone: only one log transfer at a time; raises Refusal."""

    def __init__(
        self,
        hub: Hub,
        archive: Archive,
        programme: Programme,
        alone: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._hub = hub
        self._archive = archive
        self._programme = programme
        self._alone = alone
        self._planning = threading.Lock()

    def list_requests(self) -> list[tuple[str, str, Callable[[Request], Any]]]:
        """Return (method, path, handler) of each request."""
        return [
            ("GET", "/api/trial", self.show_trial),
            ("GET", "/api/trial/plan", self.show_plan),
            ("POST", "/api/trial/draft", self.make_draft),
            ("POST", "/api/trial/start", self.start),
            ("POST", "/api/trial/send", self.send_again),
            ("POST", "/api/trial/entry", self.add_entry),
            ("POST", "/api/trial/next", self.choose_next),
            ("POST", "/api/trial/guess", self.add_guess),
            ("POST", "/api/trial/close", self.close_period),
            ("POST", "/api/trial/reveal", self.reveal),
            ("POST", "/api/trial/unblind", self.unblind),
            ("POST", "/api/trial/unknown", self.end_unknown),
            ("GET", "/api/trial/report", self.get_report),
            ("GET", "/api/trial/picture", self.get_picture),
            ("GET", "/api/trial/bundle", self.get_bundle),
        ]

    # ---- what is shown

    def show_trial(self, request: Request) -> dict[str, Any]:
        """Return a trial with its progress, and after the reveal its result; the open one, or the
        last."""
        wanted = request.query_params.get("id")
        with self._programme.open_asked_person(request) as found:
            return self._describe(*found, wanted) if found else {"person": None}

    def _describe(self, store: Store, person: Person, wanted: str | None = None) -> dict[str, Any]:
        import_power()
        from pbmwrap.programme import trials
        from pbmwrap.programme.clinician.chart import draw_picture
        from pbmwrap.programme.clinician.page_pdf import can_make_pdf
        from pbmwrap.web import trial_rows

        known, book = trials.list_trials(store, person), self._programme.read_book()
        answer: dict[str, Any] = {
            "person": {"tag": person.tag, "name": person.name},
            "today": find_today(store, person, times.read_unix_ms()).isoformat(),
            "trials": [trial_rows.describe_short(one) for one in known],
            "open_sessions": len(list_unattributed(store, book)),
            "flags": [
                programme_rows.describe_flag(f) for f in red_flags.list_unread(store, person)
            ],
            "notes": list(book.notes),
            "pdf": can_make_pdf(),
            "speeds": list(SPEEDS),
            "cautions": list(CAUTIONS),
            "most_level": self._find_most_level(),
            "heat": find_last(self._hub.connection.hello),
            "state": None,
            "result": None,
        }
        if known:
            trial = trials.find_trial(store, person, wanted)
            entries = trials.list_trial_entries(store, person, trial)
            guesses = trials.list_guesses(store, person, trial)
            progress = self._read_progress(store, person, trial)
            answer["state"] = trial_rows.describe_state(progress, entries, guesses)
            if trial.secret:
                try:
                    evidence, outcome = self._read_outcome(store, person, trial)
                except Refused as problem:  # the log is on another machine
                    answer["no_result"] = {"message": problem.message, "hint": problem.hint}
                else:
                    alt = draw_picture(
                        self._make_report(store, person, evidence, outcome).chart
                    ).alt
                    answer["result"] = trial_rows.describe_result(evidence, outcome, alt)
        return answer

    def _read_progress(self, store: Store, person: Person, trial: Trial) -> Progress:
        from pbmwrap.programme.trial_run import read_progress

        book, now = self._programme.read_book(), times.read_unix_ms()
        return read_progress(store, person, trial, book, self._archive, now)

    def show_plan(self, request: Request) -> dict[str, Any]:
        """Simulate the designs that fit and say whether one can answer (`pbmwrap trial plan`)."""
        given = {key: _read_bounded(request, key) for key in _OF_PLAN}
        speed = request.query_params.get("speed", "week")
        if speed not in SPEEDS:
            raise Refusal(400, "bad_param", f"speed must be one of {', '.join(SPEEDS)}")
        with self._plan_alone():
            return _plan_once(
                int(given["sites"]), int(given["weeks"]), speed,
                given["matters"], given["spread"], given["missing"],
            )  # fmt: skip

    @contextmanager
    def _plan_alone(self) -> Iterator[None]:
        """Simulate one plan at a time: it takes a core for seconds. Raises Refusal."""
        if not self._planning.acquire(blocking=False):
            hint = "wait until it has ended"
            raise Refusal(409, "busy", "trials are being simulated already", hint)
        try:
            yield
        finally:
            self._planning.release()

    def _find_most_level(self) -> float:
        """Return the most near infrared that a trial may have, percent, of the wrap seen last."""
        from pbmwrap.trial.heat_test import TRIAL_NIR_PM, find_most_pm

        hello = self._hub.connection.hello
        return (find_most_pm(hello) if hello else TRIAL_NIR_PM) / 10

    # ---- the begin

    def make_draft(self, request: Request) -> dict[str, Any]:
        """Make the plan of these wishes, with its power, and store nothing. `seen` names what was
        read of it."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            from pbmwrap.programme import trial_start
            from pbmwrap.web import trial_rows

            wishes = read_wishes(Fields(read_json(request)))
            plan = self._plan(store, person, wishes)
            return {
                "draft": trial_rows.describe_draft(plan),
                "seen": trial_start.hash_draft(plan),
            }

    def _plan(self, store: Store, person: Person, wishes: Wishes) -> TrialPlan:
        """Make a plan for the wrap that is connected. Raises Refused, UsageError, Refusal."""
        from pbmwrap.programme import trial_start, trials

        trials.refuse_for_whom_it_is_not(wishes.asked)
        trials.refuse_second(store, person)
        with self._hub.borrow() as (client, hello):
            trial_start.require_possible(client, wishes)
        with self._plan_alone():
            return trial_start.make_plan(store, person, wishes, hello, times.read_unix_ms())

    def start(self, request: Request) -> dict[str, Any]:
        """Freeze the plan that was read, and let the wrap draw the secret. Needs each caution
        confirmed."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            from pbmwrap.programme import trial_start

            asked = Fields(read_json(request))
            wishes = read_wishes(asked)
            require_confirmed(asked)
            plan = self._plan(store, person, wishes)
            if trial_start.hash_draft(plan) != asked.text("seen"):
                hint = "read it again, and confirm it"
                raise Refusal(409, "changed", "the plan is not the one that you read", hint)
            with self._alone(), self._hub.borrow() as (client, hello):
                trial_start.require_possible(client, wishes)
                trial = trial_start.freeze_plan(store, person, plan, times.read_unix_ms())
                self._send(client, hello, store, person, trial)
            self._hub.refresh()
            return self._describe(store, person, plan.id)

    def send_again(self, request: Request) -> dict[str, Any]:
        """Send the frozen plan to the wrap again: it may have lost its protocols, or never have
        taken it."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            trial = _find_named(store, person, Fields(read_json(request)))
            if trial.is_open:
                with self._alone(), self._hub.borrow() as (client, hello):
                    self._send(client, hello, store, person, trial)
                self._hub.refresh()
            return self._describe(store, person, trial.plan.id)

    def _send(
        self, client: Client, hello: Hello, store: Store, person: Person, trial: Trial
    ) -> None:
        from pbmwrap.programme import trial_start

        at = self._make_hands(client, hello, store, person)
        trial_start.send_to_wrap(client, hello, store, person, trial, at.read_ms, at.pull)

    # ---- while it is blind

    def add_entry(self, request: Request) -> dict[str, Any]:
        """Write today's numbers, one for each site, or those of an earlier `day`. After the day's
        session, and on a later day, they do not count."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            from pbmwrap.programme.trial_steps import is_after_session, require_blind
            from pbmwrap.programme.trials import add_trial_entry

            asked = Fields(read_json(request))
            trial = _find_named(store, person, asked)
            now = times.read_unix_ms()
            numbers = asked.numbers("values")
            about = asked.day("day")
            progress = self._read_progress(store, person, trial)
            require_blind(trial, progress)
            entry = add_trial_entry(store, person, trial, numbers, now, day=about, way="web")
            after = is_after_session(progress, entry)
            stored = {
                "day": entry.day.isoformat(),
                "values": list(entry.values),
                "late": entry.late,
                "counts": not entry.late and not after,
            }
            return {**self._describe(store, person, trial.plan.id), "stored": stored}

    def choose_next(self, request: Request) -> dict[str, Any]:
        """Let button and Start begin the session of a site, by default the one with fewer."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            from pbmwrap.programme import trial_steps

            asked = Fields(read_json(request))
            trial = _find_named(store, person, asked)
            with self._alone(), self._hub.borrow() as (client, hello):
                at = self._make_hands(client, hello, store, person)
                _, site, slot = trial_steps.choose_next(at, trial, asked.text("site") or None)
            self._hub.refresh()
            chosen = {"site": site, "slot": slot}
            return {**self._describe(store, person, trial.plan.id), "chosen": chosen}

    def add_guess(self, request: Request) -> dict[str, Any]:
        """Keep what the person thinks a period was."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            from pbmwrap.programme.trial_steps import make_guess

            asked = Fields(read_json(request))
            trial = _find_named(store, person, asked)
            progress = self._read_progress(store, person, trial)
            make_guess(
                store,
                person,
                trial,
                progress,
                asked.text("guess"),
                asked.whole("confidence") or 0,
                asked.text("why"),
                asked.whole("period"),
                times.read_unix_ms(),
            )
            return self._describe(store, person, trial.plan.id)

    # ---- the end

    def close_period(self, request: Request) -> dict[str, Any]:
        """End the period under way early. Needs its number, and `confirmed` with the presses."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            from pbmwrap.programme import trial_steps

            asked = Fields(read_json(request))
            _require_presses(asked, "this ends the period, for good")
            period = asked.whole("period")
            if period is None:
                raise Refusal(400, "bad_param", "period must be a whole number")
            trial = _find_named(store, person, asked)
            with self._alone(), self._hub.borrow() as (client, hello):
                at = self._make_hands(client, hello, store, person)
                lost = trial_steps.note_lost_closings(at, store, person, trial)
                if not lost:
                    trial_steps.close_period(at, store, person, trial, period)
            return {**self._describe(store, person, trial.plan.id), "noted": lost}

    def reveal(self, request: Request) -> dict[str, Any]:
        """Ask the wrap for the secret after the last period, and verify what it did."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            from pbmwrap.programme import trial_steps

            asked = Fields(read_json(request))
            early = asked.flag("early")  # numbers that still count will be missing
            if early:
                _require_presses(asked, "this ends the trial, for good")
            trial = _find_named(store, person, asked)
            if trial.is_open:
                with self._alone(), self._hub.borrow() as (client, hello):
                    at = self._make_hands(client, hello, store, person)
                    trial_steps.reveal(at, store, person, trial, early)
            return self._describe(store, person, trial.plan.id)

    def unblind(self, request: Request) -> dict[str, Any]:
        """End the blinding at once. Needs a reason, and `confirmed` with the presses made. A log
        transfer does not delay it. `without_wrap`: the wrap is lost, so nothing is revealed."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            from pbmwrap.programme import trial_steps

            asked = Fields(read_json(request))
            _require_presses(asked, "this ends the trial, for good")
            trial = _find_named(store, person, asked)
            if trial.is_open and (asked.flag("without_wrap") or not trial.armed):
                now, reason = times.read_unix_ms(), asked.text("reason")
                trial_steps.end_without_wrap(store, person, trial, reason, now)
            elif trial.is_open:
                with self._hub.borrow() as (client, hello):
                    at = self._make_hands(client, hello, store, person, waits=False)
                    trial_steps.unblind(at, store, person, trial, asked.text("reason"))
                self._hub.refresh()
            return self._describe(store, person, trial.plan.id)

    def end_unknown(self, request: Request) -> dict[str, Any]:
        """End the wrap's trial that is none of this household: of another computer, or of a person
        who was forgotten. Needs a reason, and `confirmed` with the presses made."""
        with self._programme.open_person(request, changes=True) as (store, person):
            import_power()
            from pbmwrap.programme import trial_steps

            asked = Fields(read_json(request))
            _require_presses(asked, "this ends the trial, for good")
            with self._hub.borrow() as (client, _):
                trial_steps.end_unknown(client, store, asked.text("reason"))
            self._hub.refresh()
            return self._describe(store, person)

    def _make_hands(
        self, client: Client, hello: Hello, store: Store, person: Person, waits: bool = True
    ) -> AtWrap:
        """Return what the steps at a wrap need. waits: False leaves the log to a transfer that is
        under way."""
        from pbmwrap.logs.pull import pull_into_archive
        from pbmwrap.programme.trial_steps import AtWrap

        def pull() -> None:
            if waits:
                pull_into_archive(client, hello, self._archive, _drop)
                return
            try:
                with self._alone():
                    pull_into_archive(client, hello, self._archive, _drop)
            except Refusal:
                return  # the page says that the log is not here yet

        return AtWrap(
            client,
            hello,
            pull,
            lambda trial: self._read_progress(store, person, trial),
            times.read_unix_ms,
            _drop,
        )

    # ---- the result

    def _read_outcome(self, store: Store, person: Person, trial: Trial) -> tuple[Evidence, Outcome]:
        from pbmwrap.programme.trial_run import collect_evidence
        from pbmwrap.trial.bundle import compute_outcome

        book = self._programme.read_book()
        evidence = collect_evidence(store, person, trial, book, self._archive)
        return evidence, compute_outcome(evidence)

    def _make_report(
        self,
        store: Store,
        person: Person,
        evidence: Evidence,
        outcome: Outcome,
        language: str = "en",
    ) -> Report:
        from pbmwrap.programme.trial_steps import list_harms
        from pbmwrap.trial.report import list_own_texts, make_trial_report

        own = list_own_texts(evidence, person.name)
        harms = list_harms(store, person, evidence.trial)
        simulated = self._hub.world is not None
        say = choose_words(language, own)
        made = make_trial_report(evidence, outcome, person.name, VERSION, harms, simulated, say)
        return translate_report(made, language, own)

    def _read_report(self, request: Request) -> Report:
        with self._programme.open_person(request) as (store, person):
            import_power()
            from pbmwrap.programme.trials import find_trial

            trial = find_trial(store, person, request.query_params.get("id"))
            language = request.query_params.get("language", "en")
            if language not in LANGUAGES:
                raise Refusal(400, "bad_param", f"language must be one of {', '.join(LANGUAGES)}")
            evidence, outcome = self._read_outcome(store, person, trial)
            return self._make_report(store, person, evidence, outcome, language)

    def get_report(self, request: Request) -> Response:
        """Return the report after the reveal: a page, or a PDF with `?kind=pdf`."""
        from pbmwrap.programme.clinician import page_html, page_pdf

        made = self._read_report(request)
        if request.query_params.get("kind") != "pdf":
            return make_page_response(page_html.make_page(made))
        headers = make_file_header("trial.pdf")
        return Response(page_pdf.make_pdf(made), media_type="application/pdf", headers=headers)

    def get_picture(self, request: Request) -> Response:
        """Return the report's picture of the periods, after the reveal."""
        from pbmwrap.programme.clinician.chart import draw_picture

        svg = draw_picture(self._read_report(request).chart).svg
        return Response(svg, media_type="image/svg+xml")

    def get_bundle(self, request: Request) -> Response:
        """Return all data of a revealed trial, from which anybody can repeat it."""
        with self._programme.open_person(request) as (store, person):
            import_power()
            from pbmwrap.programme.trials import find_trial
            from pbmwrap.trial import bundle as bundles

            trial = find_trial(store, person, request.query_params.get("id"))
            evidence, outcome = self._read_outcome(store, person, trial)
            chain = bundles.select_chain(store.read_chain(), person.tag)
            text = bundles.format_bundle(bundles.make_bundle(evidence, chain, outcome, VERSION))
        headers = make_file_header(f"{trial.plan.id}.json")
        return Response(text, media_type="application/json", headers=headers)


def _find_named(store: Store, person: Person, asked: Fields) -> Trial:
    """Find the trial that the page shows: another one may have begun in another window. Raises
    UsageError."""
    from pbmwrap.programme.trials import find_trial

    return find_trial(store, person, asked.text("id") or None)


def _require_presses(asked: Fields, what: str) -> None:
    """Refuse what was not confirmed by a second press. Raises Refusal."""
    if asked.whole("confirmed") != CONFIRMED:
        raise Refusal(409, "unconfirmed", what, "confirm it twice")


def _read_bounded(request: Request, key: str) -> float:
    default, least, most = BOUNDS[key]
    try:
        value = float(request.query_params.get(key, default))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Refusal(400, "bad_param", f"{key} must be a number from {least} to {most}")
    return value


def _drop(text: str) -> None:
    """Take a note that the page shows anyway: of the log, and of guesses that are missing."""
