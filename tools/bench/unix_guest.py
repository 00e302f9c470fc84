"""Runs on the MicroPython unix port, for tools/bench/unix.py: the wrap on the fake HAL.

steps KIND N ROOT    N steps of a running session, for callgrind to count
day HOURS ROOT       a session a day; prints the bytes in use after each hour's collection
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# pyright: reportOptionalMemberAccess=false
# (MicroPython's gc, and a path of its own)

import binascii
import gc
import hashlib
import json
import sys

import board_facts
from pbmwrap.twin.fake_board import FakeBoard
from wrap.compat import collect_after
from wrap.rules import states
from wrap.safety.thermistor import Thermistor
from wrap.storage.files import Files

_COOL_MC = (33000, 33000, 33000, 35000)
_SLICE_MS = 50
_RISING_MS = 4000
_HOUR_MS = 3600000
_SITES = 7  # a site may have few sessions a week


class Wrap:
    """A board with noise on its sensors, as a converter has it."""

    def __init__(self, root):
        self.board = FakeBoard(Files(root), board_facts)
        curve = Thermistor(board_facts.NTC_R25_OHM, board_facts.NTC_BETA_K, board_facts.PULLUP_OHM)
        self._raws = [curve.raw_at(mc) for mc in _COOL_MC]
        self._n = 1
        self.board.power_on("power")
        collect_after(-1)  # as wrap.main_loop.main does
        self.advance_ms(2000)

    def advance_ms(self, ms):
        while ms > 0:
            for i, raw in enumerate(self._raws):
                self._n = self._n * 16381 % 65521
                self.board.set_raw(i, raw + self._n % 33 - 16)
            self.board.advance(min(ms, _SLICE_MS))
            ms -= _SLICE_MS

    def begin_session(self, seconds, site):
        """Begin one, until it runs."""
        raw = json.dumps(
            {"id": "bench", "name": "Bench", "ramp": 500, "site": site, "v": 1}
            | {"steps": [{"ch": {"nir": [800], "red": [500]}, "t": seconds}]}
        )
        raw = raw.replace(" ", "").encode()
        sha = binascii.hexlify(hashlib.sha256(raw).digest()).decode()
        app = self.board.app
        app.protocols.save(0, raw, sha)
        app.fast_step.exit_fast_path()
        app.starter.start("button", False)
        self.advance_ms(_RISING_MS)
        assert app.session.state == states.RUNNING, (app.session.state, app.fault_latch.code)

    def heap_bytes(self):
        gc.collect()
        return gc.mem_alloc()


def run_steps(kind, n, root):
    wrap = Wrap(root)
    wrap.begin_session(1200, "bench")
    app, hal = wrap.board.app, wrap.board.hal
    if kind == "reference":
        app.fast_step.enter = lambda: None
        app.fast_step.exit_fast_path()
    now = wrap.board.now_ms
    for _ in range(n):
        now += 10
        hal.now_ms = now
        app.turn(now)
    assert app.session.state == states.RUNNING
    print(json.dumps({"steps": n, "kind": kind}))


def run_day(hours, root):
    wrap = Wrap(root)
    seen = []
    for hour in range(hours):
        begun = wrap.board.now_ms
        if hour % 24 == 0:
            wrap.begin_session(1200, "site" + str(hour // 24 % _SITES))
        wrap.advance_ms(begun + _HOUR_MS - wrap.board.now_ms)
        assert wrap.board.app.session.state in (states.IDLE, states.DONE)
        wrap.board.read()
        seen.append(wrap.heap_bytes())
    print(json.dumps({"heap_bytes": seen, "up_s": wrap.board.app.uptime.s}))


if sys.argv[1] == "steps":
    run_steps(sys.argv[2], int(sys.argv[3]), sys.argv[4])
else:
    run_day(int(sys.argv[2]), sys.argv[3])
