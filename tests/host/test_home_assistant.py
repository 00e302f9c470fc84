"""What Home Assistant sees of a wrap: sensors, no command; and the command that sends it."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress

import pytest

from pbmwrap import home_assistant
from pbmwrap.cli import mqtt_cmds
from pbmwrap.errors import UsageError
from tests.host.cli_helpers import data, fails, wrap

__all__ = ("wrap",)  # a fixture


class Recorded:
    """A broker in memory: what was published, and whether the link was ended."""

    def __init__(self):
        self.sent = []
        self.ended = []
        self.asked = []

    def publish(self, topic, payload, qos=0, retain=False):
        self.sent.append((topic, json.loads(payload), retain))

    def disconnect(self):
        self.ended.append("disconnect")

    def loop_stop(self):
        self.ended.append("loop_stop")


@pytest.fixture
def broker(monkeypatch):
    made = Recorded()

    def connect(*args):
        made.asked.append(args)
        return made

    monkeypatch.setattr(home_assistant, "connect_broker", connect)
    monkeypatch.setattr(mqtt_cmds.time, "sleep", lambda s: None)
    return made


def test_topics_have_no_character_that_mqtt_reads_as_a_wildcard():
    config, state = home_assistant.make_topics("e661/41+#")
    assert config == "homeassistant/device/pbmwrap_e661_41__/config"
    assert state == "pbmwrap/pbmwrap_e661_41__/state"


def test_the_description_has_sensors_and_no_command():
    found = home_assistant.make_description("e66141", "0.2.0")
    assert "command" not in json.dumps(found)
    parts = found["components"]
    assert {part["platform"] for part in parts.values()} == {"sensor"}
    assert len({part["unique_id"] for part in parts.values()}) == len(parts)
    assert found["state_topic"] == home_assistant.make_topics("e66141")[1]


def test_without_a_broker_the_description_is_printed(wrap):
    said = data("mqtt")
    assert said["topic"].startswith("homeassistant/device/pbmwrap_")
    assert set(said["description"]["components"]) >= {"state", "left_s", "skin_c", "fault"}


def test_the_description_is_kept_by_the_broker_and_a_state_is_not(wrap, broker, monkeypatch):
    monkeypatch.setenv("PBMWRAP_MQTT_PASSWORD", "secret")
    wrap.status |= {"session": 3, "total_ms": 600_000, "active_ms": 290_500}
    assert data("mqtt", "--broker", "10.0.0.5", "--user", "wrap", "--count", "2") == {"sent": 2}
    assert broker.asked == [("10.0.0.5", 1883, "wrap", "secret", False)]
    (_, description, retained), *states = broker.sent
    assert retained and [kept for _, _, kept in states] == [False, False]
    for topic, state, _ in states:
        assert topic == description["state_topic"]
        assert set(state) == set(description["components"])
        assert state["left_s"] == 309 and state["fault"] == "none"
        assert state["skin_c"] is not None
    assert broker.ended == ["disconnect", "loop_stop"]


def test_no_request_that_changes_the_wrap_is_made(wrap, broker):
    data("mqtt", "--broker", "h", "--count", "3")
    assert not [m for m in wrap.acted if m not in ("hello", "status")]


@pytest.mark.parametrize(
    "text,tls,address",
    [("h", False, ("h", 1883)), ("h", True, ("h", 8883)), ("h:9", True, ("h", 9))],
)
def test_the_broker_s_address(text, tls, address):
    assert mqtt_cmds.split_address(text, tls) == address


@pytest.mark.parametrize("text", ["h:", ":1", "h:x", "h:0", "h:70000"])
def test_a_wrong_address_is_refused(text):
    with pytest.raises(UsageError):
        mqtt_cmds.split_address(text, False)


def serve_answer(answer):
    """Serve one MQTT connection that answers CONNECT with these bytes; returns its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer_once():
        with listener, listener.accept()[0] as link:
            link.recv(1024)
            link.sendall(answer)
            link.settimeout(5)
            with suppress(OSError):
                while link.recv(1024):
                    pass

    threading.Thread(target=answer_once, daemon=True).start()
    return f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_broker_that_refuses_the_password_is_an_error_and_nothing_is_shown(wrap):
    pytest.importorskip("paho.mqtt", reason="an extra: pip install 'pbmwrap[mqtt]'")
    address = serve_answer(b"\x20\x02\x00\x05")  # CONNACK: not authorised
    code, error = fails("mqtt", "--broker", address, "--user", "wrap", "--count", "1")
    assert code != 0 and "refuses" in error["message"] and "--user" in error["hint"]


def test_a_broker_that_accepts_gets_the_description(wrap):
    pytest.importorskip("paho.mqtt", reason="an extra: pip install 'pbmwrap[mqtt]'")
    address = serve_answer(b"\x20\x02\x00\x00")  # CONNACK: accepted
    assert data("mqtt", "--broker", address, "--count", "1") == {"sent": 1}


def test_a_program_that_is_no_broker_is_named(wrap, monkeypatch):
    pytest.importorskip("paho.mqtt", reason="an extra: pip install 'pbmwrap[mqtt]'")
    monkeypatch.setattr(home_assistant, "ANSWER_S", 0.2)
    code, error = fails("mqtt", "--broker", serve_answer(b"SSH-2.0\r\n"), "--count", "1")
    assert code != 0 and "no MQTT broker" in error["message"]


def test_a_broker_that_is_not_there_is_named(wrap):
    code, error = fails("mqtt", "--broker", "127.0.0.1:1", "--count", "1")
    assert code != 0 and "127.0.0.1:1 does not answer" in error["message"]
