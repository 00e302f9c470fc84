"""Runs a case: a scenario and the moment of its cause. Run alone it gives the same figures
again."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TextIO

from tests.faults.case import Row
from tests.faults_binary.lab import Lab
from tests.faults_binary.scenario import Base, Scenario
from tests.faults_binary.scenarios import table
from tests.faults_binary.watch import Seen, Watch

LATE = "late"
_SPARE_MS = 150


@dataclass(frozen=True)
class Case:
    """`number`: which of the scenario's moments, or LATE."""

    scenario: str
    number: str

    @property
    def id(self) -> str:
        return f"{self.scenario}/{self.number}"

    @property
    def what(self) -> Scenario:
        return table()[self.scenario]

    @classmethod
    def from_id(cls, name: str) -> Case:
        """Return the case of an id. Raises ValueError when there is no such case."""
        scenario, _, number = name.partition("/")
        if name not in {case.id for case in list_cases()}:
            raise ValueError(f"there is no case {name}")
        return cls(scenario, number)


@cache
def list_cases() -> tuple[Case, ...]:
    """Return the whole campaign, cases of one base together."""
    return tuple(
        Case(name, number)
        for name, what in table().items()
        for number in [*map(str, range(what.offsets)), *([LATE] if what.late else [])]
    )


def run_case(case: Case, lab: Lab) -> Row:
    """Run a case to its end on a lab that is at the scenario's base; the lab is used up."""
    began = time.process_time()
    what = case.what
    what.load(lab)
    lab.twin.slow_flash(what.slow_ms, what.page_ms if what.slow_ms else 0)
    watch = Watch(lab)
    _arm(case, lab)
    watch.wait(what.watch_ms or what.limit_ms + _SPARE_MS)
    lab.calm()
    what.after(lab)
    seen = watch.seen()
    row = _row(case, lab, seen) | _judged(what, lab, seen, _latched(what, lab))
    return row | {"cpu_ms": round((time.process_time() - began) * 1000, 1)}


def _arm(case: Case, lab: Lab) -> None:
    what = case.what
    if case.number == LATE:
        index = lab.twin.plant.sensor_names.index(what.late)
        lab.strike_after_reading(index, what.cause)
    else:
        what.when(lab, what.cause, what.delay_ns(int(case.number)))


def _latched(what: Scenario, lab: Lab) -> str:
    """Return the fault latched, or ""; of a wrap that answers."""
    if not what.ask:
        return ""
    fault = lab.client.fault()
    return fault.name if fault else ""


def _row(case: Case, lab: Lab, seen: Seen) -> Row:
    return {
        "id": case.id,
        "scenario": case.scenario,
        "number": case.number,
        "expect": case.what.expect,
        "limit_ms": case.what.limit_ms,
        "lit_at_cause": lab.lit_at_cause,
        "cause_cycle": seen.cycle(seen.cause),
        "dark_cycle": seen.cycle(seen.dark),
        "low_cycle": seen.cycle(seen.low),
        "dark_ms": seen.after_ms(seen.dark),
        "low_ms": seen.after_ms(seen.low),
        "resumed": seen.resumed,
        "note": lab.note,
    }


def _judged(what: Scenario, lab: Lab, seen: Seen, fault: str) -> Row:
    reported = {"fault": fault}
    if lab.cause_ns < 0:
        return reported | {"verdict": "FAIL", "reason": "the fault never came to pass"}
    wrong = [text for text in find_wrong(what, lab, seen, fault) if text]
    return reported | {"verdict": "FAIL" if wrong else "pass", "reason": "; ".join(wrong)}


def find_wrong(what: Scenario, lab: Lab, seen: Seen, fault: str) -> Iterator[str]:
    """Yield what contradicts the scenario\'s promise, in words; "" for nothing."""
    if lab.lit_at_cause == (what.expect == "dark"):
        yield "lit when it came" if lab.lit_at_cause else "dark when it came"
    if what.ask and fault not in (what.faults or ("",)):
        yield f"latched {fault or 'nothing'}"
    if seen.resumed:
        yield "light began again"
    if what.expect == "ride":
        yield "" if seen.dark is None else "the session did not go on"
    elif (ms := dark_ms(seen)) is None:
        yield "lit to the end"
    elif ms > what.limit_ms:
        yield f"dark after {ms:.2f} ms, limit {what.limit_ms}"


def dark_ms(seen: Seen) -> float | None:
    """Return the ms from the cause to all pins low; where a pad is stuck, to the last light. None
    when it is lit to the end."""
    low = seen.after_ms(seen.low)
    return seen.after_ms(seen.dark) if low is None else low


# ---- many of them: each base is brought about once, each case runs in a copy of that process


@cache
def _fresh() -> Lab:
    return Lab()


def run_cases(names: Sequence[str]) -> list[Row]:
    """Run the cases of these ids; return their rows. A case that raises has the verdict FAIL.
    Raises ValueError for an id of no case."""
    rows: list[Row] = []
    cases = [Case.from_id(name) for name in names]
    for base, some in groupby(cases, key=lambda case: case.what.base):
        rows += _from_base(base, list(some))
    return rows


def _from_base(base: Base, cases: list[Case]) -> list[Row]:
    lab = _fresh()

    def play() -> Iterator[Row]:
        base(lab)
        for case in cases:
            yield from collect_forked(lambda case=case: iter([run_case(case, lab)]), [case])

    return collect_forked(play, cases)


def collect_forked(play: Callable[[], Iterator[Row]], cases: list[Case]) -> list[Row]:
    """Return the rows that `play` yields in a copy of this process, which ends with it. Cases
    without a row failed with what was raised."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            _reported(play, out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as lines:
        reported = [json.loads(line) for line in lines]
    os.waitpid(child, 0)
    rows = [row for row in reported if "id" in row]
    why = next((row["raised"] for row in reported if "raised" in row), "the process died")
    left = [case for case in cases if case.id not in {row["id"] for row in rows}]
    return rows + [
        {"id": c.id, "scenario": c.scenario, "verdict": "FAIL", "reason": why} for c in left
    ]


def _reported(play: Callable[[], Iterator[Row]], out: TextIO) -> None:
    try:
        for row in play():
            print(json.dumps(row), file=out, flush=True)
    except BaseException:
        last = traceback.format_exc(limit=-2).strip().splitlines()
        print(json.dumps({"raised": " | ".join(last)[-400:]}), file=out, flush=True)
