"""Tries to tell the arms of a trial apart from everything that a host can read.

A simulated wrap plays sessions of a trial, each on another day, in rooms and under covers drawn
anew. A host reads what it can: `status` and telemetry before, in and after a session, the other
answers, the length of every answer, and the records of the log with their types, times and lengths.
Two classifiers learn the arm from half of the sessions and are judged by the other half, and the
other way round: the best threshold on one number, and a logistic regression on all of them.

    python -m tests.trial.tell_arms [--sessions 400] [--unmasked] [--warmer]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from pbmwrap.device.client import Client
from pbmwrap.device.link import encode_request
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.facts import board_facts
from pbmwrap.twin.plant import Plant
from pbmwrap.twin.sim import SimTwin
from tests.between_steps import between_steps
from tests.warmed import warmed_facts
from wrap.rules import blinding, limits
from wrap.storage import payload_reader, record_reader, records

SESSIONS = 400
SITES = ("foot-left", "foot-right")
LENGTH_S = 300
_PERIODS = 4
_DAY_MS = 30 * 3600 * 1000  # a site may have one session a day
_LOOKS_MS = (5_000, 60_000, 150_000, 290_000)  # of light
_AFTER_MS = (5_000, 120_000, 1_800_000, 3_700_000)  # of dark; the last is behind the hidden hour
_RIDGE = 1.0
_STEPS = 400

Numbers = dict[str, float]


def unmask(twin: SimTwin) -> None:
    """Switch the masking off: what a host would see without it."""
    app = twin.board.app
    app.blind_trial.hides = lambda session: False
    app.blind_trial.hides_light = lambda session: False
    app.blind_trial.note_masked = app.log_queue.note


def flatten(prefix: str, value: Any, out: Numbers) -> None:
    """Put every number, truth and text of an answer into `out`; a text as its length and sum."""
    if isinstance(value, dict):
        for key, one in value.items():
            flatten(f"{prefix}.{key}", one, out)
    elif isinstance(value, (list, tuple)):
        for i, one in enumerate(value):
            flatten(f"{prefix}.{i}", one, out)
    elif isinstance(value, str):
        out[prefix + ".len"] = len(value)
        out[prefix + ".sum"] = sum(value.encode())
    else:
        out[prefix] = -1.0 if value is None else float(value)


class Observer:
    """Reads everything about one wrap. twin: the wrap, with a client of its own."""

    def __init__(self, twin: SimTwin) -> None:
        self.twin = twin
        self.client = Client(TwinTransport(twin))
        self._id = 0

    def look(self, prefix: str, out: Numbers) -> None:
        """Read all answers that show a state, and the lengths of their bytes."""
        for method in (
            "status",
            "state",
            "course.get",
            "cal.get",
            "trial.get",
            "log.info",
            "hello",
        ):
            self.twin.read()
            self._id += 1
            self.twin.write(encode_request(self._id, method, {}))
            raw = b""
            for _ in range(60):
                self.twin.advance_ms(10)
                raw += self.twin.read()
                if raw.endswith(b"\n"):
                    break
            out[f"{prefix}.{method}.bytes"] = len(raw)
            answer = self.client.call(method)
            answer = (
                {k: v for k, v in answer.items() if k not in _GROWING}
                if isinstance(answer, dict)
                else answer
            )
            flatten(f"{prefix}.{method}", answer, out)


# What grows from session to session in both arms, and the number of the session itself.
_GROWING = frozenset(
    {"session", "uptime_s", "unix_s", "log_end", "end", "seq", "age_s", "counts", "n", "period"}
)


def read_records(raw: bytes, out: Numbers) -> None:
    """Put the records of a session into `out`: how many of each type, their lengths and times, and
    the numbers of those that are not masked."""
    start: int | None = None
    found, _ = record_reader.scan(raw)
    for i, (kind, _seq, _boot, up_s, up_ms, payload, _end) in enumerate(found):
        at_ms = up_s * 1000 + up_ms
        start = at_ms if start is None else start
        name = f"log.{i}"
        out[name + ".kind"], out[name + ".bytes"] = kind, len(payload)
        out[name + ".ms"] = at_ms - start
        if kind == records.SAMPLE:
            flatten(name, payload_reader.unpack_sample(payload), out)
        elif kind == records.END:
            end = payload_reader.unpack_end(payload)
            flatten(name, {k: v for k, v in end.items() if k not in ("session", "seal")}, out)
        elif kind == records.STATE:
            flatten(name, payload_reader.unpack_state(payload), out)
    out["log.bytes"] = len(raw)


@dataclass(frozen=True)
class Round:
    """One trial: 4 periods with 2 sessions of each foot. seed: of its worlds and of the
    host; warmer: the board has one, so near infrared is at its full duty; sessions: it ends after
    so many."""

    seed: str
    masked: bool
    warmer: bool
    sessions: int


def observe_sessions(
    sessions: int, masked: bool, seed: int = 1, warmer: bool = False, jobs: int = 1
) -> tuple[list[Numbers], list[int]]:
    """Play trials of 16 sessions, `jobs` at the same time; return what was seen of each session and
    its arm (1: active)."""
    count = -(-sessions // 16)
    rounds = [
        Round(f"{seed}/{n}", masked, warmer, min(16, sessions - 16 * n)) for n in range(count)
    ]
    if jobs == 1:
        found = [_play_trial(one) for one in rounds]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(_play_trial, rounds))
    pairs = [pair for one in found for pair in one]
    return [numbers for numbers, _ in pairs], [arm for _, arm in pairs]


def _play_trial(one: Round) -> list[tuple[Numbers, int]]:
    facts: Any = warmed_facts() if one.warmer else board_facts()
    twin = SimTwin(Plant(facts), facts=facts)
    twin.start()
    try:
        return list(islice(_play_sessions(twin, one), one.sessions))
    finally:
        twin.close()


def _play_sessions(twin: SimTwin, one: Round) -> Iterator[tuple[Numbers, int]]:
    rng = random.Random(one.seed)
    nir_pm = 1000 if one.warmer else limits.TRIAL_NIR_PM
    app = twin.board.app
    watcher = Observer(twin)
    _prepare(watcher, nir_pm)
    host = rng.randbytes(32)
    params = {
        "id": "feet",
        "person": "a1",
        "design": "sides",
        "sites": list(SITES),
        "periods": _PERIODS,
        "sessions": 2,
        "plan_sha": "5a" * 32,
        "random": host.hex(),
    }
    watcher.client.call("trial.arm", params)
    if not one.masked:
        unmask(twin)
    secret = blinding.join_secret(app.hal.draw_random(), host)
    drawn = blinding.allocate(secret, "sides", _PERIODS)
    for period in range(_PERIODS):
        turns = list(SITES) * 2
        rng.shuffle(turns)
        for site in turns:
            twin.plant.change(
                ambient_c=rng.uniform(17, 27),
                covered=rng.random() < 0.4,
                contact=rng.uniform(0.85, 1.0),
            )
            numbers = _watch_session(watcher, SITES.index(site))
            yield numbers, drawn[period] if site == SITES[0] else 1 - drawn[period]
            twin.skip_ms(_DAY_MS)


def _prepare(watcher: Observer, nir_pm: int) -> None:
    client = watcher.client
    for slot, site in enumerate(SITES):
        protocol = {
            "v": 1,
            "id": f"trial-{slot}",
            "name": "Trial",
            "site": site,
            "person": "a1",
            "ramp": 2000,
            "steps": [{"t": LENGTH_S, "ch": {"nir": [nir_pm]}}],
        }
        client.flash_protocol(
            slot, json.dumps(protocol, sort_keys=True, separators=(",", ":")).encode()
        )
    watcher.twin.advance_ms(40_000)


def _watch_session(watcher: Observer, slot: int) -> Numbers:
    twin, client = watcher.twin, watcher.client
    out: Numbers = {}
    client.activate(slot)
    begun = client.log_info().end
    watcher.look("before", out)
    between_steps(twin.board.app).starter.start("link", False)
    done = 0
    for i, at_ms in enumerate(_LOOKS_MS):
        twin.advance_ms(at_ms - done)
        done = at_ms
        watcher.look(f"lit{i}", out)
    for _ in range(60):
        if client.status().state == "done":
            break
        twin.advance_ms(1000)
    done = 0
    for i, at_ms in enumerate(_AFTER_MS):
        (twin.skip_ms if at_ms - done > 60_000 else twin.advance_ms)(at_ms - done)
        done = at_ms
        watcher.look(f"after{i}", out)
    read_records(client.pull_log(begun).data, out)
    return out


# ---- the classifiers


def make_matrix(seen: list[Numbers]) -> tuple[np.ndarray, list[str]]:
    """Return (sessions, numbers) without what never differs, scaled to a spread of 1."""
    names = sorted({name for one in seen for name in one})
    raw = np.array([[one.get(name, -2.0) for name in names] for one in seen])
    spread = raw.std(axis=0)
    kept = np.flatnonzero(spread > 1e-12)
    return (raw[:, kept] - raw[:, kept].mean(axis=0)) / spread[kept], [names[i] for i in kept]


def judge_threshold(x: np.ndarray, arms: np.ndarray, half: np.ndarray) -> tuple[float, int]:
    """Return the share of the other half that the best threshold of one number names rightly, and
    that number's column."""
    best, column, rule = 0.0, 0, (0.0, 1)
    for at in range(x.shape[1]):
        values = x[half, at]
        for limit in np.quantile(values, (0.1, 0.25, 0.5, 0.75, 0.9)):
            hit = float(((values > limit) == arms[half]).mean())
            for share, sign in ((hit, 1), (1 - hit, -1)):
                if share > best:
                    best, column, rule = share, at, (float(limit), sign)
    said = x[~half, column] > rule[0]
    return float((said == (arms[~half] if rule[1] > 0 else ~arms[~half])).mean()), column


def list_telling(x: np.ndarray, names: list[str], arms: np.ndarray) -> list[str]:
    """List the numbers of which one threshold separates the arms of all sessions."""
    found = []
    for at, name in enumerate(names):
        on, off = x[arms, at], x[~arms, at]
        if on.min() > off.max() or on.max() < off.min():
            found.append(name)
    return found


def judge_regression(x: np.ndarray, arms: np.ndarray, half: np.ndarray) -> float:
    """Return the share of the other half that a ridge logistic regression names rightly."""
    train, target = x[half], arms[half].astype(float)
    weights = np.zeros(x.shape[1])
    rate = 4.0 * len(train) / (np.linalg.norm(train, 2) ** 2 + 4 * _RIDGE)
    for _ in range(_STEPS):
        guess = 1 / (1 + np.exp(-np.clip(train @ weights, -30, 30)))
        weights -= rate * (train.T @ (guess - target) + _RIDGE * weights) / len(train)
    return float(((x[~half] @ weights > 0) == arms[~half]).mean())


def tell_apart(
    sessions: int, masked: bool, seed: int = 1, warmer: bool = False, jobs: int = 1
) -> tuple[float, float, str]:
    """Return the shares that both classifiers name rightly, and the number that tells most. Each
    half of the sessions is judged by what was learned from the other."""
    seen, drawn = observe_sessions(sessions, masked, seed, warmer, jobs)
    x, names = make_matrix(seen)
    arms = np.array(drawn, bool)
    half = np.arange(len(arms)) % 2 == 0
    if not names:
        return 0.5, 0.5, ""
    sides = (half, ~half)
    thresholds = [judge_threshold(x, arms, side) for side in sides]
    regressions = [judge_regression(x, arms, side) for side in sides]
    best = max(thresholds)
    shares = [share for share, _ in thresholds]
    return float(np.mean(shares)), float(np.mean(regressions)), names[best[1]]


def main(argv: list[str] | None = None) -> int:
    """Print the shares; 1 when masked arms can be recognised."""
    parser = argparse.ArgumentParser(prog="python -m tests.trial.tell_arms")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--unmasked", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="trials played at the same time")
    parser.add_argument("--warmer", action="store_true", help="on a board with a warmer")
    options = parser.parse_args(argv)
    threshold, regression, name = tell_apart(
        options.sessions,
        not options.unmasked,
        warmer=options.warmer,
        jobs=options.jobs,
    )
    print(f"{options.sessions} sessions, {'unmasked' if options.unmasked else 'masked'}")
    print(f"best threshold: {threshold:.1%} right ({name})")
    print(f"logistic regression: {regression:.1%} right")
    return 0 if options.unmasked or max(threshold, regression) <= 0.55 else 1


if __name__ == "__main__":
    sys.exit(main())
