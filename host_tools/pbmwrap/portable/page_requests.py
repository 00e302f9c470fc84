"""What a page asks of a wrap that it reaches itself, with the answers of docs/web.md.

A request is a function of the session and its arguments. It returns the answer, or the steps to it:
a generator that yields requests of the link.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import board_facts
from pbmwrap.errors import DeviceError, Refused, UsageError
from pbmwrap.portable import log_lines, transfers
from pbmwrap.portable.answer_fields import require_field, require_kind
from pbmwrap.portable.protocol_figures import compute_figures
from pbmwrap.portable.transfers import Request, sha256
from wrap.rules import limits
from wrap.rules import protocol as rules
from wrap.storage.settings import BOUNDS
from wrap.version import VERSION

if TYPE_CHECKING:
    from pbmwrap.portable.page_session import PageSession

SKEW_S = 60  # a quartz loses some 2 s a day
_SESSION = {
    "start": "session.start",
    "pause": "session.pause",
    "resume": "session.resume",
    "stop": "session.stop",
    "awake": "wake.answer",
}
_ONLY_EXAMPLES = "this page stores only the examples, or a protocol as the wrap keeps it (JSON)"
_USE_PROGRAM = "store other files with `pbmwrap protocol flash` on a computer"


def begin(session: PageSession, name: str, args: list[Any]) -> Any:
    """Return the answer to a request, or the steps to it. Raises UsageError."""
    act = _REQUESTS.get(name)
    if act is None:
        raise UsageError(f"this page cannot do {name} over USB")
    return act(session, *args)


def read_limits(slot: Any) -> Any:
    """Return the temperature limits in force for the protocol in `slot`, mC."""
    settings = (yield Request("settings.get")).result
    trip_mc = settings.get("trip_mc", limits.SKIN_TRIP_MC)
    if isinstance(slot, int) and slot >= 0:
        try:
            raw = yield from transfers.read_protocol(slot)
            stored = json.loads(raw).get("trip")
            if isinstance(stored, int) and stored > 0:
                trip_mc = min(trip_mc, stored)
        except (DeviceError, ValueError, AttributeError):
            pass  # the slot is broken: it starts nothing
    return {
        "skin_trip_mc": trip_mc,
        "derate_from_mc": trip_mc - limits.DERATE_BAND_MC,
        "derate_zero_mc": trip_mc - limits.DERATE_ZERO_MC,
        "board_trip_mc": limits.BOARD_TRIP_MC,
    }


# ---- sessions


def _history(session: PageSession) -> Any:
    return session.history.as_json()


def _change_session(session: PageSession, do: str) -> Any:
    if do not in _SESSION:
        raise UsageError(f"a session has no {do}")
    return _change_session_steps(session, do)


def _change_session_steps(session: PageSession, do: str) -> Any:
    answer = (yield Request(_SESSION[do])).result
    session.refresh()
    return answer


def _get_fault(session: PageSession) -> Any:
    fault = (yield Request("fault.get")).result
    if fault:
        sensor = fault.get("sensor")
        fault["called"] = fault["name"] + (f" at {sensor}" if sensor else "")
    return {"fault": fault}


def _ack_fault(session: PageSession) -> Any:
    answer = (yield Request("fault.ack")).result
    session.refresh()
    return answer


def _list_sessions(session: PageSession) -> Any:
    return []


def _pull(session: PageSession) -> Any:
    if session.pulls:
        raise Refused("the log is being read already", "wait until it has ended")
    return _pull_steps(session)


def _pull_steps(session: PageSession) -> Any:
    """Read the whole log; its lines are events `file`, as `pbmwrap logs import` takes them."""
    session.pulls = True
    try:
        hello = require_kind((yield Request("hello")).result, dict)
        uid = require_field(hello, "uid", str)
        mark = {"boot": hello["boot"], "up_ms": hello["uptime_s"] * 1000}
        mark["unix_ms"] = session.unix_ms
        lines = [log_lines.format_head(uid), log_lines.format_about(hello)]
        session.publish("file", "".join(lines + [log_lines.format_mark(mark)]))

        def keep(offset: int, data: bytes) -> None:
            session.publish("file", log_lines.format_bytes(offset, data))

        def report(done: int, total: int) -> None:
            session.publish("progress", {"done": done, "total": total})

        start, end = yield from transfers.pull_log(0, None, keep, report)
        return {"uid": uid, "log": uid, "new_bytes": end - start, "notes": []}
    finally:
        session.pulls = False


# ---- protocols


def _read_cals(session: PageSession) -> Any:
    answer = require_kind((yield Request("cal.get")).result, list)
    return [None if cal is None else (cal["uw"], cal["unc_pm"]) for cal in answer]


def _compute(session: PageSession, stored: dict[str, Any], cals: list[Any] | None) -> Any:
    lamps = _order_lamps(session)
    if cals is None or len(cals) != len(lamps):
        cals = [None] * len(lamps)
    return compute_figures(stored, lamps, cals, board_facts.SUPPLY_MA)


def _order_lamps(session: PageSession) -> list[tuple[str, int, int, int]]:
    """Return the board's lamps in the wrap's order; the default board's for other channels."""
    known = {c[0]: (c[0], c[1], c[3], c[4]) for c in board_facts.CHANNELS}
    names = [name for name, _ in session.hello["channels"]] if session.hello else []
    if not names or any(name not in known for name in names):
        return list(known.values())
    return [known[name] for name in names]


def _channels(session: PageSession) -> dict[str, int]:
    return {lamp[0]: lamp[1] for lamp in _order_lamps(session)}


def _list_protocols(session: PageSession) -> Any:
    if session.hello is None:
        return [_example_row(session, example, None) for example in session.examples]
    return _list_protocols_steps(session)


def _list_protocols_steps(session: PageSession) -> Any:
    cals = yield from _read_cals(session)
    found = (yield Request("proto.list")).result
    rows = []
    for number, slot in enumerate(require_field(found, "slots", list)):
        if slot:
            row = yield from _slot_row(session, number, slot, cals)
            row["active"] = number == found.get("active")
            rows.append(row)
    return rows + [_example_row(session, example, cals) for example in session.examples]


def _slot_row(session: PageSession, number: int, slot: dict[str, Any], cals: list[Any]) -> Any:
    row: dict[str, Any] = {"slot": number, "broken": slot.get("broken"), "sha": slot.get("sha")}
    row["id"], row["name"], row["toml"] = slot.get("id", ""), slot.get("name", ""), ""
    if row["broken"]:
        return row
    try:
        stored = rules.parse((yield from transfers.read_protocol(number)))
        problems = rules.find_problems(stored, _channels(session))
    except (ValueError, DeviceError) as problem:
        row["broken"] = str(problem)
        return row
    if problems:
        row["broken"] = rules.problem_text(problems[0])
        return row
    row.update(_describe(session, stored, cals))
    for example in session.examples:
        if example["sha"] == row["sha"]:  # the wrap keeps neither the cautions nor the evidence
            for key in ("cautions", "evidence", "evidence_summary", "references", "toml"):
                row[key] = example[key]
    return row


def _example_row(session: PageSession, example: dict[str, Any], cals: list[Any] | None) -> Any:
    row = dict(example)
    row.update(_compute(session, json.loads(example["stored"]), cals))
    row["slot"], row["active"], row["broken"] = None, False, None
    return row


def _describe(session: PageSession, stored: dict[str, Any], cals: list[Any] | None) -> Any:
    row = {"id": stored["id"], "name": stored["name"], "site": stored["site"], "cautions": []}
    row.update({"evidence": stored.get("grade") or None, "evidence_summary": "", "references": []})
    row.update(_compute(session, stored, cals))
    return row


def _find_stored(session: PageSession, text: str) -> bytes:
    """Return the bytes for the wrap: of an example's file, or of JSON. Raises UsageError."""
    for example in session.examples:
        if text in (example["toml"], example["stored"]):
            return example["stored"].encode()
    if text.strip()[:1] == "{":
        return text.strip().encode()
    raise UsageError(_ONLY_EXAMPLES, _USE_PROGRAM)


def _check_protocol(session: PageSession, text: str) -> Any:
    """Return all problems of a protocol, or what it gives."""
    stored: Any = None
    try:
        stored = rules.parse(_find_stored(session, text))
        texts = [rules.problem_text(p) for p in rules.find_problems(stored, _channels(session))]
    except UsageError as problem:
        texts = [problem.message]
    except ValueError as problem:
        texts = [str(problem)]
    if texts:
        lines = [{"line": 1, "key": "", "message": text, "hint": _USE_PROGRAM} for text in texts]
        return {"problems": lines, "summary": None}
    if session.hello is None:
        return {"problems": [], "summary": _describe(session, stored, None)}
    return _check_protocol_steps(session, stored)


def _check_protocol_steps(session: PageSession, stored: dict[str, Any]) -> Any:
    cals = yield from _read_cals(session)
    return {"problems": [], "summary": _describe(session, stored, cals)}


def _store_protocol(session: PageSession, slot: int, text: str) -> Any:
    return _store_protocol_steps(session, slot, _find_stored(session, text))


def _store_protocol_steps(session: PageSession, slot: int, raw: bytes) -> Any:
    stored = yield from transfers.flash_protocol(slot, raw, sha256(raw))
    yield from transfers.verify_protocol(slot, raw)
    session.refresh(True)
    return {"slot": slot, "id": stored.get("id"), "sha": sha256(raw)}


def _change_slot(session: PageSession, method: str, slot: int) -> Any:
    answer = (yield Request(method, {"slot": slot}, b"", transfers.COMMIT_S)).result
    session.refresh(True)
    active = require_field(answer, "active", int)
    return {"active": active if active >= 0 else None}


def _activate(session: PageSession, slot: int) -> Any:
    return _change_slot(session, "proto.activate", slot)


def _erase(session: PageSession, slot: int) -> Any:
    return _change_slot(session, "proto.delete", slot)


# ---- the wrap


def _settings(session: PageSession) -> Any:
    return _describe_settings(require_kind((yield Request("settings.get")).result, dict))


def _describe_settings(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row per setting; a newer firmware may have some that are not known here."""
    rows = []
    for key in sorted(values):
        low, high = BOUNDS.get(key, (None, None))
        row = {"key": key, "value": values[key], "unit": "", "meaning": ""}
        row.update({"low": low, "high": high, "default": high})
        rows.append(row)
    return rows


def _set_setting(session: PageSession, key: str, value: int) -> Any:
    answer = (yield Request("settings.set", {"k": key, "v": value})).result
    session.refresh(True)
    return _describe_settings(require_kind(answer, dict))[0]


def _confirm(session: PageSession) -> Any:
    waiting = (yield Request("status")).result.get("unconfirmed") or []
    left = require_field((yield Request("settings.confirm")).result, "unconfirmed", list)
    session.refresh(True)
    return {"confirmed": [name for name in waiting if name not in left], "unconfirmed": left}


def _calibration(session: PageSession) -> Any:
    assert session.hello is not None
    kept = require_kind((yield Request("cal.get")).result, list)
    void = (yield Request("status")).result.get("cal_void") or []
    test = (yield Request("heat.get")).result
    rows = []
    for (name, nm), cal in zip(session.hello["channels"], kept):
        row: dict[str, Any] = {"channel": name, "nm": nm, "void": name in void}
        row.update(cal or {})
        row["calibrated"] = cal is not None
        rows.append(row)
    return {"channels": rows, "heat_test": test or None}


def _doctor(session: PageSession) -> Any:
    hello = require_kind((yield Request("hello")).result, dict)
    status = require_kind((yield Request("status")).result, dict)
    return _check_hello(hello) + _check_status(status, session.unix_ms // 1000)


def _check(name: str, good: bool, text: str, hint: str = "", level: str = "note") -> dict[str, str]:
    return {"name": name, "level": "good" if good else level, "text": text, "hint": hint}


def _check_hello(hello: dict[str, Any]) -> list[dict[str, str]]:
    fw, integrity, memory = hello.get("fw"), hello.get("integrity"), hello.get("memory")
    cause = hello.get("cause")
    calm = cause not in ("watchdog", "brown-out")
    damaged = "damaged" in (integrity, memory)
    again = "install the firmware again; if it stays, replace the board"
    return [
        _check("firmware", fw == VERSION, f"{fw}, this page is for {VERSION}"),
        _check("integrity", not damaged, f"program {integrity}, RAM {memory}", again, "bad"),
        _check("last start", calm, f"{cause}", "if it repeats, check the supply and the cable"),
    ]


def _check_status(status: dict[str, Any], unix_s: int) -> list[dict[str, str]]:
    fault, unconfirmed = status.get("fault"), status.get("unconfirmed") or []
    clock, temps = status.get("unix_s"), status.get("temps_mc") or []
    near = clock is not None and abs(clock - unix_s) <= SKEW_S
    ahead = "not set" if clock is None else f"{abs(clock - unix_s)} s from this computer's"
    confirm = "check the values, then confirm them under Settings"
    power, lost = status.get("power_pm"), status.get("records_lost") or status.get("log_failed")
    named = fault["name"] if fault else "none"
    wire = "check the wire and the pull-up of the sensor"
    return [
        _check("sensors", None not in temps, f"{len(temps)} fitted", wire, "bad"),
        _check("fault", not fault, named, "remove the cause, then acknowledge it above", "bad"),
        _check("clock", near, "right" if near else ahead, "run `pbmwrap clock set`"),
        _check("settings", not unconfirmed, ", ".join(unconfirmed) or "good", confirm, "bad"),
        _check("power", power is None or power >= 1000, f"{(power or 0) / 10:g} % of full"),
        _check("log", not lost, "records were lost" if lost else "no record lost"),
    ]


_REQUESTS = {
    "history": _history,
    "session": _change_session,
    "fault": _get_fault,
    "ackFault": _ack_fault,
    "sessions": _list_sessions,
    "pull": _pull,
    "protocols": _list_protocols,
    "check": _check_protocol,
    "flash": _store_protocol,
    "activate": _activate,
    "erase": _erase,
    "doctor": _doctor,
    "settings": _settings,
    "setSetting": _set_setting,
    "confirm": _confirm,
    "calibration": _calibration,
}
