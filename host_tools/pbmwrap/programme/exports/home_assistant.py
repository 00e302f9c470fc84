"""Describes a wrap to Home Assistant by MQTT discovery: sensors that only show, and no command.

Nothing here starts, pauses or stops light: a message from a network must never do that, and a stop
that may arrive late would be trusted. The tests check that no payload has a topic for commands. The
state topic carries what `make_state` returns. `pbmwrap monitor` is the view of a person; this is
for a house that wants to show "light on, 7 minutes left". Sending needs paho-mqtt (extra `mqtt`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Payload = dict[str, Any]

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


def make_state(status: Mapping[str, Any]) -> Payload:
    """Return the payload of the state topic; a key that `status` lacks is null."""
    return {key: status.get(key) for key, _ in _SENSORS}
