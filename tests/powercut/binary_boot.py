"""Boots the real image from many flash contents that share their beginning: until the first read of
the store or the log, all boots are one and the same, so that part is emulated once and a child
process goes on from it with a flash of its own.

That they are the same is not assumed: two wraps with different storage run side by side until their
RAM differs, and the shared part ends well before.
"""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Callable
from typing import Any

from tests.powercut.binary_day import RecordedTwin, Wrap
from tests.powercut.binary_tape import FILES_AT, LOG_AT, STORE_AT

_STEP_MS = 10
_MOST_MS = 500
Judge = Callable[[Wrap], Any]


class ChildFailed(Exception):
    """Says that a child process ended without a verdict."""


def judged(mem: bytes, judge: Judge) -> Any:
    """Return what `judge` says of a wrap that boots from this flash."""
    wrap = shared(blank_storage(mem))
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        _go_on(wrap, mem, judge, send)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        raise ChildFailed("see its traceback")
    return pickle.loads(said)


def _go_on(wrap: Wrap, mem: bytes, judge: Judge, send: int) -> None:
    """Continue the boot in the child; never returns."""
    try:
        wrap.twin.write_flash(STORE_AT, mem[STORE_AT:])
        with os.fdopen(send, "wb") as pipe:
            pipe.write(pickle.dumps(judge(wrap)))
    finally:
        os._exit(0)


def blank_storage(mem: bytes) -> bytes:
    """Return all of the flash that is read early: without store and log."""
    store, log = FILES_AT - STORE_AT, len(mem) - LOG_AT
    return mem[:STORE_AT] + bytes(store) + mem[FILES_AT:LOG_AT] + bytes(log)


@functools.lru_cache(maxsize=4)
def shared(mem: bytes) -> Wrap:
    """Return a wrap with this flash, on, shortly before what is in store and log matters."""
    ms = shared_ms(mem)
    wrap = Wrap(RecordedTwin(mem))
    wrap.on(ms)
    assert not wrap.twin.ops, "it has written already"
    return wrap


def shared_ms(mem: bytes) -> int:
    """Return how long boots from this flash are the same, whatever store and log hold."""
    other = mem[:STORE_AT] + b"\xff" * (FILES_AT - STORE_AT) + mem[FILES_AT:LOG_AT]
    pair = [Wrap(RecordedTwin(flash)) for flash in (mem, other.ljust(len(mem), b"\xff"))]
    for wrap in pair:
        wrap.twin.start()
    for ms in range(_STEP_MS, _MOST_MS, _STEP_MS):
        for wrap in pair:
            wrap.advance(_STEP_MS)
        one, two = (bytes(wrap.twin.chip.mcu.sram) for wrap in pair)
        if one != two or any(wrap.twin.ops for wrap in pair):
            return max(0, ms - 2 * _STEP_MS)
    raise AssertionError("the storage is never read")
