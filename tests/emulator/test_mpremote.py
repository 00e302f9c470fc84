"""mpremote, MicroPython's own client, talks to the emulated board; the wrap comes back after."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from pbmwrap.device.client import Client
from pbmwrap.device.serial_port import SerialTransport
from pbmwrap.twin.serve import PtyServer
from tests.contract.conftest import Bench

_PATIENCE_S = 120


@pytest.fixture
def port(booted: Bench) -> Iterator[str]:
    """The pty of our image, running on an emulated chip."""
    server = PtyServer(booted.twin, speed=None)
    stop = threading.Event()
    runner = threading.Thread(target=server.run, args=(stop,))
    runner.start()
    yield server.port
    stop.set()
    runner.join(_PATIENCE_S)
    server.close()


def mpremote(port: str, *words: str) -> str:
    """Return what mpremote prints."""
    command = [sys.executable, "-m", "mpremote", "connect", port, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hello(port: str) -> str:
    with Client(SerialTransport(port), attempts=30) as client:
        client.transport.open()
        return client.hello().state


def test_mpremote_runs_code_and_lists_files_and_the_wrap_comes_back(port: str) -> None:
    assert hello(port) == "idle"
    assert mpremote(port, "exec", "print(6 * 7)").strip() == "42"
    mpremote(port, "exec", "open('/note', 'w').write('x')")
    assert "note" in mpremote(port, "fs", "ls", ":/")
    mpremote(port, "reset")
    assert hello(port) == "idle"
