"""A slice of the cuts of an install by files on the emulated chip (docs/powercut.md)."""

from __future__ import annotations

import pytest

from tests.powercut import install

EVERY = 12


@pytest.fixture(scope="module")
def update() -> install.Tape:
    return install.tape("update")


def test_a_cut_leaves_the_old_or_the_new_firmware_and_an_install_that_finishes(
    update: install.Tape,
) -> None:
    seen = set()
    for name in install.names("update", EVERY):
        kind, k, how = name.split("/")
        boots, wrong = install.judged(kind, int(k), how)
        assert wrong == [], name
        seen.add(boots)
    last = install.judged("update", len(update.ops) - 1, "after")
    assert last == ("new", []) and seen == {"old"}


def test_the_chip_boots_the_old_firmware_before_the_last_operation_and_the_new_one_after(
    update: install.Tape,
) -> None:
    last = len(update.ops) - 1
    assert install.boot("update", last, "before") == (f"a {update.old[:12]}", True)
    assert install.boot("update", last, "after") == (f"b {update.new.sha[:12]}", True)
