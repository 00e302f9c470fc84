"""Installing: what goes onto the board, in which order, and what happens when it goes wrong."""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
from pathlib import Path

import pytest
from mpremote.transport import TransportError
from typer.testing import CliRunner

from pbmwrap import paths
from pbmwrap.cli import main
from pbmwrap.device import find
from pbmwrap.errors import (
    InvalidFile,
    LinkLost,
    NotAWrap,
    VerifyFailed,
    WrapError,
)
from pbmwrap.install import board, bundle, files
from tests.host.scripted_wrap import ScriptedWrap


class FakeBoard:
    """A stock board's filesystem."""

    def __init__(self, version=(1, 25)):
        self.kept = {}
        self.folders = set()
        self.order = []
        self.executed = []
        self.version = version
        self.flip = ""  # a path that stores something else

    def fs_exists(self, src):
        return src in self.kept or src in self.folders

    def fs_mkdir(self, path):
        parent = path.rpartition("/")[0]
        assert not parent or parent in self.folders
        self.folders.add(path)

    def fs_rmfile(self, path):
        del self.kept[path]

    def fs_writefile(self, dest, data, chunk_size=256):
        self.order.append(dest)
        self.kept[dest] = data + b"!" if dest == self.flip else data

    def fs_hashfile(self, path, algo):
        return hashlib.new(algo, self.kept[path]).digest()

    def eval(self, expression):
        return self.version

    def exec_raw_no_follow(self, command):
        self.executed.append(command)


def quiet(done, total):
    pass


def sources():
    return bundle.bundle(None)


def test_bundle_holds_the_firmware_with_main_last():
    names = [file.path for file in sources()]
    assert names[-2:] == ["/boot.py", "/main.py"]
    assert {"/board_facts.py", "/wrap/app.py", "/wrap/link/frames.py"} <= set(names)


def test_compiled_bundle_keeps_what_micropython_starts_by_name_as_source():
    made = bundle.bundle(lambda file, name: name.encode())
    by_name = {file.path: file.data for file in made}
    assert by_name["/wrap/app.mpy"] == b"wrap/app.py"
    assert by_name["/main.py"] == (paths.boot_dir() / "main.py").read_bytes()
    assert "/wrap/app.py" not in by_name


def test_unknown_board_is_named():
    with pytest.raises(InvalidFile, match="no board TOASTER"):
        bundle.bundle(None, "TOASTER")


def _fake_cross(tmp_path, text):
    cross = tmp_path / "mpy-cross"
    cross.write_text(f"#!/bin/sh\n{text}\n")
    cross.chmod(cross.stat().st_mode | stat.S_IXUSR)
    return cross


def test_compiler_runs_mpy_cross_with_the_name_on_the_board(tmp_path):
    compile_file = bundle.compiler_of(_fake_cross(tmp_path, 'echo "$1 $3" > "$5"'))
    assert compile_file(Path("x.py"), "wrap/x.py") == b"-march=armv6m wrap/x.py\n"


def test_compiler_error_is_one_line(tmp_path):
    compile_file = bundle.compiler_of(_fake_cross(tmp_path, "echo bad syntax >&2; exit 1"))
    with pytest.raises(WrapError, match=r"mpy-cross refuses x\.py: bad syntax"):
        compile_file(Path("x.py"), "x.py")


def test_mpy_cross_is_found_on_the_path_or_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PBMWRAP_CACHE", str(tmp_path))
    assert bundle.find_mpy_cross() is None
    (tmp_path / "toolchain" / "key").mkdir(parents=True)
    built = _fake_cross(tmp_path / "toolchain" / "key", "")
    assert bundle.find_mpy_cross() == built
    (tmp_path / "bin").mkdir()
    on_path = _fake_cross(tmp_path / "bin", "")
    assert bundle.find_mpy_cross() == on_path


def test_install_writes_all_and_main_last():
    target = FakeBoard()
    target.kept["/main.py"] = b"old"
    seen = []
    done = files.install(target, sources(), lambda *p: seen.append(p))
    assert target.order[-1] == "/main.py"
    assert target.kept == {file.path: file.data for file in sources()}
    assert (done.unchanged, seen[-1]) == (0, (len(sources()), len(sources())))


def test_second_install_writes_only_main():
    target = FakeBoard()
    files.install(target, sources(), quiet)
    target.order.clear()
    done = files.install(target, sources(), quiet)
    assert target.order == ["/main.py"]
    assert done.unchanged == len(sources()) - 1


def test_compiled_files_replace_their_sources():
    target = FakeBoard()
    files.install(target, sources(), quiet)
    files.install(target, bundle.bundle(lambda file, name: b"mpy"), quiet)
    assert "/wrap/app.py" not in target.kept
    assert target.kept["/wrap/app.mpy"] == b"mpy"


def test_install_that_breaks_off_leaves_no_main():
    target = FakeBoard()
    target.kept["/main.py"] = b"old"
    target.flip = "/wrap/app.py"
    with pytest.raises(VerifyFailed, match=r"/wrap/app\.py"):
        files.install(target, sources(), quiet)
    assert "/main.py" not in target.kept


def test_bundle_without_main_last_is_a_bug():
    with pytest.raises(ValueError, match="last"):
        files.install(FakeBoard(), sources()[:-1], quiet)


def test_too_old_micropython_is_refused():
    assert files.check_version(FakeBoard()) == (1, 25)
    with pytest.raises(WrapError, match=r"MicroPython 1\.19"):
        files.check_version(FakeBoard((1, 19)))


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (TransportError("could not enter raw repl"), NotAWrap),
        (TransportError("timeout waiting"), LinkLost),
        (OSError(5, "gone"), LinkLost),
    ],
)
def test_errors_of_the_prompt_are_told_apart(monkeypatch, problem, kind):
    class Broken:
        def __init__(self, port):
            pass

        def enter_raw_repl(self, timeout_overall):
            raise problem

        def close(self):
            raise OSError("gone")

    monkeypatch.setattr("mpremote.transport_serial.SerialTransport", Broken)
    with pytest.raises(kind), files.raw_board("x"):
        pass


def test_port_that_cannot_be_opened(monkeypatch):
    def refuse(port):
        raise TransportError("failed to access x")

    monkeypatch.setattr("mpremote.transport_serial.SerialTransport", refuse)
    with pytest.raises(NotAWrap, match="cannot be opened"), files.raw_board("x"):
        pass


def test_install_command_from_prompt_to_hello(monkeypatch):
    target = FakeBoard()

    @contextlib.contextmanager
    def raw(port):
        yield target

    monkeypatch.setattr(files, "raw_board", raw)
    monkeypatch.setattr(board, "make_ready", lambda port, force: None)
    hello = find.Hello.model_validate(ScriptedWrap().hello)
    monkeypatch.setattr(board, "wait_for_wrap", lambda greet, port: hello)
    words = ["install", "--files", "--sources", "--port", "/dev/x", "--json"]
    result = CliRunner().invoke(main.app, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["data"]["written"] == len(sources())
    assert "machine.reset()" in target.executed[-1]


def test_install_command_wants_one_way():
    words = ["install", "--files", "--image", "x.uf2"]
    assert CliRunner().invoke(main.app, words).exit_code == 2
