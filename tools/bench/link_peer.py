"""mpremote, MicroPython's own client, as the peer that the link is measured against.

mpremote's own transport runs here unchanged over a twin: its serial port and its `time` are
replaced, so that what it waits is virtual time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from mpremote import commands, transport_serial

from pbmwrap.device.client import Client
from pbmwrap.device.twin_transport import TwinTransport
from pbmwrap.twin.base import Twin
from pbmwrap.twin.rp2040 import Rp2040Twin
from tools.bench.link_steps import BOOT_MS, encode_protocol, generate_flood


class TwinSerial:
    """The part of a serial.Serial that mpremote uses."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._got = bytearray()

    def inWaiting(self) -> int:
        self._got += self._twin.read()
        return len(self._got)

    def read(self, n: int) -> bytes:
        while self.inWaiting() < n:
            self._twin.advance_ms(1)
        data = bytes(self._got[:n])
        del self._got[:n]
        return data

    def write(self, data: bytes) -> int:
        left = bytes(data)
        while left:
            left = left[self._twin.write(left) :]
            if left:
                self._twin.advance_ms(1)
        return len(data)


@contextmanager
def open_mpremote(
    twin: Twin, soft_reset: bool = False
) -> Iterator[transport_serial.SerialTransport]:
    """mpremote's transport at the raw prompt of a board in service mode."""
    board = transport_serial.SerialTransport.__new__(transport_serial.SerialTransport)
    board.in_raw_repl, board.use_raw_paste, board.mounted = False, True, False
    board.device_name, board.is_pty = "twin", False
    board.serial = TwinSerial(twin)  # type: ignore[assignment]
    kept = transport_serial.time
    transport_serial.time = SimpleNamespace(  # type: ignore[assignment]
        monotonic=lambda: twin.now_ms / 1000,
        sleep=lambda s: twin.advance_ms(max(1, round(s * 1000))),
    )
    try:
        board.enter_raw_repl(soft_reset=soft_reset)
        yield board
        board.exit_raw_repl()
    finally:
        transport_serial.time = kept


def time_copy_command(twin: Twin, copy: list[str] | None = None, check: str = "") -> int:
    """Virtual ms of `mpremote fs cp ...`, or `fs sha256sum`, or both in one, as a user runs it:
    Ctrl-C, soft reset, then the work."""
    began_ms = twin.now_ms
    with open_mpremote(twin, soft_reset=True) as board:
        if copy:
            state = SimpleNamespace(transport=board)
            commands.do_filesystem_cp(state, *copy, multiple=False, check_hash=True)
        if check:
            board.fs_hashfile(check, "sha256")
    return twin.now_ms - began_ms


_APP = """
import board_facts
from time import ticks_us, ticks_diff
from wrap import main_loop
from wrap.app import App
from wrap.hal.rp2040.board import Rp2040
from wrap.storage import records
from wrap.storage.mount import mount
hal = Rp2040(board_facts)
app = App(hal, board_facts, mount(hal))
"""

_FILL = """
while app.log.end < %d:
    app.log_queue.note(records.NOTE, bytes(range(240)) * 4)
    app.turn(hal.ticks_ms())
"""

# The server's poll with a clock around it, by what it was about to do. Reading the clock twice is
# taken off: 13 us.
_TIMED = """
server = app.server
plain = server.poll
most = {}
all = {}
def timed(room_ms):
    if server._tx_at != server._tx_end: kind = "write"
    elif server._stream is not None: kind = "stream"
    elif server._asked: kind = "act"
    else: kind = "read"
    t = ticks_us()
    done = plain(room_ms)
    us = ticks_diff(ticks_us(), t) - 13
    if done:
        if us > most.get(kind, 0): most[kind] = us
        if kind not in all: all[kind] = []
        if len(all[kind]) < 400: all[kind].append(us)
    return done
main_loop.loop(app, 150)
server.poll = timed
%s
print('ready')
main_loop.loop(app, %d)
lit = app.session.lit_now
hal.dark()
print('{"lit":%%d,"most":%%s,"all":%%s}' %% (
    lit, str(most).replace("'", '"'), str(all).replace("'", '"')))
"""
_LIGHT = """
app.protocols.save(0, %r, %r)
app.fast_step.exit_fast_path()
app.starter.start('link', False)
from wrap.rules import states
while app.session.state != states.RUNNING and not app.fault_latch.code:
    main_loop.loop(app, 10)
"""


def fill_log(twin: Twin, size: int) -> None:
    """Let the app write records until its log has `size` bytes. The board is in service mode."""
    with open_mpremote(twin) as board:
        board.exec(_APP + _FILL % size)


def measure_slices(uf2: Path, lit: bool, turns: int = 500) -> dict[str, tuple[int, int]]:
    """What slices cost, us, by kind: (median, worst). Requests, wrong lines, noise and a pull of
    the log, as the app runs from a REPL for `turns` steps."""
    twin = Rp2040Twin(uf2)
    twin.start()
    twin.advance_ms(BOOT_MS)
    raw = encode_protocol(60)
    begin = _LIGHT % (raw, hashlib.sha256(raw).hexdigest()) if lit else ""
    with open_mpremote(twin) as board:
        board.exec(_APP)
        board.exec_raw_no_follow(_TIMED % (begin, turns))
        board.read_until(1, b"ready\r\n", timeout=20)
        until_ms = twin.now_ms + turns * 10 - 300
        _ask_much(twin, until_ms)
        twin.advance_ms(until_ms + 800 - twin.now_ms)
        said = twin.read()
    twin.close()
    reported = json.loads(said[said.index(b'{"lit"') :].partition(b"\r\n")[0])
    assert bool(reported["lit"]) == lit
    return {k: (sorted(v)[len(v) // 2], reported["most"][k]) for k, v in reported["all"].items()}


def _ask_much(twin: Rp2040Twin, until_ms: int) -> None:
    """Requests, wrong lines and a pull of the log."""
    client = Client(TwinTransport(twin))
    client.call("state")
    client.pull_log()
    lines = generate_flood()
    while twin.now_ms < until_ms:
        line = next(lines)
        while line:
            line = line[twin.write(line) :]
            twin.advance_ms(1)
        twin.read()
