"""What `make mutants` rests on: mutmut finds mutants, names them as tests know them, in a copy."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from mutmut.configuration import reset_config
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

from tools import mutants

UNIT = mutants.ROOT / "tests" / "unit"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    mutants.update_copy(tmp_path)
    monkeypatch.chdir(tmp_path)
    reset_config()
    yield tmp_path
    reset_config()


def test_mutmut_finds_mutants_under_the_names_of_the_firmware_s_modules(copied: Path) -> None:
    source = (copied / "src/wrap/safety/trend.py").read_text()
    found = mutate_file_contents("trend.py", source).mutant_names
    assert len(found) > 20
    name = get_mutant_name(Path("src/wrap/safety/trend.py"), found[0])
    assert name.startswith("wrap.safety.trend.x")


def test_the_copy_holds_what_the_configuration_names(tmp_path: Path) -> None:
    first = mutants.update_copy(tmp_path)
    config = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    for folder in config["tool"]["pytest"]["ini_options"]["pythonpath"]:
        assert (tmp_path / folder).is_dir()
    for pattern in config["tool"]["mutmut"]["only_mutate"]:
        assert len(list(tmp_path.glob(pattern))) >= 5
    (tmp_path / "src/wrap/gone.py").touch()
    assert mutants.update_copy(tmp_path) == first
    assert not (tmp_path / "src/wrap/gone.py").exists()


def test_the_copy_holds_every_module_that_its_tests_import() -> None:
    """A helper that is missing there stops the whole run before its first mutant."""
    tests = [f for name in mutants.SUBJECTS.split() for f in UNIT.glob(f"test_{name}*.py")]
    tests += [mutants.ROOT / "tests" / name for name in mutants.HELPERS]
    found = {
        node.module
        for file in tests
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.")
    }
    assert "tests.draws" in found
    names = [file.relative_to(mutants.ROOT).with_suffix("") for file in tests]
    copied = {".".join(name.parts) for name in names}
    assert found <= copied, found - copied


def test_a_test_of_the_copy_runs_there(copied: Path) -> None:
    """With its conftest and all that it imports, and with nothing of this tree on the path."""
    tests = [f"tests/unit/test_{name}.py" for name in ("fault_latch", "limit_check", "host_writes")]
    command = [sys.executable, "-m", "pytest", *tests, *mutants.ARGS]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "COV"))}
    done = subprocess.run(command, cwd=copied, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_every_subject_has_tests_and_what_is_left_out_exists() -> None:
    for subject in mutants.SUBJECTS.split():
        assert list(UNIT.glob(f"test_{subject}*.py")), subject
    for left_out in mutants.SLOW:
        file, _, test = left_out.partition("::")
        assert f"def {test}(" in (UNIT / file).read_text()


@pytest.mark.parametrize("digest,tried", [("same", [0, 33]), ("other", [])])
def test_only_new_tests_or_sources_give_a_survivor_another_try(
    tmp_path: Path, digest: str, tried: list[int]
) -> None:
    meta = tmp_path / "mutants/src/wrap/safety/x.py.meta"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"exit_code_by_key": {"a": 1, "b": 0, "c": 33, "d": None}}))
    (tmp_path / "digest").write_text("same")
    table = tmp_path / "mutants/mutmut-stats.json"
    table.touch()
    mutants.try_again(tmp_path, digest)
    codes = json.loads(meta.read_text())["exit_code_by_key"].values()
    assert [c for c in codes if c is not None] == [1, *tried]
    assert table.exists() == (digest == "same")


def test_a_fork_tells_a_mutant_that_is_found_from_one_that_survives(
    tmp_path: Path, copied: Path
) -> None:
    """What `tools.mutants_run` keeps for three mutants of a module, and for one without tests."""
    source = "def add(a, b):\n    return a + b\n\n\ndef more(a):\n    return a > 0\n"
    assert copied == tmp_path  # mutmut's configuration is in force there
    work = tmp_path / "work"
    module = work / "src/small/sums.py"
    module.parent.mkdir(parents=True)
    (module.parent / "__init__.py").touch()
    made = mutate_file_contents("sums.py", source)
    module.write_text(made.code)
    names = [f"small.sums.{name}" for name in made.mutant_names]
    meta = module.with_suffix(".py.meta")
    codes = dict.fromkeys(names)
    meta.write_text(json.dumps({"exit_code_by_key": codes, "durations_by_key": {}}))
    tests = work / "tests/unit"
    tests.mkdir(parents=True)
    (tests / "test_sums.py").write_text(
        "from small.sums import add, more\n\n"
        "def test_add():\n    assert add(2, 3) == 5\n\n"
        "def test_more():\n    assert more(9) and not more(-9)\n"
    )
    (work / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["src"]\n')
    reached = {
        "small.sums.x_add": ["tests/unit/test_sums.py::test_add"],
        "small.sums.x_more": ["tests/unit/test_sums.py::test_more"],
    }
    stats = {"tests_by_mangled_function_name": reached, "duration_by_test": {}}
    (work / "mutmut-stats.json").write_text(json.dumps(stats))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "COV"))}
    env |= {"PBMWRAP_MUTANTS_ARGS": "[]", "PYTHONPATH": str(mutants.ROOT)}
    run = [sys.executable, "-m", "tools.mutants_run", "2", *names]
    done = subprocess.run(run, cwd=work, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(meta.read_text())["exit_code_by_key"]
    said = {name: mutants.classify_exit_code(code) for name, code in found.items()}
    # a - b for a + b; then a >= 0 and a > 1, at limits that no test tries.
    assert list(said.values()) == ["killed", "survived", "survived"], (said, made.code)


def test_results_torn_by_a_kill_are_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "mutants/src/wrap/session"
    folder.mkdir(parents=True)
    for name, text in (("whole", "{}"), ("torn", '{"exit_code')):
        (folder / f"{name}.py").touch()
        (folder / f"{name}.py.meta").write_text(text)
    mutants.drop_damaged_results(tmp_path)
    assert sorted(f.name for f in folder.iterdir()) == ["whole.py", "whole.py.meta"]
