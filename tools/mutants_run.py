"""Try mutants in one pytest session: the tests are collected once, each mutant is a fork of it.

mutmut starts pytest for each mutant with the names of all tests that reach it, 400 on average;
collecting those takes longer than running them. Here a fork runs the collected tests, quickest
first, and first of all the test that found the last mutant of the same function. mutmut also calls
each function through a dispatcher, which costs more than most functions; here the fork gives the
one function the mutant's code. Mutants, the table of tests per function and the files with results
are mutmut's own.

`python -m tools.mutants_run JOBS NAME...` runs in the folder with mutmut's copy.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mutmut.mutation import trampoline

NO_TESTS = 33  # mutmut's code
KILLED = 1
SURVIVED = 0
BROKEN = 70  # the mutant could not be tried
# CPU seconds that a test may take before its mutant counts as endless: mutmut's factor of 4 and
# 5 s, per test.
FACTOR = 4.0
EXTRA_S = 5.0
SLOW_S = 0.4  # a slower test is tried only on the module that it is named after


@dataclass
class Attempt:
    """A mutant under test in a fork. pipe: where the fork names the test that found it."""

    name: str
    pipe: int
    began: float


def limit_cpu_time(more_s: float) -> None:
    """End this process by SIGXCPU when it has used `more_s` more seconds of CPU."""
    most = int(time.process_time() + more_s) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def split_name(mutant: str) -> str:
    """Return the function of a mutant, as mutmut's table of tests names it."""
    return mutant.rpartition("__mutmut_")[0]


class Functions:
    """The functions that have mutants, as the copy's modules define them on import."""

    def __init__(self) -> None:
        self._found: list[tuple[Any, dict[str, Any]]] = []

    def mark(
        self, mutants: dict[str, Any], is_classmethod: bool = False
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Stand in for mutmut's `wrap_in_trampoline`: leave the function as it is, and note it."""
        del is_classmethod  # a fork replaces the code, not the function

        def note(function: Callable[..., Any]) -> Callable[..., Any]:
            self._found.append((function, mutants))
            return function

        return note

    def mutate(self, name: str) -> None:
        """Give a function the code of its mutant `name`. Raises LookupError for an unknown one."""
        module, _, local = name.rpartition(".")
        for function, mutants in self._found:
            if function.__module__ == module and local in mutants:
                mutant = getattr(mutants[local], "__func__", mutants[local])
                function.__code__ = mutant.__code__
                function.__defaults__ = mutant.__defaults__
                function.__kwdefaults__ = mutant.__kwdefaults__
                return
        raise LookupError(f"no module has defined {name}")


class MutantLoop:
    """A pytest plugin that tries mutants in place of running the tests.

    names: of the mutants; jobs: how many are tried at the same time."""

    def __init__(self, names: list[str], jobs: int, functions: Functions) -> None:
        self._functions = functions
        self._names = names
        self._jobs = jobs
        stats = json.loads(Path("mutmut-stats.json").read_text())
        self._tests: dict[str, list[str]] = stats["tests_by_mangled_function_name"]
        self._seconds: dict[str, float] = stats["duration_by_test"]
        self._items: dict[str, pytest.Item] = {}
        self._found_by: dict[str, str] = {}
        self._under_way: dict[int, Attempt] = {}
        self._is_failed = False
        self._tried = 0
        self._began = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._is_failed = self._is_failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = {item.nodeid: item for item in session.items}
        for name in self._names:
            if self._list_tests(name):
                self._start(name)
            else:
                self._keep(name, NO_TESTS, 0.0)
            while len(self._under_way) >= self._jobs:
                self._wait()
        while self._under_way:
            self._wait()
        return True

    def _list_tests(self, name: str) -> list[str]:
        """List the tests that reach the mutant, the most promising first."""
        function = split_name(name)
        own = f"/test_{function.split('.')[2]}"
        known = [
            test
            for test in self._tests.get(function, [])
            if test in self._items and (own in test or self._seconds.get(test, 0.0) < SLOW_S)
        ]
        known.sort(key=lambda test: self._seconds.get(test, 0.0))
        first = self._found_by.get(function)
        return [first, *(test for test in known if test != first)] if first else known

    def _start(self, name: str) -> None:
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            code = BROKEN
            try:
                self._functions.mutate(name)
                code = self._run_tests(name, writing)
            finally:
                os._exit(code)
        os.close(writing)
        self._under_way[pid] = Attempt(name, reading, time.monotonic())

    def _run_tests(self, name: str, pipe: int) -> int:
        """Run the tests of a mutant in this fork until one fails; return the exit code."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        try:
            tests = self._list_tests(name)
            for test, after in zip(tests, [*tests[1:], None], strict=True):
                limit_cpu_time(FACTOR * self._seconds.get(test, 0.0) + EXTRA_S)
                item = self._items[test]
                following = self._items[after] if after else None
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._is_failed:
                    os.write(pipe, test.encode())
                    return KILLED
        except BaseException:  # pytest itself fell over a mutant: it was noticed
            return KILLED
        return SURVIVED

    def _wait(self) -> None:
        """Keep the result of the next fork that ends."""
        pid, status = os.wait()
        done = self._under_way.pop(pid, None)
        if done is None:
            return  # a process of an earlier test's
        code = os.waitstatus_to_exitcode(status)
        with os.fdopen(done.pipe, "rb") as pipe:
            found_by = pipe.read().decode()
        if code == KILLED and found_by:
            self._found_by[split_name(done.name)] = found_by
        self._keep(done.name, code, time.monotonic() - done.began)

    def _keep(self, name: str, code: int, seconds: float) -> None:
        module = name.rpartition(".")[0]
        file = Path("src", *module.split(".")).with_suffix(".py.meta")
        meta = json.loads(file.read_text())
        if name not in meta["exit_code_by_key"]:
            raise KeyError(f"{file} has no mutant {name}")
        meta["exit_code_by_key"][name] = code
        meta["durations_by_key"][name] = seconds
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(meta, indent=4))
        beside.replace(file)
        self._tried += 1
        if self._tried % 50 == 0 or code == SURVIVED or code == -signal.SIGXCPU:
            rate = 60 * self._tried / (time.monotonic() - self._began)
            what = {KILLED: "found", SURVIVED: "survived"}.get(code, f"code {code}")
            line = f"{self._tried} of {len(self._names)}, {rate:.0f}/min: {name} {what}\n"
            os.write(2, line.encode())


def main() -> int:
    jobs, names = int(sys.argv[1]), sys.argv[2:]
    arguments = json.loads(os.environ["PBMWRAP_MUTANTS_ARGS"])
    functions = Functions()
    trampoline.wrap_in_trampoline = functions.mark
    plugin = MutantLoop(names, jobs, functions)
    return int(pytest.main(["--rootdir=.", "-q", "-s", *arguments, "tests/unit"], plugins=[plugin]))


if __name__ == "__main__":
    sys.exit(main())
