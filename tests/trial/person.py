"""A made-up person who does a whole trial with the real commands and simulated wraps.

Their numbers follow the light that the lamp pins gave, which neither person nor host can see.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from pbmwrap.cli import main
from tests.lives.world import World, Wrap

BEGIN = datetime(2026, 1, 5, 7, tzinfo=UTC)
FEET = ("foot-left", "foot-right")
START_WORDS = (
    "--aim", "less pain", "--period", "week", "--sessions", "1", "--minutes", "0.1", "--speed",
    "hours", "--matters", "4", "--needs-treatment", "no", "--numb", "yes", "--skin-by", "Bert",
    "--yes",
)  # fmt: skip
NIR = 1  # the channel that a sham leaves out


class TrialPerson:
    """Ada, with two wraps. gain: what a week with light changes her number of a foot by; world: by
    default one with two simulated wraps."""

    def __init__(
        self,
        folder: Path,
        sites: tuple[str, ...] = FEET,
        gain: float = -3.0,
        world: World | None = None,
    ) -> None:
        self.world = world or World(folder, BEGIN, "trial")
        self.sites = sites
        self.gain = gain
        self.lit: dict[str, bool] = dict.fromkeys(sites, False)
        self.light: list[tuple[str, bool]] = []  # of each session: its site, and what the pins gave
        self.random = random.Random(5)
        self.tag = self.run("person", "add", "Ada", "--zone", "Europe/Berlin")["tag"]

    def run(self, *words: str) -> Any:
        return self.world.run_command(*words)

    def fails(self, *words: str) -> dict[str, Any]:
        code, said = self.world.try_command(*words)
        assert code, said
        return said["error"]

    def read_notes(self, *words: str) -> str:
        """Run a command as a person does; returns its notes."""
        with self.world.as_machine():
            result = CliRunner().invoke(main.app, list(words))
        assert result.exit_code == 0, result.output
        return result.stderr

    def start(self, *more: str, weeks: int = 8) -> dict[str, Any]:
        with self.world.plugged("wrap-1"):
            return self.run(
                "trial", "start", *self.sites, "--weeks", str(weeks), *START_WORDS, *more
            )

    def wait_days(self, days: float) -> None:
        self.world.wait_s(days * 86_400)

    def write_numbers(self) -> Any:
        """Write today's numbers: 6 and some noise, and what light has changed."""
        values = [
            round(6 + self.random.choice((-1, 0, 0, 1)) + (self.gain if self.lit[site] else 0))
            for site in self.sites
        ]
        return self.run("trial", "entry", *map(str, values))

    def have_session(self, wrap: Wrap, button: bool = True) -> None:
        """Have the session of the active protocol to its end."""
        before = wrap.twin.board.light_acc(NIR)
        if button:
            self.world.press(wrap)
        else:
            self.run("run")
        self.world.advance_to(wrap, ("running",))
        self.world.advance_to(wrap, ("done",))
        self.note_light(wrap, before)

    def note_light(self, wrap: Wrap, before: int) -> None:
        site = wrap.twin.board.app.session.plan.site
        self.lit[site] = wrap.twin.board.light_acc(NIR) > before
        self.light.append((site, self.lit[site]))

    def have_week(self, button: bool = True, sessions: bool = True) -> None:
        """Write numbers on seven days; on the first one, have the session of each site."""
        for day in range(7):
            self.write_numbers()
            if day == 0 and sessions:
                self.wait_days(0.25)
                with self.world.plugged("wrap-1") as wrap:
                    for site in self.sites:
                        self.run("trial", "next", site)
                        self.have_session(wrap, button)
                    self.run("logs", "pull")
                self.wait_days(0.75)
            else:
                self.wait_days(1)

    def have_cut_session(self, site: str) -> None:
        """Begin the session of a site, and take the power away in its middle."""
        with self.world.plugged("wrap-1") as wrap:
            self.run("trial", "next", site)
            before = wrap.twin.board.light_acc(NIR)
            self.world.press(wrap)
            self.world.advance_to(wrap, ("running",))
            wrap.twin.advance_ms(2000)
            self.note_light(wrap, before)

    def wait_until_start(self) -> None:
        moment = BEGIN + timedelta(days=21, hours=1)
        self.world.wait_until(moment)
