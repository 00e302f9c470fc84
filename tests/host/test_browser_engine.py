"""The browser's connection to a simulated wrap, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pbmwrap.logs.archive import Archive
from pbmwrap.logs.jsonl import read
from pbmwrap.portable.usb_ids import MAKERS, NO_RESET_LINES
from pbmwrap.protocols import template
from pbmwrap.protocols.encode import canonical, sha256
from pbmwrap.protocols.load import load
from pbmwrap.twin.sim import SimTwin
from pbmwrap.web.browser import host
from pbmwrap.web.browser.shelf import Shelf
from wrap.link import frames

UTC_MS = 1_795_000_000_000
FILE = template.examples()["minor-injury"]
PROTOCOL, TOML = canonical(load(FILE).require()), FILE.read_text(encoding="utf-8")


class Page:
    """A page at a twin's port. cut: bytes are lost in both directions."""

    def __init__(self, twin: SimTwin) -> None:
        self.twin = twin
        self.events: list[tuple[str, Any]] = []
        self.answers: dict[int, tuple[Any, Any]] = {}
        self.sent = b""
        self.cut = False
        self._number = 0
        host.open_wrap("USB", False, 7)
        example = {
            "toml": TOML,
            "canonical": PROTOCOL.decode(),
            "channels": {"red": 660, "nir": 850},
        }
        # Private: `_hosts`, since the page's protocols come with its files; a test has none.
        host._hosts[0].shelf = Shelf([{**example, "cautions": ["none"]}])
        self.run(300)

    def run(self, ms: int) -> None:
        for _ in range(ms // 5):
            data = b"" if self.cut else self.twin.read()
            now_s = self.twin.now_ms / 1000
            found = host.pump(now_s, UTC_MS + self.twin.now_ms, now_s, 1, data.hex())
            self.events += found["events"]
            self.answers |= {number: (value, error) for number, value, error in found["answers"]}
            line = bytes.fromhex(found["send"])
            self.sent += line
            if line and not self.cut:
                assert self.twin.write(line) == len(line)
            self.twin.advance_ms(5)

    def ask(self, name: str, *args: Any, within_ms: int = 20_000) -> tuple[Any, Any]:
        self._number += 1
        host.ask(self._number, name, list(args))
        for _ in range(within_ms // 20):
            self.run(20)
            if self._number in self.answers:
                return self.answers.pop(self._number)
        raise AssertionError(f"{name} was not answered")

    def of(self, name: str) -> list[Any]:
        return [data for event, data in self.events if event == name]

    @property
    def connection(self) -> tuple[str, str]:
        last = self.of("state")[-1]
        return last["connection"], last["reason"]


@pytest.fixture
def twin() -> Iterator[SimTwin]:
    twin = SimTwin()
    twin.start()
    twin.advance_ms(500)
    yield twin
    twin.close()


@pytest.fixture
def page(twin: SimTwin) -> Page:
    return Page(twin)


def light(page: Page) -> None:
    assert page.ask("flash", 0, TOML)[0]["sha"] == sha256(PROTOCOL)
    assert page.ask("activate", 0)[0] == {"active": 0}
    assert page.ask("session", "start")[0]["session"] == 1
    page.run(5000)


def test_it_connects_without_a_byte_that_changes_a_session(page: Page) -> None:
    page.run(2000)
    assert page.connection == ("connected", "")
    assert page.of("state")[-1]["hello"]["board"] == "PBMWRAP_RP2040"
    assert len(page.of("sample")) >= 2
    assert {1, 2, 3, 4}.isdisjoint(page.sent)
    methods = {
        json.loads(line[1:].rsplit(b"*", 1)[0])["m"]
        for line in page.sent.split(b"\n")
        if line.startswith(b"@")
    }
    assert methods == {"hello", "telemetry", "status", "settings.get"}


@pytest.mark.parametrize(
    ("noise", "reason"),
    [(b"\r\n>>> ", "prompt"), (b"hello from a modem\r\n", "other"), (b"", "silent")],
)
def test_what_is_no_wrap_is_named(noise: bytes, reason: str) -> None:
    host.open_wrap("USB", False, 1)
    events: list[Any] = []
    for ms in range(0, 3500, 100):
        data = noise.hex() if ms == 100 else ""
        events += host.pump(ms / 1000, UTC_MS + ms, ms / 1000, 1, data)["events"]
    assert events[-1][1]["connection"] == "searching"
    assert events[-1][1]["reason"] == reason


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        ({"product": "kettle"}, "other"),
        ({"product": "pbmwrap", "link": 9}, "version"),
        ({"product": "pbmwrap", "link": 1}, "version"),
    ],
)
def test_another_product_and_another_version_are_no_wrap(
    hello: dict[str, Any], reason: str
) -> None:
    host.open_wrap("USB", False, 1)
    host.pump(0, UTC_MS, 0, 1, "")
    line = frames.encode(json.dumps({"i": 2, "r": hello}).encode())
    events = host.pump(0.1, UTC_MS, 0.1, 1, line.hex())["events"]
    assert events[-1][1]["reason"] == reason


def test_a_silent_port_is_said_and_the_wrap_found_again(page: Page) -> None:
    page.cut = True
    page.run(12_000)
    assert page.connection == ("lost", "silent")
    assert page.ask("settings")[1]["code"] == "no_device"
    page.cut = False
    page.run(6000)
    assert page.connection == ("connected", "")


def test_closing_the_port_fails_what_is_under_way(page: Page) -> None:
    host.ask(9, "settings", [])
    host.lose("the port was closed", "plug the wrap in")
    page.cut = True
    page.run(100)
    assert page.answers[9][1]["code"] == "link_lost"
    assert page.connection == ("lost", "unplugged")


def test_a_stop_and_the_status_do_not_wait_for_the_log(page: Page) -> None:
    light(page)
    host.ask(91, "pull", [])
    host.ask(92, "session", ["stop"])
    page.run(3000)
    order = list(page.answers)
    assert page.answers[92][0] == {"state": "ramp-down"}
    assert order.index(92) < order.index(91)


def test_the_log_is_a_file_that_import_reads(page: Page, tmp_path: Path) -> None:
    light(page)
    page.ask("session", "stop")
    page.run(2000)
    answer = page.ask("pull")[0]
    parts = []
    while text := host.format_log(answer["uid"], len(parts)):
        parts.append(text)
    log = read("".join(parts).encode().splitlines(keepends=True), "page")
    assert log.problems == []
    archive = Archive(tmp_path).wrap(log.uid)
    archive.merge_log(log)
    assert archive.size == answer["new_bytes"] > 0
    assert {"boot", "start", "end"} <= {entry.name for entry in archive.decoded().entries}
    assert archive.list_marks()[0].unix_ms >= UTC_MS
    assert archive.about()["board"] == "PBMWRAP_RP2040"
    assert page.of("progress")[-1]["done"] == answer["new_bytes"]
    assert host.format_log("nobody", 0) == ""


def test_the_wake_question_is_answered_from_the_page(page: Page) -> None:
    page.ask("setSetting", "wake_s", 3)
    assert page.ask("session", "awake")[1]["code"] == "not_now"
    light(page)
    page.run(3000)
    assert page.of("sample")[-1]["wake_waiting"]
    assert page.ask("session", "awake")[0] == {"state": "running"}
    page.run(500)
    assert not page.of("sample")[-1]["wake_waiting"]
    assert page.of("sample")[-1]["state"] == "running"


def test_a_protocol_is_activated_and_erased(page: Page) -> None:
    for slot in (0, 1):
        page.ask("flash", slot, TOML)
    assert page.ask("activate", 1)[0] == {"active": 1}
    stored = [row for row in page.ask("protocols")[0] if row["slot"] is not None]
    assert [(row["slot"], row["active"]) for row in stored] == [(0, False), (1, True)]
    assert page.ask("erase", 0)[0] == {"active": 1}
    assert page.ask("erase", 1)[0] == {"active": None}


def test_a_fault_is_shown_and_acknowledged(page: Page, twin: SimTwin) -> None:
    light(page)
    twin.plant.set_fault("skin-left", "open")
    page.run(500)
    assert page.of("sample")[-1]["state"] == "fault"
    assert page.ask("fault")[0]["fault"]["called"] == "sensor-open at skin-left"
    twin.plant.set_fault("skin-left", "none")
    page.run(1000)
    assert page.ask("ackFault")[0] == {"state": "idle"}


def test_the_check_and_the_doctor_work_in_the_page(page: Page) -> None:
    assert page.ask("check", TOML)[0]["summary"]["id"] == "minor-injury"
    problems = page.ask("check", TOML.replace("schema = 1", "schema = 2"))[0]["problems"]
    assert [problem["message"] for problem in problems] == ["schema must be 1"]
    names = {check["name"] for check in page.ask("doctor")[0]}
    assert {"firmware", "integrity", "clock", "calibration", "protocols", "steps"} <= names


def test_the_ports_of_all_makers_are_offered() -> None:
    script = (Path(host.__file__).parent / "app" / "usb_vendors.js").read_text(encoding="utf-8")
    for name, vendors in (("USB_VENDORS", MAKERS), ("NO_RESET_LINES", NO_RESET_LINES)):
        listed = ", ".join(f"0x{vendor}" for vendor in sorted(vendors))
        assert f"export const {name} = [{listed}];" in script
