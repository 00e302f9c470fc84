"""Compares a life's truth with what the commands and the pages say of it.

`judge_plainly` and `count_skipped` compute from the truth alone; they share no code with pbmwrap.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pbmwrap.programme.model import Word
from tests.lives.life import BERLIN, RULE_WEEK, WEEKS, Done, Kind, Life, Truth
from tests.lives.world import CAL_UW

DOSE_SHARE = 0.01
_FEW = 5


@dataclass(frozen=True)
class Row:
    """One person of a life. requests, restarts: of the household's server. problems: what differs;
    empty when all is right."""

    kind: str
    seed: int
    name: str
    sessions: int
    lost: int
    open: int
    seen: int
    dose_j: float
    dose_seen_j: float
    verdict: str
    given: str
    refused: int
    flags: int
    requests: int
    restarts: int
    problems: tuple[str, ...]


def judge_plainly(numbers: dict[date, int], start: date, today: date) -> str:
    """Apply the stop rule (2 points or 30 %, lower is better) to the true numbers."""
    rule_day = start + timedelta(weeks=RULE_WEEK)
    end = start + timedelta(weeks=WEEKS)
    if today < rule_day:
        return "not yet"
    before = [n for day, n in numbers.items() if start - timedelta(days=14) <= day < start]
    for late in range(max(0, (min(today, end) - rule_day).days) + 1):
        judged = rule_day + timedelta(days=late)
        after = [n for day, n in numbers.items() if judged - timedelta(days=14) <= day < judged]
        if len(before) >= _FEW and len(after) >= _FEW:
            was, now = sum(before) / len(before), sum(after) / len(after)
            enough = max(1.0, min(2.0, 0.3 * was)) - 1e-9
            if was - now >= enough:
                return "go on until"
            return "ask a clinician (worse)" if now - was >= enough else "stop"
    if today >= end or len(before) < _FEW:
        return "stop"
    return "cannot be evaluated yet"


def count_skipped(days: list[date], start: date, today: date, per_week: int) -> int:
    """Count planned sessions that were not begun, in the weeks that are over."""
    missing = 0
    for week in range(WEEKS):
        first = start + timedelta(weeks=week)
        if first + timedelta(weeks=1) <= today:
            here = sum(first <= day < first + timedelta(weeks=1) for day in days)
            missing += max(0, per_week - here)
    return missing


def live_and_check(kind: Kind, seed: int, folder: Path) -> list[Row]:
    """Let a life pass, and compare: the day before the rule, on its day, and at the end."""
    life = Life(kind, seed, folder)
    try:
        rule_day = life.start + timedelta(weeks=RULE_WEEK)
        problems: dict[str, list[str]] = {who.name: [] for who in life.people}
        day = kind.enrolled + timedelta(days=1)
        while day < life.end:
            life.live_day(day)
            day += timedelta(days=1)
            if day in (rule_day - timedelta(days=1), rule_day, life.end):
                life.world.wait_until(datetime.combine(day, time(4), ZoneInfo(BERLIN)))
                life.settle()
                for who in life.people:
                    problems[who.name] += _compare(life, who, day)
        for who in life.people:
            problems[who.name] += [*_check_report(life, who), *_check_apart(life, who)]
        code, said = life.world.try_command("person", "verify")
        if code:
            problems[life.people[0].name].append(f"the history does not verify: {said}")
        return [_make_row(life, who, problems[who.name]) for who in life.people]
    finally:
        life.close()


def _list_known(who: Truth) -> list[Done]:
    """List the sessions that a log has and a person is known for."""
    return [done for done in who.sessions if not done.lost and done.claimed]


def _compare(life: Life, who: Truth, day: date) -> list[str]:
    said = life.world.run_command("course", "show", "--person", who.name)
    today = life.world.local_time(life.zone).date()
    found = said["adherence"]
    known = _list_known(who)
    dose_uj = sum(done.light_mj for done in known) * 1000
    wanted = {
        "today": (today.isoformat(), said["today"]),
        "verdict": (judge_plainly(who.numbers, life.start, today), said["verdict"]["word"]),
        "complete": (sum(done.full for done in known), found["full"]),
        "early": (sum(not done.full for done in known), found["early"]),
        "skipped": (
            count_skipped([done.day for done in known], life.start, today, who.per_week),
            found["skipped"],
        ),
        "undated": (0, len(found["undated"])),
        "without dose": (0, found["no_dose"]),
        "elsewhere": (0, len(found["elsewhere"])),
    }
    wrong = [
        f"{day} {name}: {true}, not {seen}" for name, (true, seen) in wanted.items() if true != seen
    ]
    if abs(found["dose_uj"] - dose_uj) > DOSE_SHARE * dose_uj:
        wrong.append(f"{day} dose: {dose_uj:.0f} uJ/cm2, not {found['dose_uj']}")
    asked = any("Nobody has said whose" in line for line in said["warnings"])
    if asked != bool(life.unclaimed):
        wrong.append(f"{day}: {life.unclaimed} sessions belong to nobody: {said['warnings']}")
    entries = life.world.run_command("journal", "list", "--days", "0", "--person", who.name)
    numbers = {
        date.fromisoformat(row["day"]): row["value"] for row in entries if row["value"] is not None
    }
    if numbers != who.numbers:
        wrong.append(f"{day}: the journal has other numbers")
    notes = [(date.fromisoformat(row["day"]), row["changed"]) for row in entries]
    if [note for note in notes if note[1].startswith("note ")] != who.notes:
        wrong.append(f"{day}: the journal has other notes")
    if sum(row["late"] for row in entries) != who.late:
        wrong.append(f"{day}: {who.late} numbers were written late")
    return [*wrong, *(f"{day} page {text}" for text in _compare_pages(life, who, said))]


def _compare_pages(life: Life, who: Truth, said: dict[str, Any]) -> list[str]:
    """Compare what this person's browser shows with what the command said, and with the truth."""
    shown = life.pages.get(who.name, "/api/course")
    state, wrong = shown["state"], []
    if life.pages.read_numbers(who.name) != who.numbers:
        wrong.append("Journal: other numbers")
    if Word[state["verdict"]["word"].upper()] != said["verdict"]["word"]:
        wrong.append(f"Course: {state['verdict']['word']}, not {said['verdict']['word']}")
    if shown["open_sessions"] != life.unclaimed:
        wrong.append(f"Course: {shown['open_sessions']} sessions of nobody, not {life.unclaimed}")
    for name in ("full", "early", "skipped", "no_dose", "dose_uj"):
        if state["adherence"][name] != said["adherence"][name]:
            wrong.append(f"Course: {name} is {state['adherence'][name]}")
    for path in ("/api/people/sessions", "/api/sessions"):
        life.pages.ask(who.name, "GET", path).raise_for_status()
    return wrong


def _check_apart(life: Life, who: Truth) -> list[str]:
    """Check that this person's browser shows nothing of another one, and cannot take theirs."""
    wrong = []
    for other in life.people:
        if other is who:
            continue
        for path in ("/api/journal?all=1", "/api/course", "/api/report", "/api/course/sheet"):
            text = life.pages.ask(who.name, "GET", path).text
            if other.name in text or other.tag in text:
                wrong.append(f"{path} of {who.name} shows something of {other.name}")
        if other.claimed_key:
            claim = {"keys": [other.claimed_key], "tag": who.tag}
            code = life.pages.refuse(who.name, "/api/people/sessions", claim)
            if code != "not_now":
                wrong.append(f"a session of {other.name} could be taken: {code}")
    return wrong


def _check_report(life: Life, who: Truth) -> list[str]:
    """Check that the report has the verdict, and the calibration that the wraps had."""
    file = life.world.folder / f"{who.name}.html"
    life.world.run_command("course", "report", str(file), "--simulated", "--person", who.name)
    page = file.read_text(encoding="utf-8")
    given = life.world.run_command("course", "show", "--person", who.name)["verdict"]["text"]
    wanted = [given.split(". ")[0], *(f"{uw / 1000:.1f} mW/cm²" for uw in CAL_UW.values())]
    shown = life.pages.ask(who.name, "GET", "/api/report").text
    # The verdict's first word is a capital only where it begins a sentence.
    page, shown, wanted = page.lower(), shown.lower(), [text.lower() for text in wanted]
    wrong = [f"the report does not say {text!r}" for text in wanted if text not in page]
    wrong += [f"the page Report does not say {text!r}" for text in wanted if text not in shown]
    for path in ("/api/report?kind=pdf", "/api/course/calendar"):
        life.pages.ask(who.name, "GET", path).raise_for_status()
    return wrong


def _make_row(life: Life, who: Truth, problems: list[str]) -> Row:
    said = life.world.run_command("course", "show", "--person", who.name)
    found, known = said["adherence"], _list_known(who)
    today = life.world.local_time(life.zone).date()
    return Row(
        kind=life.kind.name,
        seed=life.seed,
        name=who.name,
        sessions=len(who.sessions),
        lost=sum(done.lost for done in who.sessions),
        open=sum(not done.claimed and not done.lost for done in who.sessions),
        seen=found["full"] + found["early"],
        dose_j=sum(done.light_mj for done in known) / 1000,
        dose_seen_j=found["dose_uj"] / 1e6,
        verdict=judge_plainly(who.numbers, life.start, today),
        given=said["verdict"]["word"],
        refused=who.refused,
        flags=who.flags,
        requests=sum(life.pages.counts.values()),
        restarts=life.pages.restarts,
        problems=tuple(problems),
    )
