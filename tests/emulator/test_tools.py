"""What the toolchain built besides images."""

from __future__ import annotations

import subprocess
from pathlib import Path


def test_the_unix_port_runs(toolchain: Path) -> None:
    done = subprocess.run(
        [toolchain / "micropython", "-c", "import sys; print(sys.implementation.name)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "micropython\n"
