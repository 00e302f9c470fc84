"""A simulated wrap behind a pseudo terminal in a thread, and commands as processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pbmwrap.twin.serve import PtyServer
from pbmwrap.twin.sim import SimTwin

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0


class ServedSim:
    """`port`: where it is. Time passes as the wall clock's, `speed` times."""

    def __init__(self, speed: float = 1.0) -> None:
        self.twin = SimTwin()
        self.twin.start()
        self.server = PtyServer(self.twin, speed)
        self.port = self.server.port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.server.run, args=(self._stop,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S)
        self.server.close()
        self.twin.close()


def until(happened: Callable[[], bool]) -> bool:
    """Looks again and again until it has happened, or gives up."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happened()


@contextmanager
def started(*words: str, **options) -> Iterator[subprocess.Popen]:
    """`pbmwrap` with `words` as a process, which is killed at the end when it still runs."""
    with _popen(*words, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def _popen(*words: str, **options) -> subprocess.Popen:
    env = dict(os.environ, PBMWRAP_CONFIG="/nonexistent", PYTHONUNBUFFERED="1")
    command = [sys.executable, "-m", "pbmwrap", *words]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen(command, env=env, **options)


def run_command(*words: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a command that ends by itself."""
    with started(*words) as process:
        out, err = process.communicate(timeout=2 * PATIENCE_S)
    return process.returncode, out, err
