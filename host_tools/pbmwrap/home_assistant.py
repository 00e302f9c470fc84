"""Shows a wrap in Home Assistant by MQTT discovery: sensors that only show, and no command.

Nothing here starts, pauses or stops light: a message from a network must never do that, and a stop
that may arrive late would be trusted. The tests check that no payload names a topic for commands.
Sending needs paho-mqtt (extra `mqtt`).
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any, Protocol

from pbmwrap import installed
from pbmwrap.errors import UsageError, WrapError

if TYPE_CHECKING:
    from pbmwrap.device.models import Hello, Status

Payload = dict[str, Any]

ANSWER_S = 10  # a broker has accepted or refused by then
_EXPIRES_S = 60  # a sensor without news for so long is shown as unavailable
_SENSORS: tuple[tuple[str, Payload], ...] = (
    ("state", {"name": "State", "icon": "mdi:led-strip"}),
    (
        "left_s",
        {"name": "Light left", "device_class": "duration", "unit_of_measurement": "s"},
    ),
    (
        "skin_c",
        {
            "name": "Hottest skin sensor",
            "device_class": "temperature",
            "state_class": "measurement",
            "unit_of_measurement": "°C",
        },
    ),
    (
        "board_c",
        {
            "name": "Hottest board sensor",
            "device_class": "temperature",
            "state_class": "measurement",
            "unit_of_measurement": "°C",
        },
    ),
    ("dose_j_cm2", {"name": "Dose of this session", "unit_of_measurement": "J/cm²"}),
    ("fault", {"name": "Fault", "entity_category": "diagnostic"}),
    (
        "next_s",
        {
            "name": "Next session possible in",
            "device_class": "duration",
            "unit_of_measurement": "s",
        },
    ),
)


def make_topics(uid: str) -> tuple[str, str]:
    """Return the topics of a wrap's description and of its state."""
    node = "pbmwrap_" + re.sub("[^a-zA-Z0-9_-]", "_", uid)
    return f"homeassistant/device/{node}/config", f"pbmwrap/{node}/state"


def make_description(uid: str, firmware: str) -> Payload:
    """Return the description: one device with read-only sensors.

    Source: Home Assistant, "MQTT device discovery payload".
    """
    _, state_topic = make_topics(uid)
    node = state_topic.split("/")[1]
    sensors = {
        key: {
            "platform": "sensor",
            "unique_id": f"{node}_{key}",
            "value_template": "{{ value_json." + key + " }}",
            "expire_after": _EXPIRES_S,
            **facts,
        }
        for key, facts in _SENSORS
    }
    return {
        "device": {
            "identifiers": [node],
            "name": f"Light wrap {uid[:8]}",
            "manufacturer": "pbmwrap",
            "sw_version": firmware,
        },
        "origin": {"name": "pbmwrap", "sw_version": firmware},
        "components": sensors,
        "state_topic": state_topic,
        "qos": 0,
    }


def make_state(hello: Hello, status: Status) -> Payload:
    """Return the payload of the state topic; what is not known is None."""
    left_s = max(0, status.total_ms - status.active_ms) // 1000 if status.session else None
    dose_uj = status.dose_total_uj
    return {
        "state": status.state,
        "left_s": left_s,
        "skin_c": _find_hottest(hello, status, "skin"),
        "board_c": _find_hottest(hello, status, "board"),
        "dose_j_cm2": None if dose_uj is None else dose_uj / 1e6,
        "fault": status.fault.name if status.fault else "none",
        "next_s": status.next_s,
    }


def _find_hottest(hello: Hello, status: Status, role: str) -> float | None:
    """Return the highest temperature of the sensors of a role, C, or None without a reading."""
    found = [
        mc
        for (_, its_role), mc in zip(hello.sensors, status.temps_mc, strict=False)
        if its_role == role and mc is not None
    ]
    return max(found) / 1000 if found else None


class Broker(Protocol):
    """The part of paho-mqtt's client that is used here."""

    def publish(self, topic: str, payload: str, qos: int = 0, retain: bool = False) -> Any: ...


def publish_description(broker: Broker, hello: Hello) -> None:
    """Publish the description, retained, so that Home Assistant finds it after a restart too."""
    topic, _ = make_topics(hello.uid)
    text = json.dumps(make_description(hello.uid, hello.fw))
    broker.publish(topic, text, qos=1, retain=True)


def publish_state(broker: Broker, hello: Hello, status: Status) -> None:
    """Publish the wrap's state once. It is not retained: an old one would look like a new one."""
    _, topic = make_topics(hello.uid)
    broker.publish(topic, json.dumps(make_state(hello, status)))


def connect_broker(host: str, port: int, user: str, password: str, tls: bool) -> Any:
    """Connect to an MQTT broker. Returns paho-mqtt's client, whose thread runs; `disconnect` ends
    it. Raises UsageError without paho-mqtt, WrapError when the broker does not answer."""
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError:
        raise UsageError(
            "MQTT needs paho-mqtt, which is not installed", installed.hint_extra("mqtt")
        ) from None
    client = Client(CallbackAPIVersion.VERSION2)
    if user:
        client.username_pw_set(user, password)
    if tls:
        client.tls_set()
    answered = threading.Event()
    refusals: list[str] = []

    def hear(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            refusals.append(str(reason))
        answered.set()

    client.on_connect = hear
    try:
        client.connect(host, port)
    except OSError as problem:
        raise WrapError(
            f"the MQTT broker {host}:{port} does not answer: {problem}",
            "check its name and port, and that it runs",
        ) from None
    client.loop_start()
    if answered.wait(ANSWER_S) and not refusals:
        return client
    client.disconnect()
    client.loop_stop()
    if refusals:
        raise WrapError(
            f"the MQTT broker {host}:{port} refuses: {refusals[0]}",
            "check --user, the password in its environment variable, and --tls",
        )
    raise WrapError(
        f"what answers at {host}:{port} is no MQTT broker, or does not accept within {ANSWER_S} s",
        "check its name and port, and --tls",
    )
