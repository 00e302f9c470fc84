"""A page's session with a simulated wrap, in virtual time: what a browser does over USB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import pbmwrap.protocols
from pbmwrap.logs.archive import Archive
from pbmwrap.logs.jsonl import read
from pbmwrap.portable.page_session import PageSession
from pbmwrap.protocols.encode import canonical, sha256
from pbmwrap.protocols.load import load
from pbmwrap.twin.sim import SimTwin
from wrap.link import frames

UNIX_MS = 1_795_000_000_000
FILE = Path(pbmwrap.protocols.__file__).parent / "examples" / "minor-injury.toml"
TEXT = FILE.read_text(encoding="utf-8")
RAW = canonical(
    load(Path(pbmwrap.protocols.__file__).parent / "examples" / "minor-injury.toml").require()
)
EXAMPLE = {
    "id": "minor-injury",
    "name": "Minor injury, sore muscle",
    "toml": TEXT,
    "stored": RAW.decode(),
    "sha": sha256(RAW),
    "cautions": ["Not on open wounds."],
    "evidence": "weak",
    "evidence_summary": "",
    "references": [],
}


class Page:
    """A page at a twin's port. cut: bytes are lost in both directions."""

    def __init__(self, twin: SimTwin) -> None:
        self.twin = twin
        self.session = PageSession(7, [EXAMPLE])
        self.events: list[tuple[str, Any]] = []
        self.answers: dict[int, dict[str, Any]] = {}
        self.sent: list[bytes] = []
        self.cut = False
        self._number = 0
        self._set_time()
        self.session.open()
        self.run(200)

    def _set_time(self) -> None:
        self.session.set_time(self.twin.now_ms, UNIX_MS + self.twin.now_ms)

    def run(self, ms: int) -> None:
        for _ in range(ms // 5):
            self._set_time()
            data = self.twin.read()
            if data and not self.cut:
                self.session.take(data)
            self.session.tick()
            found = self.session.drain()
            self.events += [(name, data) for name, data in found["events"]]
            for number, answer in found["answers"]:
                self.answers[number] = answer
            for line in found["send"]:
                self.sent.append(line)
                if not self.cut:
                    assert self.twin.write(line) == len(line)
            self.twin.advance_ms(5)

    def ask(self, name: str, *args: Any, within_ms: int = 10_000) -> dict[str, Any]:
        self._number += 1
        self._set_time()
        self.session.ask(self._number, name, list(args))
        for _ in range(within_ms // 20):
            self.run(20)
            if self._number in self.answers:
                return self.answers.pop(self._number)
        raise AssertionError(f"{name} was not answered")

    def of(self, name: str) -> list[Any]:
        return [data for event, data in self.events if event == name]

    @property
    def connection(self) -> tuple[str, str]:
        last = self.of("connection")[-1]
        return last["connection"], last["reason"]


@pytest.fixture
def twin():
    twin = SimTwin()
    twin.start()
    twin.advance_ms(500)
    yield twin
    twin.close()


@pytest.fixture
def page(twin):
    return Page(twin)


def start_session(page: Page) -> None:
    assert page.ask("flash", 0, TEXT)["r"]["id"] == "minor-injury"
    assert page.ask("activate", 0)["r"] == {"active": 0}
    assert page.ask("session", "start")["r"] == {"session": 1}
    page.run(5000)


def test_it_connects_and_shows_samples_and_the_status(page):
    page.run(3000)
    assert page.connection == ("connected", "")
    assert page.of("connection")[-1]["hello"]["board"] == "PBMWRAP_RP2040"
    assert 3 <= len(page.of("sample")) <= 4
    assert 2 <= len(page.of("status")) <= 5
    status = page.of("status")[-1]
    assert status["limits"]["skin_trip_mc"] == 41000
    assert page.of("sample")[-1]["at_ms"] > UNIX_MS


def test_a_session_from_storing_to_stop(page, twin):
    start_session(page)
    assert page.of("sample")[-1]["state"] == "running"
    assert page.of("status")[-1]["session"] == 1
    assert page.ask("session", "pause")["r"] == {"state": "paused"}
    page.run(1000)
    assert twin.dark()
    assert page.ask("session", "resume")["r"] == {"state": "ramp-up"}
    assert page.ask("session", "stop")["r"] == {"state": "ramp-down"}
    history = page.ask("history")["r"]
    assert history["session"] == 1
    assert len(history["temps_c"]) == 4
    assert len(history["t_s"]) == len(history["duty"][0]) > 10


def test_connecting_while_lit_leaves_every_step_as_it_was(twin):
    first = Page(twin)
    start_session(first)
    before = [lamp.on_ppm for lamp in twin.lamps()]
    duties = []
    page = Page(twin)
    for _ in range(100):
        page.run(10)
        duties.append([lamp.on_ppm for lamp in twin.lamps()])
    assert page.connection == ("connected", "")
    assert all(duty == duties[0] for duty in duties)
    assert duties[0] == before
    assert not any(b"\x03" in line or b"\x04" in line or b"\x01" in line for line in page.sent)


def test_a_silent_port_is_said_and_the_wrap_found_again(page, twin):
    page.cut = True
    page.run(8000)
    assert page.connection == ("lost", "silent")
    assert page.ask("session", "start")["e"]["code"] == "link_lost"
    page.cut = False
    page.run(3000)
    assert page.connection == ("connected", "")
    assert page.ask("settings")["r"][0]["key"] == "answer_s"


def test_closing_the_port_fails_what_is_under_way(page):
    page.session.ask(99, "settings", [])
    page.session.close()
    found = page.session.drain()
    assert [number for number, _ in found["answers"]] == [99]
    assert found["events"][-1][1]["reason"] == "unplugged"


def test_a_restarted_wrap_is_greeted_again(page, twin):
    boot = page.of("connection")[-1]["hello"]["boot"]
    page.run(3000)
    twin.reset("power")
    page.run(6000)
    assert page.connection == ("connected", "")
    assert page.of("connection")[-1]["hello"]["boot"] == boot + 1


@pytest.mark.parametrize(
    ("noise", "reason"),
    [(b"\r\n>>> ", "prompt"), (b"hello from a modem\r\n", "other"), (b"", "silent")],
)
def test_what_is_no_wrap_is_named(noise, reason):
    session = PageSession(1, [])
    session.set_time(0, UNIX_MS)
    session.open()
    session.take(noise)
    for now_ms in range(0, 1500, 100):
        session.set_time(now_ms, UNIX_MS)
        session.tick()
    found = session.drain()["events"]
    assert [e["reason"] for n, e in found if n == "connection"] == [reason]


def test_another_product_and_another_version_are_no_wrap():
    for hello, reason in (
        ({"product": "kettle"}, "other"),
        ({"product": "pbmwrap", "link": 9}, "version"),
    ):
        session = PageSession(1, [])
        session.set_time(0, UNIX_MS)
        session.open()
        session.take(frames.encode(json.dumps({"i": 2, "r": hello}).encode()))
        assert session.drain()["events"][0][1]["reason"] == reason


def test_a_refusal_has_words(page):
    refused = page.ask("session", "pause")["e"]
    assert refused["code"] == "not_now"
    assert "the wrap is idle" in refused["message"]
    assert page.ask("world", "cover", True)["e"]["code"] == "usage"


def test_the_pulled_log_is_a_file_that_import_reads(page, tmp_path):
    start_session(page)
    assert page.ask("session", "stop")["r"]
    page.run(3000)
    answer = page.ask("pull", within_ms=60_000)["r"]
    text = "".join(page.of("file"))
    log = read(text.encode().splitlines(keepends=True), "page")
    assert log.problems == []
    assert log.uid == answer["uid"]
    archive = Archive(tmp_path).wrap(log.uid)
    archive.merge(log)
    assert archive.size == answer["new_bytes"]
    names = [entry.name for entry in archive.decoded().entries]
    assert "start" in names and "end" in names
    assert archive.marks()[0].unix_ms > UNIX_MS
    assert page.of("progress")[-1]["done"] == answer["new_bytes"]


def test_stop_overtakes_a_log_transfer_and_a_second_transfer_is_refused(page):
    start_session(page)
    page.session.ask(50, "pull", [])
    page.session.ask(51, "pull", [])
    page.session.ask(52, "session", ["stop"])
    page.run(2000)
    assert page.answers[51]["e"]["code"] == "refused"
    assert page.answers[52]["r"] == {"state": "ramp-down"}
    order = list(page.answers)
    assert order.index(52) < order.index(50)


def test_protocols_have_their_figures_and_the_cautions_of_their_example(page):
    assert page.ask("flash", 3, TEXT)["r"]["slot"] == 3
    rows = page.ask("protocols")["r"]
    stored, example = rows
    assert (stored["slot"], stored["active"], stored["id"]) == (3, True, "minor-injury")
    assert stored["cautions"] == ["Not on open wounds."]
    assert stored["fluence"]["j_cm2"] is None
    assert stored["fluence"]["worst_j_cm2"] == pytest.approx(example["fluence"]["worst_j_cm2"])
    assert example["slot"] is None
    assert page.ask("erase", 3)["r"] == {"active": None}


def test_only_what_this_page_can_read_is_stored(page):
    changed = TEXT.replace("25.0", "26.0")
    assert page.ask("flash", 0, changed + "#")["e"]["code"] == "usage"
    assert page.ask("check", changed + "#")["r"]["problems"][0]["line"] == 1
    assert page.ask("check", TEXT)["r"]["problems"] == []
    broken = RAW.decode().replace('"v":1', '"v":2')
    assert "must be 1" in page.ask("check", broken)["r"]["problems"][0]["message"]
    assert page.ask("flash", 0, broken)["e"]["code"] == "invalid"
    assert page.ask("flash", 0, RAW.decode())["r"]["id"] == "minor-injury"


def test_settings_calibration_doctor_and_fault(page, twin):
    row = page.ask("setSetting", "time_s", 600)["r"]
    assert (row["key"], row["value"], row["low"]) == ("time_s", 600, 60)
    assert page.ask("setSetting", "time_s", 5)["e"]["code"] == "bad_param"
    assert page.ask("confirm")["r"] == {"confirmed": [], "unconfirmed": []}
    cal = page.ask("calibration")["r"]
    assert [c["calibrated"] for c in cal["channels"]] == [False, False]
    assert cal["heat_test"] is None
    names = [check["name"] for check in page.ask("doctor")["r"]]
    assert {"firmware", "clock", "settings", "fault", "log"} <= set(names)
    assert page.ask("fault")["r"] == {"fault": None}
    start_session(page)
    twin.plant.set_fault("skin-left", "open")
    page.run(500)
    assert page.ask("fault")["r"]["fault"]["called"] == "sensor-open at skin-left"
    twin.plant.set_fault("skin-left", "none")
    page.run(1000)
    assert page.ask("ackFault")["r"] == {"state": "idle"}


def test_without_a_wrap_the_examples_are_shown():
    session = PageSession(1, [EXAMPLE])
    session.ask(1, "protocols", [])
    session.ask(2, "check", [TEXT])
    answers = dict(session.drain()["answers"])
    assert [row["id"] for row in answers[1]["r"]] == ["minor-injury"]
    assert answers[2]["r"]["summary"]["id"] == "minor-injury"
