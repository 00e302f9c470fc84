"""The files of a stock installation are copied into the store of our image."""

import pytest

from tests.nor import STORE, Nor, store_of
from wrap.storage import files as files_module
from wrap.storage.adopt import copy_files
from wrap.storage.files import Files


@pytest.fixture
def old(tmp_path):
    files = Files(str(tmp_path / "old"))
    files.write("settings.a", b"trip")
    files.write("fault.a", b"latched")
    files.write("log.003", b"records")
    return files


@pytest.fixture
def area():
    nor = Nor(STORE)
    nor.sectors = STORE
    return nor


def kept(area):
    store = store_of(area)
    return {name: store.read(name) for name in store.names()}


def test_all_files_but_the_log_are_copied(old, area, tmp_path):
    copy_files(str(tmp_path / "old"), area)
    assert kept(area) == {"settings.a": b"trip", "fault.a": b"latched"}


def test_a_copy_that_is_repeated_keeps_what_the_store_has(old, area, tmp_path):
    store_of(area).write("settings.a", b"newer")
    copy_files(str(tmp_path / "old"), area)
    assert kept(area) == {"settings.a": b"newer", "fault.a": b"latched"}


def test_a_file_that_does_not_fit_is_kept_as_a_damaged_one(old, area, tmp_path):
    old.write("fault.a", b"?" * 5000)
    copy_files(str(tmp_path / "old"), area)
    assert kept(area) == {"settings.a": b"trip", "fault.a": b""}


@pytest.mark.parametrize("raised", [True, False])
def test_a_file_that_cannot_be_read_is_kept_as_a_damaged_one(
    old, area, tmp_path, monkeypatch, raised
):
    def read(self, name):
        if name != "fault.a":
            return b"trip"
        if raised:
            raise OSError(5)
        return None  # the filesystem lists a file that it does not find

    monkeypatch.setattr(files_module.Files, "read", read)
    copy_files(str(tmp_path / "old"), area)
    assert kept(area) == {"settings.a": b"trip", "fault.a": b""}


def test_without_an_old_folder_nothing_is_written(area, tmp_path):
    with pytest.raises(OSError):
        copy_files(str(tmp_path / "none"), area)
    assert area.ops == 0
