"""What doctor says of USB: ports, rights, holders, boot loaders, cables. Nothing is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbmwrap.device import usb
from pbmwrap.device.serial_port import PortInfo
from pbmwrap.device.usb import PortNode
from pbmwrap.doctor import usb as usb_checks
from pbmwrap.doctor.check import Check

PORT = PortInfo("/dev/ttyACM0", "123", "2e8a:0005", "Board in FS mode")


def diagnose(*nodes: PortNode, ids: frozenset[str] | None = None, drives: list[str] | None = None):
    return list(usb_checks.check_usb([(PORT, node) for node in nodes], ids, drives or []))


def only(found: list[Check]) -> Check:
    assert len(found) == 1, found
    return found[0]


def test_a_usable_port() -> None:
    assert only(diagnose(PortNode(usable=True))).level == "good"


def test_who_holds_a_port_is_named() -> None:
    check = only(diagnose(PortNode(usable=True, holders=((4711, "screen"), (9, "mpremote")))))
    assert check.level == "note"
    assert "in use by screen (process 4711), mpremote (process 9)" in check.text


@pytest.mark.parametrize(
    ("node", "hint"),
    [
        (PortNode(False, "plugdev", group_may=True), "usermod -aG plugdev "),
        (PortNode(False, "plugdev", listed=True, group_may=True), "from the next login on"),
        (PortNode(False, "root", group_may=True), "udev rule"),
        (PortNode(False, "dialout", in_group=True), "udev rule"),
        (PortNode(False), 'ATTRS{idVendor}=="2e8a"'),
    ],
)
def test_the_way_out_fits_the_nodes_own_group(
    monkeypatch: pytest.MonkeyPatch, node: PortNode, hint: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    check = only(diagnose(node))
    assert check.level == "bad"
    assert hint in check.hint
    assert ("usermod" in check.hint) == (hint == "usermod -aG plugdev ")


def test_nothing_on_usb_may_be_a_cable_that_only_charges() -> None:
    assert "may only charge" in only(diagnose(ids=frozenset({"046d:c077"}))).hint
    assert "may only charge" not in only(diagnose(ids=None)).hint


def test_a_board_without_a_port_lacks_a_driver() -> None:
    check = only(diagnose(ids=frozenset({"10c4:ea60"})))
    assert (check.level, check.text) == ("bad", "CP210x bridge on USB, but no serial port")


def test_a_boot_loader_mounted_or_not() -> None:
    found = diagnose(ids=frozenset({usb.BOOTSEL}))
    assert ["not mounted" in c.text for c in found] == [True, False]
    found = diagnose(ids=frozenset({usb.BOOTSEL}), drives=["/media/RPI-RP2"])
    assert "is in BOOTSEL mode, drive /media/RPI-RP2" in found[0].text
    assert diagnose(PortNode(usable=True), drives=["/media/RPI-RP2"])[1].hint


def test_an_espressif_port_where_nobody_answers() -> None:
    assert usb_checks.check_unanswered(PORT) is None
    check = usb_checks.check_unanswered(PortInfo("/dev/ttyACM1", "", "303a:1001", ""))
    assert check is not None
    assert "ROM loader" in check.hint


# ---- the facts themselves


def test_holders_are_found_in_proc(tmp_path: Path) -> None:
    device = tmp_path / "tty"
    device.touch()
    for pid, target in (("1", "other"), ("22", "tty")):
        fds = tmp_path / "proc" / pid / "fd"
        fds.mkdir(parents=True)
        (fds / "3").symlink_to(tmp_path / target)
        (fds.parent / "comm").write_text(f"name{pid}\n")
    (tmp_path / "proc" / "33").mkdir()  # another user's: nothing to see
    assert list(usb.find_holders(str(device), tmp_path / "proc")) == [(22, "name22")]
    assert list(usb.find_holders(str(device), tmp_path / "no-proc")) == []


def test_usb_ids_leave_hubs_and_interfaces_out(tmp_path: Path) -> None:
    for name, cls, vid in (("1-1", "00", "2e8a"), ("usb1", "09", "1d6b")):
        (tmp_path / name).mkdir()
        for file, text in (("bDeviceClass", cls), ("idVendor", vid), ("idProduct", "0003")):
            (tmp_path / name / file).write_text(text + "\n")
    (tmp_path / "1-1:1.0").mkdir()
    assert usb.list_usb_ids(tmp_path) == {"2e8a:0003"}
    assert usb.list_usb_ids(tmp_path / "none") is None


def test_the_node_of_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "tty"
    file.touch(mode=0o660)
    file.chmod(0o660)
    node = usb.inspect_node(str(file))
    assert node.usable
    assert node.group_may
    assert node.group
    assert usb.inspect_node(str(tmp_path / "gone")) == PortNode(usable=False)


def test_a_port_on_windows_is_no_file_and_may_be_opened(monkeypatch):
    monkeypatch.setattr(usb.sys, "platform", "win32")
    assert usb.inspect_node("COM7") == PortNode(usable=True)
