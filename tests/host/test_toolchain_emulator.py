"""The emulated RP2040, compiled for this Python, stands beside its wheel's own and goes with it."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
C = "int one(void) { return 1; }\n"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """With a cache, a compiler that copies, and rp2040py installed in `tmp_path`."""
    monkeypatch.syspath_prepend(str(TOOLS))
    import toolchain_emulator

    native = tmp_path / "rp2040py" / "native"
    about = tmp_path / "rp2040py-0.0.dist-info"
    native.mkdir(parents=True)
    about.mkdir()
    for name in ("_a", "_b"):
        (native / f"{name}.c").write_text(C)
    (about / "METADATA").write_text("Name: rp2040py\nVersion: 0.0\n")
    rows = ["rp2040py/native/_a.c", "rp2040py/native/_b.c", f"{about.name}/RECORD"]
    (about / "RECORD").write_text("".join(f"{row},,\n" for row in rows))
    find = lambda name: metadata.Distribution.at(about)  # noqa: E731
    monkeypatch.setattr(toolchain_emulator.metadata, "distribution", find)
    monkeypatch.setattr(toolchain_emulator, "cache_root", lambda: tmp_path / "cache")
    monkeypatch.setattr(toolchain_emulator.sys, "platform", "linux")
    monkeypatch.setattr(toolchain_emulator.sysconfig, "get_path", lambda name: str(tmp_path))
    (tmp_path / "Python.h").touch()
    copies = lambda line, log: Path(line[-1]).write_text("compiled")  # noqa: E731
    monkeypatch.setattr(toolchain_emulator, "run", copies)
    return toolchain_emulator


def _made(folder: Path) -> list[str]:
    native = folder / "rp2040py" / "native"
    return sorted(p.name for p in native.iterdir() if p.suffix != ".c")


def test_what_is_compiled_is_in_the_record_once(tool: ModuleType, tmp_path: Path) -> None:
    record = tmp_path / "rp2040py-0.0.dist-info" / "RECORD"
    before = record.read_text()
    tool.emulator()
    ends = tool.sysconfig.get_config_var("EXT_SUFFIX")
    assert _made(tmp_path) == [f"_a{ends}", f"_b{ends}"]
    told = record.read_text()
    assert told == before + "".join(f"rp2040py/native/_{n}{ends},,\n" for n in "ab")
    (tmp_path / "rp2040py" / "native" / f"_a{ends}").unlink()
    tool.emulator()
    assert len(_made(tmp_path)) == 2
    assert record.read_text() == told


def test_what_is_there_is_not_compiled_again(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool.emulator()
    monkeypatch.setattr(tool, "run", lambda line, log: pytest.fail("compiled again"))
    tool.emulator()


def test_without_a_compiler_or_headers_the_wheel_goes_on(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def refuses(line: list[str], log: Path) -> None:
        raise tool.Stop(1, "gcc ended with 1")

    monkeypatch.setattr(tool, "run", refuses)
    tool.emulator()
    assert "from its wheel, four times slower: gcc ended with 1" in capsys.readouterr().err
    (tmp_path / "Python.h").unlink()
    tool.emulator()
    assert f"there is no {tmp_path / 'Python.h'}" in capsys.readouterr().err
    assert _made(tmp_path) == []


def test_on_another_system_nothing_is_tried(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool.sys, "platform", "darwin")
    tool.emulator()
    assert _made(tmp_path) == []
