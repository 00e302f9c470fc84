"""Tries the host's frame parser and client: a wrap that answers rubbish, with and without a true
CRC.

Whatever it says, a call gives a typed answer or raises one of pbmwrap.errors, in a time that is
bounded.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable
from typing import Any

from pbmwrap.device.client import Client
from pbmwrap.device.transport import Transport
from pbmwrap.errors import WrapError
from tests.fuzz import odd
from wrap import errors
from wrap.link import frames

KEYS = ("o", "end", "sha", "size", "d", "active", "slots", "session", "state", "ms", "unix_s", "id")
KEYS += ("first", "seq", "age_s", "sites", "uw", "code", "product", "uid", "channels", "broken")
_ID = re.compile(rb'"i":(\d+)')
_MOST_CALLS = 400  # of a wrap that always has more to give

CALLS: tuple[Callable[[Client], Any], ...] = (
    Client.hello,
    Client.status,
    lambda c: c.set_clock(1),
    Client.settings,
    lambda c: c.set_setting("k", 1),
    Client.calibrations,
    lambda c: c.set_calibration("red", 1),
    Client.protocols,
    lambda c: c.flash_protocol(0, b"{}" * 70),
    lambda c: c.read_protocol(0),
    lambda c: c.activate(0),
    lambda c: c.delete(0),
    Client.start,
    Client.pause,
    Client.resume,
    Client.stop,
    Client.lease,
    Client.course,
    Client.log_info,
    Client.pull_log,
    Client.fault,
    Client.ack_fault,
    Client.service,
    Client.reset,
    lambda c: list(itertools.islice(c.telemetry(), 2)),
)


class TooMuch(Exception):
    """Says that the host repeats its request without end."""


class Rubbish(Transport):
    """Answers each line with what the input says; its clock runs with each read."""

    name = "rubbish"

    def __init__(self, src: odd.Choices) -> None:
        self._src = src
        self._now = 0.0
        self._out = b""
        self._calls = 0

    def open(self) -> None: ...

    def close(self) -> None: ...

    def write(self, data: bytes, timeout_s: float = 3.0) -> None:
        self._calls += 1
        if self._calls > _MOST_CALLS:
            raise TooMuch
        found = _ID.search(data)
        self._out += _answer(self._src, int(found[1]) if found else 0)

    def read(self, timeout_s: float) -> bytes:
        out, self._out = self._out, b""
        self._now += 0.01 if out else timeout_s
        return out

    def monotonic(self) -> float:
        return self._now


def _thing(src: odd.Choices) -> str:
    return odd.thing(src, KEYS) if src.below(4) else odd.value(src)


def _answer(src: odd.Choices, number: int) -> bytes:
    """Return pushes, then an answer, mostly with the right id; or any bytes."""
    if not src.more():
        return b""
    kind = src.below(8)
    if kind == 0:
        return src.some(src.byte())
    text = '{"i":%d,"r":%s}' % (number, _thing(src))
    if kind == 1:
        text = '{"i":%d,"e":%s}' % (number, odd.value(src))
    elif kind == 2:
        text = '{"i":%d,"e":[%s,%s]}' % (number, odd.value(src), odd.value(src))
    elif kind == 3:
        text = '{"i":%d,"e":["%s","text"]}' % (number, src.of(errors.ALL))
    elif kind == 4:
        text = odd.value(src) if src.below(2) else "[" * 16 * src.byte()
    out = frames.encode(text.encode("utf-8", "surrogatepass"))
    if src.below(3) == 0:
        push = '{"n":"%s","p":%s}' % (src.of(("raw", "sample")), _thing(src))
        out = frames.encode(push.encode("utf-8", "surrogatepass")) + out
    return out.replace(b"\n", b"", out.count(b"\n") - 1) if src.below(16) == 1 else out


def _asked(src: odd.Choices) -> None:
    call = src.of(CALLS)
    client = Client(Rubbish(src), answer_s=0.05, attempts=2, first_id=src.byte())
    try:
        call(client)
    except WrapError as error:
        assert str(error) and "\n" not in str(error)


def one(data: bytes) -> None:
    late: list[object] = []  # what is raised where nobody can catch it, and only printed
    hook, sys.unraisablehook = sys.unraisablehook, lambda u: late.append(u.exc_value)
    try:
        _asked(odd.Choices(data))
    finally:
        sys.unraisablehook = hook
    assert not late, late
