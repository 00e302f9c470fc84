"""Proves a slice of the power-cut campaign, and that its judge sees what it looks for."""
# H-38

from __future__ import annotations

import pytest

from tests.powercut import cut
from tests.powercut.day import tape
from wrap.storage import flash_files
from wrap.storage.log import Log

SLICE = cut.names(2)


@pytest.mark.parametrize("part", range(4))
def test_no_cut_loses_a_record_or_a_protection(part):
    wrong = {name: found for name in SLICE[part::4] if (found := cut.run(name))}
    assert wrong == {}


def test_the_day_is_long_enough_and_asks_for_both_kinds_of_operation():
    for kind in cut.KINDS:
        played = tape(kind)
        assert len(played.ops) >= 40 and len(played.committed) >= 20
        assert {what for what, _, _ in played.ops} == {"program", "erase"}
        assert {p.latched for p in played.promises} == {0, 3}
        last = played.promises[-1]
        assert len(last.sites) == 2 and last.holds == (("*",),) and last.lit_ms >= 2000


def failures() -> int:
    return sum(bool(cut.run(name)) for name in cut.names(1))


def test_the_judge_sees_records_that_are_lost(monkeypatch):
    monkeypatch.setattr(Log, "_recover_position", lambda self: None)
    assert failures() > 20


def test_the_judge_sees_files_that_fall_back(monkeypatch):
    cut.run(cut.names(0)[0])  # the day itself is played with the code as it is
    plain = flash_files.FlashFiles.read

    def older(self, name):
        return None if name.startswith("fault") else plain(self, name)

    monkeypatch.setattr(flash_files.FlashFiles, "read", older)
    assert failures() > 5
