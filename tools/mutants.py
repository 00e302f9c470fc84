"""Mutation testing of wrap/{safety,session,rules} with mutmut, in a copy under build/mutants.

mutmut 3 names a mutant by its file below `src`, and a test's trampoline by its module, so the copy
has the firmware in `src` and its own configuration; nothing is written into the checkout. Results
stay in the copy: an interrupted run continues, and after a change of tests or sources, survivors
and the mutants of changed functions are tried again. docs/mutants.md says what survives and why.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("safety", "session", "rules")
LEAST = 90.0  # percent that must be found in each package
COPIED = {
    "firmware/wrap": "src/wrap",
    "host_tools/pbmwrap": "host_tools/pbmwrap",
    "boards": "boards",
    "tools": "tools",
}
# The packages' own tests, and those of the commands and of the step, because session/control and
# session/start have no others. What only slower tests would detect counts as a survivor.
SUBJECTS = (
    "integrity boot_storage thermal temp_limits heat_balance sensor_check trend derate"
    " thermistor fault_latch restart_count power_limit wire_check limit_check"
    " refusals gestures self_test confirmation site_history daily_light state_machine"
    " protocol_rules wake_check recorder commands app host_writes multiplexer"
    " holds people calibration_light lit_time trial blinding"
)
HELPERS = ("__init__.py", "conftest.py", "forked.py", "unit/__init__.py", "unit/conftest.py")
HELPERS += ("unit/pad.py", "unit/small.py", "unit/spy.py", "between_steps.py", "verdicts.py")
HELPERS += ("draws.py",)
# These take seconds each and find hardly anything that the quick ones do not.
SLOW = (
    "test_thermal.py::test_nominal_use_never_trips_on_any_plant",
    "test_thermal.py::test_a_wrap_put_on_just_before_light_and_taken_off_after_it_trips_nothing",
    "test_thermal.py::test_both_lamps_stuck_on_are_found_in_any_warm_room",
    "test_derate.py::test_a_hot_room_dims_and_goes_on_without_hunting",
    "test_restart_count.py::test_ten_calm_minutes_forget_the_count",
    "test_wake_check.py::test_by_default_it_asks_after_five_minutes_and_gives_one",
    "test_limit_check.py::test_a_firmware_with_a_broken_limit_is_not_built",  # needs the toolchain
    "test_host_writes.py::test_the_ring_outlasts_a_host_that_writes_all_it_may",
    "test_protocol_rules.py::test_problems_never_raises_on_any_json",
)
CONFIG = """\
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/wrap/safety/*", "src/wrap/session/*", "src/wrap/rules/*"]
also_copy = ["host_tools", "boards", "tools"]
pytest_add_cli_args = @ARGS@
pytest_add_cli_args_test_selection = ["tests/unit"]
timeout_multiplier = 4.0
timeout_constant = 5.0
on_dependency_change = "ignore"
use_git_change_detection = false

[tool.pytest.ini_options]
pythonpath = ["src", "host_tools", "boards/PBMWRAP_RP2040", "."]
addopts = "-q --strict-markers -p no:cacheprovider"
markers = ["slow: takes seconds", "campaign: takes long"]
"""
ARGS = ["--hypothesis-profile=mutants", *(f"--deselect=tests/unit/{test}" for test in SLOW)]
CONFIG = CONFIG.replace("@ARGS@", json.dumps(ARGS))
# A quick mutant, for mutmut to run; any other would do.
FIRST = "wrap.rules.blinding.x_commit__mutmut_1"
KILLED = (1, 3)
TIMEOUT = (36, -24, 24, 152, 255, -9)  # SIGXCPU, and SIGKILL a second later
NO_TESTS = (5, 33)


def classify_exit_code(code: int | None) -> str:
    if code is None or code == 2:
        return "not tried"
    if code in KILLED:
        return "killed"
    if code in TIMEOUT:
        return "timeout"
    return "survived" if code == 0 else "no tests" if code in NO_TESTS else "odd"


def update_copy(work: Path) -> str:
    """Update the copy and return a digest of it. File times are kept: mutmut compares them."""
    work.mkdir(parents=True, exist_ok=True)
    names = [f"tests/{name}" for name in HELPERS]
    for subject in SUBJECTS.split():
        own = (ROOT / "tests/unit").glob(f"test_{subject}*.py")
        names += [f.relative_to(ROOT).as_posix() for f in own]
    files = {ROOT / name: work / name for name in sorted(set(names))}
    for source, target in COPIED.items():
        for file in sorted((ROOT / source).rglob("*.py")):
            files[file] = work / target / file.relative_to(ROOT / source)
    for old in [*work.glob("src/**/*.py"), *work.glob("tests/**/*.py")]:
        if old not in files.values():
            old.unlink()
    shutil.rmtree(work / "mutants" / "tests", ignore_errors=True)
    digest = hashlib.sha256(CONFIG.encode())
    for file, target in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
        if not file.is_relative_to(ROOT / "tools"):  # how mutants are tried changes no result
            digest.update(file.read_bytes())
    (work / "pyproject.toml").write_text(CONFIG)
    return digest.hexdigest()


def list_meta_files(work: Path, packages: tuple[str, ...]) -> Iterator[Path]:
    for package in packages:
        yield from sorted((work / "mutants/src/wrap" / package).glob("*.py.meta"))


def drop_damaged_results(work: Path) -> None:
    """Delete results that a killed run left incomplete, so that mutmut starts that file again."""
    for file in list_meta_files(work, PACKAGES):
        try:
            json.loads(file.read_text())
        except ValueError:
            file.unlink()
            file.with_suffix("").unlink(missing_ok=True)


def try_again(work: Path, digest: str) -> None:
    """Delete the results of survivors when tests or sources have changed since the last run.
    mutmut's table of tests goes too: it would add new tests only, and an old one may reach new
    code."""
    stamp, found = work / "digest", KILLED + TIMEOUT
    if not stamp.exists() or stamp.read_text() != digest:
        (work / "mutants/mutmut-stats.json").unlink(missing_ok=True)
        for file in list_meta_files(work, PACKAGES):
            meta = json.loads(file.read_text())
            codes = meta["exit_code_by_key"]
            meta["exit_code_by_key"] = {k: c if c in found else None for k, c in codes.items()}
            file.write_text(json.dumps(meta))
    stamp.write_text(digest)


def read_results(work: Path, packages: tuple[str, ...]) -> dict[str, str]:
    """Return {mutant: verdict} for these packages."""
    found: dict[str, str] = {}
    for file in list_meta_files(work, packages):
        codes = json.loads(file.read_text())["exit_code_by_key"]
        found |= {name: classify_exit_code(code) for name, code in codes.items()}
    return found


def run_mutants(work: Path, packages: tuple[str, ...], jobs: int) -> int:
    """Try the mutants of these packages that have no result; return the exit code. mutmut makes the
    mutants and notes which test reaches which function; it does so for all of them before it runs
    the one named here. `tools.mutants_run` tries them."""
    mutmut = [str(Path(sys.executable).parent / "mutmut"), "run", "--max-children", str(jobs)]
    env = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PBMWRAP_MUTANTS_ARGS": json.dumps(ARGS),
    }
    if code := subprocess.call([*mutmut, FIRST], cwd=work, env=env):
        return code
    names = [n for n, v in read_results(work, packages).items() if v == "not tried"]
    if not names:
        return 0
    run = [sys.executable, "-m", "tools.mutants_run", str(jobs), *names]
    return subprocess.call(run, cwd=work / "mutants", env=env)


def read_diff(name: str) -> str:
    """Return the changed lines of a mutant. The working directory must be the copy."""
    from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant

    lines = get_diff_for_mutant(name, path=find_mutant(name).path).splitlines()
    return "\n".join(f"    {x}" for x in lines if x[:1] in "+-" and x[:3] not in ("+++", "---"))


def print_report(work: Path, packages: tuple[str, ...]) -> bool:
    """Print each package's score and what was not killed; return whether every goal is met."""
    good = True
    os.chdir(work)
    for package in packages:
        found = read_results(work, (package,))
        left = {n: v for n, v in found.items() if v not in ("killed", "timeout")}
        for name in sorted(n for n, v in found.items() if v == "timeout"):
            print(f"timeout: {name}")
        for name, became in sorted(left.items()):
            if became != "not tried":
                print(f"{became}: {name}\n{read_diff(name)}")
        n = Counter(found.values())
        score = 100 * (n["killed"] + n["timeout"]) / max(1, len(found))
        counts = ", ".join(f"{n[v]} {v}" for v in sorted(n))
        print(f"wrap/{package}: {len(found)} mutants, {counts}: {score:.1f} % found")
        good = good and not n["not tried"] and score >= LEAST
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "mutants")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tried at the same time")
    parser.add_argument("--package", choices=PACKAGES, action="append", help="only this package")
    parser.add_argument("--fresh", action="store_true", help="forget every earlier result")
    parser.add_argument("--report", action="store_true", help="only print what is known")
    args = parser.parse_args()
    work, packages = args.out.resolve(), tuple(args.package or PACKAGES)
    if args.fresh:
        shutil.rmtree(work, ignore_errors=True)
    began = time.monotonic()
    if not args.report:
        digest = update_copy(work)
        drop_damaged_results(work)
        try_again(work, digest)
        if code := run_mutants(work, packages, args.jobs):
            return code
    good = print_report(work, packages)
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
