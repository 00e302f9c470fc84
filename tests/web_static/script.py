"""A session as calls of `pbmwrap.web.browser.simulated`, the same for CPython and the browser."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pbmwrap.device.link import FLUSH, encode_request
from pbmwrap.web.browser import tour

Call = tuple[str, list[Any]]


def send(
    number: int, method: str, params: dict[str, Any] | None = None, behind: bytes = b""
) -> str:
    """Return a request as hex digits."""
    line = encode_request(number, method, params) + (behind + b"\n" if behind else b"")
    return (FLUSH + line).hex()


def list_calls(lit_s: int) -> list[Call]:
    """Return a session of `lit_s` seconds with a cover, a press, and a sensor that is pulled."""
    raw = json.dumps(tour.STRONG, sort_keys=True, separators=(",", ":")).encode()
    sha = hashlib.sha256(raw).hexdigest()
    put = {"slot": 0, "size": len(raw), "sha": sha}
    calls: list[Call] = [("simulated.advance", [500, send(1, "hello")])]
    cal = {"uw": 50_000, "unc_pm": 100, "date": 20260101, "how": "x"}
    requests = [
        send(2, "heat.set", {"pm": 1000, "max_mc": 40000, "date": 20260101, "how": "x"}),
        send(3, "cal.set", {"ch": "red", **cal}),
        send(4, "cal.set", {"ch": "nir", **cal}),
        send(5, "proto.put", put, raw),
        send(6, "proto.activate", {"slot": 0}),
    ]
    for text in requests:
        calls += [("simulated.advance", [400, text])]
    calls += [("simulated.advance", [1000, ""])] * 36  # the heat balance's dark reference
    calls += [("simulated.advance", [400, send(7, "session.start")])]
    calls += [("simulated.advance", [100, ""])] * 50
    calls += [("simulated.change", ["cover", True])]
    for second in range(lit_s):
        calls += [("simulated.advance", [100, ""])] * 10
        if second % 303 == 302:  # the wake check asks every five minutes of light
            calls += [("simulated.advance", [400, send(100 + second, "wake.answer")])]
    calls += [("simulated.change", ["press", "double"])]
    calls += [("simulated.advance", [100, ""])] * 10
    calls += [("simulated.change", ["pull_sensor", "skin-mid"])]
    calls += [("simulated.advance", [100, ""])] * 50
    calls += [("simulated.advance", [400, send(8, "fault.get")])]
    return calls
