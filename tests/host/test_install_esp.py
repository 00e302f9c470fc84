"""An ESP32's image: what is one, how esptool is called, what its errors mean.

No chip here. esptool's words are those of its sources, 5.6.0: loader.py, cmds.py; the calls were
tried by hand against that version.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.device import discovery
from pbmwrap.device.answers import parse_answer
from pbmwrap.device.models import Hello
from pbmwrap.errors import (
    InvalidFile,
    LinkLost,
    NoDevice,
    NoPermission,
    PortBusy,
    UsageError,
    VerifyFailed,
)
from pbmwrap.install import esp32_image, found_boards, service_mode
from tests.host.scripted_wrap import HELLO, ScriptedWrap


def header(chip: int) -> bytes:
    return bytes([0xE9]).ljust(12, b"\0") + struct.pack("<H", chip) + bytes(10)


def whole(chip: int, name: bytes = b"wraplog") -> bytes:
    """Boot loader, partition table, program; the rest is erased."""
    offset = esp32_image.CHIPS[chip][1]
    flash = bytearray(b"\xff" * 0x11000)
    flash[offset : offset + 24] = header(chip)
    flash[0x8000:0x8020] = b"\xaa\x50" + bytes(10) + name.ljust(16, b"\0") + bytes(4)
    flash[0x10000:0x10018] = header(chip)
    return bytes(flash[offset:])


@pytest.mark.parametrize(
    ("chip", "name", "offset"), [(0, "esp32", 0x1000), (5, "esp32c3", 0), (9, "esp32s3", 0)]
)
def test_a_whole_image_tells_its_chip_and_its_place(tmp_path, chip, name, offset) -> None:
    file = tmp_path / "x.bin"
    file.write_bytes(whole(chip))
    found = esp32_image.read_image(file)
    assert (found.chip, found.offset, found.ours) == (name, offset, True)
    file.write_bytes(whole(chip, b"vfs"))
    assert not esp32_image.read_image(file).ours


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not an image for an ESP32"),
        (b"UF2\n" + bytes(600), "not an image for an ESP32"),
        (b"\x7fELF" + bytes(600), "not an image for an ESP32"),
        (header(9), "not a whole image"),
        (whole(9)[:0x10000], "not a whole image"),
        (whole(9)[:0x10000] + header(5), "not a whole image"),
        (header(2) + bytes(600), "an unknown chip, number 2"),
        (whole(9)[:0x8000] + bytes(0x8000) + header(9), "not a whole image"),
    ],
)
def test_anything_else_is_refused(tmp_path, data, said) -> None:
    file = tmp_path / "x.bin"
    file.write_bytes(data)
    with pytest.raises(InvalidFile, match=said):
        esp32_image.read_image(file)


def test_a_file_that_is_not_there_says_how_to_build_it(tmp_path) -> None:
    with pytest.raises(InvalidFile) as caught:
        esp32_image.read_image(tmp_path / "none.bin")
    assert "make firmware" in str(caught.value.hint)


def image(tmp_path: Path, chip: int = 9) -> esp32_image.EspImage:
    file = tmp_path / "x.bin"
    file.write_bytes(whole(chip))
    return esp32_image.read_image(file)


def test_esptool_gets_chip_port_and_place(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(esp32_image, "esptool_command", lambda: ["esptool"])
    reported: list[list[str]] = []

    def runner(words) -> tuple[int, str]:
        reported.append(list(words))
        return 0, ""

    esp32_image.write_image(image(tmp_path, 0), "/dev/x", runner)
    asked = "--chip esp32 --port /dev/x write-flash --no-progress 0x1000"
    assert reported == [["esptool", *asked.split(), str(tmp_path / "x.bin")]]


_OPEN = "Could not open /dev/x, the port is busy or doesn't exist.\n({})"


@pytest.mark.parametrize(
    ("said", "kind", "text"),
    [
        ("This chip is ESP32-C3, not ESP32-S3. Wrong chip argument?", UsageError, "is ESP32-C3"),
        (_OPEN.format("[Errno 13] Permission denied: '/dev/x'"), NoPermission, "may not"),
        (_OPEN.format("[Errno 2] No such file or directory"), NoDevice, "no port /dev/x"),
        (_OPEN.format("Could not exclusively lock port"), PortBusy, "in use"),
        ("Failed to connect to ESP32-S3: No serial data received.", NoDevice, "ROM loader"),
        ("MD5 of file does not match data in flash!", VerifyFailed, "differs from the image"),
        ("Error: No such command 'write-flash'.", UsageError, "too old"),
        ("A fatal error occurred: Packet content transfer stopped", LinkLost, "transfer stopped"),
        ("", LinkLost, "no reason given"),
    ],
)
def test_esptools_errors_are_reported_as_ours(tmp_path, monkeypatch, said, kind, text) -> None:
    monkeypatch.setattr(esp32_image, "esptool_command", lambda: ["esptool"])
    with pytest.raises(kind, match=text) as caught:
        esp32_image.write_image(image(tmp_path), "/dev/x", lambda words: (2, said))
    assert caught.value.hint


def test_a_chip_that_is_the_wrong_one_is_restarted(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(esp32_image, "esptool_command", lambda: ["esptool"])
    reported: list[list[str]] = []

    def runner(words) -> tuple[int, str]:
        reported.append(list(words))
        return 2, "This chip is ESP32-C3, not ESP32-S3. Wrong chip argument?"

    with pytest.raises(UsageError):
        esp32_image.write_image(image(tmp_path), "/dev/x", runner)
    assert reported[1:] == [["esptool", "--port", "/dev/x", "--after", "hard-reset", "read-mac"]]


def test_a_program_is_run_and_its_words_are_kept() -> None:
    words = [sys.executable, "-c", "import sys; print('out'); sys.exit('err')"]
    code, said = esp32_image.run_esptool(words)
    assert code == 1
    assert "out" in said
    assert "err" in said


def test_how_esptool_is_found(monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert esp32_image.esptool_command() == [sys.executable, "-m", "esptool"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/esptool")
    assert esp32_image.esptool_command() == ["/usr/bin/esptool"]
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UsageError, match="not installed"):
        esp32_image.esptool_command()


# ---- the command


@pytest.fixture
def written(monkeypatch) -> list[str]:
    """The ports that were written to; what is there by name of port."""
    out: list[str] = []
    monkeypatch.setattr(esp32_image, "write_image", lambda image, port: out.append(port))
    hello = parse_answer(Hello, HELLO)
    there = {
        "in_session": replace(hello, state="running", board="PBMWRAP_ESP32_S3"),
        "idle": replace(hello, board="PBMWRAP_ESP32_S3"),
        "pico": hello,
    }
    monkeypatch.setattr(
        found_boards,
        "find_boards",
        lambda port: [found_boards.classify_wrap(port, there[port])] if port in there else [],
    )
    monkeypatch.setattr(service_mode, "wait_for_wrap", lambda greet, port: there["idle"])
    monkeypatch.setattr(service_mode, "wait_for_prompt", lambda port: port)
    monkeypatch.setattr(discovery, "open_transport", lambda port: ScriptedWrap())
    return out


def install(tmp_path: Path, port: str, *words: str, name: bytes = b"wraplog"):
    file = tmp_path / "x.bin"
    file.write_bytes(whole(9, name))
    return CliRunner().invoke(main.app, ["install", "--image", str(file), "--port", port, *words])


def test_an_idle_wrap_gets_its_image_and_says_hello(tmp_path, written) -> None:
    result = install(tmp_path, "idle")
    assert result.exit_code == 0, result.output
    assert "verified; firmware 0.1.0 answers" in result.output
    assert written == ["idle"]


def test_a_stock_image_ends_with_its_prompt(tmp_path, written) -> None:
    assert "shows a prompt" in install(tmp_path, "idle", name=b"vfs").output
    assert written == ["idle"]


def test_a_dry_run_writes_nothing(tmp_path, written) -> None:
    result = install(tmp_path, "idle", "--dry-run")
    assert "at 0x0 of the flash of the board at idle; nothing was changed" in result.output
    assert written == []


@pytest.mark.parametrize(
    ("port", "said"), [("in_session", "pbmwrap stop"), ("pico", ".uf2"), ("none", "no board found")]
)
def test_a_session_another_chip_and_nothing_are_refused(tmp_path, written, port, said) -> None:
    result = install(tmp_path, port)
    assert result.exit_code != 0
    assert said in result.output
    assert written == []
