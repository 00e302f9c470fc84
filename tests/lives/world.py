"""A made-up world: its true time, simulated wraps, a computer, and the real commands on it.

Only one wrap has power at a time: it is plugged in for a session or for the computer, and unplugged
afterwards. The time of the world goes on with that of the wrap, and from one to the next at once.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.device import discovery
from pbmwrap.device.transport import Transport
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.errors import NoDevice
from pbmwrap.facts import board_facts
from pbmwrap.programme import store as stores
from pbmwrap.twin.sim import SimTwin
from wrap.rules import states

BOOT_MS = 1000
LIGHT_S = 10
LEVEL_PM = {"red": 200, "nir": 250}  # a light so weak that no heat test is needed
CAL_UW = {"red": 11_000, "nir": 13_000}
_WAIT_MS = 60_000
_STEP_MS = 100
_PROTOCOL = """\
schema = 1
id = "{id}"
name = "Made-up life"
site = "{site}"

[evidence]
grade = "weak, suggestive"
summary = "Made up for a test."

[[step]]
duration_s = {seconds}

[step.red]
intensity = 20.0

[step.nir]
intensity = 25.0
"""


class CommandFailed(AssertionError):
    """A command ended with another code than the life expects."""


@dataclass
class Wrap:
    """A simulated wrap, without power until it is plugged in. held: times that it refused."""

    name: str
    folder: Path
    twin: SimTwin = field(init=False)
    plugged: bool = False

    def __post_init__(self) -> None:
        self.twin = SimTwin(state=self.folder)

    @property
    def state(self) -> str:
        app = self.twin.board.app  # type: ignore[attr-defined]
        return states.NAMES[app.session.state]

    def read_session_number(self) -> int:
        """Return the number that the wrap gives its last session."""
        return self.twin.board.app.session.number  # type: ignore[attr-defined]

    def read_light_mj(self) -> float:
        """Return the light given since the wrap was made, mJ/cm2, measured at its lamp pins."""
        total = 0.0
        for channel, (name, *_) in enumerate(board_facts().CHANNELS):
            full_s = self.twin.board.light_acc(channel) / 65535 / 1000
            total += full_s * CAL_UW[name] / 1000
        return total


class World:
    """true_ms: UTC. clock_error_ms: of the computer. zone: of the wall clock of the person. wraps:
    by name; two simulated ones by default."""

    def __init__(
        self, folder: Path, begin: datetime, seed: str, wraps: dict[str, Any] | None = None
    ) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.clock_error_ms = 0
        names = ("wrap-1", "wrap-2")
        self.wraps: dict[str, Any] = wraps or {name: Wrap(name, folder / name) for name in names}
        self._base_ms = round(begin.timestamp() * 1000)
        self._on: Any = None
        self._on_since_ms = 0
        self.env = {
            "PBMWRAP_DATA": str(folder / "data"),
            "PBMWRAP_CACHE": str(folder / "cache"),
            "PBMWRAP_CONFIG": str(folder / "config.toml"),
            "PBMWRAP_PORT": "unplugged",
        }
        folder.joinpath("config.toml").touch()

    @property
    def true_ms(self) -> int:
        on_ms = self._on.twin.now_ms - self._on_since_ms if self._on else 0
        return self._base_ms + on_ms

    @property
    def is_plugged(self) -> bool:
        """Whether a wrap has power."""
        return self._on is not None

    def set_time(self, true_ms: int) -> None:
        """Go to a moment, also back: for a world whose folder was restored."""
        assert self._on is None
        self._base_ms = true_ms

    def wait_until(self, moment: datetime) -> None:
        """Let time pass with all wraps unplugged. A moment that has passed changes nothing."""
        assert self._on is None
        self._base_ms = max(self._base_ms, round(moment.timestamp() * 1000))

    def wait_s(self, seconds: float) -> None:
        """Let this time pass with all wraps unplugged."""
        assert self._on is None
        self._base_ms += round(seconds * 1000)

    @contextmanager
    def plugged(self, name: str) -> Iterator[Wrap]:
        """Give a wrap power, and take it away at the end."""
        assert self._on is None
        wrap = self.wraps[name]
        wrap.twin.start()
        self._on, self._on_since_ms = wrap, wrap.twin.now_ms
        wrap.twin.advance_ms(BOOT_MS + self.random.randrange(2000))
        try:
            yield wrap
        finally:
            self._base_ms = self.true_ms
            self._on = None
            wrap.twin.power_off()

    def local_time(self, zone: str, unix_ms: int | None = None) -> datetime:
        """Return the wall time of a moment, by default now."""
        at_ms = self.true_ms if unix_ms is None else unix_ms
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone))

    def open_port(self, _port: str) -> Transport:
        if self._on is None:
            raise NoDevice("no wrap is plugged in")
        return TwinTransport(self._on.twin, self._on.name)

    @contextmanager
    def as_machine(self) -> Iterator[None]:
        """Be the person's computer: its clock, its folders, its port."""
        with (
            mock.patch.dict(os.environ, self.env),
            mock.patch.object(discovery, "open_transport", self.open_port),
            mock.patch.object(stores, "SYNCHRONOUS", "OFF"),
            mock.patch.object(time, "time", lambda: (self.true_ms + self.clock_error_ms) / 1000),
        ):
            yield

    def try_command(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Run a command with --json; returns its exit code and what it said."""
        with self.as_machine():
            result = CliRunner().invoke(main.app, [*words, "--json"])
        try:
            said = json.loads(result.stdout)
        except ValueError:
            raise CommandFailed(f"{words}: {result.output} {result.exception!r}") from None
        return result.exit_code, said

    def read_text(self, *words: str) -> str:
        """Run a command as a person does; returns what it shows, without its notes."""
        with self.as_machine():
            result = CliRunner().invoke(main.app, list(words))
        if result.exit_code:
            raise CommandFailed(f"{words} ended with {result.exit_code}: {result.output}")
        return result.stdout

    def run_command(self, *words: str) -> Any:
        """Run a command that has to succeed; returns its data."""
        code, said = self.try_command(*words)
        if code:
            raise CommandFailed(f"{words} ended with {code}: {said}")
        return said["data"]

    def write_protocol(self, protocol_id: str, site: str) -> Path:
        path = self.folder / f"{protocol_id}.toml"
        path.write_text(_PROTOCOL.format(id=protocol_id, site=site, seconds=LIGHT_S))
        return path

    def set_up(self, name: str, tags: Sequence[str | None], protocol: Path) -> None:
        """Calibrate a wrap and store the protocol on it, once for each person or for nobody."""
        with self.plugged(name):
            for channel, uw in CAL_UW.items():
                words = ("cal", "set", channel, f"{uw / 1000:g}", "--uncertainty", "15")
                self.run_command(*words, "--how", "made up")
            for tag in tags:
                words = ("protocol", "flash", str(protocol))
                self.run_command(*words, *(("--person", tag) if tag else ()), "--activate")

    def erase(self, name: str) -> None:
        """Erase the flash of a wrap, as `install --erase` does: its log is lost."""
        shutil.rmtree(self.wraps[name].folder / "wrap")
        (self.wraps[name].folder / "wrap").mkdir()

    def press(self, wrap: Wrap, ms: int = 100) -> None:
        wrap.twin.press(True)
        wrap.twin.advance_ms(ms)
        wrap.twin.press(False)

    def advance_to(self, wrap: Wrap, wanted: Sequence[str]) -> str:
        """Let time pass until the wrap is in one of these states."""
        for _ in range(_WAIT_MS // _STEP_MS):
            state = wrap.state
            if state in wanted:
                return state
            wrap.twin.advance_ms(_STEP_MS)
        raise AssertionError(f"{wrap.name} is {wrap.state}, not one of {wanted}")

    def close(self) -> None:
        for wrap in self.wraps.values():
            wrap.twin.close()
