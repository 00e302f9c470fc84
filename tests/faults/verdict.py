"""Right or wrong: what a kind promises against what a run has seen."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.kinds import Kind
from tests.faults.limits import Bound, bound
from tests.faults.plants import PAIR_CEM43_MAX_MIN, PAIR_MAX_C
from tests.faults.run import Run
from wrap.rules import states

# A sensor that jumps in the step in which the enable moves looks like a leak.
_AT_AN_EDGE = {"self-test": ("wiring",), "ramp-down": ("wiring",)}
OUTSIDE_LIT_MAX_C = 41.5  # the trip, and what a bead lags behind skin that is heated from outside
PASS, FAIL, UNPROTECTED, UNMET, EXCLUDED = "pass", "FAIL", "unprotected", "not met", "excluded"
VERDICTS = (PASS, FAIL, UNPROTECTED, UNMET, EXCLUDED)


def judge(kind: Kind, run: Run, meeting: bool = False) -> dict[str, object]:
    """The columns of the results that a run gives. meeting: the fault meets another one."""
    limit = bound(kind.name)
    if run.flash_ahead and limit.flash_ms:
        limit = replace(limit, ms=limit.flash_ms)
    dark_ms, damage = run.dark_ms, run.log_damage()
    broken = _always(kind, run, damage) + _then(kind, run)
    if meeting:
        kind = replace(kind, most_c=PAIR_MAX_C, most_cem43_min=PAIR_CEM43_MAX_MIN)
    missed = _missed(kind, run, limit)
    return {
        "group": kind.group,
        "expect": kind.expect if run.phase in kind.seen else "either",
        "limit_ms": limit.ms,
        "met": run.cause_ms >= 0,
        "lit_at_cause": run.lit_at_cause,
        "dark_ms": dark_ms,
        "peak_c": round(run.heat.peak_c, 3),
        "zone": run.heat.zone,
        "cem43_min": round(run.heat.cem43_min, 3),
        "fault": run.fault,
        "resumed": run.resumed,
        "records": damage or "whole",
        **_verdict(run, limit, broken, missed),
    }


def _verdict(run: Run, limit: Bound, broken: list[str], missed: list[str]) -> dict[str, object]:
    reason = "; ".join(broken + missed)
    if broken or (missed and not limit.needs):
        return {"verdict": FAIL, "reason": reason}
    if missed:
        return {"verdict": UNPROTECTED, "reason": f"{reason} (needs: {limit.needs})"}
    if run.cause_ms < 0:
        return {"verdict": UNMET, "reason": "the fault never came to pass"}
    return {"verdict": PASS, "reason": ""}


def _always(kind: Kind, run: Run, damage: str) -> list[str]:
    """What no missing protection excuses."""
    found = [damage] if damage else []
    if kind.beyond:
        return found
    if run.resumed:
        found.append("light began again by itself")
    if run.fault and run.board.light.lit:
        found.append("lit with a fault latched")
    return found


def _then(kind: Kind, run: Run) -> list[str]:
    """The kind's own check; it may go on with the run, so it comes when all else was seen."""
    wrong = kind.then(run) if kind.then and run.cause_ms >= 0 else ""
    return [wrong] if wrong else []


def _missed(kind: Kind, run: Run, limit: Bound) -> list[str]:
    found = []
    if kind.outside:
        if run.lit_over_c > OUTSIDE_LIT_MAX_C:
            found.append(f"lit with skin at {run.lit_over_c:.2f} C")
    elif run.heat.peak_c > kind.most_c:
        found.append(f"skin reached {run.heat.peak_c:.2f} C in zone {run.heat.zone}")
    elif run.heat.cem43_min > kind.most_cem43_min:
        found.append(f"CEM43 {run.heat.cem43_min:.2f} min")
    if run.cause_ms >= 0 and run.phase in kind.seen:
        found += {"off": _off, "stop": _stop, "reset": _reset, "ride": _ride}.get(
            kind.expect, lambda *_: []
        )(kind, run, limit)
    return found


def _late(run: Run, limit: Bound) -> list[str]:
    dark_ms = run.dark_ms
    if dark_ms is None:
        return ["lit to the end"]
    return [f"dark after {dark_ms:.0f} ms, limit {limit.ms}"] if dark_ms > limit.ms else []


def _off(kind: Kind, run: Run, limit: Bound) -> list[str]:
    named = (*kind.faults, *_AT_AN_EDGE.get(run.phase, ()))
    wrong = run.fault not in named if kind.faults else not run.fault
    return _late(run, limit) + ([f"latched {run.fault or 'nothing'}"] if wrong else [])


def _stop(kind: Kind, run: Run, limit: Bound) -> list[str]:
    return _late(run, limit) + ([f"latched {run.fault}"] if run.fault else [])


def _reset(kind: Kind, run: Run, limit: Bound) -> list[str]:
    return _late(run, limit)


def _ride(kind: Kind, run: Run, limit: Bound) -> list[str]:
    if run.fault:
        return [f"tripped: {run.fault}"]
    going = run.state in (states.RAMP_UP, states.RUNNING)
    if run.phase in ("self-test", "ramp-up", "running") and not going:
        return ["the session did not go on"]
    return []
