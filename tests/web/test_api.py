"""The requests of the page, on a simulated wrap that runs faster than real time."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pbmwrap.device import discovery
from pbmwrap.errors import DeviceError
from pbmwrap.programme.people import add_person
from pbmwrap.programme.red_flags import confirm_read, list_unread, raise_flag
from pbmwrap.programme.store import open_store
from pbmwrap.web.answers import error_response
from tests.web.kit import Browser, Site, make_site, protocol_text, until

SESSION_S = 600  # half a minute of the wall clock: a busy machine sees each state


def store(browser: Browser, seconds: int = SESSION_S) -> None:
    """Store a protocol in slot 0 and activate it."""
    answer = browser.send("PUT", "/api/protocols/0", {"toml": protocol_text(seconds)})
    assert answer.status_code == 200, answer.text
    assert browser.post("/api/protocols/0/activate").json() == {"active": 0}


def state_of(site: Site) -> str:
    with site.web.hub.borrow() as (client, _):
        return client.status().state


def wait_for_state(site: Site, *states: str) -> None:
    until(lambda: state_of(site) in states)


def skip_to_state(site: Site, state: str) -> None:
    """Let virtual time pass up to `state`, with the wall clock's speed beside it."""
    site.world.change("speed", 1)
    for _ in range(200):
        if state_of(site) == state:
            return
        site.world.skip_ms(500)
    raise AssertionError(f"it is not {state} within 100 s")


def test_a_session_from_the_protocol_to_the_archive(site: Site) -> None:
    browser = site.browser()
    store(browser, 60)
    site.world.change("speed", 1)
    started = browser.session("start")
    assert started.status_code == 200
    assert started.json() == {"session": 1, "state": "self-test"}
    skip_to_state(site, "running")
    assert browser.session("pause").json()["state"] == "paused"
    assert browser.session("resume").json()["state"] == "ramp-up"
    skip_to_state(site, "done")
    history = until(lambda: (h := browser.get("/api/history").json())["t_s"] and h)
    assert history["session"] == 1
    assert history["t_s"] == sorted(history["t_s"])
    assert len(history["temps_c"]) == 4
    assert len(history["duty"]) == 2
    assert max(history["duty"][0]) == pytest.approx(0.25, abs=0.01)
    assert {len(column) for column in history["temps_c"]} == {len(history["t_s"])}
    assert browser.get("/api/sessions").json() == []
    pulled = browser.post("/api/sessions/pull").json()
    assert pulled["new_bytes"] > 0
    (row,) = browser.get("/api/sessions").json()
    assert (row["number"], row["protocol_id"], row["reason"]) == (1, "short", "time")
    assert row["reason_text"] == "time is up"
    whole = browser.get(f"/api/sessions/{row['uid']}/1").json()
    assert whole["sensors"][0] == ["skin-mid", "skin"]
    assert whole["samples"]["state"][-1] == "done"
    assert whole["limits"]["skin_trip_c"] == 41.0
    assert {len(column) for column in whole["samples"]["temps_c"]} == {len(whole["samples"]["t_s"])}
    assert browser.get(f"/api/sessions/{row['uid']}/2").status_code == 404


def test_stop_ends_the_light(site: Site) -> None:
    browser = site.browser()
    store(browser)
    browser.session("start")
    wait_for_state(site, "running")
    assert browser.session("stop").json() == {"state": "ramp-down"}
    wait_for_state(site, "done")
    until(lambda: not site.world.state()["lit"])


def test_what_the_wrap_refuses_is_said_with_its_reason(site: Site) -> None:
    answer = site.browser().session("stop")
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert error["code"] == "not_now"
    assert "no session is running" in error["hint"]


def test_an_unread_red_flag_refuses_a_start(site: Site) -> None:
    browser = site.browser()
    store(browser)
    household = open_store()
    assert household is not None
    with household:
        ada = add_person(household, "Ada", "UTC", 1)
        raise_flag(household, ada, "burn", date(2026, 1, 1), 1)
        refused = browser.session("start")
        assert refused.status_code == 409
        assert "red flag" in refused.json()["error"]["message"]
        confirm_read(household, ada, list_unread(household, ada), 2)
    assert browser.session("start").status_code == 200


def test_a_wake_answer_without_a_question_is_refused(site: Site) -> None:
    answer = site.browser().session("awake")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_now")


def test_the_wake_answer_of_an_older_wrap_is_not_implemented() -> None:
    problem = DeviceError("unknown_method", "no such method", "wake.answer")
    assert error_response(problem).status_code == 501


@pytest.mark.parametrize("do", ["", "explode", "reset", None, 1, ["stop"]])
def test_only_the_known_requests_are_possible(site: Site, do: object) -> None:
    assert site.browser().post("/api/session", {"do": do}).status_code == 400


def test_a_fault_is_shown_and_acknowledged(site: Site) -> None:
    browser = site.browser()
    assert browser.world("pull_sensor", "skin-left").json()["pull_sensor"] == "skin-left"
    fault = until(lambda: browser.get("/api/fault").json()["fault"])
    assert (fault["name"], fault["sensor"]) == ("sensor-open", "skin-left")
    refused = browser.post("/api/fault/ack")
    assert refused.status_code == 409
    assert "the cause is still there" in refused.json()["error"]["message"]
    browser.world("pull_sensor", None)
    until(lambda: browser.post("/api/fault/ack").json().get("state") == "idle")
    assert browser.get("/api/fault").json() == {"fault": None}


def test_protocols_are_listed_with_what_they_give(site: Site) -> None:
    browser = site.browser()
    store(browser)
    rows = browser.get("/api/protocols").json()
    stored, example = rows[0], rows[-1]
    assert (stored["slot"], stored["active"], stored["id"]) == (0, True, "short")
    assert stored["cautions"] == ["Not on open wounds."]  # kept on this machine
    assert stored["evidence"] == "weak"
    assert stored["duration_s"] == SESSION_S
    assert stored["fluence"]["j_cm2"] is None
    assert stored["fluence"]["worst_j_cm2"] > 0
    assert stored["toml"] == protocol_text(SESSION_S)
    assert example["slot"] is None
    assert example["cautions"]


def test_a_stored_protocol_without_its_file_is_written_as_one(site: Site) -> None:
    from pbmwrap.protocols.encode import canonical
    from pbmwrap.protocols.load import loads

    protocol = loads(protocol_text(90, "other")).require()
    with site.web.hub.borrow() as (client, _):
        client.flash_protocol(5, canonical(protocol))
    (row,) = [r for r in site.browser().get("/api/protocols").json() if r["slot"] == 5]
    again = loads(row["toml"]).require()
    assert canonical(again) == canonical(protocol)
    assert row["cautions"] == []


def test_a_protocol_is_checked_with_its_lines(site: Site) -> None:
    browser = site.browser()
    good = browser.post("/api/protocols/check", {"toml": protocol_text()}).json()
    assert good["problems"] == []
    assert good["summary"]["duration_s"] == 60
    wrong = protocol_text().replace("duration_s = 60", "duration_s = 0").replace("25.0", "250", 1)
    bad = browser.post("/api/protocols/check", {"toml": wrong}).json()
    assert [problem["line"] for problem in bad["problems"]] == [11, 14]
    assert bad["summary"] is None
    refused = browser.send("PUT", "/api/protocols/1", {"toml": wrong})
    assert refused.status_code == 422
    assert len(refused.json()["error"]["problems"]) == 2


def test_a_slot_can_be_emptied(site: Site) -> None:
    browser = site.browser()
    store(browser)
    assert browser.send("DELETE", "/api/protocols/0").json() == {"active": None}
    assert browser.send("DELETE", "/api/protocols/0").status_code == 409
    assert browser.send("DELETE", "/api/protocols/99").status_code == 409
    assert browser.send("DELETE", "/api/protocols/x").status_code == 404


def test_settings_have_meaning_and_range_and_change_the_limits(site: Site) -> None:
    browser = site.browser()
    rows = {row["key"]: row for row in browser.get("/api/settings").json()}
    assert rows["trip_mc"]["low"] == 36000
    assert rows["trip_mc"]["meaning"]
    changed = browser.send("PUT", "/api/settings/trip_mc", {"value": 40000})
    assert changed.json()["value"] == 40000
    refused = browser.send("PUT", "/api/settings/trip_mc", {"value": 50000})
    assert refused.status_code == 409
    assert browser.send("PUT", "/api/settings/trip_mc", {"value": "x"}).status_code == 400
    until(lambda: site.web.hub._limits.get("skin_trip_mc") == 40000)
    assert site.web.hub._limits["derate_from_mc"] == 38000
    assert browser.post("/api/settings/confirm").json() == {"confirmed": [], "unconfirmed": []}


def test_calibration_lists_each_channel(site: Site) -> None:
    found = site.browser().get("/api/calibration").json()
    assert [row["channel"] for row in found["channels"]] == ["red", "nir"]
    assert found["heat_test"] is None


def test_the_doctor_checks_the_wrap(site: Site) -> None:
    checks = site.browser().get("/api/doctor").json()
    assert {"python", "wrap", "sensors"} <= {check["name"] for check in checks}
    assert {"name", "level", "text", "hint"} == set(checks[0])


def test_the_world_has_controls(site: Site) -> None:
    browser = site.browser()
    assert browser.world("cover", True).json()["cover"] is True
    assert browser.world("hot_room", True).json()["hot_room"] is True
    assert browser.world("speed", 5).json()["speed"] == 5
    for control, value in (("speed", 1000), ("cover", 1), ("press", "hard"), ("close", True)):
        assert browser.world(control, value).status_code == 400, control
    assert browser.world("pull_sensor", "toe").status_code == 400


def test_a_press_of_the_button_starts_the_session(site: Site) -> None:
    browser = site.browser()
    store(browser)
    browser.world("press", "short")
    wait_for_state(site, "self-test", "ramp-up", "running")


def test_a_real_wrap_has_no_world(static: Path) -> None:
    with make_site(static) as site:
        site.web.hub.world = None
        answer = site.browser().world("cover", True)
        assert answer.status_code == 404


def test_without_a_wrap_the_page_still_answers(static: Path) -> None:
    from pbmwrap.errors import NoDevice

    def no_wrap():
        raise NoDevice("no wrap found: this machine has no USB serial port")

    with make_site(static, no_wrap) as site:
        browser = site.browser()
        until(lambda: site.web.hub.connection.message)
        assert site.web.hub.connection.state == "searching"
        stopped = browser.session("stop")
        assert stopped.status_code == 503
        assert "no wrap found" in stopped.json()["error"]["message"]
        assert {row["slot"] for row in browser.get("/api/protocols").json()} == {None}
        assert browser.get("/api/sessions").json() == []
        assert [c["level"] for c in browser.get("/api/doctor").json()][-1] == "bad"


def test_a_port_in_use_is_shown_as_busy(static: Path) -> None:
    from pbmwrap.errors import PortBusy

    def busy():
        raise PortBusy("/dev/ttyACM0 is in use by `pbmwrap bench` (process 7)")

    with make_site(static, busy) as site:
        until(lambda: site.web.hub.connection.state == "busy")
        assert "process 7" in site.web.hub.connection.message


def test_the_cable_is_pulled_and_put_back_while_the_session_goes_on(site: Site) -> None:
    browser = site.browser()
    store(browser)
    browser.session("start")
    wait_for_state(site, "running")
    browser.world("cable", False)
    until(lambda: site.web.hub.connection.state == "lost")
    assert browser.session("pause").status_code == 503
    before_s = site.world.now_s()
    until(lambda: site.world.now_s() > before_s + 5)
    assert site.world.state()["lit"]  # it goes on
    browser.world("cable", True)
    site.wait_connected()
    assert state_of(site) == "running"


def test_a_restarted_wrap_is_noticed(site: Site) -> None:
    browser = site.browser()
    boot = site.web.hub.connection.hello.boot
    until(lambda: site.world.now_s() > 30)
    browser.world("power", False)
    browser.world("power", True)
    until(lambda: site.web.hub.connection.hello.boot == boot + 1)


def test_other_commands_reach_the_wrap_beside_the_page(site: Site) -> None:
    browser = site.browser()
    store(browser)
    browser.session("start")
    wait_for_state(site, "running")
    client, hello = discovery.connect("web:")
    with client:
        assert hello.uid == site.web.hub.connection.hello.uid
        assert client.status().state == "running"
        assert len(client.pull_log().data) > 0
        assert client.stop() == "ramp-down"
    until(lambda: not site.world.state()["lit"])
    assert site.web.hub.connection.state == "connected"


def test_closing_the_server_does_not_end_the_session(static: Path) -> None:
    with make_site(static) as site:
        browser = site.browser()
        store(browser)
        browser.session("start")
        wait_for_state(site, "running")
        site.web.hub.close()
        before_s = site.world.now_s()
        until(lambda: site.world.now_s() > before_s + 10)
        assert site.world.state()["lit"]
