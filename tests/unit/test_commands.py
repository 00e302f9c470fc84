"""The methods of the link, asked over the wire: parameters, states, answers."""

import hashlib
from binascii import a2b_base64

import pytest

import board_facts
from pbmwrap.twin.fake_hal import FakeHal
from tests.between_steps import between_steps
from tests.unit.conftest import DEFAULTS, LONG, Rig, answers, protocol, sha
from wrap.errors import Refused
from wrap.link import commands, server
from wrap.rules import limits

HELLO = ["product", "fw", "link", "board", "mpy", "program", "frozen", "uid", "max_request"]
HELLO += ["slots", "channels", "sensors"]


METER = {"unc_pm": 100, "date": 20260101, "how": "meter"}


def code(answer):
    assert isinstance(answer, tuple), answer
    return answer[0]


def send_protocol(rig, slot, raw, digest=None):
    return rig.ask("proto.put", raw, slot=slot, size=len(raw), sha=digest or sha(raw))


# ---- what is allowed when

STATES = ("idle", "self-test", "running", "paused", "done", "fault")
ALLOWED = {
    "settings.set": ("idle", "done"),
    "settings.confirm": ("idle", "done"),
    "heat.set": ("idle", "done"),
    "cal.set": ("idle", "done"),
    "cal.light": ("idle", "done"),
    "course.note": ("idle", "done"),
    "hold.set": ("idle", "done", "fault"),
    "hold.clear": ("idle", "done"),
    "trial.arm": ("idle", "done"),
    "trial.close": ("idle", "done"),
    "trial.reveal": ("idle", "done"),
    "trial.unblind": ("idle", "done", "fault"),
    "proto.put": ("idle", "done"),
    "proto.activate": ("idle", "done"),
    "proto.delete": ("idle", "done"),
    "session.start": ("idle", "done", "fault"),
    "session.pause": ("self-test", "running", "paused"),
    "session.resume": ("self-test", "running", "paused"),
    "session.stop": ("self-test", "running", "paused"),
    "wake.answer": ("self-test", "running", "paused"),
    "bench": ("idle", "done", "fault"),
    "deadman.test": ("idle", "done"),
    "service": ("idle", "done", "fault"),
    "reset": ("idle", "done", "fault"),
    "fault.ack": ("fault",),
}


def brought_to(state):
    rig = Rig()
    if state == "self-test":
        rig.store(steps=LONG)
        between_steps(rig.app).starter.start("link", False)
    elif state == "fault":
        rig.warm(50000)
    elif state != "idle":
        rig.light()
        if state == "paused":
            between_steps(rig.app).session.pause("link")
        if state == "done":
            between_steps(rig.app).session.stop("link")
            rig.until("done")
    rig.advance(10)
    assert rig.state == state
    return rig


@pytest.mark.parametrize("state", STATES)
def test_what_is_allowed_depends_on_the_state(state):
    rig = brought_to(state)
    app = rig.app
    gate = commands.RequestGate(app.session, app.log_queue, app.uptime, app.budget)
    for method, (when, _) in app.commands.methods.items():
        if state in ALLOWED.get(method, STATES):
            assert gate.run(when, len, "four") == 4, method
        else:
            with pytest.raises(Refused, match="not while"):
                gate.run(when, len, "four")
    assert rig.ask("proto.delete", slot=7)[0] == (
        "not_found" if state in ("idle", "done") else "not_now"
    )


def test_a_method_that_does_not_exist_is_named(rig: Rig):
    assert rig.ask("x" * 100) == ("unknown_method", "no method " + "x" * 40)


# ---- parameters


@pytest.mark.parametrize(
    "method,params,text",
    [
        ("clock.set", {"t": 1}, "t must be a whole number from 1700000000 to 4102444800"),
        ("clock.set", {"t": True}, "t must be"),
        ("clock.set", {}, "t must be"),
        ("settings.set", {"k": 5, "v": 1}, "k must be ASCII text of at most 16 characters"),
        ("settings.set", {"k": "x" * 17, "v": 1}, "k must be ASCII text"),
        ("settings.set", {"k": "caf\u00e9", "v": 1}, "k must be ASCII text"),
        ("settings.set", {"k": "a\n", "v": 1}, "k must be ASCII text"),
        ("settings.set", {"k": "trip_mc", "v": 41001}, "trip_mc must be"),
        ("cal.set", {"ch": "red", "uw": 200001}, "uw must be a whole number from 0 to 200000"),
        ("cal.set", {"ch": "red", "uw": 5, "unc_pm": 501}, "unc_pm must be"),
        ("cal.set", {"ch": "red", "uw": 5}, "date must be a whole number from 20000101"),
        ("cal.set", {"ch": "red", "uw": 5, "date": 20260101}, "how must be ASCII text"),
        ("cal.set", {"ch": "red", "uw": 1499, **METER}, "uw must be from 1500 to 200000"),
        ("cal.set", {"ch": "red", "uw": 1500, **METER, "unc_pm": 29}, "unc_pm must be"),
        ("cal.set", {"ch": "uv", "uw": 0}, "the channel must be one of red, nir"),
        ("cal.set", {"ch": "red", "uw": 1500, **METER, "peak_pm": 999}, "peak_pm must be a whole"),
        ("cal.set", {"ch": "red", "uw": 1500, **METER, "peak_pm": 5001}, "peak_pm must be"),
        ("cal.set", {"ch": "red", "uw": 1500, **METER, "instrument": "x" * 41}, "instrument must"),
        ("cal.set", {"ch": "red", "uw": 1500, **METER, "sha": "f" * 63}, "sha must be 64 hex"),
        ("cal.set", {"ch": "red", "uw": 1500, **METER, "sha": "F" * 64}, "sha must be 64 hex"),
        ("cal.set", {"ch": "red", "uw": 1500, **METER, "sha": 5}, "sha must be 64 hex"),
        ("cal.set", {"ch": "red", "uw": 200000, **METER, "peak_pm": 1364}, "uw with its uncer"),
        ("course.note", {"person": "", "sha": "0" * 64, "what": "frozen"}, "person must be 1 to 8"),
        (
            "course.note",
            {"person": "*", "sha": "0" * 64, "what": "frozen"},
            "person must be 1 to 8",
        ),
        ("course.note", {"person": "a1", "sha": "0" * 65, "what": "frozen"}, "sha must be 64 hex"),
        (
            "course.note",
            {"person": "a1", "sha": "0" * 64, "what": "made"},
            "what must be frozen or",
        ),
        ("course.note", {"person": "a1", "sha": "0" * 64, "what": {}}, "what must be frozen or"),
        ("hold.set", {"person": "a-b", "reason": "wound"}, "person must be 1 to 8 characters a-z"),
        ("hold.set", {"person": "a" * 9, "reason": "wound"}, "person must be 1 to 8 characters"),
        ("hold.set", {"person": "A1", "reason": "wound"}, "person must be 1 to 8 characters"),
        ("hold.set", {"person": 5, "reason": "wound"}, "person must be 1 to 8 characters"),
        ("hold.set", {"person": "a1", "reason": ""}, "reason must be 1 to 24 characters a-z"),
        ("hold.set", {"person": "a1", "reason": "x" * 25}, "reason must be ASCII text of at most"),
        ("hold.set", {"person": "a1", "reason": "New"}, "reason must be 1 to 24 characters a-z"),
        ("hold.clear", {"person": "a1"}, "reason must be ASCII text of at most 24"),
        ("proto.put", {"size": 2049, "slot": 0, "sha": ""}, "size must be"),
        ("proto.put", {"size": 9, "slot": 8, "sha": ""}, "slot must be a whole number from 0"),
        ("proto.put", {"size": 9, "slot": 0, "sha": "f" * 65}, "sha must be 64 hex digits"),
        ("proto.put", {"size": 9, "slot": 0, "sha": 5}, "sha must be 64 hex digits"),
        ("lease", {"ms": 10001}, "ms must be a whole number from 1 to 10000"),
        ("telemetry", {"every_ms": 99}, "every_ms must be 0 or at least 100"),
        ("telemetry", {"every_ms": 60001}, "every_ms must be"),
        ("log.open", {"o": 1 << 30}, "o must be"),
        ("log.next", {"o": 0, "n": 1023}, "n must be a whole number from 1024 to 16384"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_bounds(rig: Rig, method, params, text):
    answer = rig.ask(method, **params)
    assert code(answer) == "bad_param"
    assert answer[1].startswith(text)
    assert rig.app.fault_latch.code == 0


# ---- looking


def test_hello_identifies_the_wrap(rig: Rig):
    hello = rig.ask("hello")
    assert list(hello)[: len(HELLO)] == HELLO
    assert (hello["product"], hello["link"], hello["slots"]) == ("pbmwrap", 1, 8)
    assert hello["channels"] == [["red", 660], ["nir", 850]]
    assert hello["sensors"] == [list(s[:2]) for s in board_facts.SENSORS]
    assert (hello["boot"], hello["cause"], hello["state"]) == (1, "power", "idle")
    assert (hello["program"], hello["frozen"]) == ("files", False)


def test_status_state_and_fault_report_the_present(rig: Rig):
    assert rig.ask("state") == {"state": "idle", "session": 0, "active_ms": 0}
    status = rig.ask("status")
    assert (status["protocol"], status["next_protocol"], status["slot"]) == (None, None, -1)
    assert rig.ask("fault.get") is None
    rig.warm(70000, sensor="board")
    rig.advance(10)
    assert rig.ask("fault.get") == rig.app.status_view.fault()
    assert rig.app.status_view.fault()["sensor"] == "board"
    assert rig.ask("session.start") == (
        "fault",
        "one reading was far beyond its limit; acknowledge it first",
    )


def test_settings_clock_and_calibration_over_the_link(rig: Rig):
    assert rig.ask("settings.set", k="time_s", v=600) == {"time_s": 600}
    assert rig.ask("settings.get") == {**DEFAULTS, "time_s": 600}
    assert rig.ask("clock.set", t=1790000000) == {"unix_s": 1790000000}
    cal = {"uw": 50000, "unc_pm": 50, "date": 20261101, "how": "meter"}
    shown = {**cal, "lit_s": 0}
    assert rig.ask("cal.set", ch="nir", **cal) == [None, shown]
    assert rig.ask("cal.get") == [None, shown]
    assert rig.app.lamps.meters[1].full_uw == 50000
    assert rig.ask("cal.set", ch="nir", uw=0) == [None, None]


# ---- protocols

MOST_PIECE = 120  # a stock heap with all slots in use had no room for an answer with 240


def test_a_protocol_goes_in_and_comes_back(rig: Rig):
    raw = protocol(name="N" * 40)
    assert send_protocol(rig, 5, raw) == {"slot": 5, "id": "bench"}
    got = b""
    while len(got) < len(raw):
        answer = rig.ask("proto.get", slot=5, o=len(got))
        assert (answer["o"], answer["size"]) == (len(got), len(raw))
        piece = a2b_base64(answer["d"])
        assert len(piece) <= MOST_PIECE
        got += piece
    assert got == raw
    shown = {"id": "bench", "name": "N" * 40, "sha": sha(raw), "size": len(raw)}
    shown["person"] = None
    assert rig.ask("proto.list") == {"active": 5, "slots": [None] * 5 + [shown, None, None]}
    assert rig.ask("proto.activate", slot=5) == {"active": 5}
    assert rig.ask("proto.delete", slot=5) == {"active": -1}
    assert rig.ask("proto.delete", slot=5) == ("not_found", "slot 5 is empty")
    assert rig.ask("proto.get", slot=5) == ("not_found", "slot 5 holds no usable protocol")


def test_broken_transfers_change_nothing(rig: Rig):
    raw = rig.store()
    assert code(send_protocol(rig, 0, protocol(id="new"), "0" * 64)) == "hash"
    assert code(send_protocol(rig, 0, protocol(ramp=1))) == "invalid"
    assert code(send_protocol(rig, 0, b"{" * 99)) == "invalid"
    assert rig.app.protocols.raw(0) == raw
    rig.files.data["proto.1"] = b"half"
    rig.board.power_on()
    slots = rig.ask("proto.list")["slots"]
    assert slots[1] == {"broken": "damaged: the hash does not match"}
    assert slots[0]["sha"] == sha(raw)


def test_a_session_that_begins_while_a_protocol_arrives_keeps_what_is_stored(rig: Rig):
    old = rig.store(steps=LONG)
    new = protocol(id="new")
    number = rig.send("proto.put", new[:9], slot=0, size=len(new), sha=sha(new))
    rig.advance(100)
    between_steps(rig.app).starter.start("link", False)
    rig.board.read()
    rig.board.write(new[9:])
    rig.advance(400)
    assert answers(rig.board.read()) == [{"i": number, "e": ["not_now", "not while self-test"]}]
    assert rig.app.protocols.raw(0) == old


def test_a_protocol_that_cannot_be_stored_is_an_error(rig: Rig):
    rig.store()
    rig.files.broken = True
    assert code(send_protocol(rig, 0, protocol(id="new"))) == "storage"
    rig.files.broken = False
    assert rig.state == "idle"


NO_HEAP = ("memory", "the wrap has too little memory free for it")
DARK_ONLY = ("memory", "not while light is on: the wrap has too little memory for it")
HEAVY = ["proto.list", "proto.get", "log.open", "log.next"]


def test_a_request_that_finds_no_heap_is_refused_and_no_fault(rig: Rig):
    rig.advance(100)
    rig.files.broken, rig.files.error = True, MemoryError()
    assert rig.ask("settings.set", k="time_s", v=600) == NO_HEAP
    assert (rig.app.settings.get("time_s"), rig.app.fault_latch.code) == (1200, 0)


def fail(*args):
    raise MemoryError


def test_what_only_reads_is_refused_in_a_session_too(rig: Rig, monkeypatch):
    rig.store()
    rig.light()
    monkeypatch.setattr(rig.app.protocols, "read_at", fail)
    assert rig.ask("proto.get", slot=0, o=0) == NO_HEAP
    assert (rig.state, rig.hal.enabled) == ("running", True)


def small_heap_rig(monkeypatch, free):
    monkeypatch.setattr(FakeHal, "heap", lambda hal: (0, free))
    rig = Rig()
    rig.store(steps=LONG)
    rig.ask("log.open", o=0)
    return rig


def ask_heavy(rig, method):
    return rig.ask(method, slot=0, o=0, n=1024)


@pytest.mark.parametrize("method", HEAVY)
def test_what_takes_much_heap_waits_for_the_dark_where_it_is_small(monkeypatch, method):
    """A collection of 31 ms for each piece kept a step away until the dead-man ended the session
    (`proto.get`, a stock RP2040 with eight protocols)."""
    rig = small_heap_rig(monkeypatch, 65535)
    assert isinstance(ask_heavy(rig, method), dict)
    between_steps(rig.app).starter.start("link", False)
    assert (rig.state, ask_heavy(rig, method)) == ("self-test", DARK_ONLY)
    rig.until("running")
    assert ask_heavy(rig, method) == DARK_ONLY
    between_steps(rig.app).session.pause("link")
    assert (rig.state, rig.app.session.lit_now, ask_heavy(rig, method)) == (
        "paused",
        True,
        DARK_ONLY,
    )
    rig.advance(limits.RAMP_DOWN_MS)
    assert (rig.state, rig.app.session.lit_now) == ("paused", False)
    assert isinstance(ask_heavy(rig, method), dict)
    assert rig.app.fault_latch.code == 0


@pytest.mark.parametrize("free", [0, 65536])  # 0: not known
@pytest.mark.parametrize("method", HEAVY)
def test_with_a_large_heap_it_is_answered_in_the_light(monkeypatch, method, free):
    rig = small_heap_rig(monkeypatch, free)
    between_steps(rig.app).starter.start("link", False)
    rig.until("running")
    assert isinstance(ask_heavy(rig, method), dict)


def test_a_request_that_cannot_be_read_for_want_of_heap_is_refused(rig: Rig, monkeypatch):
    rig.advance(100)
    monkeypatch.setattr(server, "parse", fail)
    rig.board.read()
    rig.send("settings.get")
    rig.advance(200)
    assert answers(rig.board.read()) == [{"i": None, "e": list(NO_HEAP)}]
    assert rig.app.fault_latch.code == 0
    monkeypatch.undo()
    assert "trip_mc" in rig.ask("settings.get")


def test_a_request_that_cannot_be_read_in_a_session_ends_it_dark(rig: Rig, monkeypatch):
    """It may have been a stop."""
    rig.light()
    monkeypatch.setattr(server, "parse", fail)
    rig.send("session.stop")
    rig.advance(100)
    assert (rig.dark(), rig.app.status_view.fault()["name"]) == (True, "exception")


def test_what_fails_behind_the_reading_is_a_fault(rig: Rig, monkeypatch):
    """It may have acted already, and a refusal would say that it has not."""
    rig.advance(100)
    monkeypatch.setattr(rig.app.fast_step, "exit_fast_path", fail)
    rig.send("settings.get")
    rig.advance(100)
    assert (rig.dark(), rig.app.status_view.fault()["name"]) == (True, "exception")


def test_a_session_that_finds_no_heap_for_what_it_is_told_ends_dark(rig: Rig, monkeypatch):
    rig.store()
    rig.light()
    monkeypatch.setattr(rig.app.session, "stop", fail)
    rig.send("session.stop")
    rig.advance(100)
    assert (rig.dark(), rig.app.status_view.fault()["name"]) == (True, "exception")


def test_flash_that_fails_is_an_error(rig: Rig):
    rig.advance(100)
    rig.files.broken = True
    assert rig.ask("settings.set", k="time_s", v=600) == (
        "storage",
        "the flash answered with error 28",
    )
    assert rig.app.settings.get("time_s") == 1200


# ---- sessions


def test_a_session_over_the_link(rig: Rig):
    rig.store(steps=LONG)
    assert rig.ask("session.start", tethered=1) == {"session": 1}
    assert not rig.app.session.tethered
    rig.until("running")
    assert rig.ask("session.resume") == ("not_now", "not while running")
    assert rig.ask("session.pause") == {"state": "paused"}
    assert rig.ask("session.resume") == {"state": "ramp-up"}
    assert rig.ask("session.start") == ("not_now", "not while running")
    assert rig.ask("session.stop") == {"state": "ramp-down"}
    rig.advance(600)
    assert rig.app.session.end_reason == "link"
    assert rig.ask("session.start", tethered=True) == {"session": 2}
    assert rig.app.session.tethered


def test_leases_and_telemetry_answer_what_is_in_force(rig: Rig):
    assert rig.ask("lease") == {"ms": limits.LEASE_MS}
    assert rig.ask("lease", ms=500) == {"ms": 500}
    assert rig.ask("telemetry", every_ms=0) == {"every_ms": 0}
    assert rig.ask("telemetry", every_ms=100, ms=500) == {"every_ms": 100}


def test_bench_reports_what_a_call_takes_on_average(rig: Rig):
    taken = []

    def takes(us):
        def call(*_):
            taken.append(us)
            rig.hal.now_us += us
            return False

        return call

    rig.hal.inputs, rig.hal.verify_and_feed = takes(70), takes(12)
    assert rig.app.commands.handle("bench", {}) == {
        "n": 16,
        "inputs_us": 70,
        "held_us": 12,
    }
    assert taken == [70] * 16 + [12] * 16


def test_the_dead_mans_test_lets_the_enable_fall_by_itself_and_lights_nothing(rig: Rig):
    seen = []
    wait = rig.hal.wait_until

    def watched(tick_ms):
        wait(tick_ms)
        rig.hal.deadman()
        seen.append((rig.hal.enabled, list(rig.hal.duty)))

    rig.hal.wait_until = watched
    answer = rig.app.commands.handle("deadman.test", {})
    assert answer == {"rose": True, "feed_us": 0, "fell_ms": limits.DEADMAN_MS + 1}
    assert [duty for _, duty in seen] == [[0, 0]] * len(seen)
    assert [up for up, _ in seen].index(False) == 20 + limits.DEADMAN_MS
    assert not rig.hal.enabled and not rig.hal.enable_dropped()
    rig.advance(500)
    assert rig.app.session.state == 0  # idle


def test_the_dead_mans_test_reports_an_enable_that_does_not_rise_or_fall(rig: Rig):
    rig.hal.verify_and_feed = lambda: False
    rig.hal.enable_dropped = lambda: False
    answer = rig.app.commands.handle("deadman.test", {})
    assert (answer["rose"], answer["fell_ms"]) == (False, None)
    assert not rig.hal.enabled


# ---- the log


def test_the_log_comes_out_over_the_link(rig: Rig):
    rig.light()
    rig.advance(500)
    info = rig.ask("log.info")
    whole = b"".join(rig.files.read(n) for n in rig.files.names() if n.startswith("log."))
    assert info == {"first": 0, "end": len(whole), "seq": 8}
    opened = rig.ask("log.open", o=0)
    while opened["o"] < opened["end"]:
        opened = rig.ask("log.next", o=opened["o"])
    assert rig.ask("log.close") == {
        "o": len(whole),
        "end": len(whole),
        "sha": hashlib.sha256(whole).hexdigest(),
    }
    assert rig.state == "running"
