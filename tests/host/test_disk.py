"""Files that are written whole or not at all, locks, and what their errors say."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pbmwrap import disk
from pbmwrap.errors import InvalidFile, NoPermission, PortBusy, UsageError

FULL = Path("/dev/full")


def test_a_file_is_written_and_nothing_else_is_left(tmp_path):
    disk.write_file(tmp_path / "a", "é\r\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\r\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_file_that_exists_is_only_replaced_when_that_is_wanted(tmp_path):
    file = tmp_path / "a"
    file.write_text("old")
    file.chmod(0o640)
    with pytest.raises(UsageError, match="a exists; choose another name or add --force"):
        disk.write_file(file, "new")
    assert file.read_text() == "old"
    disk.write_file(file, "new", replace=True)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o640)


def test_a_link_stays_a_link_and_its_file_gets_the_content(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    disk.write_file(tmp_path / "link", "new", replace=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_and_stays_one():
    disk.write_file(Path(os.devnull), "x")
    assert not Path(os.devnull).is_file()


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has /dev/full")
def test_a_full_disk_says_so_with_the_path():
    with pytest.raises(InvalidFile, match=r"^/dev/full cannot be written: No space left.*; free"):
        disk.write_file(FULL, "x")


LIMITED = """
import resource, sys
from pathlib import Path
from pbmwrap import disk
from pbmwrap.errors import InvalidFile
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    disk.write_file(Path(sys.argv[1]), b"x" * 1000, replace=True)
except InvalidFile as problem:
    sys.exit(str(problem))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits on files are POSIX's")
def test_a_disk_that_fills_up_leaves_the_old_file_and_no_other(tmp_path):
    (tmp_path / "a").write_text("good")
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "a")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{tmp_path / 'a'} cannot be written: File too large; free some space" in done.stderr
    assert (tmp_path / "a").read_text() == "good"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_errors_name_what_is_in_the_way(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidFile, match=rf"b cannot be written: {tmp_path}/file is not a folder"):
        disk.write_file(tmp_path / "file" / "b", "x")
    with pytest.raises(InvalidFile, match=rf"cannot be written: there is no folder {tmp_path}/no"):
        disk.write_file(tmp_path / "no" / "b", "x")
    with pytest.raises(InvalidFile, match=f"{tmp_path} is a folder"):
        disk.write_file(tmp_path, "x")
    with pytest.raises(InvalidFile, match=f"cannot be made: {tmp_path}/file is not a folder; go"):
        disk.make_folder(tmp_path / "file" / "b", "go elsewhere")


@pytest.mark.parametrize(
    ("number", "kind", "way"),
    [
        (errno.EACCES, NoPermission, "go"),
        (errno.EROFS, NoPermission, "go"),
        (errno.ENOSPC, InvalidFile, "free some space there, or go"),
        (errno.EIO, InvalidFile, "go"),
    ],
)
def test_the_kind_of_an_error_and_its_way_out(tmp_path, number, kind, way):
    problem = OSError(number, os.strerror(number), "elsewhere")
    error = disk.explain_error(problem, tmp_path / "x", "read", "go")
    assert (type(error), error.hint) == (kind, way)
    assert error.message == f"{tmp_path}/x cannot be read: {os.strerror(number)}"


def test_a_lock_is_held_until_it_is_released(tmp_path):
    first = disk.lock_file(tmp_path / "l", "the thing", "wait")
    with pytest.raises(PortBusy, match=r"^the thing is in use by another pbmwrap; wait$"):
        disk.lock_file(tmp_path / "l", "the thing", "wait")
    first.release()
    disk.lock_file(tmp_path / "l", "the thing", "wait").release()


def test_a_lock_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidFile, match="file is not a folder; wait"):
        disk.lock_file(tmp_path / "file" / "l", "the thing", "wait")
