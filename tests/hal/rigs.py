"""Makes what the contract's checks run on: each target runs a few lines of Python with `hal`,
`wait(ms)`, `read()` (the sensors, as a list), `look()` (what `inputs` returns) and `print`, and
tells from outside what its pins do."""

from __future__ import annotations

import functools
from array import array
from pathlib import Path
from typing import Any

import board_facts
from pbmwrap.twin.fake_hal import FakeHal
from tests.esp32.world import BOARDS, World

ROOT = Path(__file__).parents[2]
TARGETS = ("fake", *BOARDS, "rp2040")
_WINDOW_MS = 400


class Local:
    """Drives a HAL in this process."""

    hal: Any

    def run(self, code: str) -> list[str]:
        """Return the lines that `code` printed."""
        said: list[str] = []
        sensors = len(self.facts().SENSORS)

        def read() -> list[int]:
            out = array("i", [-1] * sensors)
            self.hal.inputs(out)
            return list(out)

        def look() -> int:
            return self.hal.inputs(array("i", [-1] * sensors))

        names = {"hal": self.hal, "wait": self.wait, "read": read, "look": look}
        exec(code, names | {"print": lambda *words: said.append(" ".join(map(str, words)))})
        return said

    def facts(self) -> Any:
        raise NotImplementedError

    def wait(self, ms: int) -> None:
        raise NotImplementedError


class Fake(Local):
    def __init__(self) -> None:
        self.hal = FakeHal(2, 4)
        self.hal.sensed = True

    def facts(self) -> Any:
        return board_facts

    def wait(self, ms: int) -> None:
        for _ in range(ms):
            self.hal.now_ms += 1
            self.hal.deadman()

    def light(self, ch: int) -> float:
        """Share of time in which the lamp's pin is high."""
        return self.hal.duty[ch] / 65535

    def enabled(self) -> bool:
        return self.hal.enabled

    def buzzing(self) -> bool:
        return self.hal.buzzing

    def press(self, held: bool) -> None:
        self.hal.pressed = held


class Esp32(Local):
    def __init__(self, board: str) -> None:
        self.world = World(board)
        self.hal = self.world.boot()

    def facts(self) -> Any:
        return self.world.facts

    def wait(self, ms: int) -> None:
        self.world.chip.advance_ms(ms)

    def light(self, ch: int) -> float:
        """Now, or after two periods of the slowest, whichever is more: what LEDC gives already
        counts, and what it takes over in its time."""
        share = self.world.light(ch)
        self.world.chip.now_us += 200_000  # time alone: no timer of the firmware runs
        return max(share, self.world.light(ch))

    def enabled(self) -> bool:
        return self.world.enabled()

    def buzzing(self) -> bool:
        self.world.chip.now_us += 1000
        return self.world.chip.share(self.world.facts.BUZZER_PIN) == 0.5

    def press(self, held: bool) -> None:
        self.world.chip.driven[self.world.facts.BUTTON_PIN] = int(not held)


@functools.cache
def _image() -> Path:
    from tools.toolchain.built import find_image

    return find_image()


class Rp2040:
    """Drives the HAL of the real image on the emulated chip, whose program is interrupted, at the
    REPL."""

    def __init__(self) -> None:
        from pbmwrap.twin.rp2040 import Rp2040Twin
        from tests.emulator.conftest import at_repl

        self.twin = at_repl(Rp2040Twin(_image()))
        self.run(
            "import board_facts, time\nfrom array import array\nfrom wrap.hal import open_board\n"
            "hal = open_board(board_facts)\nwait = time.sleep_ms\n"
            "def read():\n out = array('i', [-1] * len(board_facts.SENSORS))\n"
            " hal.inputs(out)\n return list(out)\n"
            "def look():\n return hal.inputs(array('i', [-1] * len(board_facts.SENSORS)))"
        )

    def run(self, code: str) -> list[str]:
        return self.twin.repl(code).splitlines()

    def light(self, ch: int) -> float:
        self.twin.advance_ms(_WINDOW_MS // 4)
        self.twin.record_edges()
        self.twin.advance_ms(_WINDOW_MS)
        edges = [(ns, high) for ns, high in self.twin.edges(ch)]
        if len(edges) < 3:
            return float(self.twin.pins.lamps[ch].line.high)
        rises = [n for n, (_, high) in enumerate(edges) if high]
        first, last = edges[rises[0]][0], edges[rises[-1]][0]
        on = sum(edges[n + 1][0] - edges[n][0] for n in rises[:-1])
        return on / (last - first)

    def enabled(self) -> bool:
        return self.twin.enabled()

    def buzzing(self) -> bool:
        self.twin.advance_ms(5)
        return self.twin.buzzing()

    def press(self, held: bool) -> None:
        self.twin.press(held)


def made(target: str) -> Any:
    """Return the rig for a target."""
    if target == "fake":
        return Fake()
    return Rp2040() if target == "rp2040" else Esp32(target)
