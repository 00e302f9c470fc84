"""Drives Debian's firefox-esr by Marionette, the browser's own remote control.

Playwright needs a Firefox build of its own, and geckodriver is in neither Debian nor PyPI; it is a
translator to this protocol: over TCP, `LENGTH:JSON`, [0, id, command, parameters] and the answer
[1, id, error, result].
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIREFOX = Path("/usr/bin/firefox-esr")
MISSING = f"{FIREFOX} is missing: `make web-journeys` installs it (apt-get install firefox-esr)"
PATIENCE_S = 120.0
PREFERENCES = {
    "marionette.port": 0,  # any free one, which it writes to MarionetteActivePort
    "intl.accept_languages": "en",
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
}
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # of the WebDriver standard


class FirefoxError(Exception):
    """The browser refused a command."""


class Firefox:
    """One window. Its methods wait up to PATIENCE_S for what they look for."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._number = 0
        self._read_message()  # the greeting
        self.send("WebDriver:NewSession", {})
        self.send("WebDriver:SetWindowRect", {"width": 1120, "height": 900})

    def send(self, command: str, parameters: dict[str, Any]) -> Any:
        """Send a command; returns its result. Raises FirefoxError."""
        self._number += 1
        raw = json.dumps([0, self._number, command, parameters]).encode()
        self._sock.sendall(b"%d:%s" % (len(raw), raw))
        _, number, error, result = self._read_message()
        assert number == self._number
        if error:
            raise FirefoxError(f"{command}: {error['error']}: {error['message']}")
        return result

    def _read_message(self) -> Any:
        head = b""
        while not head.endswith(b":"):
            head += self._receive(1)
        return json.loads(self._receive(int(head[:-1])))

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._sock.recv(size - len(data))
            if not more:
                raise FirefoxError("Firefox has ended")
            data += more
        return data

    def open(self, url: str) -> None:
        self.send("WebDriver:Navigate", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a function's body in the page; returns what it returns."""
        return self.send("WebDriver:ExecuteScript", {"script": script, "args": list(arguments)})[
            "value"
        ]

    def see(self, words: str) -> None:
        """Wait until the page shows the words."""
        self.wait_for(
            lambda: words in (self.run("return document.body?.innerText ?? ''") or ""), words
        )

    def see_state(self, words: str) -> None:
        """Wait until the bar at the bottom says so."""
        script = "return document.querySelector('.strip-state')?.textContent"
        self.wait_for(lambda: self.run(script) == words, words)

    def wait_for(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not happened():
            if time.monotonic() > deadline:
                shown = self.run("return document.body?.innerText")
                raise AssertionError(f"not seen: {what}. The page shows: {shown}")
            time.sleep(0.05)

    def press(self, name: str) -> None:
        """Press the button that ends with these words, as a mouse does, once it is possible."""
        script = f"""return [...document.querySelectorAll('button, a')].find((e) =>
          e.textContent.trim().endsWith({json.dumps(name)}) && e.ariaDisabled !== 'true')"""
        self.wait_for(lambda: self.run(script) is not None, name)
        element = self.run(script)
        self.send("WebDriver:ElementClick", {"id": element[_ELEMENT]})

    def take_picture(self) -> bytes:
        """Return the window as a PNG."""
        return base64.b64decode(self.send("WebDriver:TakeScreenshot", {"full": False})["value"])


@contextmanager
def run_firefox(folder: Path) -> Iterator[Firefox]:
    """Start Firefox without a window, with a fresh profile. Raises RuntimeError when it is
    missing."""
    if not FIREFOX.exists():
        raise RuntimeError(MISSING)
    profile = folder / "profile"
    profile.mkdir()
    lines = (f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items())
    (profile / "user.js").write_text("\n".join(lines))
    words = ["--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    process = subprocess.Popen(
        [str(FIREFOX), *words],
        env=dict(os.environ, HOME=str(folder)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Firefox(_read_port(profile, process))
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _read_port(profile: Path, process: subprocess.Popen[bytes]) -> int:
    file = profile / "MarionetteActivePort"
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        if file.exists() and (text := file.read_text().strip()):
            return int(text)
        time.sleep(0.05)
    raise RuntimeError(f"Firefox did not open its remote control (exit code {process.poll()})")
