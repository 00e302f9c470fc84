"""`FastStep.step` as machine code against the same function as plain Python, on random states."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.contract.conftest import tool
from tools.bench.steady_states import STATES, run

ROOT = Path(__file__).resolve().parents[2]
_SEED = 20261125


def test_machine_code_of_the_unix_port_is_the_plain_function() -> None:
    executable = Path(tool("ensure")) / "micropython"
    code = f"from tools.bench.steady_states import run; print(run({STATES}, {_SEED}))"
    path = os.pathsep.join([str(ROOT), str(ROOT / "firmware"), ".frozen"])
    done = subprocess.run(
        [str(executable), "-c", code],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    plain = run(STATES, _SEED)
    assert done.stdout.strip() == repr(plain)
    assert STATES // 3 < plain[1] < STATES * 2 // 3
