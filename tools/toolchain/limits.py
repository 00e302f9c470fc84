"""Refuses to build firmware whose limits exceed their hard limits. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from tools.toolchain.sources import EXIT_FAILED, Stop

_LIMITS = "wrap/rules/limits.py"
_CHECK = "wrap/safety/limit_check.py"


def check_limits(files: Mapping[str, bytes]) -> None:
    """Run the firmware's own check of its limits. files: by their names on the device. Raises
    Stop."""
    if not files:
        return  # a board without our firmware
    problem = _read_names(files, _CHECK)["find_problem"](
        SimpleNamespace(**_read_names(files, _LIMITS))
    )
    if problem:
        raise Stop(EXIT_FAILED, f"firmware/{_LIMITS}: {problem}")


def _read_names(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(compile(files[name], name, "exec"), found)
    return {key: value for key, value in found.items() if not key.startswith("__")}
