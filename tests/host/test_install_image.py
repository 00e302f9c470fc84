"""UF2 images and the boot loader's drive."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.device import discovery
from pbmwrap.device.answers import typed
from pbmwrap.errors import (
    InvalidFile,
    LinkLost,
    NoDevice,
    SeveralDevices,
)
from pbmwrap.install import board, image
from tests.host.scripted_wrap import ScriptedWrap


def uf2(blocks=3, family=image.RP2040_FAMILY):
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
    (folder / image.MARK).write_text("UF2 Bootloader v3.0\nBoard-ID: RPI-RP2\n")
    return folder


def test_image_is_copied_whole(tmp_path, drive):
    file = tmp_path / "x.uf2"
    file.write_bytes(uf2(200))
    target = image.copy(image.check_uf2(file), image.find_drive([tmp_path, drive]))
    assert target.read_bytes() == uf2(200)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a complete UF2"),
        (uf2()[:-1], "not a complete UF2"),
        (uf2(family=1), "not for the RP2040"),
        (b"x" + uf2()[1:], "block 0 is damaged"),
        (uf2()[:512] + uf2()[:512] + uf2()[1024:], "block 1 is damaged"),
    ],
)
def test_damaged_image_is_refused(tmp_path, data, said):
    file = tmp_path / "x.uf2"
    file.write_bytes(data)
    with pytest.raises(InvalidFile, match=said):
        image.check_uf2(file)


def test_missing_image_says_how_to_build_it(tmp_path):
    with pytest.raises(InvalidFile) as caught:
        image.check_uf2(tmp_path / "none.uf2")
    assert "make firmware" in caught.value.hint


def test_no_drive_several_drives_and_a_wrong_one(tmp_path, drive):
    with pytest.raises(NoDevice, match="boot loader"):
        image.find_drive([tmp_path])
    with pytest.raises(SeveralDevices):
        image.find_drive([drive, drive])
    with pytest.raises(NoDevice):
        image.copy(uf2(), tmp_path)


@pytest.mark.parametrize(("after", "lost"), [(1, True), (99, False)])
def test_drive_that_goes_away(drive, monkeypatch, after, lost):
    """Early it is an error; after the last byte it is how the board restarts."""
    data = uf2(100)
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
            image.copy(data, drive)
    else:
        assert image.copy(data, drive).name == "FIRMWARE.UF2"


def test_image_command_needs_a_hello_afterwards(tmp_path, drive, monkeypatch):
    file = tmp_path / "x.uf2"
    file.write_bytes(uf2())
    monkeypatch.setattr(image, "is_wrap", lambda data: True)
    monkeypatch.setattr(image, "confirm", lambda data, hello, ask: hello)
    hello = typed(discovery.Hello, ScriptedWrap().hello)
    monkeypatch.setattr(board, "wait_for_wrap", lambda greet, port: hello)
    words = ["install", "--image", str(file), "--drive", str(drive), "--json"]
    result = CliRunner().invoke(main.app, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["data"]["bytes"] == 1536
