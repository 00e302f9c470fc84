"""`FastStep.step` on the emulated chip, the frozen machine code, against the same function as plain
Python on CPython: the same random states, and every word compared after each step.

The guest does nothing but step. Before each it raises a pin's edge, and in that very moment the
host compares what the step before has left in RAM and puts the next state there.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from pbmwrap.twin.rp2040 import Rp2040Twin
from pbmwrap.twin.rp2040_chip import RAM_START_ADDRESS
from pbmwrap.twin.rp2040_pins import GPIOPinState
from tools.bench.steady_states import SENSORS, Bench, Numbers, prepare

STATES = 100_000
_PIN = 17
_SEEN, _HELD, _NOW, _RESULT = range(SENSORS, SENSORS + 4)  # behind a reading of each sensor
_BOOT_MS = 1000
_TIMEOUT_MS = 10_000
_GUEST = f"""
from array import array
from machine import Pin
from uctypes import addressof
from wrap.fast_step import FastStep
said = array("i", [0] * {_RESULT + 1})
class Hal:
 def inputs(self, out):
  for i in range({SENSORS}):
   out[i] = said[i]
  return said[{_SEEN}]
 def verify_and_feed(self):
  return said[{_HELD}] != 0
fast = FastStep(Hal(), {SENSORS}, *[None] * 8)
edge = Pin({_PIN}, Pin.OUT, value=0).toggle
step = fast.step
def go(n):
 for _ in range(n):
  edge()
  said[{_RESULT}] = step(said[{_NOW}])
 edge()
print(addressof(fast.words), addressof(said), len(fast.words))
"""

Figures = dict[str, float]


class Judge:
    """Feeds the guest and compares. `wrong`: numbers of the states that came out otherwise."""

    def __init__(self, twin: Rp2040Twin, seed: int) -> None:
        self._sram = twin.chip.mcu.sram
        self._numbers, self._plain = Numbers(seed), Bench()
        words, said, n = (int(word) for word in twin.repl(_GUEST, _TIMEOUT_MS).split())
        self._words, self._said = words - RAM_START_ADDRESS, said - RAM_START_ADDRESS
        self._n = n
        self.steps = -1
        self.done = 0
        self.wrong: list[int] = []
        twin.chip.mcu.gpio[_PIN].add_listener(self._handle_edge)

    def _handle_edge(self, value: GPIOPinState, _last: GPIOPinState) -> None:
        if value in (GPIOPinState.HIGH, GPIOPinState.LOW):
            if self.steps >= 0:
                self._compare_state()
            self.steps += 1
            self._write_state()

    def _write_state(self) -> None:
        plain = self._plain
        self._now = prepare(self._numbers, plain)
        self._write_words(self._words, list(plain.fast_step.words))
        self._write_words(self._said, [*plain.next, plain.seen, plain.held, self._now, -1])

    def _write_words(self, at: int, values: Sequence[int]) -> None:
        self._sram[at : at + 4 * len(values)] = struct.pack(f"<{len(values)}i", *values)

    def _compare_state(self) -> None:
        expected = self._plain.fast_step.step(self._now)
        self.done += expected > 0
        at = self._said + 4 * _RESULT
        result = struct.unpack("<i", bytes(self._sram[at : at + 4]))[0]
        left = bytes(self._sram[self._words : self._words + 4 * self._n])
        if (result, left) != (expected, struct.pack(f"<{self._n}i", *self._plain.fast_step.words)):
            self.wrong.append(self.steps)


def compare_states(image: Path, n: int = STATES, seed: int = 5) -> Figures:
    """`n` random states; how many ended otherwise than plain Python's."""
    twin = Rp2040Twin(image)
    twin.start()
    twin.advance_ms(_BOOT_MS)
    judge = Judge(twin, seed)
    twin.repl(f"go({n})", _TIMEOUT_MS + n)
    twin.close()
    assert judge.steps == n, f"{judge.steps} steps seen of {n}"
    return {"states": n, "states_done": judge.done, "states_wrong": len(judge.wrong)}
