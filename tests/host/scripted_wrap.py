"""A small wrap in memory that implements the link. Tests switch faults on. Virtual time."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable

from pbmwrap.device.transport import WRITE_TIMEOUT_S, Transport
from pbmwrap.errors import LinkLost
from wrap.errors import Refused
from wrap.link import frames

WINDOW = 1000

HELLO = {
    "product": "pbmwrap", "fw": "0.1.0", "link": 1, "board": "PBMWRAP_RP2040", "mpy": "1.25.0",
    "uid": "e66138935f1c2a2b", "max_request": 240, "uptime_s": 12, "boot": 3, "cause": "power",
    "state": "idle", "channels": [["red", 660], ["nir", 850]],
    "sensors": [["skin", "skin"], ["board", "board"]], "slots": 8, "frozen": True, "program": "ab",
}  # fmt: skip
STATUS = {
    "state": "idle", "active_ms": 0, "temps_mc": [31000, None], "duty_u16": [0, 0],
    "dose_uj": None, "dose_total_uj": None, "on_ms": [0, 0], "derate_pm": 1000, "warn": 0,
    "session": 0, "end_reason": "", "protocol": None, "site": None, "total_ms": 0,
    "dose_target_uj": 0, "slot": -1, "next_protocol": None, "calibrated": False, "fault": None,
    "unix_s": None, "uptime_s": 12, "heap_used": 40000, "heap_free": 120000, "step_us_last": 700,
    "step_us_max": 900, "steps_late": 0, "log_end": 0, "log_failed": 0, "tethered": False,
    "wake_waiting": False, "wake_due_s": None, "next_s": None, "unconfirmed": [], "cal_void": [],
}  # fmt: skip


class ScriptedWrap(Transport):
    """Answers requests like a wrap. Each fault attribute counts how often it is still to happen."""

    def __init__(self, log: bytes = b"", name: str = "scripted") -> None:
        self.name = name
        self.log = log
        self.hello = dict(HELLO)
        self.status = dict(STATUS)
        self.slots: dict[int, bytes] = {}
        self.settings = {"cap_mj": 60000, "time_s": 1200, "trip_mc": 41000}
        self.heat: dict | None = None
        self.acted: list[str] = []
        self.lines: list[bytes] = []
        self.lose_answers = 0  # answers that vanish on their way
        self.damage_requests = 0  # requests that arrive with a wrong CRC
        self.damage_answers = 0
        self.drop_windows = 0
        self.cut_windows = 0  # windows whose last byte vanishes
        self.flip_digest = 0
        self.flip_protocol = 0  # a stored protocol that reads back different
        self.vanish_after = -1  # writes until the cable is pulled
        self.strange: bytes | None = None  # sent for every line, in place of an answer
        self.now_s = 0.0
        self.closed = False
        self.calls: dict = {}
        self._out = bytearray()
        self._reader = frames.LineReader()
        self._last: tuple[int, bytes] = (-1, b"")
        self._put: dict = {}  # the upload under way
        self._at = self._begun = 0

    # Transport

    def open(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def monotonic(self) -> float:
        return self.now_s

    def read(self, timeout_s: float) -> bytes:
        if not self._out:
            self.now_s += timeout_s
            self.idle()
        data, self._out = bytes(self._out), bytearray()
        return data

    def write(self, data: bytes, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        if self.vanish_after == 0:
            raise LinkLost(f"{self.name} vanished while it was in use")
        self.vanish_after -= 1
        at = 0
        while at < len(data):
            if self._put:
                at = self._take(data, at)
                continue
            event = self._reader.take(data, at, len(data))
            at = self._reader.at
            if event in (frames.OK, frames.BAD_CRC):
                self._line(event)

    # The wrap

    def idle(self) -> None:
        """Called when the host received nothing in time; a test may push something here."""

    def push(self, name: str, params: dict) -> None:
        self.send({"n": name, "p": params})

    def send(self, message: dict) -> None:
        self._out += frames.encode(json.dumps(message, separators=(",", ":")).encode())

    def noise(self, data: bytes) -> None:
        self._out += data

    def _take(self, data: bytes, at: int) -> int:
        left = self._put["size"] - len(self._put["data"])
        self._put["data"] += data[at : at + left]
        if len(self._put["data"]) == self._put["size"]:
            put, self._put = self._put, {}
            self._reply(put["i"], self._tried(self._store, put))
        return min(len(data), at + left)

    def _line(self, event: int) -> None:
        if self.strange is not None:
            self._out += self.strange
            return
        if event == frames.BAD_CRC or self.damage_requests:
            self.damage_requests = max(0, self.damage_requests - 1)
            self.send({"i": None, "e": ["bad_crc", "the checksum does not match"]})
            return
        self.lines.append(self._reader.body())
        self._answer(json.loads(self._reader.body()))

    def _answer(self, request: dict) -> None:
        number, method, p = request["i"], request["m"], request.get("p", {})
        if number == self._last[0]:
            self._send_last()
            return
        self.acted.append(method)
        if method == "proto.put" and method not in self.calls:
            self._put = {**p, "i": number, "data": b""}
            return
        self._reply(number, self._result(method, p))

    def _reply(self, number: int, result: dict) -> None:
        body = json.dumps({"i": number, **result}, separators=(",", ":")).encode()
        self._last = number, frames.encode(body)
        self._send_last()

    def _send_last(self) -> None:
        if self.lose_answers:
            self.lose_answers -= 1
            return
        line = self._last[1]
        if self.damage_answers:
            self.damage_answers -= 1
            line = line.replace(b"*", b"x*")
        self._out += line

    def _result(self, method: str, p: dict) -> dict:
        handler = self.calls.get(method) or getattr(self, "_" + method.replace(".", "_"), None)
        return self._tried(handler or self.refuse_unknown, p)

    def _tried(self, handler: Callable[[dict], object], p: dict) -> dict:
        try:
            return {"r": handler(p)}
        except Refused as refusal:
            return {"e": list(refusal.args)}

    def refuse_unknown(self, p: dict) -> None:
        raise Refused("unknown_method", "no such method")

    def _hello(self, p: dict) -> dict:
        return self.hello

    def _status(self, p: dict) -> dict:
        return self.status

    def _state(self, p: dict) -> dict:
        return {key: self.status[key] for key in ("state", "session", "active_ms")}

    def _clock_set(self, p: dict) -> dict:
        return {"unix_s": p["t"]}

    def _settings_get(self, p: dict) -> dict:
        return self.settings

    def _settings_set(self, p: dict) -> dict:
        self.settings[p["k"]] = p["v"]
        return {p["k"]: p["v"]}

    def _settings_confirm(self, p: dict) -> dict:
        self.status["unconfirmed"] = []
        return {"unconfirmed": []}

    def _heat_get(self, p: dict) -> dict | None:
        return self.heat

    def _heat_set(self, p: dict) -> dict | None:
        self.heat = p if p["pm"] else None
        return self.heat

    def _cal_get(self, p: dict) -> list:
        return [None, {"uw": 42000, "unc_pm": 50, "date": 20260101, "how": "meter"}]

    def _cal_set(self, p: dict) -> list:
        return [{k: p[k] for k in ("uw", "unc_pm", "date", "how")}, None]

    def _proto_list(self, p: dict) -> dict:
        shown: list = [None] * 8
        for n, raw in self.slots.items():
            obj = json.loads(raw)
            sha = hashlib.sha256(raw).hexdigest()
            shown[n] = {"id": obj["id"], "name": obj["name"], "sha": sha, "size": len(raw)}
        return {"active": self.status["slot"], "slots": shown}

    def _store(self, put: dict) -> dict:
        raw = put["data"]
        if hashlib.sha256(raw).hexdigest() != put["sha"]:
            raise Refused("hash", "the bytes do not match the announced SHA-256")
        self.slots[put["slot"]] = raw
        return {"slot": put["slot"], "id": json.loads(raw)["id"]}

    def _proto_get(self, p: dict) -> dict:
        if p["slot"] not in self.slots:
            raise Refused("not_found", f"slot {p['slot']} holds no usable protocol")
        raw = self.slots[p["slot"]]
        if self.flip_protocol:
            raw = bytes((raw[0] ^ 1,)) + raw[1:]
        piece = base64.b64encode(raw[p["o"] : p["o"] + 480]).decode()
        return {"o": p["o"], "size": len(raw), "d": piece}

    def _proto_activate(self, p: dict) -> dict:
        self.status["slot"] = p["slot"]
        return {"active": p["slot"]}

    def _proto_delete(self, p: dict) -> dict:
        self.slots.pop(p["slot"])
        return {"active": -1}

    def _session_start(self, p: dict) -> dict:
        self.status.update(state="running", session=self.status["session"] + 1)
        return {"session": self.status["session"]}

    def _session_pause(self, p: dict) -> dict:
        return {"state": "paused"}

    def _session_resume(self, p: dict) -> dict:
        return {"state": "ramp-up"}

    def _session_stop(self, p: dict) -> dict:
        if self.status["state"] != "running":
            raise Refused("not_now", "not while " + self.status["state"])
        self.status["state"] = "done"
        return {"state": "ramp-down"}

    def _lease(self, p: dict) -> dict:
        return {"ms": p["ms"]}

    def _telemetry(self, p: dict) -> dict:
        return {"every_ms": p["every_ms"]}

    def _fault_get(self, p: dict) -> dict | None:
        return self.status["fault"]

    def _fault_ack(self, p: dict) -> dict:
        return {"state": "idle"}

    def _reset(self, p: dict) -> dict:
        return {}

    def _service(self, p: dict) -> dict:
        return {}

    def _log_info(self, p: dict) -> dict:
        return {"first": 0, "end": len(self.log), "seq": 9}

    def _log_open(self, p: dict) -> dict:
        self._at = self._begun = p["o"]
        return {"o": p["o"], "end": len(self.log)}

    def _log_next(self, p: dict) -> dict:
        at = p["o"]
        piece = self.log[at : at + min(p["n"], WINDOW)]
        if piece and not self.drop_windows:
            self.push("raw", {"o": at, "size": len(piece)})
            self._out += piece[: len(piece) - (self.cut_windows > 0)]
            self.cut_windows = max(0, self.cut_windows - 1)
        self.drop_windows = max(0, self.drop_windows - 1)
        self._at = at + len(piece)
        return {"o": self._at, "end": len(self.log)}

    def _log_close(self, p: dict) -> dict:
        sha = hashlib.sha256(self.log[self._begun : self._at]).hexdigest()
        if self.flip_digest:
            self.flip_digest -= 1
            sha = "0" * 64
        return {"o": self._at, "end": len(self.log), "sha": sha}
