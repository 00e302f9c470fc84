"""Runs the wrap's ESP32 HAL on CPython: its modules loaded over the fakes, one board, virtual
time."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import select
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.esp32.chip import Channel, Chip
from tests.esp32.fake_esp32 import Nor, made_esp, made_esp32
from tests.esp32.fake_machine import made_machine

ROOT = Path(__file__).parents[2]
BOARDS = ("PBMWRAP_ESP32", "PBMWRAP_ESP32_S3", "PBMWRAP_ESP32_C3")
ROOMS = ("chip", "pwm", "dead_man", "adc", "port", "flash", "heap", "board")
_TICKS = 1 << 30  # MICROPY_PY_UTIME_TICKS_PERIOD
STORE_BYTES, LOG_BYTES = 64 * 1024, 128 * 1024


def facts_of(board: str) -> Any:
    """Return a fresh copy of the board's facts, which a test may change."""
    spec = importlib.util.spec_from_file_location(board, ROOT / "boards" / board / "board_facts.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Stdio:
    """Stands in for stdin and stdout of the port: a ring of 260 bytes (ports/esp32/mphalport.c), of
    which the ring keeps one free (py/ringbuf.h), and an output that may take its time."""

    def __init__(self, chip: Chip) -> None:
        self.ring = bytearray()
        self.out = bytearray()
        self.chip = chip
        self.write_us = 0
        self.uart = False  # whether a UART REPL gets a copy of each write
        self.in_fifo = 0.0
        self._fifo_us = 0
        self.buffer = self

    def arrive(self, data: bytes) -> None:
        """Put bytes from the host into the ring; what finds no room is lost: a bridge has no flow
        control."""
        self.ring += data[: 259 - len(self.ring)]

    def readinto(self, buf: bytearray) -> int:
        buf[:1] = self.ring[:1]
        del self.ring[:1]
        return 1

    def write(self, data: bytes | memoryview, at: int = 0, most: int | None = None) -> int:
        """stream_write_method of py/stream.c: of `data` from `at` on at most `most` bytes."""
        sent = bytes(data[at : None if most is None else at + most])
        self.out += sent
        self.chip.advance_us(self.write_us)
        if self.uart:
            self._fill_fifo(len(sent))
        return len(sent)

    def _fill_fifo(self, left: int) -> None:
        """uart_stdout_tx_strn of ports/esp32/uart.c: what finds no room in the FIFO waits a tick of
        FreeRTOS (10 ms), again and again; 128 bytes that go out at 115200 baud, read or not."""
        while True:
            gone = (self.chip.now_us - self._fifo_us) * 11520 / 1e6
            self.in_fifo = max(0.0, self.in_fifo - gone)
            self._fifo_us = self.chip.now_us
            fits = min(left, int(128 - self.in_fifo))
            self.in_fifo += fits
            left -= fits
            if not left:
                return
            self.chip.advance_us(10_000)


class Poll:
    def __init__(self, stdin: Stdio) -> None:
        self._stdin = stdin

    def register(self, stream: object, flags: int) -> None:
        assert stream is self._stdin and flags == 1

    def ipoll(self, timeout: int) -> list[int]:
        assert timeout == 0
        return [1] if self._stdin.ring else []


def _time(chip: Chip) -> types.ModuleType:
    module = types.ModuleType("time")

    def diff(a: int, b: int) -> int:
        return (a - b + _TICKS // 2) % _TICKS - _TICKS // 2

    vars(module).update(
        ticks_ms=lambda: chip.now_us // 1000 % _TICKS,
        ticks_us=lambda: chip.now_us % _TICKS,
        ticks_diff=diff,
        ticks_add=lambda a, n: (a + n) % _TICKS,
        sleep_ms=chip.advance_ms,
    )
    return module


def _module(name: str, **names: object) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(names)
    return module


@contextmanager
def _loaded(fakes: dict[str, types.ModuleType]) -> Iterator[None]:
    kept = {name: sys.modules.get(name) for name in fakes}
    sys.modules.update(fakes)
    try:
        yield
    finally:
        for name, module in kept.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


class World:
    """Loads the HAL of a board. board: its name. parts: partitions by label. Nothing runs before
    `boot`."""

    def __init__(self, board: str = BOARDS[0]) -> None:
        self.facts = facts_of(board)
        self.chip = Chip(self.facts.CHIP)
        self.parts = {"wrapstore": Nor(STORE_BYTES), "wraplog": Nor(LOG_BYTES)}
        self.micropython = (1, 27, 0, "")
        self.stdio = Stdio(self.chip)
        self.chip.console = self.stdio.out.extend
        self.chip.wires[self.facts.ENABLE_BACK_PIN] = self.facts.ENABLE_PIN
        self.chip.driven[self.facts.BUTTON_PIN] = 1
        if self.facts.SENSE_PIN is not None:
            self.chip.sensed = (self.facts.SENSE_PIN, self.lit)
        self.chip.volts_mv[self.facts.REFERENCE_PIN] = 1650
        for sensor in self.facts.SENSORS:
            self.chip.volts_mv[sensor[2]] = 1500
        self.heap = [30000, 24000]  # bytes used, bytes free in the areas that it has
        self.grows = 66000  # ESP-IDF's largest free block
        self.walks = self.collections = 0
        self.rooms: dict[str, Any] = {}
        self.hal: Any = None
        self.esp32 = made_esp32(self.chip, self.parts)  # type: ignore[arg-type]
        # modesp32.c esp32_idf_heap_info: a tuple for each region of ESP-IDF's heap.
        self.esp32.HEAP_DATA = 4  # type: ignore[attr-defined]
        self.esp32.idf_heap_info = self._idf_heap  # type: ignore[attr-defined]
        self.machine = made_machine(self.chip)

    def boot(self) -> Any:
        """Return the HAL, newly loaded; in `rooms` its modules by their short names."""
        about = types.SimpleNamespace(name="micropython", version=self.micropython)
        sys_ = _module("sys", stdin=self.stdio, stdout=self.stdio, implementation=about)
        fakes = {
            "machine": self.machine,
            "esp32": self.esp32,
            "esp": made_esp(self.chip),
            "time": _time(self.chip),
            "sys": sys_,
            "select": _module("select", poll=lambda: Poll(self.stdio), POLLIN=select.POLLIN),
            "gc": _module(
                "gc",
                collect=self._collect,
                mem_alloc=self._walk,
                # py/modgc.c gc_mem_free: with what the heap could grow by.
                mem_free=lambda: self.heap[1] + self.grows,
            ),
        }
        names = {room: f"wrap.hal.esp32.{room}" for room in ROOMS}
        for name in names.values():
            sys.modules.pop(name, None)
        self.chip.log_level = 1
        self.chip.rmt_taken.clear()
        self.chip.rmt_until_us.clear()
        importlib.import_module("wrap.build_info")
        with _loaded(fakes):
            self.rooms = {room: importlib.import_module(name) for room, name in names.items()}
        from wrap.hal import open_board

        self.hal = open_board(self.facts)
        return self.hal

    def _idf_heap(self, kind: int) -> list[tuple[int, int, int, int]]:
        assert kind == 4
        return [(7288, 0, 0, 0), (180000, 70000, self.grows, 60000), (15000, 14000, 13000, 12000)]

    def _walk(self) -> int:
        self.walks += 1
        return self.heap[0]

    def _collect(self) -> None:
        self.collections += 1
        gc.collect()

    def allocate(self, n: int) -> None:
        """Use `n` bytes of the heap."""
        self.heap = [self.heap[0] + n, self.heap[1] - n]

    def lamp(self, ch: int) -> int:
        """Return the pin of a channel."""
        return self.facts.CHANNELS[ch][2]

    def ledc(self, ch: int) -> Channel:
        """Return the LEDC channel of a lamp that has a mode."""
        return next(c for m in self.chip.ledc for c in m if c.pin == self.lamp(ch))

    def light(self, ch: int) -> float:
        """Return the share of time in which the lamp's pin is high, as things are."""
        return self.chip.share(self.lamp(ch))

    def lit(self) -> bool:
        """Return whether the LEDs give light."""
        return self.enabled() and any(self.light(ch) > 0 for ch in range(len(self.facts.CHANNELS)))

    def enabled(self) -> bool:
        return self.chip.share(self.facts.ENABLE_PIN) > 0
