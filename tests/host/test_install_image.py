"""UF2 images and the boot loader's drive."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.device import boot_drive, discovery
from pbmwrap.device.answers import parse_answer
from pbmwrap.device.uf2 import RP2040_FAMILY, read_uf2
from pbmwrap.errors import (
    InvalidFile,
    LinkLost,
    NoDevice,
    SeveralDevices,
)
from pbmwrap.install import image_install, rp2040_image, service_mode
from tests.host.scripted_wrap import ScriptedWrap


def make_uf2(blocks=3, family=RP2040_FAMILY):
    out = b""
    for n in range(blocks):
        head = struct.pack(
            "<IIIIIIII",
            0x0A324655,
            0x9E5D5157,
            0x2000,
            0x10000000 + 256 * n,
            256,
            n,
            blocks,
            family,
        )
        out += head + bytes(476) + struct.pack("<I", 0x0AB16F30)
    return out


@pytest.fixture
def drive(tmp_path):
    folder = tmp_path / "RPI-RP2"
    folder.mkdir()
    (folder / boot_drive.MARK).write_text("UF2 Bootloader v3.0\nBoard-ID: RPI-RP2\n")
    return folder


def test_image_is_copied_whole(tmp_path, drive):
    file = tmp_path / "x.uf2"
    file.write_bytes(make_uf2(200))
    target = rp2040_image.copy_image(read_uf2(file), boot_drive.find_drive([tmp_path, drive]))
    assert target.read_bytes() == make_uf2(200)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a complete UF2"),
        (make_uf2()[:-1], "not a complete UF2"),
        (make_uf2(family=1), "not for the RP2040"),
        (b"x" + make_uf2()[1:], "block 0 is damaged"),
        (make_uf2()[:512] + make_uf2()[:512] + make_uf2()[1024:], "block 1 is damaged"),
    ],
)
def test_damaged_image_is_refused(tmp_path, data, said):
    file = tmp_path / "x.uf2"
    file.write_bytes(data)
    with pytest.raises(InvalidFile, match=said):
        read_uf2(file)


def test_missing_image_says_how_to_build_it(tmp_path):
    with pytest.raises(InvalidFile) as caught:
        read_uf2(tmp_path / "none.uf2")
    assert "make firmware" in caught.value.hint


def test_no_drive_several_drives_and_a_wrong_one(tmp_path, drive):
    with pytest.raises(NoDevice, match="boot loader"):
        boot_drive.find_drive([tmp_path])
    with pytest.raises(SeveralDevices):
        boot_drive.find_drive([drive, drive])
    with pytest.raises(NoDevice):
        rp2040_image.copy_image(make_uf2(), tmp_path)


@pytest.mark.parametrize(("after", "lost"), [(1, True), (99, False)])
def test_drive_that_goes_away(drive, monkeypatch, after, lost):
    """Early it is an error; after the last byte it is how the board restarts."""
    data = make_uf2(100)
    real = Path.open

    class File:
        def __init__(self, file):
            self.file, self.writes = file, 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def fileno(self):
            raise OSError(5, "gone")

        def write(self, piece):
            self.writes += 1
            if self.writes > after:
                raise OSError(5, "gone")
            return self.file.write(piece)

    def opened(self, *args, **kwargs):
        file = real(self, *args, **kwargs)
        return File(file) if self.suffix == ".UF2" else file

    monkeypatch.setattr(Path, "open", opened)
    if lost:
        with pytest.raises(LinkLost, match="went away after 32768 bytes"):
            rp2040_image.copy_image(data, drive)
    else:
        assert rp2040_image.copy_image(data, drive).name == "FIRMWARE.UF2"


def test_image_command_needs_a_hello_afterwards(tmp_path, drive, monkeypatch):
    file = tmp_path / "x.uf2"
    file.write_bytes(make_uf2())
    monkeypatch.setattr(image_install, "is_wrap_image", lambda data: True)
    monkeypatch.setattr(rp2040_image, "confirm_program", lambda data, hello, ask: hello)
    hello = parse_answer(discovery.Hello, ScriptedWrap().hello)
    monkeypatch.setattr(service_mode, "wait_for_wrap", lambda greet, port: hello)
    words = ["install", "--image", str(file), "--drive", str(drive), "--json"]
    result = CliRunner().invoke(main.app, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["data"]["bytes"] == 1536
