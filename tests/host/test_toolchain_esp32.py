"""An ESP32's image is built with the user's own tools; what is missing is named, all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAKE_MAKE = r"""#!/bin/sh
for word in "$@"; do
    case "$word" in BUILD=*) build=${word#BUILD=};; BOARD_DIR=*) dir=${word#BOARD_DIR=};; esac
done
mkdir -p "$build"; echo "$@" > "$build/said"; echo "$MICROPY_MPYCROSS" >> "$build/said"
test -f "$dir/mpconfigboard.cmake" -a -f "$dir/generated/wrap_image.py" || exit 9
test -f "$dir/../../firmware/wrap/hal/esp32/board.py" || exit 8
test ! -e "$dir/../../firmware/wrap/hal/rp2040/board.py" || exit 7
cd "$build"
test -n "$KEEPS_OLD" || cp "$dir/generated/wrap_image.py" micropython.bin
printf image > firmware.bin; printf elf > micropython.elf; echo "$MAKEFLAGS" > flags
"""


def firmware(tmp_path: Path, board: str, **env: str) -> subprocess.CompletedProcess[str]:
    words = ["firmware", "--board", board, "--out", str(tmp_path / "out")]
    kept = {k: v for k, v in os.environ.items() if k not in ("IDF_PATH", "MICROPYTHON_DIR")}
    received = kept | {"XDG_CACHE_HOME": str(tmp_path / "cache")} | env
    command = [sys.executable, "-m", "tools.toolchain", *words]
    return subprocess.run(
        command, cwd=ROOT, env=received, capture_output=True, text=True, check=False
    )


def checkout(folder: Path, minor: int) -> Path:
    version = f"#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR {minor}\n"
    for name, text in {
        "py/mpconfig.h": version,
        "ports/esp32/Makefile": "",
        "lib/berkeley-db-1.xx/Makefile": "",
        "mpy-cross/build/mpy-cross": "",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def idf(folder: Path, minor: int) -> Path:
    version = f"set(IDF_VERSION_MAJOR 5)\nset(IDF_VERSION_MINOR {minor})\n"
    for name, text in {"tools/idf.py": "", "tools/cmake/version.cmake": version}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def programs(folder: Path, make: str = "#!/bin/sh\n") -> str:
    folder.mkdir()
    names = ("idf.py", "cmake", "ninja", "git", "xtensa-esp-elf-gcc", "riscv32-esp-elf-gcc")
    for name in (*names, "make"):
        (folder / name).write_text(make if name == "make" else "#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


@pytest.mark.parametrize("board", ["PBMWRAP_ESP32", "PBMWRAP_ESP32_S3", "PBMWRAP_ESP32_C3"])
def test_everything_that_is_missing_is_named_at_once(tmp_path: Path, board: str) -> None:
    done = firmware(tmp_path, board)
    assert done.returncode == 3
    for word in ("MICROPYTHON_DIR", "IDF_PATH", "idf.py", "export.sh"):
        assert word in done.stderr
    assert ("riscv32-esp-elf-gcc" in done.stderr) is (board[-2:] == "C3")
    assert not (tmp_path / "out").exists()


def test_what_is_too_old_is_reported_with_its_version(tmp_path: Path) -> None:
    old = {
        "MICROPYTHON_DIR": str(checkout(tmp_path / "mp", 26)),
        "IDF_PATH": str(idf(tmp_path / "idf", 2)),
        "PATH": programs(tmp_path / "bin"),
    }
    done = firmware(tmp_path, "PBMWRAP_ESP32_S3", **old)
    assert done.returncode == 3
    assert "MicroPython 1.26" in done.stderr and "ESP-IDF 5.2" in done.stderr
    assert "PATH" not in done.stderr.replace("IDF_PATH", "")


def test_a_folder_that_is_something_else_is_reported(tmp_path: Path) -> None:
    done = firmware(
        tmp_path, "PBMWRAP_ESP32", MICROPYTHON_DIR=str(tmp_path), IDF_PATH=str(tmp_path)
    )
    assert done.returncode == 3
    assert "no MicroPython checkout" in done.stderr and "no ESP-IDF" in done.stderr


def test_a_checkout_without_its_parts_says_how_to_get_them(tmp_path: Path) -> None:
    made = checkout(tmp_path / "mp", 27)
    (made / "lib/berkeley-db-1.xx/Makefile").unlink()
    (made / "mpy-cross/build/mpy-cross").unlink()
    done = firmware(tmp_path, "PBMWRAP_ESP32", MICROPYTHON_DIR=str(made))
    assert f"make -C {made}/ports/esp32 submodules" in done.stderr
    assert f"make -C {made}/mpy-cross" in done.stderr


@pytest.mark.parametrize("board", ["PBMWRAP_ESP32_S3", "PBMWRAP_ESP32_C3"])
def test_with_all_of_it_the_ports_own_build_makes_the_image(tmp_path: Path, board: str) -> None:
    """The port's make is a stand-in that looks at what it is given: there is no ESP-IDF here."""
    mp = checkout(tmp_path / "mp", 28)
    env = {
        "MICROPYTHON_DIR": str(mp),
        "IDF_PATH": str(idf(tmp_path / "idf", 5)),
        "PATH": programs(tmp_path / "bin", FAKE_MAKE),
        "MAKEFLAGS": "n",  # of a make around it
    }
    done = firmware(tmp_path, board, **env)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    assert done.stdout.splitlines()[-1] == str(out / f"{board}.bin")
    assert (out / f"{board}.bin").read_text() == "image"
    facts = (out / f"{board}.json").read_text()
    app = next((tmp_path / "cache").rglob("micropython.bin"))
    assert f'"flash_bytes": {app.stat().st_size}' in facts and '"program_sha256"' in facts
    assert app.with_name("flags").read_text() == "\n"
    said = next((tmp_path / "cache").rglob("said")).read_text()
    assert f"BOARD={board}" in said and f"-C {mp}/ports/esp32" in said
    assert said.splitlines()[-1] == f"{mp}/mpy-cross/build/mpy-cross"


def test_an_older_program_that_a_build_left_is_refused(tmp_path: Path) -> None:
    mp = checkout(tmp_path / "mp", 28)
    env = {
        "MICROPYTHON_DIR": str(mp),
        "IDF_PATH": str(idf(tmp_path / "idf", 5)),
        "PATH": programs(tmp_path / "bin", FAKE_MAKE),
    }
    assert firmware(tmp_path, "PBMWRAP_ESP32_S3", **env).returncode == 0
    app = next((tmp_path / "cache").rglob("micropython.bin"))
    app.write_bytes(b"of other files")
    done = firmware(tmp_path, "PBMWRAP_ESP32_S3", KEEPS_OLD="1", **env)
    assert done.returncode == 1
    assert f"delete {app.parent}, build again" in done.stderr
