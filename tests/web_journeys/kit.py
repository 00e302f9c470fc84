"""`pbmwrap web` as a process of its own, and how a person uses its page in Chromium."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0  # generous: the machine may be busy
PATIENCE_MS = PATIENCE_S * 1000
FOLDERS = ("RUNTIME", "DATA", "CACHE")


def own_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which pbmwrap keeps its files in `folder`."""
    env = dict(os.environ, PYTHONUNBUFFERED="1", PBMWRAP_CONFIG=str(folder / "none.toml"))
    env.pop("PBMWRAP_PORT", None)
    for name in FOLDERS:
        own = folder / name.lower()
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        env[f"PBMWRAP_{name}"] = str(own)
    return env


class WebProgram:
    """`pbmwrap web --port PORT`. url: its first address, for one browser.

    module: what Python runs as `pbmwrap`.
    """

    def __init__(
        self, folder: Path, port: str = "sim:", listen_port: int = 0, module: str = "pbmwrap"
    ) -> None:
        words = ["web", "--port", port, "--no-browser", "--listen-port", str(listen_port)]
        self._env = own_environment(folder)
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            env=self._env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stderr: list[str] = []
        threading.Thread(target=self._read_errors, daemon=True).start()
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), "".join(self.stderr)
        self.base = self.url.partition("/#")[0]
        self.listen_port = int(self.base.rpartition(":")[2])

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.stderr.append(line)

    def next_url(self) -> str:
        """Return an address for one more browser: what a second `pbmwrap web` prints."""
        words = ["web", "--port", "sim:", "--no-browser", "--listen-port", str(self.listen_port)]
        done = subprocess.run(
            [sys.executable, "-m", "pbmwrap", *words],
            env=self._env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        return done.stdout.strip()

    def kill(self) -> None:
        """End it as a crash does: no handler runs."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """End it as Ctrl-C does; nothing may have gone wrong in it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(PATIENCE_S)
        assert [line for line in self.stderr if "Traceback" in line or "Error" in line] == []


@contextmanager
def run_web(
    folder: Path, port: str = "sim:", listen_port: int = 0, module: str = "pbmwrap"
) -> Iterator[WebProgram]:
    program = WebProgram(folder, port, listen_port, module)
    try:
        yield program
        program.close()
    finally:
        program.process.kill()
        program.process.wait(PATIENCE_S)


class Person:
    """Somebody before a browser. patience_s: how long each step may take.

    problems: errors on the console, and requests elsewhere.
    """

    def __init__(
        self, browser: Browser, url: str, patience_s: float = PATIENCE_S, **view: object
    ) -> None:
        self.patience_ms = patience_s * 1000
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "en", **view}
        self.context: BrowserContext = browser.new_context(**options)  # type: ignore[arg-type]
        self.context.set_default_timeout(self.patience_ms)
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self._base = url.partition("/#")[0]
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self._note_request(request.url))
        self.page.goto(url)

    def _note_message(self, message: object) -> None:
        text = getattr(message, "text", "")
        # Chromium reports each refused and each lost request itself.
        if getattr(message, "type", "") == "error" and "Failed to load resource" not in text:
            self.problems.append(text)

    def _note_request(self, url: str) -> None:
        if not url.startswith((self._base, "data:")):
            self.problems.append(f"request to {url}")

    def close(self) -> None:
        """Close the browser; the page must have reported no error."""
        self.context.close()
        assert self.problems == []

    def go(self, path: str) -> None:
        """Open a page by its link at the top."""
        self.page.evaluate("path => { location.hash = `#/${path}`; }", path)

    def button(self, name: str, exact: bool = True) -> Locator:
        return self.page.get_by_role("button", name=name, exact=exact)

    def press(self, name: str, exact: bool = True) -> None:
        """Press a button, once it is possible."""
        found = self.button(name, exact).first
        expect(found).not_to_have_attribute("aria-disabled", "true", timeout=self.patience_ms)
        found.click()

    def see(self, words: str) -> None:
        """Wait until words are on the page."""
        expect(self.page.get_by_text(words).first).to_be_visible(timeout=self.patience_ms)

    def see_state(self, words: str) -> None:
        """Wait until the bar at the bottom says so."""
        strip = self.page.locator(".strip-state")
        expect(strip).to_have_text(words, timeout=self.patience_ms)

    def set_speed(self, times: int) -> None:
        """Let the simulated wrap's time run faster."""
        self.go("now")
        group = self.page.get_by_role("group", name="Speed of time")
        choice = group.get_by_text(f"{times} ×", exact=True)
        choice.click()
        expect(choice).to_have_attribute("aria-pressed", "true")

    def store_setting(self, label: str, value: str) -> None:
        """Change a setting on the page Wrap."""
        self.go("wrap")
        self.page.get_by_label(label, exact=True).fill(value)
        self.press(f"Store: {label}")
        self.see("Stored.")

    def put_on_wrap(self, name: str, slot: int) -> None:
        """Store an example; the first one on a wrap becomes active by itself."""
        self.go("protocols")
        self.press(f"View and put on the wrap: {name}")
        self.page.get_by_label("Place on the wrap").select_option(str(slot))
        self.press("Put on the wrap")
        self.see(f"{name} is on the wrap.")
        self.see("Active: Start begins this one")

    def acknowledge(self) -> None:
        """Acknowledge a fault, again while the wrap still finds its cause."""
        button = self.page.get_by_role("button", name="The cause is gone: acknowledge")
        for _ in range(240):
            if button.count() == 0:
                return
            with suppress(PlaywrightError):  # it goes as soon as the wrap has accepted
                button.first.click(timeout=2000)
            self.page.wait_for_timeout(500)
        raise AssertionError("the fault stays")
