"""The requests of the programme: people, journal, course and report (docs/web.md).

Each browser chooses a person; from then on it sees and changes what is theirs, and nothing of the
others but their names. The choice ends with the login.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pbmwrap.errors import InvalidFile, Refused, UsageError, WrapError
from pbmwrap.logs.archive import Archive
from pbmwrap.programme import courses, holds, journal, mnsi, people, red_flags, times
from pbmwrap.programme.attribution import (
    LoggedSession,
    SessionBook,
    claim_sessions,
    list_unattributed,
    read_claims,
    read_sessions,
)
from pbmwrap.programme.course_state import find_today, read_course_state
from pbmwrap.programme.days import select_current
from pbmwrap.programme.model import (
    PAIN,
    WALK,
    CourseSite,
    Measure,
    Person,
    RedFlag,
    StopRule,
    make_rating,
)
from pbmwrap.programme.rows import make_session_row
from pbmwrap.programme.store import Store, default_path, open_store
from pbmwrap.web import programme_rows as rows
from pbmwrap.web.answers import browser_of, read_json, read_text
from pbmwrap.web.choices import Choices
from pbmwrap.web.hub import Hub
from pbmwrap.web.security import Refusal
from wrap.version import VERSION

SHOWN_DAYS = 60  # of the journal, unless the page asks for all
MOST_KEYS = 1000  # sessions in one claim
_STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)
_NOBODY = "choose who you are first"


class Programme:
    """Handlers of the programme's requests.

    require_actor: raises Refusal for a browser that only watches.
    """

    def __init__(
        self,
        hub: Hub,
        archive: Archive,
        require_actor: Callable[[Request], None],
        choices: Choices | None = None,
    ) -> None:
        self._hub = hub
        self._archive = archive
        self._require_actor = require_actor
        self._choices = choices or Choices()

    def list_requests(self) -> list[tuple[str, str, Callable[[Request], Any]]]:
        """Return (method, path, handler) of each request."""
        return [
            ("GET", "/api/people", self.list_people),
            ("POST", "/api/people", self.add_person),
            ("POST", "/api/people/choose", self.choose_person),
            ("GET", "/api/people/sessions", self.list_open_sessions),
            ("POST", "/api/people/sessions", self.claim_open_sessions),
            ("GET", "/api/journal", self.show_journal),
            ("POST", "/api/journal", self.add_entry),
            ("POST", "/api/journal/read", self.confirm_flags),
            ("GET", "/api/journal/flags", self.list_flags),
            ("GET", "/api/journal/mnsi", self.list_mnsi),
            ("POST", "/api/journal/mnsi", self.add_mnsi),
            ("GET", "/api/course", self.show_course),
            ("POST", "/api/course", self.make_course),
            ("POST", "/api/course/change", self.change_course),
            ("POST", "/api/course/freeze", self.freeze_course),
            ("POST", "/api/course/close", self.close_course),
            ("GET", "/api/course/calendar", self.get_calendar),
            ("GET", "/api/course/sheet", self.get_sheet),
            ("GET", "/api/report", self.get_report),
        ]

    def end_login(self, browser: str) -> None:
        """Forget whom a browser chose whose login has ended."""
        self._choices.forget(browser)

    def count_open_sessions(self) -> int:
        """Return how many logged sessions belong to nobody; 0 without a household."""
        if not default_path().exists():
            return 0
        try:
            with self._household() as store:
                return len(list_unattributed(store, self.read_book()))
        except WrapError:
            return 0  # the pull has succeeded; the page's other requests say what is wrong

    # ---- whose

    @contextmanager
    def _household(self) -> Iterator[Store]:
        store = open_store()
        assert store is not None  # it is made when it is missing
        with store:
            yield store

    def _find_chosen(self, store: Store, browser: str) -> Person | None:
        """Return the person whom the browser chose, else the only one there is."""
        known = people.list_people(store)
        tag = self._choices.find(browser)
        if tag is None:
            return known[0] if len(known) == 1 else None
        return next((p for p in known if p.tag == tag), None)

    @contextmanager
    def open_person(
        self, request: Request, changes: bool = False
    ) -> Iterator[tuple[Store, Person]]:
        """Open the household for the browser's person. Raises Refusal."""
        if changes:
            self._require_actor(request)
        with self._household() as store:
            person = self._find_chosen(store, browser_of(request))
            if person is None:
                raise Refusal(409, "no_person", "it is not known whose journal this is", _NOBODY)
            yield store, person

    @contextmanager
    def open_asked_person(self, request: Request) -> Iterator[tuple[Store, Person] | None]:
        """Open the household for the browser's person; None when none is chosen."""
        if not default_path().exists():
            yield None
            return
        with self._household() as store:
            person = self._find_chosen(store, browser_of(request))
            yield (store, person) if person else None

    def read_book(self) -> SessionBook:
        """Read the sessions of all pulled logs."""
        return read_sessions(self._archive)

    # ---- people

    def list_people(self, request: Request) -> dict[str, Any]:
        """List the names, and say whom this browser chose. Nothing of their journals."""
        if not default_path().exists():
            return {"people": [], "chosen": None}
        with self._household() as store:
            return self._describe_people(store, browser_of(request))

    def _describe_people(self, store: Store, browser: str) -> dict[str, Any]:
        chosen = self._find_chosen(store, browser)
        return {
            "people": [{"tag": p.tag, "name": p.name} for p in people.list_people(store)],
            "chosen": chosen.tag if chosen else None,
        }

    def add_person(self, request: Request) -> dict[str, Any]:
        """Add somebody in this machine's time zone, and choose them."""
        self._require_actor(request)
        name, browser = read_text(request, "name"), browser_of(request)
        with self._household() as store:
            zone = times.find_machine_zone()
            person = people.add_person(store, name, zone, times.read_unix_ms())
            self._choices.keep(browser, person.tag)
            return self._describe_people(store, browser)

    def choose_person(self, request: Request) -> dict[str, Any]:
        """Choose the person of this browser."""
        tag, browser = read_text(request, "tag"), browser_of(request)
        with self._household() as store:
            if tag not in {p.tag for p in people.list_people(store)}:
                raise Refusal(404, "not_found", "nobody here has this tag", "choose another name")
            self._choices.keep(browser, tag)
            return self._describe_people(store, browser)

    # ---- whose session was it?

    def list_open_sessions(self, request: Request) -> dict[str, Any]:
        """List the logged sessions that belong to nobody yet."""
        if not default_path().exists():
            return {"sessions": []}
        with self._household() as store:
            found = list_unattributed(store, self.read_book())
        return {"sessions": [make_session_row(session) for session in found]}

    def claim_open_sessions(self, request: Request) -> dict[str, Any]:
        """Say whose they are; only of sessions that are nobody's, or this browser's person's."""
        self._require_actor(request)
        asked = read_json(request)
        keys, tag = asked.get("keys"), asked.get("tag")
        if not isinstance(keys, list) or len(keys) > MOST_KEYS:
            raise Refusal(400, "bad_param", f"keys must be a list of at most {MOST_KEYS}")
        with self._household() as store:
            known = {p.tag: p for p in people.list_people(store)}
            if tag is not None and tag not in known:
                raise Refusal(404, "not_found", "nobody here has this tag", "choose another name")
            book = self.read_book()
            mine = self._find_chosen(store, browser_of(request))
            free = {session.key for session in self._list_claimable(store, book, mine)}
            if not all(isinstance(key, str) and key in free for key in keys):
                hint = "load the page again"
                raise Refusal(409, "not_now", "one of these sessions is somebody's already", hint)
            claim_sessions(store, keys, known[tag] if tag else None, times.read_unix_ms())
            found = list_unattributed(store, book)
        return {"sessions": [make_session_row(session) for session in found]}

    def _list_claimable(
        self, store: Store, book: SessionBook, mine: Person | None
    ) -> Iterator[LoggedSession]:
        yield from list_unattributed(store, book)
        claims = read_claims(store)
        for session in book.sessions:
            if mine and claims.get(session.key, session.tag) == mine.tag:
                yield session

    # ---- journal

    def show_journal(self, request: Request) -> dict[str, Any]:
        """Return what is asked, today's entry, the last entries and the unread red flags."""
        everything = request.query_params.get("all") == "1"
        with self.open_asked_person(request) as found:
            return self._describe_journal(*found, everything) if found else {"person": None}

    def list_flags(self, request: Request) -> dict[str, Any]:
        """Return only the unread red flags, for the page Now."""
        with self.open_asked_person(request) as found:
            if not found:
                return {"person": None, "flags": []}
            store, person = found
            unread = red_flags.list_unread(store, person)
            return {
                "person": {"tag": person.tag, "name": person.name},
                "flags": [rows.describe_flag(flag) for flag in unread],
            }

    def _describe_journal(
        self, store: Store, person: Person, everything: bool = False
    ) -> dict[str, Any]:
        history = journal.list_history(store, person)
        today = find_today(store, person, times.read_unix_ms())
        first = date.min if everything else today - timedelta(days=SHOWN_DAYS - 1)
        current = select_current(history)
        return {
            "person": {"tag": person.tag, "name": person.name},
            "measure": rows.describe_measure(journal.find_measure(store, person)),
            "today": today.isoformat(),
            "entries": [rows.describe_entry(e) for e in reversed(current) if e.day >= first],
            "older": sum(entry.day < first for entry in current),
            "flags": [rows.describe_flag(f) for f in red_flags.list_unread(store, person)],
        }

    def add_entry(self, request: Request) -> dict[str, Any]:
        """Write an entry or a correction; a red flag in it is sent to the wrap."""
        with self.open_person(request, changes=True) as (store, person):
            asked = Fields(read_json(request))
            before = {flag.id for flag in red_flags.list_unread(store, person)}
            entry = journal.add_entry(
                store,
                person,
                times.read_unix_ms(),
                asked.number("value"),
                day=asked.day("day"),
                sleep=asked.whole("sleep"),
                skin=asked.text("skin"),
                changed=asked.text("changed"),
                flags=asked.texts("flags"),
                corrects=asked.whole("corrects"),
                way="web",
            )
            unread = red_flags.list_unread(store, person)
            raised = [flag for flag in unread if flag.id not in before]
            sent = self._tell_wrap(store) if raised else None
            answer = self._describe_journal(store, person)
        return {**answer, "stored": rows.describe_entry(entry), "raised": len(raised), "wrap": sent}

    def confirm_flags(self, request: Request) -> dict[str, Any]:
        """Keep that the person has read what these red flags mean; the wrap may light again."""
        with self.open_person(request, changes=True) as (store, person):
            asked = read_json(request).get("flags")
            unread = red_flags.list_unread(store, person)
            read = _choose_flags(unread, asked)
            red_flags.confirm_read(store, person, read, times.read_unix_ms())
            sent = self._tell_wrap(store)
            return {**self._describe_journal(store, person), "wrap": sent}

    def list_mnsi(self, request: Request) -> dict[str, Any]:
        """Return the totals of the MNSI's history questionnaire, newest first."""
        with self.open_asked_person(request) as found:
            return {"totals": list_mnsi_totals(*found) if found else []}

    def add_mnsi(self, request: Request) -> dict[str, Any]:
        """Write a questionnaire that was answered now: 15 times true (yes) or false."""
        with self.open_person(request, changes=True) as (store, person):
            asked = read_json(request)
            answers, when = asked.get("answers"), asked.get("when")
            if not isinstance(answers, list) or not all(isinstance(a, bool) for a in answers):
                raise Refusal(400, "bad_param", "answers must be a list of true and false")
            if when not in ("baseline", "end"):
                raise Refusal(400, "bad_param", "when must be baseline or end")
            score, now = mnsi.score_answers(answers), times.read_unix_ms()
            today = find_today(store, person, now)
            journal.add_total(
                store, person, mnsi.NAME, score, 0, mnsi.HIGH, when, now, today, answers
            )
            return {"totals": list_mnsi_totals(store, person)}

    def _tell_wrap(self, store: Store) -> str:
        """Bring the wrap's holds and the plans in its log up to date.

        Returns "sent", "old" (its firmware knows neither) or "absent". Then the next pull or start
        tries again.
        """
        try:
            with self._hub.borrow() as (client, hello):
                if holds.sync_holds(client, store).too_old:
                    return "old"
                for person in people.list_people(store):
                    for course, what in holds.list_unnoted(store, person, hello.uid):
                        now = times.read_unix_ms()
                        if not holds.note_plan(client, hello.uid, store, course, what, now):
                            return "old"
        except WrapError:
            return "absent"
        return "sent"

    def tell_wrap(self) -> None:
        """Bring the wrap up to date, if there is a household; for a pull."""
        if default_path().exists():
            try:
                with self._household() as store:
                    self._tell_wrap(store)
            except WrapError:
                return  # the pull has succeeded; the page's other requests say what is wrong

    # ---- course

    def show_course(self, request: Request) -> dict[str, Any]:
        """Return a course with all that is computed for today; the open one, or the last."""
        wanted = request.query_params.get("id")
        with self.open_asked_person(request) as found:
            return self._describe_course(*found, wanted) if found else {"person": None}

    def _describe_course(
        self, store: Store, person: Person, wanted: str | None = None
    ) -> dict[str, Any]:
        from pbmwrap.programme.clinician.page_pdf import can_make_pdf

        known, book = courses.list_courses(store, person), self.read_book()
        answer: dict[str, Any] = {
            "person": {"tag": person.tag, "name": person.name},
            "today": find_today(store, person, times.read_unix_ms()).isoformat(),
            "courses": [rows.describe_course(course) for course in known],
            "open_sessions": len(list_unattributed(store, book)),
            "flags": [rows.describe_flag(f) for f in red_flags.list_unread(store, person)],
            "notes": list(book.notes),
            "pdf": can_make_pdf(),
            "state": None,
        }
        if known:
            course = courses.find_course(store, person, wanted)
            state = read_course_state(store, person, course, book, times.read_unix_ms())
            answer["state"] = rows.describe_state(state)
        return answer

    def make_course(self, request: Request) -> dict[str, Any]:
        """Make a draft. A plan with negative evidence must come with `confirmed`."""
        self._require_actor(request)
        asked = Fields(read_json(request))
        sites = [read_site(text) for text in asked.texts("sites")]
        negative = any(courses.is_negative(site.grade) for site in sites)
        if negative and not asked.flag("confirmed"):
            hint = "read the summary, and confirm it"
            raise Refusal(409, "negative", "the evidence for this use is negative or mixed", hint)
        with self.open_person(request, changes=True) as (store, person):
            weeks = asked.whole("weeks") or 8
            courses.make_course(
                store,
                person,
                aim=asked.text("aim"),
                sites=sites,
                measure=read_measure(asked),
                unix_ms=times.read_unix_ms(),
                sessions_a_week=asked.whole("sessions") or 3,
                weeks=weeks,
                stop=_read_rule(asked, weeks),
                start=asked.day("start"),
                minute=asked.minute("time"),
                others=asked.texts("others"),
            )
            return self._describe_course(store, person)

    def change_course(self, request: Request) -> dict[str, Any]:
        """Change a draft: its numbers, days and texts; not its sites and its measure."""
        with self.open_person(request, changes=True) as (store, person):
            asked = Fields(read_json(request))
            old = courses.find_course(store, person, asked.text("id") or None)
            weeks = asked.whole("weeks") or old.weeks
            changed = replace(
                old,
                aim=asked.text("aim") or old.aim,
                sessions_a_week=asked.whole("sessions") or old.sessions_a_week,
                weeks=weeks,
                stop=_read_rule(asked, weeks),
                start=asked.day("start") or old.start,
                minute=asked.minute("time"),
                others=tuple(asked.texts("others")),
            )
            courses.change_course(store, person, changed, times.read_unix_ms())
            return self._describe_course(store, person, old.id)

    def freeze_course(self, request: Request) -> dict[str, Any]:
        """Freeze the plan, and put its hash into the wrap's log."""
        with self.open_person(request, changes=True) as (store, person):
            wanted = read_text(request, "id")
            course = courses.find_course(store, person, wanted)
            courses.freeze_course(store, person, course, times.read_unix_ms())
            sent = self._tell_wrap(store)
            return {**self._describe_course(store, person, wanted), "wrap": sent}

    def close_course(self, request: Request) -> dict[str, Any]:
        """End a course."""
        with self.open_person(request, changes=True) as (store, person):
            wanted, why = read_text(request, "id"), read_text(request, "why")
            course = courses.find_course(store, person, wanted)
            courses.close_course(store, person, course, why, times.read_unix_ms())
            sent = self._tell_wrap(store) if course.frozen else None
            return {**self._describe_course(store, person, wanted), "wrap": sent}

    # ---- files

    def get_calendar(self, request: Request) -> Response:
        """Return the course as a calendar file."""
        from pbmwrap.programme.calendar_file import make_calendar

        with self.open_person(request) as (store, person):
            course = courses.find_course(store, person, request.query_params.get("id"))
            now = times.read_unix_ms()
            state = read_course_state(store, person, course, self.read_book(), now)
        headers = make_file_header("light-course.ics")
        return Response(make_calendar(state, now), media_type="text/calendar", headers=headers)

    def get_sheet(self, request: Request) -> Response:
        """Return the diary sheet of the next 28 days, to print."""
        from pbmwrap.programme.diary_sheet import make_sheet

        language = "de" if request.query_params.get("language") == "de" else "en"
        with self.open_person(request) as (store, person):
            today = find_today(store, person, times.read_unix_ms())
            known = courses.list_courses(store, person)
            measure = journal.find_measure(store, person)
        still = next((course for course in known if course.closed is None), None)
        return make_page_response(make_sheet(measure, today, 28, language, still))

    def get_report(self, request: Request) -> Response:
        """Return the report for a clinician: a page, or a PDF with `?kind=pdf`."""
        from pbmwrap.programme.clinician import page_html, page_pdf
        from pbmwrap.programme.clinician.contents import make_report
        from pbmwrap.programme.light_facts import describe_calibrations, read_light_facts

        with self.open_person(request) as (store, person):
            course = courses.find_course(store, person, request.query_params.get("id"))
            now = times.read_unix_ms()
            book = self.read_book()
            state = read_course_state(store, person, course, book, now)
        facts = read_light_facts(state.adherence.sessions, self._archive, book.read)
        made = make_report(
            state,
            person,
            VERSION,
            describe_calibrations(facts),
            facts.parameters,
            rows.list_references(course),
            self._hub.world is not None,
        )
        if request.query_params.get("kind") != "pdf":
            return make_page_response(page_html.make_page(made))
        headers = make_file_header("light-course.pdf")
        return Response(page_pdf.make_pdf(made), media_type="application/pdf", headers=headers)


def list_mnsi_totals(store: Store, person: Person) -> list[dict[str, Any]]:
    """Return what the questionnaire gave, newest first."""
    found = [one for one in journal.list_totals(store, person) if one.name == mnsi.NAME]
    return [
        {"day": one.day.isoformat(), "value": one.value, "high": one.high, "when": one.when}
        for one in reversed(found)
    ]


def make_file_header(name: str) -> dict[str, str]:
    """Return the header of an answer that is saved as a file."""
    return {"content-disposition": f'attachment; filename="{name}"'}


def make_page_response(page: str) -> Response:
    """Return a page that stands alone. Its own style, and nothing else, is allowed by its hash."""
    hashes = [
        "'sha256-" + b64encode(hashlib.sha256(style.encode()).digest()).decode() + "'"
        for style in _STYLE.findall(page)
    ]
    policy = (
        f"default-src 'none'; style-src {' '.join(hashes)}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy}
    return Response(page, media_type="text/html", headers=headers)


def read_site(text: str) -> CourseSite:
    """Read a protocol's text as a site of a course. Raises InvalidFile."""
    from pbmwrap.protocols.load import loads

    protocol = loads(text).protocol
    if protocol is None:
        raise InvalidFile("this protocol has faults", "check it on the page Protocols")
    return courses.make_site(protocol)


def read_measure(asked: Fields) -> Measure:
    """Read which number is followed. Raises UsageError."""
    kind = asked.text("measure")
    if kind == "rating":
        question = " ".join(asked.text("question").split())
        if not question or len(question) > courses.MAX_TEXT:
            raise UsageError("a rating needs its question", "write it in few words")
        return make_rating(question, "higher" if asked.text("better") == "higher" else "lower")
    return WALK if kind == "walk" else PAIN


def _read_rule(asked: Fields, weeks: int) -> StopRule:
    week = asked.whole("stop_week") or min(weeks, courses.DEFAULT_STOP_WEEK)
    return StopRule(week, asked.number("points"), asked.number("percent"))


def _choose_flags(unread: list[RedFlag], asked: Any) -> list[RedFlag]:
    """Return the flags that were on screen; one that came meanwhile stays unread."""
    if not isinstance(asked, list):
        raise Refusal(400, "bad_param", "flags must be a list of numbers")
    found = [flag for flag in unread if flag.id in asked]
    if not found:
        raise Refused("none of these red flags is unread", "load the page again")
    return found


class Fields:
    """Reads the fields of a request's object. Each method raises Refusal for a wrong type."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def _find(self, key: str, kinds: tuple[type, ...], what: str) -> Any:
        value = self._values.get(key)
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            raise Refusal(400, "bad_param", f"{key} must be {what}")
        return value

    def number(self, key: str) -> float | None:
        """Return a finite number, or None without one."""
        value = self._find(key, (int, float), "a number")
        if value is not None and not -1e9 < value < 1e9:
            raise Refusal(400, "bad_param", f"{key} must be a number")
        return value

    def whole(self, key: str) -> int | None:
        """Return a whole number, or None without one."""
        return self._find(key, (int,), "a whole number")

    def numbers(self, key: str) -> list[float]:
        """Return a list of finite numbers, empty without one."""
        value = self._find(key, (list,), "a list") or []
        if len(value) > 20 or not all(
            isinstance(part, int | float) and not isinstance(part, bool) and -1e9 < part < 1e9
            for part in value
        ):
            raise Refusal(400, "bad_param", f"{key} must be a list of numbers")
        return value

    def text(self, key: str) -> str:
        """Return a text, "" without one."""
        return self._find(key, (str,), "text") or ""

    def flag(self, key: str) -> bool:
        """Return whether it is true."""
        return self._values.get(key) is True

    def answer(self, key: str) -> bool:
        """Return a question's answer, true or false. There is no default."""
        value = self._values.get(key)
        if not isinstance(value, bool):
            raise Refusal(400, "bad_param", f"{key} must be answered with true or false")
        return value

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, empty without one."""
        value = self._find(key, (list,), "a list") or []
        if len(value) > 20 or not all(isinstance(part, str) for part in value):
            raise Refusal(400, "bad_param", f"{key} must be a list of texts")
        return value

    def day(self, key: str) -> date | None:
        """Return a day, None without one."""
        text = self.text(key)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise Refusal(400, "bad_param", f"{key} must be a day, as 2026-11-29") from None

    def minute(self, key: str) -> int:
        """Return a time of the day in minutes, 18:00 without one."""
        found = re.fullmatch(r"(\d\d):(\d\d)(?::\d\d)?", self.text(key) or "18:00")
        if not found or int(found[1]) > 23 or int(found[2]) > 59:
            raise Refusal(400, "bad_param", f"{key} must be a time, as 18:00")
        return int(found[1]) * 60 + int(found[2])
