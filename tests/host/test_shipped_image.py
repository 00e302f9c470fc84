"""The image that an installed wheel carries: what is in it, and what a damaged one says."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap import paths
from pbmwrap.cli import main
from pbmwrap.device import boot_drive
from pbmwrap.errors import InvalidFile
from pbmwrap.twin import factory
from tests.host.test_install_image import make_uf2
from tools.toolchain.image import frozen_files, image_constants, list_rp2040_boards

ROOT = Path(__file__).resolve().parents[2]
BOARD = "PBMWRAP_RP2040"


def write_image(folder: Path, **facts: str) -> Path:
    """Put a small image and its facts into `folder`, as `make firmware` names them."""
    folder.mkdir(parents=True)
    image = folder / f"{BOARD}.uf2"
    image.write_bytes(make_uf2())
    found = {"uf2_sha256": hashlib.sha256(make_uf2()).hexdigest(), **facts}
    image.with_suffix(".json").write_text(json.dumps(found))
    return image


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of pbmwrap as pip installs it."""
    package = tmp_path / "site-packages" / "pbmwrap"
    package.mkdir(parents=True)
    monkeypatch.setattr(paths, "_PACKAGE", package)
    monkeypatch.delenv(factory.IMAGE_VARIABLE, raising=False)
    return package


def install(tmp_path: Path) -> tuple[int, str]:
    """Preview `pbmwrap install` for a board in its boot loader."""
    drive = tmp_path / "RPI-RP2"
    drive.mkdir()
    (drive / boot_drive.MARK).write_text("UF2 Bootloader v3.0\nBoard-ID: RPI-RP2\n")
    words = ["install", "--drive", str(drive), "--dry-run", "--json"]
    result = CliRunner().invoke(main.app, words)
    if result.exception and not isinstance(result.exception, SystemExit):
        return getattr(result.exception, "exit_code", 99), str(result.exception)
    return result.exit_code, result.stdout


def test_install_takes_the_image_of_the_wheel(package: Path, tmp_path: Path) -> None:
    image = write_image(package / "_data" / "images")
    code, said = install(tmp_path)
    assert (code, json.loads(said)["data"]) == (
        0,
        {"image": str(image), "bytes": 1536, "dry_run": True},
    )
    assert factory.find_image(None) == image


def test_a_damaged_image_of_the_wheel_is_refused(package: Path, tmp_path: Path) -> None:
    image = write_image(package / "_data" / "images")
    image.write_bytes(make_uf2()[:-1] + b"!")
    code, said = install(tmp_path)
    assert code == InvalidFile.exit_code
    assert "its SHA-256 is not" in said and "install pbmwrap again" in said
    image.with_suffix(".json").write_text("[]")
    with pytest.raises(InvalidFile, match="json is damaged"):
        factory.find_image(None)


def test_a_wheel_without_an_image_says_how_to_get_one(package: Path, tmp_path: Path) -> None:
    code, said = install(tmp_path)
    assert code == 2
    assert "this installation of pbmwrap has no firmware image" in said


@pytest.fixture
def list_images(monkeypatch: pytest.MonkeyPatch):
    """The function of the build hook."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.delitem(sys.modules, "hatch_build", raising=False)
    from hatch_build import list_images

    return list_images


def test_only_an_image_of_these_sources_goes_into_a_wheel(list_images, tmp_path: Path) -> None:
    assert list_rp2040_boards() == [BOARD]
    assert list_images(tmp_path) == []
    program = image_constants(frozen_files(BOARD))["PROGRAM_SHA256"]
    image = write_image(tmp_path / "build", program_sha256=program)
    assert list_images(tmp_path) == [image.with_suffix(".json"), image]
    image.write_bytes(make_uf2(4))
    assert list_images(tmp_path) == []


def test_an_image_of_other_sources_stays_out_of_a_wheel(list_images, tmp_path: Path) -> None:
    write_image(tmp_path / "build", program_sha256="0" * 64)
    assert list_images(tmp_path) == []


def test_a_wheel_is_built_where_pbmwrap_is_not_installed(tmp_path: Path) -> None:
    """As pip does for `pip install .`: hatchling is there, and nothing of this checkout."""
    write_image(tmp_path / "build", program_sha256="0" * 64)
    for name in ("tools", "firmware", "hatch_build.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    site = sysconfig.get_path("purelib")  # -S reads no .pth file in it
    code = (
        f"import sys; sys.path.append({site!r}); sys.path.insert(0, {str(tmp_path)!r})\n"
        "from importlib.util import find_spec; from pathlib import Path\n"
        "assert find_spec('wrap') is None\n"
        f"from hatch_build import list_images; print(list_images(Path({str(tmp_path)!r})))"
    )
    words = [sys.executable, "-S", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
