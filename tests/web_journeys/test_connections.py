"""Cables, browsers and servers that come and go while a session runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web_journeys.kit import (
    PATIENCE_MS,
    PATIENCE_S,
    ROOT,
    Person,
    own_environment,
    run_web,
)

posix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="NOT TESTED HERE: Windows has no pseudo terminals"
)


@contextmanager
def run_wrap(folder: Path, kind: str = "sim", *words: str) -> Iterator[str]:
    """Run a wrap as a process of its own; yields its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pbmwrap", kind, *words],
        env=own_environment(folder),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port
        yield port
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def run_command(folder: Path, *words: str) -> str:
    """Run a command beside the page; returns its output."""
    done = subprocess.run(
        [sys.executable, "-m", "pbmwrap", *words],
        env=own_environment(folder),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_session(me: Person) -> str:
    """Return the number of the session on the page Now."""
    pair = me.page.locator(".facts > div").filter(has_text="Session number")
    return pair.locator("dd").inner_text()


def test_two_browsers_and_a_cable_that_is_pulled(browser: Browser, tmp_path: Path) -> None:
    with run_web(tmp_path) as web:
        me = Person(browser, web.url)
        me.press("Start")
        me.see_state("Light is on")

        # A second browser watches; it may stop, and it may take over.
        other = Person(browser, web.next_url(), viewport={"width": 390, "height": 680})
        other.see("You are watching")
        other.see_state("Light is on")
        other.press("Pause")
        me.see_state("Paused, light off")
        me.press("Resume")
        other.see_state("Light is on")
        other.press("Take over")
        expect(other.page.get_by_text("You are watching")).to_have_count(0)
        me.see("You are watching")

        # The address is used up: a third browser gets nothing with it.
        third = Person(browser, web.url)
        third.see("Open the address that pbmwrap web prints.")
        third.close()
        me.see_state("Not logged in")  # who showed the address to somebody is logged out too
        other.see_state("Light is on")

        # The cable is pulled; the light goes on, and the page says what is known.
        other.press("Pull the USB cable")
        other.see_state("Connection to the wrap lost")
        other.see("A session goes on without this page.")
        other.see("At the last reading: Light is on")
        expect(other.page.locator(".left")).to_have_count(0)
        other.press("Plug the USB cable in")
        other.see_state("Light is on")
        assert read_session(other) == "1"
        other.press("Stop")
        other.see_state("Session over, light off")
        me.close()
        other.close()


@posix_only
def test_a_killed_server_leaves_the_session_and_the_page_says_so(
    browser: Browser, tmp_path: Path
) -> None:
    with run_wrap(tmp_path) as port:
        example = ROOT / "host_tools/pbmwrap/protocols/examples/minor-injury.toml"
        run_command(tmp_path, "protocol", "flash", str(example), "--activate", "--port", port)
        with run_web(tmp_path, port) as web:
            me = Person(browser, web.url)
            me.press("Start")
            me.see_state("Light is on")
            web.kill()
            me.see_state("pbmwrap web does not answer")
            me.see("At the last reading: Light is on")
            expect(me.page.locator(".left")).to_have_count(0)
            assert '"running"' in run_command(tmp_path, "status", "--port", port, "--json")

            # The same page goes on with the next server, without a login.
            with run_web(tmp_path, port, web.listen_port) as again:
                me.see_state("Light is on")
                assert read_session(me) == "1"
                expect(me.page.locator(".left")).to_have_text(
                    re.compile(r"^9:\d\d"), timeout=PATIENCE_MS
                )
                # A command in a terminal stops it, and the page shows that.
                run_command(tmp_path, "stop", "--port", port)
                me.see_state("Session over, light off")
                me.see("The last session ended: stopped from a computer.")
                assert again.process.poll() is None
                me.close()


def test_the_environment_of_a_journey_is_its_own(tmp_path: Path) -> None:
    env = own_environment(tmp_path)
    assert env["PBMWRAP_DATA"].startswith(str(tmp_path)) and "PBMWRAP_PORT" not in env
    assert os.environ.get("PBMWRAP_DATA") != env["PBMWRAP_DATA"]
