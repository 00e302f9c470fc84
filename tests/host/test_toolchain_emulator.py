"""The emulated RP2040 compiled for this Python: built into the cache, found there by its loader."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from pbmwrap.twin import compiled
from tools.toolchain import emulator

C = "int one(void) { return 1; }\n"
VERSION = "9.9"
ENDS = sysconfig.get_config_var("EXT_SUFFIX")
WHEEL = [f"_a{ENDS}", f"_b{ENDS}"]
LOOP = f"_batch{ENDS}"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache, compilers that write their name, and rp2040py installed in `tmp_path`. Returns the
    cache."""
    native = tmp_path / "rp2040py" / "native"
    native.mkdir(parents=True)
    for name in ("_a", "_b"):
        (native / f"{name}.c").write_text(C)
    where = ModuleSpec("rp2040py", None, origin=str(tmp_path / "rp2040py" / "__init__.py"))
    there = {"rp2040py": where, "Cython": ModuleSpec("Cython", None)}
    monkeypatch.setattr(emulator.importlib.util, "find_spec", there.get)
    monkeypatch.setattr(emulator.metadata, "version", lambda name: VERSION)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(emulator.sys, "platform", "linux")
    monkeypatch.setattr(emulator.sysconfig, "get_path", lambda name: str(tmp_path))
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(
        emulator, "run_logged", lambda line, log: Path(line[-1]).write_text("compiled")
    )
    return tmp_path / "cache"


def installed(folder: Path) -> list[str]:
    """Every file of the installed package."""
    return sorted(path.name for path in (folder / "rp2040py").rglob("*") if path.is_file())


def test_the_modules_go_to_the_cache_and_the_package_stays_as_it_is(
    tool: Path, tmp_path: Path
) -> None:
    folder = emulator.compile_emulator()
    assert folder is not None and folder.is_relative_to(tool)
    assert sorted(path.name for path in folder.iterdir()) == [*WHEEL, LOOP]
    assert installed(tmp_path) == ["_a.c", "_b.c"]


def test_the_loader_looks_where_the_toolchain_puts_the_modules(tool: Path) -> None:
    folder = emulator.compile_emulator()
    assert compiled.folder() == folder
    spec = compiled.CompiledFinder.find_spec("rp2040py.native._a")
    assert spec is not None and folder is not None
    assert spec.origin == str(folder / f"_a{ENDS}")
    loop = compiled.CompiledFinder.find_spec("pbmwrap.twin._batch")
    assert loop is not None
    assert loop.origin == str(folder / LOOP)


def test_without_cython_the_loop_is_left_out_and_said_to_be(
    tool: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = emulator.importlib.util.find_spec
    monkeypatch.setattr(
        emulator.importlib.util, "find_spec", lambda name: None if name == "Cython" else find(name)
    )
    folder = emulator.compile_emulator()
    assert folder is not None
    assert sorted(path.name for path in folder.iterdir()) == WHEEL
    assert "no Cython, so the emulated RP2040 runs 2.5 times slower" in capsys.readouterr().err
    assert compiled.CompiledFinder.find_spec("pbmwrap.twin._batch") is None
    monkeypatch.setattr(emulator.importlib.util, "find_spec", find)
    assert emulator.compile_emulator() == folder
    assert sorted(path.name for path in folder.iterdir()) == [*WHEEL, LOOP]


def test_the_loader_leaves_every_other_module_to_python(tool: Path) -> None:
    emulator.compile_emulator()
    for name in ("rp2040py", "rp2040py.native", "rp2040py.native._c", "json", "_a", "_batch"):
        assert compiled.CompiledFinder.find_spec(name) is None


def test_nothing_is_compiled_twice(tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator.compile_emulator()
    monkeypatch.setattr(emulator, "run_logged", lambda line, log: pytest.fail("compiled again"))
    assert emulator.compile_emulator() is not None


def test_without_a_compiler_or_headers_the_wheels_modules_are_used(
    tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(line: list[str], log: Path) -> None:
        raise emulator.Stop(1, "gcc ended with 1")

    monkeypatch.setattr(emulator, "run_logged", refuses)
    assert emulator.compile_emulator() is None
    assert "from its wheel, four times slower: gcc ended with 1" in capsys.readouterr().err
    (tmp_path / "Python.h").unlink()
    assert emulator.compile_emulator() is None
    assert f"there is no {tmp_path / 'Python.h'}" in capsys.readouterr().err
    assert compiled.CompiledFinder.find_spec("rp2040py.native._a") is None


def test_nothing_is_compiled_on_another_system(
    tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator.sys, "platform", "darwin")
    assert emulator.compile_emulator() is None
    assert not tool.exists()


def test_the_finder_is_installed_before_rp2040py_and_once() -> None:
    code = (
        "import json, sys; import pbmwrap.twin.rp2040; from pbmwrap.twin import compiled;"
        "compiled.install(); core = sys.modules['rp2040py.native._cortex_m0_core'];"
        "print(json.dumps([sys.meta_path.count(compiled.CompiledFinder), core.__file__,"
        "str(compiled.folder())]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    count, file, folder = json.loads(done.stdout)
    assert count == 1
    assert Path(folder).exists() == (Path(file).parent == Path(folder))
