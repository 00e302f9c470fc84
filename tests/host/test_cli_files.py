"""Folders and files that cannot be read or written: one line with path, reason and way out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbmwrap.cli import main
from pbmwrap.logs import views
from pbmwrap.logs.index import Index
from pbmwrap.logs.parquet import path_of
from pbmwrap.logs.query import Query
from pbmwrap.twin.state_folder import take_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(monkeypatch, tmp_path):
    """Every folder of the program in tmp_path, and a file there that is none."""
    monkeypatch.setenv("PBMWRAP_PORT", "sim:")
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"PBMWRAP_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("PBMWRAP_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "file").write_text("mine")
    return tmp_path


def run(*words):
    """(exit code, the error's line); nothing on stdout, no traceback."""
    result = CliRunner().invoke(main.app, [str(word) for word in words])
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert result.stdout == "" or result.exit_code == 0, result.stdout
    assert len(lines) <= 1, result.stderr
    assert "fault of pbmwrap" not in result.stderr
    return result.exit_code, "".join(lines)


def good(*words):
    code, said = run(*words)
    assert code == 0, said


def test_a_data_folder_that_is_a_file(place, monkeypatch):
    monkeypatch.setenv("PBMWRAP_DATA", str(place / "file"))
    for words in (["pull"], ["list"], ["verify"]):
        code, said = run("logs", *words)
        assert (code, f"{place}/file is not a folder" in said) == (7, True), said
        assert said.endswith("name another data folder in $PBMWRAP_DATA")
    result = CliRunner().invoke(main.app, ["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(result.stdout)["data"]}
    assert checks["archive"]["level"] == "bad"
    assert "is not a folder" in checks["archive"]["text"]


def test_a_cache_folder_that_is_a_file(place, monkeypatch):
    good("logs", "pull")
    monkeypatch.setenv("PBMWRAP_CACHE", str(place / "file"))
    code, said = run("logs", "query", "select 1 from wraps")
    assert (code, f"{place}/file is not a folder" in said) == (7, True)
    assert said.endswith("name another cache folder in $PBMWRAP_CACHE")


@pytest.mark.parametrize("wound", ["structure", "content", "seen", "folder"])
def test_a_damaged_cache_is_made_again(place, wound):
    good("logs", "pull")
    good("logs", "query", "select * from records")
    (home,) = (place / "cache" / "logs").glob("*/*")
    file = path_of(next(p for p in home.iterdir() if p.is_dir()), views.RECORDS)
    whole = file.read_bytes()
    if wound == "structure":
        file.write_bytes(whole[:4] + bytes(len(whole) - 8) + whole[-4:])
    elif wound == "content":
        file.write_bytes(whole[:4] + b"\x55" * (len(whole) // 2) + whole[4 + len(whole) // 2 :])
    elif wound == "seen":
        seen = json.loads((home / "seen.json").read_text())
        (home / "seen.json").write_text(json.dumps(seen | {"name": None}))
    else:
        shutil.rmtree(home)
        home.write_text("no folder")
    good("logs", "query", "select * from records")


def test_a_cache_that_stays_damaged_is_reported_once(place, monkeypatch):
    good("logs", "pull")
    refresh = Index.refresh_cache

    def damaged(self, progress=None):
        folders = refresh(self, progress)
        for folder in folders:
            path_of(folder, views.WRAPS).write_bytes(b"PAR1" + bytes(40) + b"PAR1")
        return folders

    monkeypatch.setattr(Index, "refresh_cache", damaged)
    code, said = run("logs", "query", "select 1 from wraps")
    assert (code, f"the cache in {place}/cache/logs" in said) == (7, True)
    assert "remove that folder" in said


def test_wrong_sql_is_no_damage_of_the_cache(place, monkeypatch):
    good("logs", "pull")
    opened = []
    made = Query.__init__
    monkeypatch.setattr(
        Query, "__init__", lambda self, folders: opened.append(1) or made(self, folders)
    )
    for sql in ("select nothing", "select cast('x' as int) from wraps", "select error('no')"):
        assert run("logs", "query", sql)[0] == 2
    assert len(opened) == 3


@pytest.mark.parametrize("words", [["sim", "--state", "file"], ["status", "--port", "sim:file"]])
def test_a_state_that_is_a_file(place, monkeypatch, words):
    monkeypatch.chdir(place)
    code, said = run(*words)
    assert (code, "file is not a folder; choose another folder for the flash" in said) == (7, True)
    assert (place / "file").read_text() == "mine"


def test_an_image_that_is_none(place, monkeypatch):
    notes = place / "notes.toml"
    notes.write_text("x = 1")
    assert run("emulate", "--image", notes) == (
        7,
        f"error: {notes} is not a complete UF2 image: it has 5 bytes",
    )
    monkeypatch.setenv("PBMWRAP_IMAGE", str(notes))
    assert run("status", "--port", f"rp2040:{place / 'r'}")[0] == 7


def test_a_flash_in_use_is_refused_and_stays_as_it_is(place):
    held = take_folder(place / "flash")
    for words in (["sim", "--state", place / "flash"], ["status", "--port", f"sim:{place}/flash"]):
        code, said = run(*words)
        assert (code, f"the flash in {place}/flash is in use" in said) == (5, True)
    held.release()
    good("status", "--port", f"sim:{place}/flash")
    good("status", "--port", f"sim:{place}/flash")


def test_files_that_exist_are_replaced_only_with_force(place):
    good("protocol", "flash", "minor-injury", "--activate", "--port", f"sim:{place}/s")
    good("run", "--tethered", "--port", f"sim:{place}/s")
    good("logs", "pull", "--port", f"sim:{place}/s")
    for number, (words, name) in enumerate(
        [
            (["protocol", "new"], "p.toml"),
            (["logs", "export"], "l.csv"),
            (["logs", "export"], "l.jsonl"),
            (["logs", "show", "--plot"], "s.png"),
            (["logs", "show", "--html"], "s.html"),
        ]
    ):
        file = place / name
        file.write_text("mine")
        assert run(*words, file) == (
            2,
            f"error: {file} exists; choose another name or add --force",
        ), number
        assert file.read_text() == "mine"
        good(*words, file, "--force")
        assert file.read_bytes() != b"mine"
    assert not list(place.glob(".pbmwrap*"))


def test_nothing_is_written_when_one_of_two_files_is_refused(place):
    good("logs", "pull")
    (place / "s.html").write_text("mine")
    code, said = run("logs", "show", "--plot", place / "s.png", "--html", place / "s.html")
    assert (code, "s.html exists" in said) == (2, True)
    assert not (place / "s.png").exists()
    code, said = run("logs", "show", "--plot", place / "x.png", "--html", place / "x.png")
    assert (code, "both name" in said) == (2, True)


def _process(*words, stdout, **options):
    command = [sys.executable, "-m", "pbmwrap", *words]
    done = subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, **options
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("words", [["status", "--json"], ["status"], ["ports"], ["--help"]])
def test_an_output_that_is_full_is_one_line(place, words):
    with Path("/dev/full").open("w") as full:
        code, said = _process(*words, stdout=full)
    assert (code, said.count("\n")) == (7, 1), said
    assert said.startswith("error: standard output cannot be written: No space left on device; ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_an_error_that_json_cannot_tell_goes_to_stderr(place):
    with Path("/dev/full").open("w") as full:
        code, said = _process("stop", "--json", stdout=full)
    assert (code, said.count("\n")) == (8, 1)
    assert said.startswith("error: the wrap refused session.stop")
