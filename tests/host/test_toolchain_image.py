"""The staging folder is shared by all clones: nothing of another one's image may stay in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.toolchain import image
from tools.toolchain.build import check_program
from tools.toolchain.even_manifest import with_even_lengths
from tools.toolchain.sources import run_logged

BOARD = "PBMWRAP_RP2040"
TREE = {"boards/X/manifest.py": b"freeze(1)", "firmware/a.py": b"1", "boards/X/x.h": b"#define A"}


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A toolchain whose last build was of TREE."""
    monkeypatch.setattr(image, "run_logged", lambda *words, **more: None)
    monkeypatch.setattr(image, "build_env", lambda toolchain: {})
    again(tmp_path, TREE)
    return tmp_path


def again(toolchain: Path, tree: dict[str, bytes]) -> bool:
    """Build with `tree`; whether what was frozen before is used again."""
    folder = image.build_folder(toolchain, BOARD, tree)
    kept = folder / "frozen_mpy" / "a.mpy"
    kept.parent.mkdir(exist_ok=True, parents=True)
    kept.write_bytes(b"of the build before")
    image.run_cmake(toolchain, BOARD, tree, toolchain / "log")
    return kept.exists()


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"firmware/a.py": b"2"}, True),
        ({"boards/X/manifest.py": b"freeze(2)"}, False),
        ({"boards/X/_boot.py": b""}, False),
        ({"boards/X/x.h": b"#define B"}, False),
    ],
)
def test_what_was_frozen_for_another_shape_is_not_used(
    configured: Path, change: dict[str, bytes], kept: bool
) -> None:
    assert again(configured, {**TREE, **change}) is kept


def test_an_image_with_other_c_files_is_built_in_a_folder_of_its_own(configured: Path) -> None:
    """A module that is gone would stay in the lists that MicroPython's build keeps there."""
    folder = image.build_folder
    plain = folder(configured, BOARD, TREE)
    assert folder(configured, BOARD, {**TREE, "boards/X/more.c": b""}) != plain
    assert folder(configured, BOARD, {**TREE, "firmware/b.py": b""}) == plain


def test_a_benchmarks_image_is_the_wraps_with_more_laid_on(configured: Path) -> None:
    ours = image.frozen_files("PBMWRAP_BENCH")
    assert ours == image.frozen_files(BOARD)
    assert {"boot.py", "main.py"} <= set(ours)
    assert not [name for name in ours if name.startswith("loader")]
    assert "wrap/hal/__init__.py" in ours and "wrap/hal/contract.py" not in ours
    wrap, bench = image.staged_files(BOARD, ours), image.staged_files("PBMWRAP_BENCH", ours)
    more = bench.keys() - wrap.keys()
    assert {name: bench[name] for name in wrap} == wrap
    assert more and all(name.startswith("boards/PBMWRAP_BENCH/") for name in more)
    assert image.wrap_board(BOARD) == BOARD


def test_an_unknown_board_is_reported_with_the_known_ones(configured: Path) -> None:
    with pytest.raises(image.Stop, match="PBMWRAP_ESP32_S3, PBMWRAP_RP2040"):
        image.board_dir("NONE")


def test_machine_code_of_odd_length_gets_a_byte_more() -> None:
    """RISC-V's assembler ignores `aligned (2)` in a code section."""
    code = 'byte fun_data_a_step[{}] __attribute__((section(".text,\\"ax\\",@progbits # "))) = {{'
    plain = "byte fun_data_a[717] = {"
    for length, even in ((717, 718), (1060, 1060)):
        frozen = f"{plain}\n{code.format(length)}\n"
        assert with_even_lengths(frozen) == f"{plain}\n{code.format(even)}\n"


def test_a_program_of_other_files_is_refused(tmp_path: Path) -> None:
    check_program(b"..ab12..", {"program_sha256": "ab12"}, tmp_path)
    check_program(b"of MicroPython alone", {"program_sha256": None}, tmp_path)
    with pytest.raises(image.Stop, match="not of these files"):
        check_program(b"..ab13..", {"program_sha256": "ab12"}, tmp_path)


def test_the_options_of_a_make_around_a_build_do_not_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make -n newest` left an older image in the cache under the name of a newer one."""
    monkeypatch.setenv("MAKEFLAGS", "n")
    (tmp_path / "Makefile").write_text("all:\n\t@touch made\n")
    run_logged(["make", "-s"], tmp_path / "log", cwd=tmp_path)
    assert (tmp_path / "made").exists()
