"""The way to a board's prompt and back to a running wrap."""

from __future__ import annotations

import pytest

from pbmwrap.device import find
from pbmwrap.device.answers import typed
from pbmwrap.device.serial_port import PortInfo
from pbmwrap.errors import (
    AtPrompt,
    LinkLost,
    NoDevice,
    NotAWrap,
    SeveralDevices,
    UsageError,
    WrapError,
)
from pbmwrap.install import board
from tests.host.scripted_wrap import ScriptedWrap


def _candidate(name, problem=None):
    hello = None if problem else typed(find.Hello, ScriptedWrap().hello)
    return find.Candidate(PortInfo(name, "", "", ""), hello, problem)


def test_auto_takes_the_only_wrap_or_prompt():
    one = [_candidate("a", NotAWrap("a")), _candidate("b", AtPrompt("b"))]
    assert board.choose_port("auto", lambda: one) == "b"
    with pytest.raises(SeveralDevices):
        board.choose_port("auto", lambda: [*one, _candidate("c")])
    with pytest.raises(NoDevice):
        board.choose_port("auto", list)
    with pytest.raises(UsageError, match="pbmwrap emulate"):
        board.choose_port("sim:", list)
    assert board.choose_port("/dev/x", list) == "/dev/x"


class Ticks:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now_s = 0.0

    def clock(self):
        return board.Clock(lambda: self.now_s, self._sleep)

    def _sleep(self, seconds):
        self.now_s += seconds


def _port(monkeypatch, *answers):
    """Each opening of the port meets the next of `answers`; the last one stays."""
    left = list(answers)

    def opened(port):
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, WrapError):
            raise now
        return now

    monkeypatch.setattr(find, "open_transport", opened)


def _prompt():
    device = ScriptedWrap()
    device.strange = b">>> "
    return device


def test_running_wrap_is_brought_to_its_prompt(monkeypatch):
    wrap = ScriptedWrap()
    wrap.hello["frozen"] = False
    _port(monkeypatch, wrap, NoDevice("gone for a moment"), _prompt())
    board.make_ready("x", False, Ticks().clock())
    assert wrap.acted == ["hello", "service"]


def test_wrap_with_an_image_needs_force(monkeypatch):
    wrap = ScriptedWrap()
    _port(monkeypatch, wrap, _prompt())
    with pytest.raises(UsageError, match="from its image"):
        board.make_ready("x", False, Ticks().clock())
    assert "service" not in wrap.acted


def test_bare_board_is_left_as_it_is(monkeypatch):
    _port(monkeypatch, _prompt())
    board.make_ready("x", False, Ticks().clock())


def test_wrap_that_stays_in_its_session_is_given_up(monkeypatch):
    wrap = ScriptedWrap()
    wrap.hello["frozen"] = False
    _port(monkeypatch, wrap)
    ticks = Ticks()
    with pytest.raises(LinkLost, match="did not come back"):
        board.make_ready("x", False, ticks.clock())
    assert ticks.now_s >= board.READY_S


def test_waiting_for_the_installed_wrap():
    hello = typed(find.Hello, ScriptedWrap().hello)
    answers = iter([NoDevice("not there"), AtPrompt("boots"), hello])

    def greet(port):
        now = next(answers)
        if isinstance(now, WrapError):
            raise now
        return now

    assert board.wait_for_wrap(greet, "x", Ticks().clock()) == hello
    with pytest.raises(LinkLost, match=r"no wrap answers at x after the install \(never\)"):
        board.wait_for_wrap(lambda port: _raise(NoDevice("never")), "x", Ticks().clock())


def _raise(problem):
    raise problem
