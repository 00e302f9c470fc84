"""Finding a wrap among ports, and what stands in the way of each."""

from __future__ import annotations

import os
from typing import ClassVar

import pytest

from pbmwrap.device import discovery, port_name, serial_port
from pbmwrap.device.serial_port import PortInfo, SerialTransport
from pbmwrap.errors import (
    AtPrompt,
    LinkLost,
    NoDevice,
    NoPermission,
    NotAWrap,
    PortBusy,
    SeveralDevices,
    UsageError,
    WrapError,
)
from tests.host.scripted_wrap import ScriptedWrap


def _port(name):
    return PortInfo(name, "N" + name, "2e8a:0005", "Board")


def _opener(wraps):
    def opener(name):
        found = wraps[name]
        if isinstance(found, WrapError):
            raise found
        return found

    return opener


def _scan(wraps):
    return discovery.scan_ports(lambda: [_port(name) for name in wraps], _opener(wraps))


def test_scan_asks_every_port_and_closes_it():
    wraps = {"a": ScriptedWrap(), "b": PortBusy("b is in use"), "c": ScriptedWrap()}
    wraps["c"].strange = b"$GPGGA,1\r\n"
    found = _scan(wraps)
    assert [type(c.problem) for c in found] == [type(None), PortBusy, NotAWrap]
    assert wraps["a"].closed and wraps["c"].closed
    assert discovery.choose_wrap(found).port.device == "a"


def test_looking_never_sends_control_c():
    stranger = ScriptedWrap()
    stranger.strange = b"?"
    sent = []
    stranger.write = lambda data, timeout_s=0: sent.append(data)
    with pytest.raises(NotAWrap):
        discovery.greet_wrap(stranger)
    assert sent and b"\x03" not in b"".join(sent)


def test_several_wraps_are_listed():
    with pytest.raises(SeveralDevices, match=r"2 wraps answer: a \(serial:Na\), b \(serial:Nb\)"):
        discovery.choose_wrap(_scan({"a": ScriptedWrap(), "b": ScriptedWrap()}))


def test_no_port_at_all_is_said():
    with pytest.raises(NoDevice, match="no USB serial port"):
        discovery.choose_wrap([])


def test_the_only_port_being_busy_is_the_error():
    with pytest.raises(PortBusy):
        discovery.choose_wrap(_scan({"a": PortBusy("a is in use")}))


def test_a_prompt_is_distinguished():
    prompt = ScriptedWrap()
    prompt.strange = b'@{"i"...\r\nSyntaxError: invalid syntax\r\n>>> '
    with pytest.raises(AtPrompt, match="MicroPython prompt"):
        discovery.greet_wrap(prompt)


def test_a_stranger_that_talks_and_a_silent_one():
    talking = ScriptedWrap()
    talking.strange = b"+OK\r\n"
    with pytest.raises(NotAWrap, match="sends data"):
        discovery.greet_wrap(talking)
    silent = ScriptedWrap()
    silent.strange = b""
    with pytest.raises(NotAWrap, match="does not answer"):
        discovery.greet_wrap(silent)


def test_another_product_and_another_link_version():
    other = ScriptedWrap()
    other.hello["product"] = "toaster"
    with pytest.raises(NotAWrap, match="is a toaster"):
        discovery.greet_wrap(other)
    newer = ScriptedWrap()
    newer.hello["link"] = 9
    with pytest.raises(NotAWrap, match="link version 9"):
        discovery.greet_wrap(newer)


def test_a_wrap_that_vanishes_while_asked_is_link_lost():
    gone = ScriptedWrap()
    gone.vanish_after = 0
    with pytest.raises(LinkLost):
        discovery.greet_wrap(gone)
    assert gone.closed


def test_unknown_kind_of_port_is_a_usage_error():
    with pytest.raises(UsageError, match="esp32: is not a kind of port"):
        discovery.make_transport("esp32:")


def test_port_default_order(monkeypatch):
    monkeypatch.delenv(port_name.PORT_VARIABLE, raising=False)
    assert port_name.choose_port(None, lambda: None) == "auto"
    assert port_name.choose_port(None, lambda: "sim:") == "sim:"
    monkeypatch.setenv(port_name.PORT_VARIABLE, "/dev/x")
    assert port_name.choose_port(None, lambda: "sim:") == "/dev/x"
    assert port_name.choose_port("/dev/y", lambda: "sim:") == "/dev/y"


# The serial port's own errors


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (OSError(13, "denied"), NoPermission),
        (OSError(16, "busy"), PortBusy),
        (OSError(11, "Could not exclusively lock port"), PortBusy),
        (OSError(2, "no such file"), NoDevice),
        (ValueError("not a port"), NoDevice),
    ],
)
def test_errors_of_opening_are_distinguished(monkeypatch, problem, kind):
    def refuse(*_, **__):
        raise problem

    monkeypatch.setattr(serial_port.serial, "Serial", refuse)
    with pytest.raises(kind):
        SerialTransport("/dev/null").open()


@pytest.mark.parametrize(
    ("why", "kind", "said"),
    [
        ("PermissionError(13, 'Access is denied.', None, 5)", PortBusy, "COM7 is in use"),
        ("PermissionError(13, 'Zugriff verweigert', None, 5)", PortBusy, "COM7 is in use"),
        ("PermissionError(13, 'sharing violation', None, 32)", PortBusy, "COM7 is in use"),
        ("FileNotFoundError(2, 'not found', None, 2)", NoDevice, "there is no port COM7"),
        ("OSError(22, 'not functioning', None, 31)", NoDevice, "opened (Windows error 31)"),
    ],
)
def test_errors_of_opening_on_windows_are_distinguished_by_their_number(
    monkeypatch, why, kind, said
):
    def refuse(*_, **__):
        raise serial_port.serial.SerialException(f"could not open port 'COM7': {why}")

    monkeypatch.setattr(serial_port.serial, "Serial", refuse)
    with pytest.raises(WrapError) as caught:
        SerialTransport("COM7").open()
    assert type(caught.value) is kind
    assert said in caught.value.message


class Lines:
    """Stands in for pyserial's port: notes the levels of (DTR, RTS). Windows sets one after the
    other, RTS first when it opens, DTR first when it closes; elsewhere both change at once."""

    windows = False
    seen: ClassVar[list[tuple[bool, bool]]] = []

    def __init__(self, **_: object) -> None:
        self._dtr = self._rts = True
        self._is_open = False

    def open(self) -> None:
        self._is_open = True
        self._change([(False, self._rts), (self._dtr, self._rts)])

    def close(self) -> None:
        self._is_open = False
        self._change([(False, self._rts), (False, False)])

    def _change(self, steps: list[tuple[bool, bool]]) -> None:
        self.seen.extend(steps if self.windows else steps[-1:])

    def _set_line(self, dtr: bool, rts: bool) -> None:
        self._dtr, self._rts = dtr, rts
        if self._is_open:
            self.seen.append((dtr, rts))

    dtr = property(lambda self: self._dtr, lambda self, on: self._set_line(on, self._rts))
    rts = property(lambda self: self._rts, lambda self, on: self._set_line(self._dtr, on))


@pytest.mark.parametrize("windows", [False, True])
def test_opening_and_closing_a_port_restart_no_esp32(monkeypatch, windows):
    """RTS high while DTR is low pulls the reset line of a board's bridge."""
    monkeypatch.setattr(serial_port.serial, "Serial", Lines)
    monkeypatch.setattr(serial_port, "IS_WINDOWS", windows)
    monkeypatch.setattr(Lines, "windows", windows)
    monkeypatch.setattr(Lines, "seen", [])
    port = SerialTransport("COM7")
    port.open()
    assert Lines.seen[-1] == (True, True)  # an RP2040 sends nothing while DTR is low
    port.close()
    assert Lines.seen[-1] == (False, False)
    assert (False, True) not in Lines.seen


def test_a_file_is_no_serial_port(tmp_path):
    file = tmp_path / "x"
    file.write_text("")
    with pytest.raises(NoDevice, match="is not a serial port"):
        SerialTransport(str(file)).open()


def test_a_cable_pulled_out_is_link_lost():
    master, slave = os.openpty()
    port = SerialTransport(os.ttyname(slave))
    port.open()
    os.close(slave)
    os.close(master)
    with pytest.raises(LinkLost, match="vanished"):
        port.read(0.1)
    with pytest.raises(LinkLost, match="vanished"):
        port.write(b"x")
    port.close()
    port.close()
    with pytest.raises(LinkLost, match="is not open"):
        port.read(0.1)


def test_number_finds_its_port(monkeypatch):
    monkeypatch.setattr(discovery, "usb_ports", lambda: [_port("a"), _port("b")])
    assert discovery.find_port_by_number("Nb") == "b"
    with pytest.raises(NoDevice, match="number Nc"):
        discovery.find_port_by_number("Nc")
