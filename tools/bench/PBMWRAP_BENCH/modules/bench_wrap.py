"""The wrap itself in a running session, its step called alone. On the benchmark's image only."""

import binascii
import hashlib
import time

import bench_rig

import board_facts
from wrap.app import App
from wrap.hal import open_board
from wrap.rules import states
from wrap.storage.mount import mount

_PROTOCOL = (
    b'{"id":"bench","name":"Bench","ramp":500,"site":"bench",'
    b'"steps":[{"ch":{"nir":[%d],"red":[%d]},"t":%d}],"v":1}'
)
_TURN_MS = 10
_DARK_TURNS = 100  # sectors erased ahead, the program checked once
_RISING_TURNS = 200  # self-test and ramp

_app = None
_quick = int  # FastStep.step, once there is a session


def begin_session():
    """Start a session at the level of all peers; return when it runs."""
    global _app, _quick
    hal = open_board(board_facts)
    _app = App(hal, board_facts, mount(hal))
    _quick = _app.fast_step.step
    run_turns(_DARK_TURNS)
    red, nir = bench_rig.PERMILLE
    raw = _PROTOCOL % (nir, red, bench_rig.SESSION_MS // 1000)
    _app.protocols.save(0, raw, binascii.hexlify(hashlib.sha256(raw).digest()).decode())
    _app.fast_step.exit_fast_path()
    _app.starter.start("button", False)
    run_turns(_RISING_TURNS)


def run_turns(n):
    for _ in range(n):
        due = time.ticks_add(time.ticks_ms(), _TURN_MS)
        _app.turn(time.ticks_ms())
        _app.hal.wait_until(due)


def take_step():
    """Take one step as App.turn does, without its background work."""
    now = time.ticks_ms()
    if not _quick(now):
        _app.step(now)


def take_reference_step():
    """Take the same step by App.step, the reference."""
    _app.step(time.ticks_ms())


def is_running():
    """Whether the session still runs."""
    return _app.session.state == states.RUNNING and not _app.steps.code
