"""Files in a folder, on the disk of the machine that runs the tests."""

import io
import os

import pytest

from wrap.storage import files as files_module
from wrap.storage.files import Files


@pytest.fixture
def disk(tmp_path):
    return Files(str(tmp_path / "flash"))


def test_what_is_written_is_there_for_the_next_one(disk, tmp_path):
    disk.write("a", b"one")
    disk.write("a", b"two!")
    disk.append("log", (b"12",))
    disk.append("log", (b"3", b"", b"45"))
    again = Files(str(tmp_path / "flash"))
    assert sorted(again.names()) == ["a", "log"]
    assert (again.read("a"), again.read("log")) == (b"two!", b"12345")
    assert (again.size("a"), again.size("none")) == (4, -1)
    assert again.read("none") is None
    assert again.read_at("log", 1, 3) == b"234"
    assert again.read_at("log", 4, 9) == b"5"


@pytest.mark.parametrize("n", [0, 1, 256, 257, 1250, 2000])
def test_a_file_is_fed_piece_by_piece(disk, n):
    disk.write("a", bytes(range(250)) * 5)
    pieces = []
    disk.feed("a", n, lambda piece: pieces.append(bytes(piece)))
    assert b"".join(pieces) == disk.read("a")[:n]
    assert all(0 < len(piece) <= 256 for piece in pieces)


def test_a_closed_file_is_kept_until_the_next_one_is_opened(disk):
    """So its place in the heap is there for that one."""
    disk.append("log", (b"12",))
    first = disk._last  # Private: `_last`, since only the heap shows it
    assert first.closed
    disk.read("log")
    assert disk._last is not first and disk._last.closed


def test_removing_twice_does_no_harm(disk):
    disk.write("a", b"")
    disk.remove("a")
    disk.remove("a")
    assert disk.names() == []


def test_a_rename_that_fails_leaves_the_old_content(disk, monkeypatch):
    disk.write("a", b"old")

    def fail(*_):
        raise OSError(28)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError):
        disk.write("a", b"new")
    assert (disk.read("a"), disk.names()) == (b"old", ["a"])


class Full(io.BytesIO):
    """A file of a full filesystem, which takes two bytes of each write."""

    def write(self, data):
        return super().write(data[:2])


def test_a_full_filesystem_that_takes_less_than_all_is_an_error(disk, monkeypatch):
    disk.write("a", b"old")
    monkeypatch.setattr(files_module, "open", lambda path, mode: Full(), raising=False)
    with pytest.raises(OSError, match="28"):
        disk.write("a", b"new")
    with pytest.raises(OSError, match="28"):
        disk.append("log", (b"12", b"345"))
    monkeypatch.undo()
    assert disk.read("a") == b"old"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    with pytest.raises(OSError):
        Files(str(tmp_path / "no" / "flash"))


def test_a_folder_of_a_filesystem_has_nothing_to_tidy(tmp_path):
    files = Files(str(tmp_path / "wrap"))
    files.write("a", b"1")
    assert not files.tidy()
    assert files.read("a") == b"1"
