"""Computes what an image stores so that no boot computes it. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.toolchain.sources import EXIT_FAILED, Stop

_CURVE = "wrap/safety/thermistor.py"
_FACTS = "board_facts.py"
_COMPAT = b"from wrap.compat import const, small_int\n"
_INSTEAD = b"const = small_int = int\n"


def pack_thermistor(files: Mapping[str, bytes]) -> tuple[int, int, int, int, int, bytes]:
    """Return the table of the board's thermistors, by the firmware's own code. files: by their
    names on the device. Raises Stop."""
    source = files[_CURVE]
    if _COMPAT not in source:
        raise Stop(EXIT_FAILED, f"firmware/{_CURVE} has no line {_COMPAT.decode().strip()}")
    curve: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    exec(compile(source.replace(_COMPAT, _INSTEAD), _CURVE, "exec"), curve)
    exec(compile(files[_FACTS], _FACTS, "exec"), facts)
    return curve["pack_knots"](facts["NTC_R25_OHM"], facts["NTC_BETA_K"], facts["PULLUP_OHM"])
