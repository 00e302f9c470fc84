"""`pbmwrap mqtt` against a real broker, mosquitto on 127.0.0.1, and a simulated wrap.

Not in `make test`: its name keeps it out of pytest's default collection; `make mqtt-broker`
installs mosquitto and runs it. What Home Assistant requires is from its own schema of a device's
description (homeassistant/components/mqtt/schemas.py): device with an identifier, origin with a
name, components with a platform each, and nothing else but a shared state topic and its qos.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BROKER, SUBSCRIBE = Path("/usr/sbin/mosquitto"), Path("/usr/bin/mosquitto_sub")
PATIENCE_S = 30.0
_SENSOR_KEYS = {
    "platform", "unique_id", "value_template", "expire_after", "name", "icon", "device_class",
    "state_class", "unit_of_measurement", "entity_category",
}  # fmt: skip


def wait_for(happened: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := happened()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a broker that asks for no password, on this machine only."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {number} 127.0.0.1\nallow_anonymous true\n")
    with subprocess.Popen((BROKER, "-c", config), stderr=subprocess.DEVNULL) as child:
        try:
            yield number
        finally:
            child.terminate()


def listen(port: int, count: int, seconds: float) -> list[tuple[str, bool, Any]]:
    """Return (topic, retained, payload) of what a client hears that connects now."""
    words = (SUBSCRIBE, "-h", "127.0.0.1", "-p", str(port), "-t", "#", "-F", "%t %r %p")
    heard = subprocess.run(
        (*words, "-C", str(count), "-W", f"{seconds:.0f}"), capture_output=True, text=True
    )
    parts = [line.split(" ", 2) for line in heard.stdout.splitlines()]
    return [(topic, retained == "1", json.loads(payload)) for topic, retained, payload in parts]


@pytest.fixture
def shown(port: int, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, which shows a simulated wrap."""
    env = os.environ | {"PBMWRAP_DATA": str(tmp_path), "PBMWRAP_CACHE": str(tmp_path)}
    words = ("mqtt", "--broker", f"127.0.0.1:{port}", "--every", "1", "-p", "sim:", "--json")
    with subprocess.Popen(
        (sys.executable, "-m", "pbmwrap", *words),
        env=env | {"PBMWRAP_CONFIG": str(tmp_path / "no.toml")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        yield child
        child.kill()


def test_home_assistant_hears_a_device_with_sensors_only(
    port: int, shown: subprocess.Popen[str]
) -> None:
    def hear() -> list[tuple[str, bool, Any]]:
        found = listen(port, 4, 5)
        return found if len(found) == 4 else []

    heard = wait_for(hear, "nothing was heard")
    (config, description), *states = [(topic, payload) for topic, _, payload in heard]
    assert not any(retained for _, retained, _ in heard[1:])
    node = description["device"]["identifiers"][0]
    assert config == f"homeassistant/device/{node}/config"
    assert set(description) == {"device", "origin", "components", "state_topic", "qos"}
    assert description["origin"]["name"] == "pbmwrap"
    for key, sensor in description["components"].items():
        assert sensor["platform"] == "sensor" and set(sensor) <= _SENSOR_KEYS
        assert sensor["unique_id"] == f"{node}_{key}"
        assert sensor["value_template"] == f"{{{{ value_json.{key} }}}}"
    for topic, state in states:
        assert topic == description["state_topic"]
        assert set(state) == set(description["components"])
        assert state["state"] == "idle" and 20 < state["skin_c"] < 45
    # Ctrl-C ends it; the description stays for a Home Assistant that starts later, no state does.
    shown.send_signal(signal.SIGINT)
    said, problem = shown.communicate(timeout=PATIENCE_S)
    assert shown.returncode == 130 and "interrupted" in said + problem
    assert [(topic, retained) for topic, retained, _ in listen(port, 2, 2)] == [(config, True)]
