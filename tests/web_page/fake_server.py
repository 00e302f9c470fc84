"""A server with the requests of docs/web.md and scripted data, for tests of the page.

Each scenario is one moment of a wrap's life. No wrap and no simulator runs: the figures are
computed from the time that the scenario shows, so that a picture of it is the same each time.
"""

from __future__ import annotations

import json
import math
import threading
import time
from copy import deepcopy
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pbmwrap
from pbmwrap.protocols import template
from pbmwrap.protocols.load import loads
from pbmwrap.protocols.summary import summary
from tests.web_page.fake_calibration import CAL_MOMENTS, LIT, FakeCalibration
from tests.web_page.fake_heat import HEAT_MOMENTS, FakeHeat
from tests.web_page.fake_programme import MOMENTS, FakeProgramme
from tests.web_page.fake_trial import TRIAL_MOMENTS, FakeTrial
from wrap.rules import faults, limits
from wrap.storage.settings import BOUNDS

STATIC = Path(pbmwrap.__file__).parent / "web" / "static"
TOKEN = "scripted-token"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
UID = "E66138935F1C2A2B"
SENSORS = [["skin-mid", "skin"], ["skin-left", "skin"], ["skin-right", "skin"], ["board", "board"]]
CHANNELS = [["red", 660], ["nir", 850]]
START_MS = 1_795_000_000_000  # of the newest session in the list
SESSION_S = 600
TARGET_UJ = 6_000_000
HELLO = {
    "product": "pbmwrap",
    "fw": "0.1.0",
    "link": 1,
    "board": "PBMWRAP_RP2040",
    "mpy": "1.25.0",
    "uid": UID,
    "max_request": 240,
    "uptime_s": 0,
    "boot": 12,
    "cause": "power-on",
    "state": "idle",
    "channels": CHANNELS,
    "sensors": SENSORS,
    "slots": 8,
    "frozen": True,
    "program": "3f" * 32,
    "integrity": "whole",
    "memory": "whole",
    "sense": True,
    "slot": None,
    "fell": None,
    "worst_uw": [60000, 80000],
}
LIMITS = {
    "skin_trip_mc": limits.SKIN_TRIP_MC,
    "derate_from_mc": limits.SKIN_TRIP_MC - limits.DERATE_BAND_MC,
    "derate_zero_mc": limits.SKIN_TRIP_MC - limits.DERATE_ZERO_MC,
    "board_trip_mc": limits.BOARD_TRIP_MC,
}
SETTINGS = {
    "trip_mc": ("m°C", "skin temperature that ends the session with a fault"),
    "cap_mj": ("mJ/cm2", "largest dose of a session"),
    "time_s": ("s", "longest session"),
    "wake_s": ("s", "light between two wake checks"),
    "answer_s": ("s", "time to answer a wake check"),
    "site_week": ("sessions", "sessions per site in seven days"),
    "light_day_s": ("s", "light in any 24 h"),
}
DOCTOR = [
    ("Python", "good", "3.12.3", ""),
    ("port", "good", "/dev/ttyACM0, a wrap", ""),
    ("firmware", "good", "0.1.0, program 3f3f3f3f3f3f", ""),
    ("integrity", "good", "program intact, RAM intact", ""),
    (
        "power",
        "note",
        "25 % of full: no heat test is recorded",
        "for more, do the heat test of docs/build-a-wrap.md, then run `pbmwrap heat-test set`",
    ),
    ("clock", "bad", "not set", "run `pbmwrap clock set`"),
]


def skin_c(t_s: float, hot: bool) -> float:
    """Return the hottest skin temperature after `t_s` of light, C."""
    return 33.0 + (6.9 if hot else 4.2) * (1 - math.exp(-t_s / 170))


def temps_mc(t_s: float, hot: bool) -> list[int | None]:
    """Return the readings of all sensors after `t_s` of light."""
    hottest = skin_c(t_s, hot)
    board = 30.2 + 13.5 * (1 - math.exp(-t_s / 210))
    return [round(c * 1000) for c in (hottest, hottest - 0.62, hottest - 1.15, board)]


class Scenario:
    """One moment. `lit_s`: light time when it begins; it goes on while `moves`."""

    def __init__(
        self,
        state: str,
        *,
        lit_s: float = 0,
        moves: bool = False,
        hot: bool = False,
        connection: str = "connected",
        actor: bool = True,
        simulated: bool = False,
        calibrated: bool = True,
        programme: str = "running",
        **status: Any,
    ) -> None:
        self.state = state
        self.lit_s = lit_s
        self.moves = moves
        self.hot = hot
        self.connection = connection
        self.actor = actor
        self.simulated = simulated
        self.calibrated = calibrated
        self.programme = programme
        self.status = status


_FAULT = {
    "code": faults.SENSOR_OPEN,
    "name": faults.NAMES[faults.SENSOR_OPEN],
    "text": faults.TEXTS[faults.SENSOR_OPEN],
    "detail": None,
    "sensor": "skin-left",
    "raw": 4095,
    "temp_mc": None,
    "limit_mc": None,
    "session": 41,
    "active_ms": 251000,
    "boot": 12,
    "uptime_s": 900,
    "later": 0,
}
SCENARIOS = {
    "idle": Scenario("idle"),
    "uncalibrated": Scenario(
        "running",
        lit_s=80,
        moves=True,
        calibrated=False,
        power_pm=250,
        power_why="no heat test is recorded",
    ),
    "waiting": Scenario("done", next_s=84_000, end_reason="dose"),
    "running": Scenario("running", lit_s=215, moves=True, wake_due_s=85),
    "paused": Scenario("paused", lit_s=215),
    "derating": Scenario(
        "running",
        lit_s=430,
        moves=True,
        hot=True,
        derate_pm=610,
        warnings=["covered"],
        wake_due_s=170,
    ),
    "wake": Scenario("running", lit_s=300, moves=True, wake_waiting=True, wake_due_s=52),
    "fault": Scenario("fault", lit_s=251, fault=_FAULT, end_reason="fault"),
    "disconnected": Scenario("running", lit_s=215, connection="lost"),
    "searching": Scenario("idle", connection="searching"),
    "watching": Scenario("running", lit_s=120, moves=True, actor=False),
    "simulated": Scenario("running", lit_s=95, moves=True, simulated=True),
    "unconfirmed": Scenario("idle", unconfirmed=["settings", "cal"]),
    **{
        f"cal-{moment}": Scenario("calibrating" if moment in LIT else "idle")
        for moment in CAL_MOMENTS
    },
    **{f"course-{moment}": Scenario("idle", programme=moment) for moment in MOMENTS},
    **{f"trial-{moment}": Scenario("idle") for moment in TRIAL_MOMENTS},
    **{
        f"heat-{moment}": Scenario("calibrating" if moment == "lit" else "idle")
        for moment in HEAT_MOMENTS
    },
}


def make_sample(s: Scenario, t_s: float, uptime_s: float) -> dict[str, Any]:
    """Return the event `sample` of a moment."""
    lit = s.state in ("running", "ramp-up", "ramp-down")
    duty = [round(65535 * share * s.status.get("derate_pm", 1000) / 1000) for share in (0.25, 0.4)]
    temps = temps_mc(t_s, s.hot)
    if s.state == "fault":
        temps[1] = None
    dose = [round(3900 * t_s), round(6400 * t_s)]
    return {
        "state": s.state,
        "active_ms": round(t_s * 1000),
        "temps_mc": temps,
        "duty_u16": duty if lit else [0, 0],
        "dose_uj": dose if s.calibrated else None,
        "dose_total_uj": sum(dose) if s.calibrated else None,
        "on_ms": [round(t_s * 250), round(t_s * 400)],
        "derate_pm": s.status.get("derate_pm", 1000),
        "warn": None,
        "warnings": s.status.get("warnings", []),
        "wake_waiting": s.status.get("wake_waiting", False),
        "at_ms": round(time.time() * 1000),
        "uptime_s": round(uptime_s, 1),
    }


def make_status(s: Scenario, t_s: float, uptime_s: float) -> dict[str, Any]:
    """Return the event `status` of a moment."""
    active = s.state in ("running", "paused", "ramp-up", "ramp-down", "self-test")
    return {
        **make_sample(s, t_s, uptime_s),
        "session": 41 if t_s else 40,
        "end_reason": "",
        "protocol": "minor-injury" if active else None,
        "site": "calf-left" if active else None,
        "total_ms": SESSION_S * 1000 if active else 0,
        "dose_target_uj": TARGET_UJ if active else 0,
        "slot": 0,
        "next_protocol": "minor-injury",
        "wake_due_s": None,
        "next_s": 0,
        "calibrated": s.calibrated,
        "fault": None,
        "unix_s": round(time.time()),
        "uptime_s": round(uptime_s),
        "unconfirmed": [],
        "cal_void": [],
        "tethered": False,
        "buzzer": False,
        "power_pm": 1000,
        "power_why": None,
        "limits": LIMITS,
        **s.status,
    }


def make_history(s: Scenario) -> dict[str, Any]:
    """Return the samples until the moment, one a second."""
    times = list(range(round(s.lit_s) + 1)) if s.lit_s else []
    samples = [make_sample(s, t, t) for t in times]
    columns = list(zip(*[x["temps_mc"] for x in samples], strict=True))
    duties = list(zip(*[(0.25, 0.4) for _ in samples], strict=True))
    return {
        "session": 41,
        "active": s.state != "fault",
        "t_s": times,
        "temps_c": [[None if mc is None else mc / 1000 for mc in c] for c in columns],
        "duty": [list(c) for c in duties],
        "dose_j_cm2": [
            None if x["dose_total_uj"] is None else x["dose_total_uj"] / 1e6 for x in samples
        ],
    }


def make_sessions() -> list[dict[str, Any]]:
    """Return 14 sessions of the last weeks, newest first."""
    rows = []
    for n in range(14):
        t_s = (SESSION_S, 540, 300)[n % 3]
        hot = n % 5 == 4
        fault = n == 6
        temps = [mc or 0 for mc in temps_mc(t_s, hot)]
        rows.append(
            {
                "uid": UID,
                "number": 40 - n,
                "boot": 12,
                "firmware": "0.1.0",
                "first_up_ms": 60_000,
                "first_unix_ms": START_MS - n * 37 * 3_600_000,
                "start_up_ms": 60_000,
                "light_up_ms": 62_000,
                "end_up_ms": 62_000 + t_s * 1000,
                "protocol_id": "minor-injury",
                "protocol_name": "Minor injury, sore muscle",
                "site": "calf-left",
                "grade": "weak, suggestive",
                "started_by": "link" if n % 2 else "button",
                "reason": "fault" if fault else ("dose", "button", "time")[n % 3],
                "reason_text": "",
                "restart_cause": None,
                "active_ms": t_s * 1000,
                "paused_ms": 0,
                "dose_uj": [3900 * t_s, 6400 * t_s],
                "dose_total_uj": 10300 * t_s,
                "calibrated": True,
                "max_skin_mc": max(temps[:3]),
                "max_board_mc": temps[3],
                "faults": [{"code": 16, "sensor": "skin-mid", "temp_mc": None, "limit_mc": None}]
                if fault
                else [],
                "records_lost": 0,
            }
        )
    return rows


def make_session(number: int) -> dict[str, Any] | None:
    """Return one session with its samples every 6 s."""
    row = next((r for r in make_sessions() if r["number"] == number), None)
    if row is None:
        return None
    hot = (40 - number) % 5 == 4
    times = list(range(0, row["active_ms"] // 1000 + 1, 6))
    columns = list(zip(*[temps_mc(t, hot) for t in times], strict=True))
    return {
        **row,
        "channels": [{"name": name, "wavelength_nm": nm} for name, nm in CHANNELS],
        "sensors": SENSORS,
        "limits": {"skin_trip_c": 41.0, "skin_derate_c": 39.0, "board_trip_c": 60.0},
        "fault_texts": [],
        "notes": ["2026-11-21 09:40: the calf felt warm, not hot"] if number == 40 else [],
        "samples": {
            "t_s": times,
            "temps_c": [[(mc or 0) / 1000 for mc in c] for c in columns],
            "duty": [[share for _ in times] for share in (0.25, 0.4)],
            "dose_j_cm2": [[rate * t / 1e6 for t in times] for rate in (3900, 6400)],
            "state": ["running" for _ in times],
        },
    }


def compute(text: str) -> dict[str, Any] | None:
    """Return what a protocol gives, uncalibrated; None for a wrong one."""
    protocol = loads(text).protocol
    if protocol is None:
        return None
    found = summary(protocol)
    return {
        "id": protocol.id,
        "name": protocol.name,
        "site": protocol.site,
        "cautions": list(protocol.cautions),
        "evidence": protocol.evidence.grade if protocol.evidence else None,
        "evidence_summary": protocol.evidence.summary if protocol.evidence else "",
        "references": list(protocol.evidence.references) if protocol.evidence else [],
        "duration_s": found.duration_s,
        "ends_by": found.ends_by,
        "ends_s": found.ends_s,
        "fluence": {
            "text": found.fluence_text,
            "j_cm2": found.fluence_j_cm2,
            "worst_j_cm2": found.fluence_worst_j_cm2,
            "target_j_cm2": found.dose_j_cm2,
            "calibrated": found.calibrated,
            "channels": [asdict(c) for c in found.channels],
        },
        "warnings": list(found.warnings),
    }


def check(text: str) -> dict[str, Any]:
    """Return the answer to a check of a protocol's text."""
    problems = [
        {
            "line": f.line,
            "key": f.key,
            "message": f"{f.key} {f.reason}",
            "hint": "docs/protocols.md explains every key",
        }
        for f in loads(text).faults
    ]
    return {"problems": problems, "summary": None if problems else compute(text)}


class FakeServer:
    """Serves the page and one scenario. `asked` lists all requests that change something."""

    def __init__(self, name: str = "idle", *, real_time: bool = True) -> None:
        self._real_time = real_time
        self._changed = threading.Condition()
        self._version = 0
        self._closed = False
        self.silent = False  # no more samples, as when a wrap hangs
        self.asked: list[tuple[str, Any]] = []
        self.refusals: dict[str, tuple[int, str, str, str]] = {}  # path: answer
        self.logins = 0
        self.version = HELLO["fw"]  # of the program that serves the page
        self.texts: dict[int, str] = {}
        self.active = 0
        self.settings = {key: high for key, (_, high) in BOUNDS.items()}
        self.world: dict[str, Any] = {
            "worn": True,
            "cover": False,
            "pull_sensor": None,
            "sensors": [s[0] for s in SENSORS],
            "hot_room": False,
            "speed": 1,
            "speeds": [1, 2, 5, 10, 20, 60],
            "cable": True,
            "power": True,
            "lit": True,
            "indicator": True,
            "buzzer": False,
        }
        examples = list(template.examples().values())
        for slot, path in enumerate((examples[4], examples[3])):
            self.texts[slot] = path.read_text(encoding="utf-8")
        self.show(name)
        server = self

        class Handler(_Handler):
            fake = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all streams and the server."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._http.shutdown()
        self._http.server_close()

    def show(self, name: str) -> None:
        """Change the scenario."""
        with self._changed:
            self.scenario = deepcopy(SCENARIOS[name])
            self.programme = FakeProgramme(self.scenario.programme)
            self.trial = FakeTrial(name.removeprefix("trial-"))
            self.heat = FakeHeat(name.removeprefix("heat-"))
            moment = name.removeprefix("cal-")
            self.calibration = FakeCalibration(moment if moment in CAL_MOMENTS else "start")
            self._begun = time.monotonic()
            self._version += 1
            self._changed.notify_all()

    def update(self, **changes: Any) -> None:
        """Change fields of the scenario."""
        with self._changed:
            for key, value in changes.items():
                setattr(self.scenario, key, value)
            self._version += 1
            self._changed.notify_all()

    def lit_s(self) -> float:
        """Return the light time now."""
        moves = self.scenario.moves and self._real_time
        return self.scenario.lit_s + (time.monotonic() - self._begun if moves else 0)

    def make_state(self) -> dict[str, Any]:
        """Return the event `state`."""
        s = self.scenario
        there = s.connection == "connected"
        return {
            "connection": s.connection,
            "message": "" if there else "the wrap at /dev/ttyACM0 does not answer",
            "hint": "" if there else "check the cable",
            "port": "sim:" if s.simulated else "/dev/ttyACM0",
            "simulated": s.simulated,
            "hello": None if s.connection == "searching" else HELLO,
            "actor": s.actor,
            "version": self.version,
        }

    def events(self) -> Any:
        """Yield (name, data) until the server closes."""
        seen = -1
        tick = 0
        while not self._closed:
            if seen != self._version:
                seen = self._version
                tick = 0
                yield "state", self.make_state()
                if self.scenario.simulated:
                    yield "world", self.world
            t_s, s = self.lit_s(), self.scenario
            up_s = 500 + t_s
            sends = s.connection == "connected" or tick == 0
            if sends and not self.silent and s.connection != "searching":
                if tick % 4 == 0:
                    yield "status", make_status(s, t_s, up_s)
                sample = make_sample(s, t_s, up_s)
                if s.connection != "connected":
                    sample["at_ms"] -= 14_000
                yield "sample", sample
            tick += 1
            with self._changed:
                self._changed.wait_for(lambda v=seen: self._closed or self._version != v, 0.25)

    # ---- requests

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return (status, JSON) of one request."""
        if method != "GET":
            self.asked.append((f"{method} {path}", body))
        if path in self.refusals:
            status, code, message, hint = self.refusals[path]
            return status, {"error": {"code": code, "message": message, "hint": hint}}
        parts = path.split("/")
        if parts[:2] == ["calibration", "guide"]:
            return self.calibration.answer(method, path, body)
        if parts[:2] == ["trial", "heat"]:
            is_there = self.scenario.connection == "connected"
            if (method, path) == ("POST", "trial/heat"):
                return self.heat.begin(is_there)
            return self.heat.answer(path, is_there)
        if parts[0] == "trial":
            return self.trial.answer(path, body)
        if parts[0] in ("people", "journal", "course"):
            return self.programme.answer(method, path, body)
        found = getattr(self, f"_{method.lower()}_{parts[0].replace('-', '_')}", None)
        if found is None:
            return 404, {"error": {"code": "not_found", "message": path, "hint": ""}}
        return found(parts[1:], body)

    def _get_history(self, parts: list[str], body: Any) -> tuple[int, Any]:
        return 200, make_history(self.scenario)

    def _post_act(self, parts: list[str], body: Any) -> tuple[int, Any]:
        self.update(actor=True)
        return 200, None

    def _post_session(self, parts: list[str], body: Any) -> tuple[int, Any]:
        state = {
            "start": "running",
            "resume": "running",
            "pause": "paused",
            "stop": "done",
            "awake": self.scenario.state,
        }[body["do"]]
        if body["do"] == "awake":
            self.update(status={**self.scenario.status, "wake_waiting": False, "wake_due_s": 300})
        self.update(state=state, moves=state == "running")
        return 200, {"state": state}

    def _post_fault(self, parts: list[str], body: Any) -> tuple[int, Any]:
        self.show("idle")
        return 200, {"state": "idle"}

    def _get_sessions(self, parts: list[str], body: Any) -> tuple[int, Any]:
        if not parts:
            return 200, make_sessions()
        found = make_session(int(parts[1])) if parts[0] == UID else None
        if found is None:
            return 404, {"error": {"code": "not_found", "message": "no such session", "hint": ""}}
        return 200, found

    def _post_sessions(self, parts: list[str], body: Any) -> tuple[int, Any]:
        count = len(self.programme.open)
        found = {"uid": UID, "log": UID, "new_bytes": 4096, "notes": []}
        return 200, {**found, "open_sessions": count}

    def _get_protocols(self, parts: list[str], body: Any) -> tuple[int, Any]:
        rows = []
        for slot, text in sorted(self.texts.items()):
            rows.append(
                {
                    **(compute(text) or {}),
                    "slot": slot,
                    "active": slot == self.active,
                    "broken": None,
                    "toml": text,
                }
            )
        for path in template.examples().values():
            text = path.read_text(encoding="utf-8")
            about = {"slot": None, "active": False, "broken": None, "toml": text}
            rows.append({**(compute(text) or {}), **about})
        return 200, rows

    def _post_protocols(self, parts: list[str], body: Any) -> tuple[int, Any]:
        if parts == ["check"]:
            return 200, check(body["toml"])
        self.active = int(parts[0])
        return 200, {"active": self.active}

    def _put_protocols(self, parts: list[str], body: Any) -> tuple[int, Any]:
        self.texts[int(parts[0])] = body["toml"]
        return 200, {"slot": int(parts[0]), "id": "new", "sha": ""}

    def _delete_protocols(self, parts: list[str], body: Any) -> tuple[int, Any]:
        del self.texts[int(parts[0])]
        return 200, {"active": None}

    def _get_doctor(self, parts: list[str], body: Any) -> tuple[int, Any]:
        keys = ("name", "level", "text", "hint")
        return 200, [dict(zip(keys, row, strict=True)) for row in DOCTOR]

    def _get_settings(self, parts: list[str], body: Any) -> tuple[int, Any]:
        return 200, [
            {
                "key": key,
                "value": self.settings[key],
                "unit": unit,
                "meaning": meaning,
                "low": BOUNDS[key][0],
                "high": BOUNDS[key][1],
                "default": BOUNDS[key][1],
            }
            for key, (unit, meaning) in SETTINGS.items()
        ]

    def _put_settings(self, parts: list[str], body: Any) -> tuple[int, Any]:
        self.settings[parts[0]] = body["value"]
        return 200, {"key": parts[0], "value": body["value"]}

    def _post_settings(self, parts: list[str], body: Any) -> tuple[int, Any]:
        self.show("idle")
        return 200, {"confirmed": ["settings"], "unconfirmed": []}

    def _get_calibration(self, parts: list[str], body: Any) -> tuple[int, Any]:
        how = {"unc_pm": 100, "date": 20260914, "how": "thermopile, 5 places"}
        return 200, {
            "channels": [
                {"channel": "red", "nm": 660, "void": False, "calibrated": True, "uw": 15600} | how,
                {"channel": "nir", "nm": 850, "void": False, "calibrated": True, "uw": 16000} | how,
            ],
            "heat_test": {"pm": 1000, "date": 20260915, "max_mc": 40200, "how": "13 loose beads"},
        }

    def _post_world(self, parts: list[str], body: Any) -> tuple[int, Any]:
        if body["control"] in self.world:
            self.world[body["control"]] = body["value"]
        self.update()
        return 200, self.world


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeServer

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def _send(self, status: int, data: bytes, kind: str, cookie: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        if cookie:
            self.send_header("Set-Cookie", "fake=1; HttpOnly; SameSite=Strict; Path=/")
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    def _send_json(self, status: int, data: Any) -> None:
        self._send(status, json.dumps(data).encode(), "application/json")

    def _handle(self) -> None:
        path = unquote(self.path.split("?")[0])
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size)
        if not path.startswith("/api/"):
            self._send_file(path)
            return
        body = json.loads(raw) if raw else None
        name = path.removeprefix("/api/")
        if name == "login":
            if body != {"token": TOKEN} or self.fake.logins:
                error = {"code": "used_token", "message": "used", "hint": ""}
                self._send_json(403, {"error": error})
                return
            self.fake.logins += 1
            self._send(204, b"", "", cookie=True)
        elif "fake=1" not in (self.headers.get("Cookie") or ""):
            error = {"code": "no_login", "message": "not logged in", "hint": ""}
            self._send_json(401, {"error": error})
        elif name == "events":
            self._stream()
        elif name == "trial/picture":
            drawn = self.fake.trial.draw("de" if "language=de" in self.path else "en")
            self._send(200, drawn.encode(), "image/svg+xml")
        else:
            self._send_json(*self.fake.answer(self.command, name, body))

    def _send_file(self, path: str) -> None:
        file = STATIC / ("index.html" if path == "/" else path.removeprefix("/static/"))
        if not file.is_file() or not file.resolve().is_relative_to(STATIC.resolve()):
            self._send(404, b"no such file", "text/plain")
            return
        self._send(200, file.read_bytes(), KINDS.get(file.suffix, "text/plain"))

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for name, data in self.fake.events():
                self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
        except OSError:
            pass  # the browser has closed the page

    do_GET = do_POST = do_PUT = do_DELETE = _handle


def main() -> None:
    """Serve one scenario until Ctrl-C: `python -m tests.web_page.fake_server [SCENARIO]`."""
    import sys

    server = FakeServer(*sys.argv[1:2])
    print(f"{server.url}#t={TOKEN}")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.close()


if __name__ == "__main__":
    main()
