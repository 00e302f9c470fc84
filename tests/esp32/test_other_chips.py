"""Proves that each chip's image and files have that chip's HAL and no other's."""

from __future__ import annotations

import pytest

from pbmwrap.install.bundle import compile_modules
from tests.esp32.world import BOARDS
from tools.toolchain.image import frozen_files, staged_files

ALL = ("PBMWRAP_RP2040", *BOARDS)


def strange(names: list[str], board: str) -> list[str]:
    other = "esp32" if board == "PBMWRAP_RP2040" else "rp2040"
    return [name for name in names if f"/hal/{other}/" in name]


@pytest.mark.parametrize("board", ALL)
def test_an_install_by_files_carries_its_own_hal(board: str) -> None:
    names = [file.path for file in compile_modules(None, board)]
    assert strange(names, board) == []
    own = "rp2040" if board == "PBMWRAP_RP2040" else "esp32"
    assert f"/wrap/hal/{own}/board.py" in names


@pytest.mark.parametrize("board", ALL)
def test_an_image_freezes_its_own_hal(board: str) -> None:
    files = frozen_files(board)
    assert strange(list(files), board) == []
    own = "rp2040" if board == "PBMWRAP_RP2040" else "esp32"
    assert f"wrap/hal/{own}/board.py" in files
    tree = staged_files(board, files)
    constants = tree[f"boards/{board}/generated/wrap_image.py"].decode()
    assert ("CLAIM_AT = 0\n" in constants) is (own == "esp32")
    assert ("RAM_TESTED = True" in constants) is (own == "rp2040")
    assert f"boards/{board}/manifest.py" in tree
