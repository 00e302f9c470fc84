"""Installing packages: one apt at a time, on a machine that has nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APT = """#!/bin/sh
[ "$1" = update ] && exit
mkdir "$RUNS/runs" || exit 100
sleep 0.2
rmdir "$RUNS/runs"
echo "$4" >> "$RUNS/installed"
"""
CODE = "import sys; from pathlib import Path; from tools.toolchain.sources import install_packages;\
 install_packages([sys.argv[1]], Path(sys.argv[2]))"


@pytest.mark.skipif(sys.platform != "linux", reason="apt is Debian's")
def test_three_processes_that_install_wait_for_each_other(tmp_path: Path) -> None:
    """Real apt ends with 100 when another one runs, as this one does: `make unit` failed so in an
    empty Debian."""
    for name, script in (
        ("apt-get", APT),
        ("sudo", '#!/bin/sh\nshift\n[ "$1" = -E ] && shift\n"$@"\n'),
    ):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "RUNS": str(tmp_path)}
    env["TMPDIR"] = str(tmp_path)
    names = ["cmake", "gcc", "make"]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, name, str(tmp_path / f"{name}.log")], cwd=ROOT, env=env
        )
        for name in names
    ]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert sorted((tmp_path / "installed").read_text().split()) == names
