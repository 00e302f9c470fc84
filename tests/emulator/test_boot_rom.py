"""The real boot ROM on the emulated chip: the drive that it shows, and an install by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbmwrap.device import boot_drive
from pbmwrap.install import image_install
from tests.host.test_install_image import make_uf2
from tools import flash_check
from tools.boot_rom import BootRom
from wrap.version import VERSION


def test_the_boot_rom_shows_the_drive_that_install_looks_for(tmp_path: Path) -> None:
    files = BootRom().list_files()
    assert set(files) == {"INDEX.HTM", boot_drive.MARK}
    (tmp_path / boot_drive.MARK).write_bytes(files[boot_drive.MARK])
    assert boot_drive.find_drive([tmp_path]) == tmp_path


def test_the_boot_rom_waits_for_all_blocks() -> None:
    rom = BootRom()
    rom.copy_file(make_uf2(3)[: 2 * 512])
    with pytest.raises(TimeoutError, match="did not restart"):
        rom.wait_for_restart()
    assert rom.flash()[:512] == bytes(512)


def test_install_flashes_a_chip_in_its_boot_rom(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make release` does it with the wheel in a fresh environment."""
    monkeypatch.setattr(image_install, "find_default_image", lambda: image)
    answer = flash_check.flash_chip(tmp_path)
    assert answer["bytes"] == image.stat().st_size
    wrap = answer["wrap"]
    assert (wrap["fw"], wrap["integrity"], wrap["state"]) == (VERSION, "whole", "idle")
    facts = json.loads(image.with_suffix(".json").read_text())
    assert wrap["program"] == facts["program_sha256"]


def test_a_damaged_image_never_reaches_the_boot_rom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "x.uf2"
    damaged.write_bytes(make_uf2()[:-1] + b"!")
    monkeypatch.setattr(image_install, "find_default_image", lambda: damaged)
    with pytest.raises(RuntimeError, match="block 2 is damaged"):
        flash_check.flash_chip(tmp_path)
    assert not (tmp_path / "RPI-RP2" / "FIRMWARE.UF2").exists()
