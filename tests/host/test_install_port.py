"""The way to a board's prompt and back to a running wrap."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from pbmwrap.device import discovery
from pbmwrap.device.answers import parse_answer
from pbmwrap.device.serial_port import PortInfo
from pbmwrap.errors import (
    AtPrompt,
    DeviceError,
    InSession,
    LinkLost,
    NoDevice,
    NotAWrap,
    Refused,
    SeveralDevices,
    UsageError,
    WrapError,
)
from pbmwrap.install import raw_prompt, service_mode
from tests.host.scripted_wrap import ScriptedWrap
from wrap import errors as wrap_errors

CTRL_D = b"\r\x03\x02\x04"


def _candidate(name, problem=None):
    hello = None if problem else parse_answer(discovery.Hello, ScriptedWrap().hello)
    return discovery.Candidate(PortInfo(name, "", "", ""), hello, problem)


def test_auto_takes_the_only_wrap_or_prompt():
    one = [_candidate("a", NotAWrap("a")), _candidate("b", AtPrompt("b"))]
    assert service_mode.choose_port("auto", lambda: one) == "b"
    with pytest.raises(SeveralDevices):
        service_mode.choose_port("auto", lambda: [*one, _candidate("c")])
    with pytest.raises(NoDevice):
        service_mode.choose_port("auto", list)
    with pytest.raises(UsageError, match="pbmwrap emulate"):
        service_mode.choose_port("sim:", list)
    assert service_mode.choose_port("/dev/x", list) == "/dev/x"


class Ticks:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now_s = 0.0

    def clock(self):
        return service_mode.Clock(lambda: self.now_s, self._sleep)

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

    monkeypatch.setattr(discovery, "open_transport", opened)


def _prompt():
    device = ScriptedWrap()
    device.strange = b">>> "
    return device


def test_running_wrap_is_brought_to_its_prompt(monkeypatch):
    wrap = ScriptedWrap()
    wrap.hello["frozen"] = False
    _port(monkeypatch, wrap, NoDevice("gone for a moment"), _prompt())
    service_mode.enter_service_mode("x", False, Ticks().clock())
    assert wrap.acted == ["hello", "trial.get", "service"]


def _keeps_trial(state):
    wrap = ScriptedWrap()
    wrap.hello["frozen"] = False
    wrap.calls["trial.get"] = lambda p: {"state": state, "id": "feet"}
    return wrap


@pytest.mark.parametrize("state", ["armed", "running", "finished"])
@pytest.mark.parametrize("force", [False, True])
def test_files_do_not_end_a_blinded_trial_unseen(monkeypatch, state, force):
    wrap = _keeps_trial(state)
    _port(monkeypatch, wrap, _prompt())
    with pytest.raises(Refused, match=r"secret of trial feet, which is not over") as refused:
        service_mode.enter_service_mode("x", force, Ticks().clock())
    assert "--image" in refused.value.hint and "trial unblind" in refused.value.hint
    assert "service" not in wrap.acted


@pytest.mark.parametrize(
    ("state", "keeps"), [("none", False), ("unblinded", False), ("armed", True)]
)
def test_a_trial_that_is_over_or_kept_stops_no_install(monkeypatch, state, keeps):
    wrap = _keeps_trial(state)
    _port(monkeypatch, wrap, _prompt())
    service_mode.enter_service_mode("x", False, Ticks().clock(), keeps_trials=keeps)
    assert wrap.acted[-1] == "service"


def test_an_answer_about_the_trial_that_fails_stops_the_install(monkeypatch):
    wrap = _keeps_trial("none")

    def fail(p):
        raise wrap_errors.Refused("internal", "the flash cannot be read")

    wrap.calls["trial.get"] = fail
    _port(monkeypatch, wrap, _prompt())
    with pytest.raises(DeviceError, match="cannot be read"):
        service_mode.enter_service_mode("x", False, Ticks().clock())
    assert "service" not in wrap.acted


def test_wrap_with_an_image_needs_force(monkeypatch):
    wrap = ScriptedWrap()
    _port(monkeypatch, wrap, _prompt())
    with pytest.raises(UsageError, match="from an image"):
        service_mode.enter_service_mode("x", False, Ticks().clock())
    assert "service" not in wrap.acted


def test_bare_board_is_left_as_it_is(monkeypatch):
    _port(monkeypatch, _prompt())
    service_mode.enter_service_mode("x", False, Ticks().clock())


def test_wrap_that_stays_in_its_session_is_given_up(monkeypatch):
    wrap = ScriptedWrap()
    wrap.hello["frozen"] = False
    _port(monkeypatch, wrap)
    ticks = Ticks()
    with pytest.raises(LinkLost, match="did not come back"):
        service_mode.enter_service_mode("x", False, ticks.clock())
    assert ticks.now_s >= service_mode.READY_S


def test_waiting_for_the_installed_wrap():
    hello = parse_answer(discovery.Hello, ScriptedWrap().hello)
    answers = iter([NoDevice("not there"), AtPrompt("boots"), hello])

    def greet(port):
        now = next(answers)
        if isinstance(now, WrapError):
            raise now
        return now

    assert service_mode.wait_for_wrap(greet, "x", Ticks().clock()) == hello
    ticks = Ticks()
    with pytest.raises(AtPrompt, match=r"did not start: x shows its .*Ctrl-D.*can be repeated"):
        service_mode.wait_for_wrap(lambda port: _raise(AtPrompt("shows")), "x", ticks.clock())
    assert service_mode.AT_PROMPT_S <= ticks.now_s < 2 * service_mode.AT_PROMPT_S
    with pytest.raises(LinkLost, match=r"no wrap answers at x after the install \(never\)"):
        service_mode.wait_for_wrap(lambda port: _raise(NoDevice("never")), "x", Ticks().clock())


def _raise(problem):
    raise problem


@pytest.fixture
def stopped(monkeypatch):
    """A wrap that is stopped for an install and restarts from its raw prompt; its port's tale."""
    tale = []
    wrap, prompt, again = ScriptedWrap(), _prompt(), ScriptedWrap()
    wrap.hello["frozen"] = again.hello["frozen"] = False
    now = [wrap]

    def opened(port):
        if "service" in wrap.acted and now == [wrap]:
            now[:] = [prompt]
        return now[0]

    @contextlib.contextmanager
    def raw(port, soft_reset=True):
        tale.append("raw prompt")
        yield None

    def restart(target):
        tale.append("restart")
        now[:] = [again]

    monkeypatch.setattr(discovery, "open_transport", opened)
    monkeypatch.setattr(raw_prompt, "open_raw_prompt", raw)
    monkeypatch.setattr(raw_prompt, "restart_board", restart)
    return tale


@pytest.mark.parametrize("end", [WrapError("no room"), KeyboardInterrupt(), ZeroDivisionError()])
def test_a_wrap_that_was_stopped_runs_again_whatever_ends_the_install(stopped, end):
    with (
        pytest.raises(type(end)),
        service_mode.hold_at_prompt("x", False, Ticks().clock()) as hello,
    ):
        assert hello is not None
        raise end
    assert stopped == ["raw prompt", "restart"]
    assert service_mode.read_hello("x").state == "idle"


@pytest.mark.skipif(os.name != "posix", reason="signals between processes are POSIX's")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_kill_ends_an_install_like_ctrl_c(stopped, number):
    before = signal.getsignal(getattr(signal, number))
    with pytest.raises(KeyboardInterrupt), service_mode.hold_at_prompt("x", False, Ticks().clock()):
        signal.raise_signal(getattr(signal, number))
    assert stopped == ["raw prompt", "restart"]
    assert signal.getsignal(getattr(signal, number)) == before


def test_a_board_that_was_at_its_prompt_is_not_restarted(monkeypatch, stopped):
    monkeypatch.setattr(discovery, "open_transport", lambda port: _prompt())
    with (
        pytest.raises(WrapError, match="no room"),
        service_mode.hold_at_prompt("x", False) as hello,
    ):
        assert hello is None
        raise WrapError("no room")
    assert stopped == []


def test_a_silent_program_that_was_interrupted_is_restarted(monkeypatch, stopped):
    silent = ScriptedWrap()
    silent.strange = b"hello? "
    monkeypatch.setattr(discovery, "open_transport", lambda port: silent)
    with pytest.raises(WrapError, match="no room"), service_mode.hold_at_prompt("x", False):
        raise WrapError("no room")
    assert stopped == ["raw prompt", "restart"]


def test_a_raw_prompt_that_does_not_come_is_followed_by_ctrl_d(monkeypatch, stopped):
    @contextlib.contextmanager
    def no_raw(port, soft_reset=True):
        stopped.append("no raw prompt")
        raise NotAWrap("x shows no MicroPython prompt")
        yield

    sent = []
    prompt, wrap = _prompt(), ScriptedWrap()
    write = prompt.write

    def written(data, timeout_s=3.0):
        sent.append(data)
        write(data, timeout_s)

    prompt.write = written
    monkeypatch.setattr(discovery, "open_transport", lambda p: wrap if CTRL_D in sent else prompt)
    monkeypatch.setattr(raw_prompt, "open_raw_prompt", no_raw)
    assert service_mode.restart_wrap("x", Ticks().clock())
    assert stopped == ["no raw prompt"]


def test_a_wrap_that_does_not_come_back_is_reported(monkeypatch, stopped):
    monkeypatch.setattr(raw_prompt, "restart_board", lambda target: None)
    with (
        pytest.raises(LinkLost, match="no room; the wrap at x did not start again; unplug it"),
        service_mode.hold_at_prompt("x", False, Ticks().clock()),
    ):
        raise WrapError("no room")


def test_nothing_is_stopped_in_a_session(monkeypatch, stopped):
    wrap = ScriptedWrap()
    wrap.hello["state"] = "running"
    monkeypatch.setattr(discovery, "open_transport", lambda port: wrap)
    with pytest.raises(InSession), service_mode.hold_at_prompt("x", True):
        raise AssertionError("it was stopped")
    assert (wrap.acted, stopped) == (["hello"], [])
